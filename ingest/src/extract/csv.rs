//! CSV and its kin: a described table, read row by row.

use docent_core::document::Outcome;

use super::Page;
use super::table::Described;
use super::write::Markdown;

/// What may stand between the fields, likeliest first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that the separator is told from.
const SNIFFED_LINES: usize = 20;

/// Reads a table. Rows of another length than the first are filled up or kept longer.
pub(super) fn page(text: &str) -> Result<Page, Outcome> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut table: Option<Described> = None;
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) if record.iter().all(|cell| cell.trim().is_empty()) => {}
            Ok(true) => {
                let cells = record.iter().map(str::to_owned).collect();
                match &mut table {
                    Some(table) => table.row(cells),
                    None => table = Some(Described::with_first_row(cells)),
                }
            }
            Err(error) => return Err(Outcome::Failed(format!("not readable as CSV: {error}"))),
        }
    }
    let mut markdown = Markdown::default();
    if let Some(table) = table {
        table.write(&mut markdown, None);
    }
    Ok(Page::of(markdown.finish()))
}

/// The separator that stands in most lines equally often, and in each.
fn separator(text: &str) -> u8 {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(SNIFFED_LINES)
        .collect();
    let count = |line: &str, separator: u8| {
        let mut quoted = false;
        line.bytes()
            .filter(|byte| {
                quoted ^= *byte == b'"';
                !quoted && *byte == separator
            })
            .count()
    };
    let score = |separator: u8| {
        let first = lines.first().map_or(0, |line| count(line, separator));
        let same = lines
            .iter()
            .filter(|line| count(line, separator) == first)
            .count();
        if first == 0 { 0 } else { same * 100 + first }
    };
    // `max_by_key` gives the last of equals: the likeliest goes last.
    SEPARATORS
        .into_iter()
        .rev()
        .max_by_key(|separator| score(*separator))
        .unwrap_or(b',')
}
