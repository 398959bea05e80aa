//! What a page is made with: the ledger, the filter, words, and the parts that many pages have.

use chrono::NaiveDate;
use docent_core::ledger::Ledger;
use docent_core::ledger::insights::Filter;

use super::chart::{self, Series};
use super::filter::{Step, query};
use super::language::Language;
use super::texts::Reading;
use super::view::{Cell, Column, Row, Section, Table, Tile};
use crate::server::Service;

/// What a page is made with.
pub(super) struct Desk<'a> {
    pub(super) service: &'a Service,
    pub(super) filter: &'a Filter,
    pub(super) reading: &'a Reading,
    pub(super) language: Language,
}

impl Desk<'_> {
    pub(super) fn ledger(&self) -> &Ledger {
        &self.service.app.ledger
    }

    pub(super) fn say(&self, english: &str) -> String {
        self.language.say(english)
    }

    pub(super) fn fill(&self, english: &str, figures: &[&str]) -> String {
        self.language.fill(english, figures)
    }

    pub(super) fn nothing(&self) -> String {
        self.say("Nothing in these days.")
    }

    pub(super) fn column(&self, label: &str, name: &'static str) -> Column {
        Column {
            label: self.say(label),
            name: name.into(),
            numeric: false,
        }
    }

    pub(super) fn number(&self, label: &str, name: &'static str) -> Column {
        Column {
            label: self.say(label),
            name: name.into(),
            numeric: true,
        }
    }

    pub(super) fn tile(&self, label: &str, value: String, note: String) -> Tile {
        Tile {
            label: self.say(label),
            value,
            note,
        }
    }

    /// The same page about one source and data product.
    pub(super) fn narrowed(&self, source: &str, asset: &str) -> String {
        let mut filter = self.filter.clone();
        source.clone_into(&mut filter.source);
        asset.clone_into(&mut filter.asset);
        format!("?{}", query(&filter, &[]))
    }

    /// A chart over time with its table.
    #[expect(
        clippy::too_many_arguments,
        reason = "a chart is as many things, each said once"
    )]
    pub(super) fn over_time(
        &self,
        id: &'static str,
        title: &str,
        note: &str,
        step: Step,
        spans: &[NaiveDate],
        series: &[Series],
        shown: impl Fn(f64) -> String,
    ) -> Section {
        let title = self.say(title);
        let bars: Vec<String> = spans.iter().map(NaiveDate::to_string).collect();
        let mut columns = vec![self.column(step.word(), "begins")];
        columns.extend(series.iter().map(|one| Column {
            label: one.name.clone(),
            name: one.column.clone().into(),
            numeric: true,
        }));
        columns.push(self.number("Total", "total"));
        let rows = bars.iter().enumerate().map(|(at, bar)| {
            let total: f64 = series.iter().map(|one| one.values[at]).sum();
            let mut cells = vec![Cell::text(bar)];
            cells.extend(
                series
                    .iter()
                    .map(|one| Cell::figure(shown(one.values[at]), one.values[at])),
            );
            cells.push(Cell::figure(shown(total), total));
            Row::from(cells)
        });
        let rows = if series.is_empty() {
            Vec::new()
        } else {
            rows.collect()
        };
        Section {
            id,
            chart: chart::stacked(&title, &bars, series, &shown),
            title,
            note: if note.is_empty() {
                String::new()
            } else {
                self.say(note)
            },
            table: Some(Table {
                columns,
                rows,
                empty: self.nothing(),
            }),
            ..Section::default()
        }
    }
}
