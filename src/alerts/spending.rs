//! Rules `budget` and `cost`: a month that nears its budget, a day that is out of line.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use docent_core::ledger::{Finding, LedgerError};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Watch;
use super::owner::{FALLBACK, fallback};

/// Days that a day is compared with, and how many of them must have cost anything.
const DAYS: i32 = 28;
const KNOWN_DAYS: usize = 14;

/// Of each monthly budget: near, or used up.
pub(super) async fn budget(watch: &Watch<'_>) -> Result<Vec<Finding>, LedgerError> {
    let config = &watch.app.config;
    let of_ingest = config.budget.of_a_month();
    let of_all = config.insights.of_a_month();
    if of_ingest.is_none() && of_all.is_none() {
        return Ok(Vec::new());
    }
    let (ingest, all) = watch.app.ledger.month_cost(watch.now).await?;
    let share = watch.settings().budget_share;
    let mut findings = Vec::new();
    for (what, key, used, limit) in [
        ("Ingest", "budget.ingest_month_usd", ingest, of_ingest),
        ("All models together", "insights.month_usd", all, of_all),
    ] {
        let Some(limit) = limit else { continue };
        let used_share = (used / limit).to_f64().unwrap_or_default();
        if used_share < share {
            continue;
        }
        let over = used >= limit;
        let month = watch.now.format("%Y-%m");
        let (state, title) = if over {
            ("over", format!("{what} used up the budget of {month}"))
        } else {
            let percent = (used_share * 100.0).floor();
            (
                "near",
                format!("{what} used {percent}% of the budget of {month}"),
            )
        };
        let ends = forecast(watch.now, used);
        let stopped = if over && key.starts_with("budget") {
            " Runs that need money are refused until the month ends."
        } else {
            ""
        };
        findings.push(finding(
            "budget",
            format!("{month} {key} {state}"),
            watch.now,
            title,
            format!(
                "{} of {} so far; at this pace the month ends at {}.{stopped}",
                dollars(used),
                dollars(limit),
                dollars(ends)
            ),
            format!("Look at what it was spent on; raise {key} where it is worth it."),
            config,
        ));
    }
    Ok(findings)
}

/// What a month comes to at the pace of its days so far.
fn forecast(now: DateTime<Utc>, used: Decimal) -> Decimal {
    let minute = i64::from(now.day0()) * 1440 + i64::from(now.num_seconds_from_midnight() / 60);
    let days = (28..=31)
        .rev()
        .find(|day| now.date_naive().with_day(*day).is_some())
        .unwrap_or(30);
    used * Decimal::from(i64::from(days) * 1440) / Decimal::from(minute.max(60))
}

/// The last 24 hours cost much more than the dearest of the days before.
pub(super) async fn cost(watch: &Watch<'_>) -> Result<Option<Finding>, LedgerError> {
    let config = &watch.app.config;
    let costs = watch.app.ledger.day_costs(watch.now, DAYS + 1).await?;
    let of_now = costs
        .iter()
        .find(|(day, _)| *day == 0)
        .map(|(_, cost)| *cost);
    let Some(of_now) = of_now.filter(|cost| *cost >= watch.settings().cost_floor_usd) else {
        return Ok(None);
    };
    let past: Vec<Decimal> = costs
        .iter()
        .filter(|(day, cost)| *day > 0 && !cost.is_zero())
        .map(|(_, cost)| *cost)
        .collect();
    let dearest = past.iter().max().copied().unwrap_or_default();
    let times = (of_now / dearest.max(Decimal::new(1, 6)))
        .to_f64()
        .unwrap_or_default();
    if past.len() < KNOWN_DAYS || times < watch.settings().cost_factor {
        return Ok(None);
    }
    let parts: Vec<String> = watch
        .app
        .ledger
        .dearest(watch.now)
        .await?
        .into_iter()
        .map(|(purpose, model, cost)| format!("{purpose} by {model}: {}", dollars(cost)))
        .collect();
    Ok(Some(finding(
        "cost",
        "day".to_owned(),
        watch.now - TimeDelta::days(1),
        format!(
            "Models cost {} in 24 hours, {times:.1} times the dearest day before",
            dollars(of_now)
        ),
        format!(
            "The dearest of the {} days before cost {}. Most of it: {}.",
            past.len(),
            dollars(dearest),
            parts.join("; ")
        ),
        "See which run, channel or caller it was; [limits] and [budget] bound what may be spent."
            .to_owned(),
        config,
    )))
}

fn finding(
    rule: &str,
    subject: String,
    since: DateTime<Utc>,
    title: String,
    what: String,
    todo: String,
    config: &docent_core::config::Config,
) -> Finding {
    Finding {
        rule: rule.to_owned(),
        subject,
        addressed_to: FALLBACK.to_owned(),
        recipients: fallback(config),
        since,
        title,
        what,
        todo,
        place: "insights/cost".to_owned(),
        documents: Vec::new(),
    }
}

fn dollars(cost: Decimal) -> String {
    format!("${:.2}", cost.round_dp(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_forecast_by_its_days_so_far() {
        let at = |text: &str| text.parse().unwrap();
        let forecast = |now: &str| {
            let month = forecast(at(now), Decimal::from(10));
            month.round_dp(1).normalize().to_string()
        };
        assert_eq!(forecast("2026-11-16T00:00:00Z"), "20");
        assert_eq!(forecast("2026-02-15T00:00:00Z"), "20");
        assert_eq!(forecast("2026-12-31T12:00:00Z"), "10.2");
    }
}
