//! Rules `ingest_failed` and `ingest_late`: sources that are not what they should be.

use chrono::{DateTime, TimeDelta, Utc};
use docent_core::ledger::{Finding, RunState};

use super::owner::Contact;
use super::{Watch, moment};

/// Runs without a schedule that a rhythm is read from.
const RHYTHM_RUNS: usize = 8;
/// Runs that come faster than this, in hours, may be an afternoon of trying it out.
const RHYTHM_HOURS: i64 = 20;

/// The last run failed, lost many documents, or held back removals.
pub(super) fn failed(watch: &Watch<'_>, state: &RunState) -> Option<Finding> {
    let name = &state.source;
    let reason = state.reason.as_deref().unwrap_or("no reason was recorded");
    let since = state.failing_since.or(state.started.first().copied())?;
    let share = state.failed as f64 / state.documents.max(1) as f64;
    let (title, what, todo) = if state.is_dead {
        (
            format!("The run of source “{name}” died"),
            "Its process is gone, and nothing has run since. What it had indexed is kept."
                .to_owned(),
            "Run it again: `docent ingest` completes what is missing. If it dies again, look at memory and disk.",
        )
    } else if state.outcome == "failed" {
        (
            format!("Ingest of source “{name}” failed"),
            format!("{reason}. Answers go on from what was indexed before."),
            "Put right what the reason names, then run `docent ingest`; `docent doctor` tries each source.",
        )
    } else if state.held_back > 0 && state.outcome != "running" {
        (
            format!(
                "{} documents of source “{name}” are gone at once",
                state.held_back
            ),
            format!("They were kept, because that looks like a fault: {reason}."),
            "Where it is meant, `docent ingest --allow-removals` takes them out; else look at the source.",
        )
    } else if state.outcome == "done_with_failures" && share > watch.settings().failed_share {
        (
            format!(
                "{} of {} documents of source “{name}” could not be indexed",
                state.failed, state.documents
            ),
            format!("The first reason: {reason}."),
            "The run's report names them: `docent ingest --json`, or the view report_ingest.",
        )
    } else {
        return None;
    };
    let texts = (title, what, todo.to_owned());
    Some(finding(watch, "ingest_failed", name, since, texts))
}

/// A source was not run when its time had come.
pub(super) fn late(watch: &Watch<'_>, state: &RunState) -> Option<Finding> {
    let name = &state.source;
    let config = &watch.app.config;
    let grace = TimeDelta::minutes(watch.settings().late_minutes.into());
    let last = *state.started.first()?;
    let source = config.sources.iter().find(|source| source.name == *name)?;
    let (due, why) = if let Some(schedule) = &source.schedule {
        let due = schedule.next_after(last, config.ingest.offset())?;
        (due, format!("its schedule is {schedule}"))
    } else {
        let gap = rhythm(&state.started)?;
        let why = format!(
            "it was never silent for more than {} h before",
            gap.num_hours().max(1)
        );
        (last + gap * 3, why)
    };
    if watch.now < due + grace {
        return None;
    }
    let title = format!("Source “{name}” was not run in time");
    let what = format!("The last run began {}; {why}.", moment(config, last));
    let todo = if source.schedule.is_some() {
        "See that `docent serve` runs and that no other run holds the source; `docent ingest` runs it now."
    } else {
        "Look at what starts it (cron, Airflow, Dagster); `docent ingest` runs it now."
    };
    let texts = (title, what, todo.to_owned());
    Some(finding(watch, "ingest_late", name, due, texts))
}

/// The longest gap between the runs of a source that is run regularly: about daily or less often, and
/// no gap more than three times the usual one.
fn rhythm(started: &[DateTime<Utc>]) -> Option<TimeDelta> {
    if started.len() < RHYTHM_RUNS {
        return None;
    }
    let mut gaps: Vec<TimeDelta> = started.windows(2).map(|pair| pair[0] - pair[1]).collect();
    gaps.sort_unstable();
    let (usual, longest) = (gaps[gaps.len() / 2], *gaps.last()?);
    (longest >= TimeDelta::hours(RHYTHM_HOURS) && longest <= usual * 3).then_some(longest)
}

fn finding(
    watch: &Watch<'_>,
    rule: &str,
    source: &str,
    since: DateTime<Utc>,
    (title, what, todo): (String, String, String),
) -> Finding {
    let config = &watch.app.config;
    let (addressed_to, recipients) = Contact::of_source(config, source).addressed(config);
    Finding {
        rule: rule.to_owned(),
        subject: source.to_owned(),
        addressed_to,
        recipients,
        since,
        title,
        what,
        todo,
        place: "insights/ingest".to_owned(),
        documents: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rhythm_is_read_from_regular_runs_alone() {
        let begin: DateTime<Utc> = "2026-11-26T03:00:00Z".parse().unwrap();
        let back = |hours: &[i64]| -> Vec<DateTime<Utc>> {
            hours
                .iter()
                .map(|hours| begin - TimeDelta::hours(*hours))
                .collect()
        };
        let nightly: Vec<i64> = (0..12).map(|night| night * 24).collect();
        assert_eq!(rhythm(&back(&nightly)), Some(TimeDelta::hours(24)));
        let hourly: Vec<i64> = (0..12).collect();
        assert_eq!(
            rhythm(&back(&hourly)),
            None,
            "an afternoon of trying it out"
        );
        let by_hand = [0, 1, 2, 200, 201, 300, 301, 302, 500];
        assert_eq!(rhythm(&back(&by_hand)), None);
        assert_eq!(rhythm(&back(&nightly[..5])), None);
    }
}
