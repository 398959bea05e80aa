//! One sheet of a workbook, read piece by piece: of a large one the first rows are kept and the rest
//! is counted.

use std::io::{BufRead, BufReader};

use chrono::{Duration, NaiveDate};
use docent_core::document::Outcome;

use super::workbook::{Book, Format};
use super::xml::{Node, Tag, Xml};
use super::{Package, relations};

/// Rows that are read of a sheet; further ones are counted.
const ROWS: usize = 1_000;
/// Columns that are read.
const COLUMNS: usize = 200;
/// Formulas and comments that are kept.
const KEPT: usize = 200;

/// What is read of a sheet.
#[derive(Default)]
pub(super) struct Sheet {
    /// Rows with something in them, from the first column in use on.
    pub(super) rows: Vec<Vec<String>>,
    /// Rows beyond those.
    pub(super) more_rows: u64,
    /// Cell and formula.
    pub(super) formulas: Vec<(String, String)>,
    /// Cell and what somebody wrote to it.
    pub(super) comments: Vec<(String, String)>,
}

/// Reads a sheet; `None` where its part is missing.
pub(super) fn read(
    package: &mut Package<'_>,
    part: &str,
    book: &Book,
) -> Result<Option<Sheet>, Outcome> {
    let Some(stream) = package.stream(part)? else {
        return Ok(None);
    };
    let mut reader = Reader {
        book,
        rows: Vec::new(),
        sheet: Sheet::default(),
        merged: Vec::new(),
        cell: None,
        field: Field::None,
    };
    reader.read(Xml::of(BufReader::new(stream)))?;
    reader.merge();
    let mut sheet = reader.finish();
    let comments = relations(package, part)?
        .into_values()
        .find(|link| link.kind == "comments");
    if let Some(comments) = comments {
        sheet.comments = read_comments(package, &comments.target)?;
    }
    Ok(Some(sheet))
}

struct Reader<'a> {
    book: &'a Book,
    /// Row number from 1, and its cells.
    rows: Vec<(usize, Vec<String>)>,
    sheet: Sheet,
    /// First and last cell of each merged range: row from 1, column from 0.
    merged: Vec<((usize, usize), (usize, usize))>,
    cell: Option<Cell>,
    field: Field,
}

#[derive(PartialEq)]
enum Field {
    None,
    Value,
    Formula,
}

#[derive(Default)]
struct Cell {
    name: String,
    kind: String,
    style: usize,
    value: String,
    formula: String,
}

impl Reader<'_> {
    fn read(&mut self, mut xml: Xml<impl BufRead>) -> Result<(), Outcome> {
        while let Some(node) = xml.next()? {
            self.take(node);
            // One row more than is kept: the last one has only begun.
            if self.rows.len() > ROWS {
                self.rows.truncate(ROWS);
                self.sheet.more_rows = 1 + count_rows(xml.into_source())?;
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, node: Node) {
        match node {
            Node::Start(tag) => self.start(&tag),
            Node::Text(text) => {
                let Some(cell) = &mut self.cell else { return };
                match self.field {
                    Field::Value => cell.value.push_str(&text),
                    Field::Formula => cell.formula.push_str(&text),
                    Field::None => {}
                }
            }
            Node::End(name) => match name.as_str() {
                "c" => {
                    if let Some(cell) = self.cell.take() {
                        self.end_cell(cell);
                    }
                }
                "row"
                    if self
                        .rows
                        .last()
                        .is_some_and(|(_, cells)| cells.iter().all(String::is_empty)) =>
                {
                    self.rows.pop();
                }
                "v" | "t" | "f" => self.field = Field::None,
                _ => {}
            },
        }
    }

    fn start(&mut self, tag: &Tag) {
        match tag.name.as_str() {
            "row" => {
                let next = self.rows.last().map_or(1, |(number, _)| number + 1);
                let number = tag
                    .get("r")
                    .and_then(|row| row.parse().ok())
                    .unwrap_or(next);
                self.rows.push((number, Vec::new()));
            }
            "c" => {
                self.cell = Some(Cell {
                    name: tag.get("r").unwrap_or_default().to_owned(),
                    kind: tag.get("t").unwrap_or("n").to_owned(),
                    style: tag
                        .get("s")
                        .and_then(|style| style.parse().ok())
                        .unwrap_or(0),
                    ..Cell::default()
                });
            }
            "v" | "t" => self.field = Field::Value,
            "f" => self.field = Field::Formula,
            "mergeCell" => {
                let range = tag.get("ref").and_then(|range| range.split_once(':'));
                let range = range.and_then(|(first, last)| Some((place(first)?, place(last)?)));
                self.merged.extend(range);
            }
            _ => {}
        }
    }

    fn end_cell(&mut self, cell: Cell) {
        let Some((_, row)) = self.rows.last_mut() else {
            return;
        };
        let column = place(&cell.name).map_or(row.len(), |(_, column)| column);
        if column >= COLUMNS {
            return;
        }
        if row.len() <= column {
            row.resize(column + 1, String::new());
        }
        row[column] = value(&cell, self.book);
        if !cell.formula.trim().is_empty() && self.sheet.formulas.len() < KEPT {
            let formula = format!("={}", cell.formula.trim());
            self.sheet.formulas.push((cell.name, formula));
        }
    }

    /// A merged range's text stands in each of its cells, so that each row can be read alone; one
    /// that spans the whole width of a table is a title and stays where it is.
    fn merge(&mut self) {
        let width = self
            .rows
            .iter()
            .map(|(_, cells)| cells.len())
            .max()
            .unwrap_or(0);
        for ((top, left), (bottom, right)) in std::mem::take(&mut self.merged) {
            if left == 0 && right + 1 >= width && top == bottom {
                continue;
            }
            let of = |(number, cells): &(usize, Vec<String>)| {
                (*number == top).then(|| cells.get(left).cloned()).flatten()
            };
            let Some(text) = self
                .rows
                .iter()
                .find_map(of)
                .filter(|text| !text.is_empty())
            else {
                continue;
            };
            let within = |number: &usize| (top..=bottom).contains(number);
            for (_, cells) in self.rows.iter_mut().filter(|(number, _)| within(number)) {
                for column in left..=right.min(COLUMNS - 1) {
                    if cells.len() <= column {
                        cells.resize(column + 1, String::new());
                    }
                    if cells[column].is_empty() {
                        cells[column].clone_from(&text);
                    }
                }
            }
        }
    }

    fn finish(self) -> Sheet {
        let rows: Vec<Vec<String>> = self.rows.into_iter().map(|(_, cells)| cells).collect();
        let first = |cells: &Vec<String>| cells.iter().position(|cell| !cell.is_empty());
        let left = rows.iter().filter_map(first).min().unwrap_or(0);
        let last = |cells: &Vec<String>| cells.iter().rposition(|cell| !cell.is_empty());
        let rows = rows.into_iter().filter_map(|mut cells| {
            cells.truncate(last(&cells)? + 1);
            Some(cells.split_off(left.min(cells.len())))
        });
        Sheet {
            rows: rows.collect(),
            ..self.sheet
        }
    }
}

/// `C5` as row 5 and column 2.
fn place(name: &str) -> Option<(usize, usize)> {
    let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
    if !(1..=3).contains(&letters) {
        return None;
    }
    let column = name[..letters].bytes().fold(0, |sum, letter| {
        sum * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1
    });
    Some((name[letters..].parse().ok()?, column - 1))
}

fn value(cell: &Cell, book: &Book) -> String {
    let text = cell.value.trim();
    match cell.kind.as_str() {
        "s" => {
            let shared = text
                .parse::<usize>()
                .ok()
                .and_then(|at| book.shared.get(at));
            shared.cloned().unwrap_or_default()
        }
        "b" => if text == "1" { "true" } else { "false" }.to_owned(),
        "n" => {
            let format = book
                .formats
                .get(cell.style)
                .copied()
                .unwrap_or(Format::Number);
            text.parse()
                .map_or_else(|_| text.to_owned(), |value| number(value, format, book))
        }
        _ => text.to_owned(),
    }
}

fn number(value: f64, format: Format, book: &Book) -> String {
    match format {
        Format::Number => rounded(value),
        Format::Percent => format!("{}%", rounded(value * 100.0)),
        Format::Time => moment(value, book.since_1904).unwrap_or_else(|| rounded(value)),
    }
}

/// Fifteen digits, as a spreadsheet shows at the most: the sixteenth is noise of binary fractions.
fn rounded(value: f64) -> String {
    let short: Result<f64, _> = format!("{value:.14e}").parse();
    short.unwrap_or(value).to_string()
}

/// A count of days as a day, a time of day, or both. Day 60, the 29th of February of 1900, never was.
fn moment(days: f64, since_1904: bool) -> Option<String> {
    if !(0.0..2_958_466.0).contains(&days) {
        return None;
    }
    let epoch = if since_1904 {
        NaiveDate::from_ymd_opt(1904, 1, 1)?
    } else if days < 60.0 {
        NaiveDate::from_ymd_opt(1899, 12, 31)?
    } else {
        NaiveDate::from_ymd_opt(1899, 12, 30)?
    };
    let seconds = (days * 86_400.0).round() as i64;
    let at = epoch.and_hms_opt(0, 0, 0)? + Duration::seconds(seconds);
    let is_day = seconds % 86_400 == 0;
    Some(match (days < 1.0, is_day) {
        (true, false) => at.format("%H:%M:%S").to_string(),
        (_, true) => at.format("%Y-%m-%d").to_string(),
        (_, false) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
    })
}

/// Rows with a value in what is left of a sheet. Parsing a million rows would take a minute to throw
/// them away; a value begins with `<v>` or `<t`, as every writer writes them.
fn count_rows(mut rest: impl BufRead) -> Result<u64, Outcome> {
    let (mut rows, mut is_open) = (0, false);
    let mut tail: Vec<u8> = Vec::new();
    loop {
        let read = rest.fill_buf();
        let chunk = read.map_err(|error| Outcome::Failed(format!("not readable: {error}")))?;
        let (length, is_end) = (chunk.len(), chunk.is_empty());
        tail.extend_from_slice(chunk);
        rest.consume(length);
        // A tag's first four bytes must be there to be told.
        let whole = if is_end {
            tail.len()
        } else {
            tail.len().saturating_sub(4)
        };
        let mut at = 0;
        while let Some(next) = tail[at..whole].iter().position(|byte| *byte == b'<') {
            let tag = &tail[at + next + 1..];
            if tag.starts_with(b"row") {
                is_open = true;
            } else if is_open
                && (tag.starts_with(b"v>") || tag.starts_with(b"t>") || tag.starts_with(b"t "))
            {
                rows += 1;
                is_open = false;
            }
            at += next + 1;
        }
        if is_end {
            return Ok(rows);
        }
        tail.drain(..whole);
    }
}

fn read_comments(package: &mut Package<'_>, part: &str) -> Result<Vec<(String, String)>, Outcome> {
    let bytes = package.read(part)?.unwrap_or_default();
    let mut xml = Xml::of(&bytes[..]);
    let mut comments: Vec<(String, String)> = Vec::new();
    let mut in_text = false;
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(tag) if tag.name == "comment" => {
                if comments.len() >= KEPT {
                    break;
                }
                let cell = tag.get("ref").unwrap_or_default().to_owned();
                comments.push((cell, String::new()));
            }
            Node::Start(tag) => in_text = tag.name == "t",
            Node::Text(text) if in_text => {
                if let Some((_, words)) = comments.last_mut() {
                    words.push_str(&text);
                }
            }
            Node::End(_) => in_text = false,
            Node::Text(_) => {}
        }
    }
    Ok(comments)
}
