//! Nightly runs over six sources.

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use super::Truth;
use super::calls::EMBEDDING_DOLLARS;
use super::dice::Dice;
use super::plan::EventKind;
use super::rows::{REQUEST, RUN, Rows, SOURCE, id, text};

/// Name, kind, hour of the run, share of the embedding, owner.
const SOURCES: [(&str, &str, u32, usize, &str); 5] = [
    ("docs", "folder", 1, 30, "Platform Data"),
    ("dbt", "dbt", 2, 30, "Mobility Data"),
    ("wiki", "confluence", 2, 25, "Support Data"),
    ("contracts", "contracts", 2, 5, "Operations Data"),
    ("notion", "website", 3, 10, "Platform Data"),
];

/// Tokens of one request.
const TOKENS: i64 = 6000;
/// Dollars of one request.
pub(crate) const DOLLARS: f64 = TOKENS as f64 * EMBEDDING_DOLLARS;

/// A source and its owner.
pub(crate) fn any(dice: &mut Dice) -> (&'static str, &'static str) {
    let (name, .., owner) = SOURCES[dice.below(SOURCES.len())];
    (name, owner)
}

/// The sources, as their runs leave them.
pub(crate) fn sources(rows: &mut Rows<'_>, truth: &Truth) {
    for (name, kind, hour, ..) in SOURCES {
        let at = |day: NaiveDate| {
            text(
                day.and_time(NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default())
                    .and_utc(),
            )
        };
        rows.push(
            SOURCE,
            format_args!(
                "{name}\t{kind}\t/data/{name}\t{}\t{}",
                at(truth.first),
                at(truth.last)
            ),
        );
    }
}

/// The runs of a night, with so many requests altogether. `usual`: dollars of a day.
pub(crate) fn night(
    rows: &mut Rows<'_>,
    dice: &mut Dice,
    day: NaiveDate,
    calls: usize,
    usual: f64,
) {
    let mut left = calls;
    for (place, (source, _, hour, share, _)) in SOURCES.iter().enumerate() {
        let began = day
            .and_time(NaiveTime::from_hms_opt(*hour, 5 * place as u32, 0).unwrap_or_default())
            .and_utc();
        let run = id(dice, began);
        let event = |kind| {
            let event = rows.plan.on(kind, began);
            event.filter(|event| event.about == *source)
        };
        let dead = event(EventKind::DeadSource).is_some();
        // It embeds everything anew.
        let spike = event(EventKind::CostSpike).map(|event| event.size);
        let last = place + 1 == SOURCES.len();
        let requests = match (dead, last) {
            (true, _) => 0,
            (_, true) => left,
            _ => (calls * share / 100).min(left),
        };
        left -= requests;
        let tokens = spike.map_or(TOKENS, |times| {
            (usual * times / EMBEDDING_DOLLARS / requests.max(1) as f64) as i64
        });
        let mut cost = 0.0;
        for _ in 0..requests {
            let at = began + TimeDelta::milliseconds(dice.below(600_000) as i64);
            cost += rows.embedding_call(dice, at, run, tokens);
        }
        let failed = if dead || !dice.chance(0.03) {
            0
        } else {
            1 + dice.below(3)
        };
        let outcome = match (dead, failed) {
            (true, _) => "failed",
            (_, 0) => "done",
            _ => "done_with_failures",
        };
        let problems = match outcome {
            "failed" => {
                r#"[{"path": "", "outcome": "failed", "reason": "the folder is not there"}]"#
            }
            "done" => "[]",
            _ => {
                r#"[{"path": "old/report.pdf", "outcome": "failed", "reason": "the file is damaged"}]"#
            }
        };
        let ended = began + TimeDelta::seconds(if dead { 2 } else { 620 });
        let (began, ended) = (text(began), text(ended));
        rows.push(
            REQUEST,
            format_args!("{run}\tschedule\t{{{source}}}\t{began}\t{began}\t{ended}\t{outcome}"),
        );
        rows.push(RUN, format_args!(
            "{run}\t{source}\tdocent-year\t{began}\t{ended}\t{outcome}\t{}\t{}\t{failed}\t{}\t{}\t{cost:.8}\t{problems}",
            requests / 3, if dead { 0 } else { 40 }, requests * 12, requests as i64 * tokens
        ));
    }
}
