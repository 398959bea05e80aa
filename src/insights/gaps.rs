//! The page of gaps: what to write next.

use std::collections::HashSet;

use docent_core::ledger::LedgerError;
use docent_core::ledger::insights::Gap;
use serde_json::json;

use super::desk::Desk;
use super::filter::query;
use super::format;
use super::meaning::Item;
use super::usage::grouped;
use super::view::{Act, Cell, Row, Section, Table, View};

/// Wordings that are grouped; those that reached most people.
const WORDINGS: i64 = 1000;
/// Wordings of a group that are shown below its name.
const SHOWN: usize = 4;

pub(super) async fn view(desk: &Desk<'_>) -> Result<View, LedgerError> {
    let gaps = desk.ledger().gaps(desk.filter, WORDINGS).await?;
    let (gaps, found) = grouped(gaps, |gap| Item {
        text: &gap.question,
        embedding: gap.embedding.as_deref(),
        weight: gap.people.len() as i64,
    })
    .await;
    let mut rows: Vec<(Together<'_>, bool)> = found
        .iter()
        .map(|group| {
            let together = Together::of(&gaps, &group.members, group.named);
            let closed = together.gaps.iter().all(|gap| gap.closed_at.is_some());
            (together, closed)
        })
        .collect();
    rows.sort_by_key(|(together, _)| {
        (
            std::cmp::Reverse(together.people),
            std::cmp::Reverse(together.last_at()),
        )
    });
    let open: Vec<&Together<'_>> = rows
        .iter()
        .filter(|(_, closed)| !closed)
        .map(|(one, _)| one)
        .collect();
    let closed: Vec<&Together<'_>> = rows
        .iter()
        .filter(|(_, closed)| *closed)
        .map(|(one, _)| one)
        .collect();
    let reached: HashSet<i64> = open
        .iter()
        .flat_map(|one| one.gaps.iter())
        .flat_map(|gap| gap.people.iter().copied())
        .collect();
    let tiles = vec![
        desk.tile(
            "Open gaps",
            format::count(open.len() as i64),
            desk.say("questions of one meaning count once"),
        ),
        desk.tile(
            "People they reached",
            format::count(reached.len() as i64),
            String::new(),
        ),
        desk.tile(
            "Closed",
            format::count(closed.len() as i64),
            desk.say("asked again after a run, and answered"),
        ),
    ];
    Ok(View {
        tiles,
        sections: vec![
            section(
                desk,
                "open",
                "What to write next",
                "Questions that the documents did not answer, or whose answers were rated down; those first that reached most people. Whoever owns the nearest data product is the one to ask.",
                &open,
            ),
            section(
                desk,
                "closed",
                "Closed since",
                "docent asks open gaps again after each run that changed documents; these were answered then.",
                &closed,
            ),
        ],
    })
}

/// Gaps of one meaning.
struct Together<'a> {
    gaps: Vec<&'a Gap>,
    named: &'a Gap,
    people: usize,
}

impl<'a> Together<'a> {
    fn of(all: &'a [Gap], members: &[usize], named: usize) -> Self {
        let gaps: Vec<&Gap> = members.iter().map(|at| &all[*at]).collect();
        let people: HashSet<i64> = gaps
            .iter()
            .flat_map(|gap| gap.people.iter().copied())
            .collect();
        Self {
            people: people.len(),
            gaps,
            named: &all[named],
        }
    }

    fn sum(&self, of: fn(&Gap) -> i64) -> i64 {
        self.gaps.iter().map(|gap| of(gap)).sum()
    }

    fn last_at(&self) -> chrono::DateTime<chrono::Utc> {
        self.gaps
            .iter()
            .map(|gap| gap.last_at)
            .max()
            .unwrap_or_default()
    }
}

fn section(
    desk: &Desk<'_>,
    id: &'static str,
    title: &str,
    note: &str,
    groups: &[&Together<'_>],
) -> Section {
    let most = groups.first().map_or(0, |first| first.people) as f64;
    let is_closed = id == "closed";
    let mut columns = vec![
        desk.column("Question", "question"),
        desk.number("People", "people"),
        desk.number("Not answered", "abstained"),
        desk.number("Rated down", "disliked"),
        desk.column("Nearest data product", "asset"),
        desk.column("Owner", "owner"),
        desk.column("Last asked", "last_at"),
        desk.column(
            if is_closed { "Closed" } else { "Asked again" },
            if is_closed {
                "closed_at"
            } else {
                "asked_again_at"
            },
        ),
    ];
    if is_closed {
        columns.push(desk.column("Run", "run"));
    }
    let rows = groups
        .iter()
        .map(|one| row(desk, one, most, is_closed))
        .collect();
    Section {
        id,
        title: desk.say(title),
        note: desk.say(note),
        table: Some(Table {
            columns,
            rows,
            empty: desk.say(if is_closed {
                "No gap was closed."
            } else {
                "No gap: every question had an answer that nobody disliked."
            }),
        }),
        ..Section::default()
    }
}

fn row(desk: &Desk<'_>, one: &Together<'_>, most: f64, is_closed: bool) -> Row {
    let gap = one.named;
    let question = desk.reading.question(&gap.question, gap.question_key);
    let others: Vec<String> = one
        .gaps
        .iter()
        .filter(|other| other.question_key != gap.question_key && desk.reading.any())
        .take(SHOWN)
        .map(|other| desk.reading.question(&other.question, other.question_key))
        .collect();
    let at = |moment: Option<chrono::DateTime<chrono::Utc>>| match moment {
        Some(moment) => Cell::figure(format::moment(moment), moment.to_rfc3339()),
        None => Cell::figure("–", ""),
    };
    let asset = gap.asset.clone().or(gap.source.clone()).unwrap_or_default();
    let mut cells = vec![
        Cell::text(&question)
            .link(format!("interactions/{}", gap.interaction_id))
            .more(others.join(" · ")),
        Cell::count(one.people as i64).bar(one.people as f64, most),
        Cell::count(one.sum(|gap| gap.abstained)),
        Cell::count(one.sum(|gap| gap.disliked)),
        Cell::text(asset),
        Cell::text(gap.owner.clone().unwrap_or_default()),
        at(Some(one.last_at())),
        at(if is_closed {
            gap.closed_at
        } else {
            gap.asked_again_at
        }),
    ];
    if is_closed {
        cells.push(Cell::text(
            gap.closed_run.map_or(String::new(), |run| run.to_string()),
        ));
    }
    let act = (!is_closed && desk.reading.any()).then(|| Act {
        golden: format!(
            "gaps/golden/{}?{}",
            gap.interaction_id,
            query(desk.filter, &[])
        ),
        question,
        interaction_id: gap.interaction_id,
    });
    Row { cells, act }
}

/// The question as a line of a question set, for `docent eval`. Where the answer stands is for whoever
/// writes it: until then it is a question that should be declined.
pub(super) fn golden(id: &str, question: &str, language: &str) -> String {
    let line =
        json!({ "id": id, "question": question, "lang": language, "kind": "gap", "gold": [] });
    format!("{line}\n")
}
