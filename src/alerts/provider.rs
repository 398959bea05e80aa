//! Rule `provider`: a model provider fails. Either its calls have brought nothing but failures for some
//! minutes (and nothing has gone well since, however quiet it is), or half of the latest ones fail.

use chrono::TimeDelta;
use docent_core::ledger::{Finding, LedgerError, ModelState};

use super::owner::{FALLBACK, fallback};
use super::{Watch, moment};

/// Failures in a row that are no accident.
const IN_A_ROW: i64 = 3;
/// Calls of a window that a share can be told of, and the window.
const CALLS: i64 = 10;
const WINDOW: TimeDelta = TimeDelta::minutes(15);

pub(super) async fn find(watch: &Watch<'_>) -> Result<Vec<Finding>, LedgerError> {
    let states = watch.app.ledger.model_states(watch.now, WINDOW).await?;
    Ok(states
        .iter()
        .filter_map(|state| finding(watch, state))
        .collect())
}

fn finding(watch: &Watch<'_>, state: &ModelState) -> Option<Finding> {
    let config = &watch.app.config;
    let minutes = TimeDelta::minutes(watch.settings().provider_minutes.into());
    let in_a_row = state
        .failing_since
        .zip(state.latest)
        .filter(|(since, latest)| state.trailing >= IN_A_ROW && *latest - *since >= minutes);
    let half = state.calls >= CALLS && state.failures * 2 >= state.calls;
    let (since, what) = match in_a_row {
        Some((since, _)) => (
            since,
            format!(
                "{} calls failed in a row since {}",
                state.trailing,
                moment(config, since)
            ),
        ),
        None if half => (
            state.failing_since.unwrap_or(watch.now - WINDOW),
            format!(
                "{} of {} calls failed in the last 15 minutes",
                state.failures, state.calls
            ),
        ),
        None => return None,
    };
    let how = state.how.as_deref().unwrap_or_default();
    let todo = match how {
        "rejected" => "Check key, model name and quota of the provider; `docent doctor` tries it.",
        "rate_limited" => {
            "Ask the provider for a higher limit, or lower embedding.max_concurrency."
        }
        "bad_response" => {
            "Look at what answers at its base_url: a proxy, or another version of the server."
        }
        _ => {
            "Look at the provider's status page; `docent doctor` tries it. Answers are quoted meanwhile."
        }
    };
    Some(Finding {
        rule: "provider".to_owned(),
        subject: state.model.clone(),
        addressed_to: FALLBACK.to_owned(),
        recipients: fallback(config),
        since,
        title: format!("Model {} fails", state.model),
        what: format!(
            "{what}, most of them {how} (for {}).",
            state.purposes.join(", ")
        ),
        todo: todo.to_owned(),
        place: "insights/cost".to_owned(),
        documents: Vec::new(),
    })
}
