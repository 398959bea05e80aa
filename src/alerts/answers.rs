//! Rule `answers`: more questions without an answer, or more failures, than there used to be.
//!
//! A rate of the last 24 hours, and one of the last seven days, are compared with the four weeks before
//! ([`super::statistics`] has the test); failures also of the last hour. A week's rise counts only while
//! its last day goes on with it, so that the alert is over when its cause is.

use chrono::{DateTime, TimeDelta, Utc};
use docent_core::ledger::{DayCount, Finding, LedgerError};

use super::Watch;
use super::owner::{FALLBACK, fallback};
use super::statistics::{Count, chance_of_rise};

/// Days of the past, and windows of now, in days.
const PAST: i32 = 28;
const WINDOWS: [i32; 2] = [1, 7];
/// A rise is one by half at least.
const TIMES: f64 = 1.5;
/// The past must have so many times `min_questions`.
const PAST_TIMES: i64 = 4;
/// Questions of the last day that can tell whether a week's rise goes on.
const GOES_ON: i64 = 10;

pub(super) async fn find(watch: &Watch<'_>) -> Result<Vec<Finding>, LedgerError> {
    let ledger = &watch.app.ledger;
    let days = ledger.day_counts(watch.now, PAST + 7).await?;
    let mut findings = Vec::new();
    let abstained = |day: &DayCount| Count { hits: day.abstained, all: day.questions };
    if let Some(rise) = over_days(watch, &days, abstained) {
        findings.push(finding(
            watch,
            "abstained",
            &rise,
            "questions find no answer",
            "The questions without an answer are the gaps: something was renamed, removed or never written, \
             or a source is missing from the index.",
            "insights/gaps",
        ));
    }
    let failed = |day: &DayCount| Count { hits: day.failed, all: day.questions };
    let (all, hits, first) = ledger.hour_failures(watch.now).await?;
    let hour = Count { hits, all };
    let rise = over_days(watch, &days, failed).or_else(|| {
        let past: Vec<Count> = within(&days, 1, PAST + 1, failed);
        let since = first.unwrap_or(watch.now);
        rise(watch, hour, &past, since, "hour")
    });
    if let Some(rise) = rise {
        findings.push(finding(
            watch,
            "failed",
            &rise,
            "questions fail",
            "The log has the reasons; `docent doctor` tries index, ledger and models.",
            "insights/use",
        ));
    }
    Ok(findings)
}

/// A rate that is higher than it was.
struct Rise {
    now: Count,
    past: Count,
    since: DateTime<Utc>,
    window: &'static str,
}

fn over_days(watch: &Watch<'_>, days: &[DayCount], of: fn(&DayCount) -> Count) -> Option<Rise> {
    WINDOWS.into_iter().find_map(|window| {
        let now: Count = within(days, 0, window, of).into_iter().sum();
        let past = within(days, window, window + PAST, of);
        let since = watch.now - TimeDelta::days(window.into());
        let name = if window == 1 { "24 hours" } else { "7 days" };
        let rise = rise(watch, now, &past, since, name)?;
        let last: Count = within(days, 0, 1, of).into_iter().sum();
        let goes_on = last.all < GOES_ON
            || last.rate() > rise.past.rate() + watch.settings().min_rise / 2.0;
        goes_on.then_some(rise)
    })
}

fn rise(
    watch: &Watch<'_>,
    now: Count,
    past: &[Count],
    since: DateTime<Utc>,
    window: &'static str,
) -> Option<Rise> {
    let settings = watch.settings();
    let least = i64::from(settings.min_questions);
    let sum: Count = past.iter().copied().sum();
    let is_higher = now.rate() >= sum.rate() + settings.min_rise && now.rate() >= sum.rate() * TIMES;
    let has_enough = now.all >= least && sum.all >= least * PAST_TIMES;
    (has_enough && is_higher && chance_of_rise(now, sum, past) < settings.significance)
        .then_some(Rise { now, past: sum, since, window })
}

/// The days from `from` to before `to`, counted back.
fn within(days: &[DayCount], from: i32, to: i32, of: impl Fn(&DayCount) -> Count) -> Vec<Count> {
    days.iter().filter(|day| (from..to).contains(&day.days_ago)).map(of).collect()
}

fn finding(
    watch: &Watch<'_>,
    subject: &str,
    rise: &Rise,
    happens: &str,
    todo: &str,
    place: &str,
) -> Finding {
    let percent = |count: Count| format!("{:.1}%", count.rate() * 100.0);
    Finding {
        rule: "answers".to_owned(),
        subject: subject.to_owned(),
        addressed_to: FALLBACK.to_owned(),
        recipients: fallback(&watch.app.config),
        since: rise.since,
        title: format!("More {happens}: {}, it was {}", percent(rise.now), percent(rise.past)),
        what: format!(
            "{} of {} in the last {}; {} of {} in the four weeks before.",
            rise.now.hits, rise.now.all, rise.window, rise.past.hits, rise.past.all
        ),
        todo: todo.to_owned(),
        place: place.to_owned(),
        documents: Vec::new(),
    }
}
