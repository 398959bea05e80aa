//! What a page shows: figures, and sections of a chart with its table. The template and the CSV export read
//! the same tables.

use std::borrow::Cow;

use serde::Serialize;
use uuid::Uuid;

/// A page without its frame.
#[derive(Debug, Default, Serialize)]
pub(super) struct View {
    pub(super) tiles: Vec<Tile>,
    pub(super) sections: Vec<Section>,
}

/// A figure with its name.
#[derive(Debug, Serialize)]
pub(super) struct Tile {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) note: String,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Section {
    /// Of its anchor, and of its table in an export.
    pub(super) id: &'static str,
    pub(super) title: String,
    /// What the figures mean, in a sentence.
    pub(super) note: String,
    /// HTML of [`chart`](super::chart); empty: the table is the section.
    pub(super) chart: String,
    pub(super) table: Option<Table>,
    /// What a person is to know or to do before anything else.
    pub(super) warning: String,
    /// Text as it was written, over several lines.
    pub(super) text: Vec<Paragraph>,
}

/// A part of an answer with what was found about it.
#[derive(Debug, Serialize)]
pub(super) struct Paragraph {
    pub(super) label: String,
    pub(super) text: String,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
    /// What is said where there are no rows.
    pub(super) empty: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Column {
    pub(super) label: String,
    /// Of an export: it does not change with the language.
    #[serde(skip)]
    pub(super) name: Cow<'static, str>,
    pub(super) numeric: bool,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// A question that can be answered or tested from here.
    pub(super) act: Option<Act>,
}

#[derive(Debug, Serialize)]
pub(super) struct Act {
    pub(super) question: String,
    pub(super) interaction_id: Uuid,
    /// Where its line of a question set is.
    pub(super) golden: String,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Relative to the page.
    pub(super) href: String,
    /// In an export, where that is not the text.
    #[serde(skip)]
    pub(super) raw: Option<String>,
    /// From 0 to 100: a bar behind the figure.
    pub(super) bar: Option<u32>,
    /// More of it, smaller.
    pub(super) more: String,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A figure whose export is another text.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike")]
    pub(super) fn figure(text: impl Into<String>, raw: impl ToString) -> Self {
        Self {
            text: text.into(),
            raw: Some(raw.to_string()),
            ..Self::default()
        }
    }

    pub(super) fn count(number: i64) -> Self {
        Self::figure(super::format::count(number), number)
    }

    /// `part` of `of`, as a share.
    pub(super) fn share(part: i64, of: i64) -> Self {
        Self::figure(
            super::format::share(part, of),
            super::format::ratio(part, of),
        )
    }

    pub(super) fn link(mut self, href: impl Into<String>) -> Self {
        self.href = href.into();
        self
    }

    pub(super) fn more(mut self, more: impl Into<String>) -> Self {
        self.more = more.into();
        self
    }

    /// A bar as long as `part` is of the longest.
    pub(super) fn bar(mut self, part: f64, longest: f64) -> Self {
        if longest > 0.0 {
            self.bar = Some((100.0 * part / longest).round() as u32);
        }
        self
    }
}

impl From<Vec<Cell>> for Row {
    fn from(cells: Vec<Cell>) -> Self {
        Self { cells, act: None }
    }
}

impl Table {
    /// The table as CSV (RFC 4180). A text that a spreadsheet would take for a formula is quoted.
    pub(super) fn csv(&self) -> String {
        let mut out = line(self.columns.iter().map(|column| column.name.to_string()));
        for row in &self.rows {
            let cells = row.cells.iter().zip(&self.columns);
            out.push_str(&line(cells.map(|(cell, column)| {
                let text = cell.raw.as_ref().unwrap_or(&cell.text);
                if !column.numeric && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                    format!("'{text}")
                } else {
                    text.clone()
                }
            })));
        }
        out
    }
}

fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = fields
        .map(|field| {
            if field.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field
            }
        })
        .collect();
    format!("{}\r\n", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_exact_and_starts_no_formula() {
        let table = Table {
            columns: vec![
                Column {
                    label: "Frage".to_owned(),
                    name: "question".into(),
                    numeric: false,
                },
                Column {
                    label: "Zahl".to_owned(),
                    name: "questions".into(),
                    numeric: true,
                },
            ],
            rows: vec![
                vec![Cell::text("=HYPERLINK(\"x\")"), Cell::count(1234)].into(),
                vec![
                    Cell::text("what, \"exactly\"?\nnow"),
                    Cell::figure("-3 %", "-0.03"),
                ]
                .into(),
            ],
            empty: String::new(),
        };
        assert_eq!(
            table.csv(),
            "question,questions\r\n\"'=HYPERLINK(\"\"x\"\")\",1234\r\n\"what, \"\"exactly\"\"?\nnow\",-0.03\r\n"
        );
    }
}
