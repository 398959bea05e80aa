//! What got better or worse against the days before, where it is more than chance.

use docent_core::ledger::Totals;
use rust_decimal::prelude::ToPrimitive;

use super::Report;
use crate::alerts::differs;

/// Figures without a test: a change by this share is told, where there were so many questions.
const SHARE: f64 = 0.25;
const QUESTIONS: i64 = 30;

/// What it is, hits and all of now and before, and whether more is better.
type Rate = (&'static str, (i64, i64), (i64, i64), bool);

pub(super) fn between(report: &Report) -> Vec<String> {
    let (now, before) = (&report.totals, &report.before);
    let mut changes = Vec::new();
    if before.questions == 0 {
        return changes;
    }
    let done = |totals: &Totals| totals.questions - totals.cancelled;
    let rates: [Rate; 3] = [
        (
            "questions without an answer",
            (now.abstained, done(now)),
            (before.abstained, done(before)),
            false,
        ),
        (
            "failed questions",
            (now.failed, done(now)),
            (before.failed, done(before)),
            false,
        ),
        (
            "ratings that are up",
            (now.liked, now.liked + now.disliked),
            (before.liked, before.liked + before.disliked),
            true,
        ),
    ];
    for (what, now, before, more_is_better) in rates {
        if !differs(now, before) {
            continue;
        }
        let rate = |(hits, all): (i64, i64)| hits as f64 / all.max(1) as f64;
        let rose = rate(now) > rate(before);
        changes.push(format!(
            "{}: {what} {:.1}%, before {:.1}%",
            if rose == more_is_better {
                "Better"
            } else {
                "Worse"
            },
            rate(now) * 100.0,
            rate(before) * 100.0
        ));
    }
    let enough = done(now) >= QUESTIONS && done(before) >= QUESTIONS;
    if let (Some(median), Some(was)) = (now.median_ms, before.median_ms)
        && enough
        && let Some(change) = change(median as f64, was as f64)
    {
        let judged = if change < 0.0 { "Better" } else { "Worse" };
        changes.push(format!(
            "{judged}: half of the answers take {median} ms, before {was} ms"
        ));
    }
    let each = |totals: &Totals| {
        let cost = totals.cost.to_f64().unwrap_or_default();
        cost / totals.answered.max(1) as f64
    };
    if enough && let Some(change) = change(each(now), each(before)) {
        let judged = if change < 0.0 { "Better" } else { "Worse" };
        changes.push(format!(
            "{judged}: an answered question costs ${:.4}, before ${:.4}",
            each(now),
            each(before)
        ));
    }
    changes
}

/// By which share a figure changed, where that is worth telling.
fn change(now: f64, before: f64) -> Option<f64> {
    if before <= 0.0 || now <= 0.0 {
        return None;
    }
    let change = now / before - 1.0;
    (change.abs() >= SHARE).then_some(change)
}
