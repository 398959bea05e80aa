//! When people ask, and how long they wait.

use docent_core::ledger::insights::{HourUse, Wait};

use super::super::chart;
use super::super::desk::Desk;
use super::super::format;
use super::super::view::{Cell, Row, Section, Table};

pub(super) fn by_hour(desk: &Desk<'_>, hours: &[HourUse]) -> Section {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let rows: Vec<(String, Vec<i64>)> = DAYS
        .iter()
        .zip(1..)
        .map(|(name, weekday)| {
            let mut row = vec![0; 24];
            for one in hours.iter().filter(|one| one.weekday == weekday) {
                if let Some(questions) = row.get_mut(one.hour as usize) {
                    *questions += one.questions;
                }
            }
            (desk.say(name), row)
        })
        .collect();
    let title = desk.say("Times of day");
    let mut columns = vec![desk.column("Hour (UTC)", "hour")];
    for (at, (name, _)) in rows.iter().enumerate() {
        let mut column = desk.number(name, DAYS[at]);
        column.label.clone_from(name);
        columns.push(column);
    }
    Section {
        id: "hours",
        chart: chart::heat(&title, &rows, format::count),
        title,
        note: desk.say("Questions by weekday and hour, in UTC."),
        table: Some(Table {
            columns,
            rows: (0..24)
                .map(|hour| {
                    let mut cells = vec![Cell::text(format!("{hour:02}"))];
                    cells.extend(rows.iter().map(|(_, row)| Cell::count(row[hour])));
                    Row::from(cells)
                })
                .collect(),
            empty: String::new(),
        }),
        ..Section::default()
    }
}

/// The duration that a share of the answers did not exceed.
pub(super) fn percentile(waits: &[Wait], kind: &str, percent: i64) -> Option<i64> {
    let of = || waits.iter().filter(|wait| wait.kind == kind);
    let all: i64 = of().map(|wait| wait.questions).sum();
    // As `percentile_disc`: the first value that so many are at or below.
    let wanted = (all * percent + 99) / 100;
    let mut so_far = 0;
    of().find(|wait| {
        so_far += wait.questions;
        so_far >= wanted && wait.questions > 0
    })
    .map(|wait| wait.ms)
}

pub(super) fn waiting(desk: &Desk<'_>, waits: &[Wait]) -> Section {
    let row = |name: &str, kind: &str| {
        let mut cells = vec![Cell::figure(desk.say(name), kind)];
        for percent in [50, 75, 90, 95, 99] {
            cells.push(match percentile(waits, kind, percent) {
                Some(ms) => Cell::figure(format::duration(ms), ms),
                None => Cell::figure("–", ""),
            });
        }
        let all: i64 = waits
            .iter()
            .filter(|wait| wait.kind == kind)
            .map(|wait| wait.questions)
            .sum();
        cells.push(Cell::count(all));
        Row::from(cells)
    };
    let rows = if waits.is_empty() {
        Vec::new()
    } else {
        vec![
            row("until the first word", "first_token"),
            row("until the end", "total"),
        ]
    };
    Section {
        id: "waits",
        title: desk.say("How long people wait for an answer"),
        note: desk.say("So many of 100 answers were there after this time, cut to two digits."),
        table: Some(Table {
            columns: vec![
                desk.column("Wait", "wait"),
                desk.number("50 of 100", "p50"),
                desk.number("75 of 100", "p75"),
                desk.number("90 of 100", "p90"),
                desk.number("95 of 100", "p95"),
                desk.number("99 of 100", "p99"),
                desk.number("Answers", "answers"),
            ],
            rows,
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_first_value_that_enough_answers_reach() {
        let wait = |ms, questions| Wait {
            kind: "total".to_owned(),
            ms,
            questions,
        };
        let waits = [wait(10, 1), wait(20, 2), wait(500, 1)];
        assert_eq!(percentile(&waits, "total", 50), Some(20));
        assert_eq!(percentile(&waits, "total", 25), Some(10));
        assert_eq!(percentile(&waits, "total", 99), Some(500));
        assert_eq!(percentile(&waits, "first_token", 50), None);
    }
}
