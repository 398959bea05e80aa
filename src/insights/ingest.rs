//! The page of ingest.

use chrono::{Days, Utc};
use docent_core::ledger::LedgerError;
use docent_core::ledger::insights::{DayRuns, FailedDocument, OldDocument, Run, SourceState};

use super::chart::Series;
use super::desk::Desk;
use super::filter::Step;
use super::format;
use super::usage::in_spans;
use super::view::{Cell, Row, Section, Table, Tile, View};
use crate::runs;

/// Age from which on a cited document is old where the configuration does not say.
const OLD_DAYS: u64 = 365;

pub(super) async fn view(desk: &Desk<'_>) -> Result<View, LedgerError> {
    let (ledger, filter) = (desk.ledger(), desk.filter);
    let configured = u64::from(desk.service.app.config.grounding.stale_after_days);
    let age = if configured > 0 { configured } else { OLD_DAYS };
    let (runs, days, sources, failed, old) = tokio::try_join!(
        ledger.runs_within(filter),
        ledger.runs_by_day(filter),
        ledger.source_states(),
        ledger.failed_documents(filter),
        ledger.old_documents(filter, Utc::now() - Days::new(age)),
    )?;
    let late = sources
        .iter()
        .filter(|one| late_since(desk, one).is_some())
        .count();
    Ok(View {
        tiles: tiles(desk, &days, &sources, late),
        sections: vec![
            states(desk, &sources),
            outcomes(desk, &days),
            documents(desk, &days),
            failures(desk, &failed),
            old_ones(desk, &old, age),
            list(desk, &runs),
        ],
    })
}

fn tiles(desk: &Desk<'_>, days: &[DayRuns], sources: &[SourceState], late: usize) -> Vec<Tile> {
    let sum = |of: fn(&DayRuns) -> i64| days.iter().map(of).sum::<i64>();
    let (done, with, failed) = (
        sum(|day| day.done),
        sum(|day| day.with_failures),
        sum(|day| day.failed_runs),
    );
    vec![
        desk.tile(
            "Runs over a source",
            format::count(done + with + failed),
            desk.fill("{} failed", &[&format::count(failed)]),
        ),
        desk.tile(
            "Documents in the index",
            format::count(sources.iter().map(|one| one.documents).sum()),
            desk.fill("{} sources", &[&sources.len().to_string()]),
        ),
        desk.tile(
            "Documents that failed",
            format::count(sources.iter().map(|one| one.failed_documents).sum()),
            desk.say("at their last attempt"),
        ),
        desk.tile(
            "Sources past their schedule",
            late.to_string(),
            String::new(),
        ),
    ]
}

/// Since when a source should have been run, by its schedule, and was not.
fn late_since(desk: &Desk<'_>, state: &SourceState) -> Option<chrono::DateTime<Utc>> {
    let config = &desk.service.app.config;
    let source = config
        .sources
        .iter()
        .find(|source| source.name == state.source)?;
    let due = runs::last_due(source, config.ingest.offset(), Utc::now())?;
    (state.last_good_at.is_none_or(|good| good < due)).then_some(due)
}

fn states(desk: &Desk<'_>, sources: &[SourceState]) -> Section {
    Section {
        id: "sources",
        title: desk.say("Sources"),
        note: desk.say("Late is a source whose schedule had a time after its last good run."),
        table: Some(Table {
            columns: vec![
                desk.column("Source", "source"),
                desk.column("Kind", "kind"),
                desk.number("Documents", "documents"),
                desk.number("Failed documents", "failed_documents"),
                desk.column("Last run", "last_run_at"),
                desk.column("Last good run", "last_good_at"),
                desk.column("State", "state"),
            ],
            rows: sources
                .iter()
                .map(|one| {
                    let outcome = one.last_outcome.clone().unwrap_or_default();
                    let state = match late_since(desk, one) {
                        Some(due) => Cell::figure(
                            desk.fill("late since {}", &[&format::moment(due)]),
                            "late",
                        ),
                        None => Cell::figure(desk.say(&outcome), outcome),
                    };
                    let good = match one.last_good_at {
                        Some(at) => Cell::figure(format::moment(at), at.to_rfc3339()),
                        None => Cell::figure("–", ""),
                    };
                    Row::from(vec![
                        Cell::text(&one.source),
                        Cell::text(&one.kind),
                        Cell::count(one.documents),
                        Cell::count(one.failed_documents),
                        Cell::figure(
                            format::moment(one.last_run_at),
                            one.last_run_at.to_rfc3339(),
                        ),
                        good,
                        state,
                    ])
                })
                .collect(),
            empty: desk.say("Nothing was ingested yet."),
        }),
        ..Section::default()
    }
}

fn outcomes(desk: &Desk<'_>, days: &[DayRuns]) -> Section {
    over_time(
        desk,
        "outcomes",
        "Runs",
        days,
        &[
            ("done", |day| day.done),
            ("done_with_failures", |day| day.with_failures),
            ("failed", |day| day.failed_runs),
        ],
    )
}

fn documents(desk: &Desk<'_>, days: &[DayRuns]) -> Section {
    over_time(
        desk,
        "documents",
        "Documents by what became of them",
        days,
        &[
            ("indexed", |day| day.indexed),
            ("removed", |day| day.removed),
            ("skipped", |day| day.skipped),
            ("failed", |day| day.failed),
        ],
    )
}

/// What is counted of a day, with its name.
type Figure<'a> = (&'a str, fn(&DayRuns) -> i64);

fn over_time(
    desk: &Desk<'_>,
    id: &'static str,
    title: &str,
    days: &[DayRuns],
    of: &[Figure<'_>],
) -> Section {
    let step = Step::of(desk.filter);
    let spans = step.all(desk.filter);
    let series: Vec<Series> = of
        .iter()
        .map(|(name, value)| Series {
            name: desk.say(name),
            column: (*name).to_owned(),
            values: in_spans(step, &spans, days, |day| day.day, |day| value(day) as f64),
        })
        .collect();
    desk.over_time(id, title, "", step, &spans, &series, |value| {
        format::count(value as i64)
    })
}

fn failures(desk: &Desk<'_>, failed: &[FailedDocument]) -> Section {
    Section {
        id: "failures",
        title: desk.say("Documents that could not be indexed"),
        note: desk.say("As the last run that touched them left them."),
        table: Some(Table {
            columns: vec![
                desk.column("Document", "path"),
                desk.column("Source", "source"),
                desk.column("Outcome", "outcome"),
                desk.column("Why", "reason"),
                desk.column("Since", "at"),
            ],
            rows: failed
                .iter()
                .map(|one| {
                    Row::from(vec![
                        Cell::text(&one.path),
                        Cell::text(&one.source),
                        Cell::figure(desk.say(&one.outcome), &one.outcome),
                        Cell::text(&one.reason),
                        Cell::figure(format::moment(one.at), one.at.to_rfc3339()),
                    ])
                })
                .collect(),
            empty: desk.say("None."),
        }),
        ..Section::default()
    }
}

fn old_ones(desk: &Desk<'_>, old: &[OldDocument], age: u64) -> Section {
    let longest = old.first().map_or(0, |one| one.citations) as f64;
    Section {
        id: "old",
        title: desk.say("Cited often, and old"),
        note: desk.fill("Documents that answers of the last 90 days cited, and that were last changed, or describe data from, more than {} days ago.", &[&age.to_string()]),
        table: Some(Table {
            columns: vec![
                desk.column("Document", "path"),
                desk.column("Source", "source"),
                desk.column("Data product", "asset"),
                desk.column("Owner", "owner"),
                desk.column("Last changed", "updated_at"),
                desk.column("Data as of", "fresh_at"),
                desk.number("Answers", "answers"),
            ],
            rows: old
                .iter()
                .map(|one| {
                    let day = |at: Option<chrono::DateTime<Utc>>| match at {
                        Some(at) => Cell::figure(at.date_naive().to_string(), at.to_rfc3339()),
                        None => Cell::figure("–", ""),
                    };
                    Row::from(vec![
                        Cell::figure(&one.title, &one.path).more(&one.path),
                        Cell::text(&one.source),
                        Cell::text(&one.asset),
                        Cell::text(one.owner.clone().unwrap_or_default()),
                        day(one.updated_at),
                        day(one.fresh_at),
                        Cell::count(one.citations).bar(one.citations as f64, longest),
                    ])
                })
                .collect(),
            empty: desk.say("None."),
        }),
        ..Section::default()
    }
}

fn list(desk: &Desk<'_>, runs: &[Run]) -> Section {
    Section {
        id: "runs",
        title: desk.say("The newest runs"),
        note: desk.say("At most 200 of them."),
        table: Some(Table {
            columns: vec![
                desk.column("Began", "started_at"),
                desk.column("Source", "source"),
                desk.column("Asked for by", "origin"),
                desk.column("Outcome", "outcome"),
                desk.number("Took", "seconds"),
                desk.number("Indexed", "indexed"),
                desk.number("Unchanged", "unchanged"),
                desk.number("Removed", "removed"),
                desk.number("Held back", "held_back"),
                desk.number("Skipped", "skipped"),
                desk.number("Failed", "failed"),
                desk.number("Cost", "cost_usd"),
                desk.column("First problems", "problems"),
            ],
            rows: runs
                .iter()
                .map(|one| {
                    let problems: Vec<String> = one
                        .problems
                        .iter()
                        .take(3)
                        .map(|problem| {
                            let place = if problem.path.is_empty() {
                                one.source.as_str()
                            } else {
                                &problem.path
                            };
                            format!("{place}: {}", problem.reason)
                        })
                        .collect();
                    let took = match one.seconds {
                        Some(seconds) => {
                            Cell::figure(format::duration((seconds * 1000.0) as i64), seconds)
                        }
                        None => Cell::figure("–", ""),
                    };
                    let unknown = i64::from(one.cost.is_none() && one.tokens > 0);
                    Row::from(vec![
                        Cell::figure(format::moment(one.started_at), one.started_at.to_rfc3339())
                            .more(one.id.to_string()),
                        Cell::text(&one.source),
                        Cell::figure(
                            desk.say(one.origin.as_deref().unwrap_or("–")),
                            one.origin.clone().unwrap_or_default(),
                        ),
                        Cell::figure(desk.say(&one.outcome), &one.outcome),
                        took,
                        Cell::count(one.indexed),
                        Cell::count(one.unchanged),
                        Cell::count(one.removed),
                        Cell::count(one.held_back),
                        Cell::count(one.skipped),
                        Cell::count(one.failed),
                        Cell::figure(
                            format::cost(one.cost, unknown),
                            one.cost.map_or(String::new(), |cost| cost.to_string()),
                        ),
                        Cell::text(problems.join("; ")),
                    ])
                })
                .collect(),
            empty: desk.say("No run in these days."),
        }),
        ..Section::default()
    }
}
