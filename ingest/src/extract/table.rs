//! A table too long to be a document: what its columns hold, and its first rows.

use std::collections::HashSet;

use super::write::Markdown;

/// Tables of at most so many rows are written whole.
const WHOLE: u64 = 50;
/// Of a longer one, so many rows are.
const FIRST: usize = 20;
/// Columns beyond this are counted and left out.
const MAX_COLUMNS: usize = 200;
/// Examples shown of a column, and how long each may be, in characters.
const EXAMPLES: usize = 3;
const EXAMPLE_LENGTH: usize = 40;
/// Longest cell that is written, in characters.
const CELL_LENGTH: usize = 500;

/// A table that is fed row by row and keeps nothing but a description of them.
#[derive(Default)]
pub(super) struct Described {
    header: Option<Vec<String>>,
    columns: Vec<Column>,
    first: Vec<Vec<String>>,
    rows: u64,
}

/// What is known of a column.
#[derive(Default)]
struct Column {
    kinds: [u64; KINDS.len()],
    empty: u64,
    examples: Vec<String>,
}

const KINDS: [&str; 6] = ["boolean", "integer", "number", "date", "timestamp", "text"];
const TEXT: usize = 5;

impl Described {
    /// A table whose first row may or may not be a header: it is one where no cell of it is a
    /// number or a date, and where they differ (but for neighbours).
    pub(super) fn with_first_row(first: Vec<String>) -> Self {
        let mut table = Self::default();
        if is_header(&first) {
            table.set_header(first);
        } else {
            table.row(first);
        }
        table
    }

    pub(super) fn with_header(header: Vec<String>) -> Self {
        let mut table = Self::default();
        table.set_header(header);
        table
    }

    fn set_header(&mut self, header: Vec<String>) {
        self.columns
            .resize_with(header.len().min(MAX_COLUMNS), Column::default);
        self.header = Some(header);
    }

    /// The next row, top to bottom.
    pub(super) fn row(&mut self, mut cells: Vec<String>) {
        self.rows += 1;
        cells.truncate(MAX_COLUMNS);
        if cells.len() > self.columns.len() {
            let before = self.rows - 1;
            self.columns.resize_with(cells.len(), || Column {
                empty: before,
                ..Column::default()
            });
        }
        for (at, column) in self.columns.iter_mut().enumerate() {
            column.take(cells.get(at).map_or("", String::as_str));
        }
        if self.rows <= WHOLE {
            self.first.push(
                cells
                    .iter()
                    .map(|cell| shortened(cell, CELL_LENGTH))
                    .collect(),
            );
        }
    }

    /// Rows that were counted without being read.
    pub(super) fn more_rows(&mut self, rows: u64) {
        self.rows += rows;
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes what the table is. `read` tells how many rows the types were told from, where that is
    /// not all of them.
    pub(super) fn write(mut self, markdown: &mut Markdown, read: Option<u64>) {
        let names = self.names();
        let (rows, columns) = (self.rows, names.len());
        let plural = |count: u64, word: &str| match count {
            1 => format!("1 {word}"),
            count => format!("{} {word}s", grouped(count)),
        };
        let mut summary = format!(
            "{}, {}.",
            plural(rows, "row"),
            plural(columns as u64, "column")
        );
        if let Some(read) = read.filter(|read| *read < rows) {
            summary.push_str(&format!(
                " Types are told from the first {}.",
                grouped(read)
            ));
        }
        markdown.paragraph(&summary);
        if rows == 0 {
            markdown.table(&[names]);
            return;
        }
        if rows > WHOLE {
            let described = self.columns.iter().zip(&names).map(|(column, name)| {
                vec![name.clone(), column.kind(), column.examples.join("; ")]
            });
            let head = ["Column", "Type", "Examples"].map(str::to_owned).to_vec();
            let table: Vec<Vec<String>> = std::iter::once(head).chain(described).collect();
            markdown.table(&table);
            self.first.truncate(FIRST);
            markdown.paragraph(&format!("The first {FIRST} rows:"));
        }
        self.first.insert(0, names);
        markdown.table(&self.first);
    }

    fn names(&self) -> Vec<String> {
        let header = self.header.as_deref().unwrap_or_default();
        (0..self.columns.len())
            .map(|at| match header.get(at).map(|name| name.trim()) {
                Some(name) if !name.is_empty() => name.to_owned(),
                _ => format!("column {}", letters(at)),
            })
            .collect()
    }
}

impl Column {
    fn take(&mut self, cell: &str) {
        let cell = cell.trim();
        if cell.is_empty() {
            self.empty += 1;
            return;
        }
        self.kinds[kind(cell)] += 1;
        if self.examples.len() < EXAMPLES {
            let example = shortened(cell, EXAMPLE_LENGTH);
            if !self.examples.contains(&example) {
                self.examples.push(example);
            }
        }
    }

    /// The kind of all its cells (whole numbers among others are numbers), and how many are empty.
    fn kind(&self) -> String {
        let seen: Vec<usize> = (0..KINDS.len()).filter(|at| self.kinds[*at] > 0).collect();
        let name = match seen.as_slice() {
            [] => return "empty".to_owned(),
            [one] => KINDS[*one],
            [1, 2] => KINDS[2],
            [3, 4] => KINDS[4],
            _ => KINDS[TEXT],
        };
        match self.empty {
            0 => name.to_owned(),
            empty => format!("{name}, {} empty", grouped(empty)),
        }
    }
}

fn kind(cell: &str) -> usize {
    let lower = cell.to_ascii_lowercase();
    if lower == "true" || lower == "false" {
        return 0;
    }
    let digits = cell.trim_start_matches(['-', '+']);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty() {
        return 1;
    }
    let plain = cell.strip_suffix('%').unwrap_or(cell).replace(',', "");
    if plain.bytes().any(|byte| byte.is_ascii_digit()) && plain.parse::<f64>().is_ok() {
        return 2;
    }
    let bytes = cell.as_bytes();
    let is_day = bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => matches!(byte, b'-' | b'/' | b'.'),
            _ => byte.is_ascii_digit(),
        });
    match (is_day, bytes.get(10)) {
        (true, None) => 3,
        (true, Some(b' ' | b'T')) => 4,
        _ => TEXT,
    }
}

/// Whether a row names columns.
pub(super) fn is_header(cells: &[String]) -> bool {
    let mut named: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
    named.retain(|cell| !cell.is_empty());
    let is_wide = named.len() * 2 > cells.len();
    // A cell that spans columns stands in each of them.
    named.dedup();
    let distinct: HashSet<&&str> = named.iter().collect();
    !named.is_empty()
        && is_wide
        && distinct.len() == named.len()
        && named.iter().all(|cell| kind(cell) == TEXT)
}

/// `A` for 0, `AB` for 27: columns as spreadsheets name them.
pub(super) fn letters(at: usize) -> String {
    let mut name = String::new();
    let mut left = at + 1;
    while left > 0 {
        name.insert(0, (b'A' + ((left - 1) % 26) as u8) as char);
        left = (left - 1) / 26;
    }
    name
}

fn shortened(cell: &str, length: usize) -> String {
    let line = super::write::one_line(cell);
    match line.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// 1234567 as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
