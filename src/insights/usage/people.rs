//! People: how many ask, and who comes back.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use docent_core::ledger::insights::Filter;

use super::super::chart::{self, Series};
use super::super::desk::Desk;
use super::super::filter::Step;
use super::super::format;
use super::super::view::{Cell, Row, Section, Table};

/// People of a span.
pub(super) struct Active {
    pub(super) begins: NaiveDate,
    people: i64,
    /// Those who had asked in the span before, too.
    returned: i64,
}

/// Everyone who asked in a filter's days, and those of them who asked on more than one.
pub(super) fn in_range(filter: &Filter, people: &[Vec<NaiveDate>]) -> (i64, i64) {
    let (mut all, mut again) = (0, 0);
    for days in people {
        let within = || days.iter().filter(|day| filter.from <= **day);
        all += i64::from(within().next().is_some());
        again += i64::from(within().min() != within().max());
    }
    (all, again)
}

/// People in each span of a filter. Days before its first span only tell who returns.
pub(super) fn active(filter: &Filter, step: Step, people: &[Vec<NaiveDate>]) -> Vec<Active> {
    let mut spans: BTreeMap<NaiveDate, (i64, i64)> = step
        .all(filter)
        .into_iter()
        .map(|span| (span, (0, 0)))
        .collect();
    for days in people {
        let mut begins: Vec<NaiveDate> = days.iter().map(|day| step.begin(*day)).collect();
        begins.sort_unstable();
        begins.dedup();
        for (at, begin) in begins.iter().enumerate() {
            if let Some((people, returned)) = spans.get_mut(begin) {
                *people += 1;
                *returned += i64::from(at > 0 && step.next(begins[at - 1]) == *begin);
            }
        }
    }
    let spans = spans.into_iter();
    spans
        .map(|(begins, (people, returned))| Active {
            begins,
            people,
            returned,
        })
        .collect()
}

pub(super) fn section(desk: &Desk<'_>, id: &'static str, word: &str, active: &[Active]) -> Section {
    let bars: Vec<String> = active.iter().map(|one| one.begins.to_string()).collect();
    let series = [
        Series {
            name: desk.say("there in the span before, too"),
            column: "returning".to_owned(),
            values: active.iter().map(|one| one.returned as f64).collect(),
        },
        Series {
            name: desk.say("not there in the span before"),
            column: "others".to_owned(),
            values: active
                .iter()
                .map(|one| (one.people - one.returned) as f64)
                .collect(),
        },
    ];
    let title = desk.say(match id {
        "months" => "People by month",
        _ => "People",
    });
    Section {
        id,
        chart: chart::stacked(&title, &bars, &series, |value| format::count(value as i64)),
        note: desk.say("Callers who share a name (anonymous ones, visitors of the widget) count as one person."),
        title,
        table: Some(Table {
            columns: vec![
                desk.column(word, "begins"),
                desk.number("People", "people"),
                desk.number("Returning", "returning"),
                desk.number("Share", "share"),
            ],
            rows: active
                .iter()
                .map(|one| {
                    Row::from(vec![
                        Cell::text(one.begins.to_string()),
                        Cell::count(one.people),
                        Cell::count(one.returned),
                        Cell::share(one.returned, one.people),
                    ])
                })
                .collect(),
            empty: desk.nothing(),
        }),
        ..Section::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_there_in_the_span_before_has_returned() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let filter = Filter {
            from: day("2026-11-04"),
            until: day("2026-11-17"),
            channel: String::new(),
            source: String::new(),
            asset: String::new(),
        };
        let people = [
            // In the week before the filter and in its first one; twice a day, in two channels.
            vec![
                day("2026-11-12"),
                day("2026-11-01"),
                day("2026-11-04"),
                day("2026-11-04"),
            ],
            // Not in the second week.
            vec![day("2026-11-05"), day("2026-11-17")],
            vec![day("2026-10-07")],
        ];
        assert_eq!(in_range(&filter, &people), (2, 2));
        let weeks = active(&filter, Step::Week, &people);
        let figures: Vec<(i64, i64)> = weeks
            .iter()
            .map(|week| (week.people, week.returned))
            .collect();
        assert_eq!(figures, [(2, 1), (1, 1), (1, 0)]);
        assert_eq!(weeks[0].begins, day("2026-11-02"));
    }
}
