//! XLSX: each sheet is a described table. Hidden sheets are left out.

use docent_core::document::Outcome;

use super::sheet::{self, Sheet};
use super::xml::{Node, Xml};
use super::{Package, relations};
use crate::extract::Page;
use crate::extract::table::Described;
use crate::extract::write::Markdown;

/// Most sheets that are read.
const MAX_SHEETS: usize = 200;
/// Most text that cells may share, in bytes.
const MAX_SHARED: usize = 200_000_000;
/// Formulas and comments that are written of a sheet.
const NAMED: usize = 30;

/// What a workbook tells of its cells.
#[derive(Default)]
pub(super) struct Book {
    /// Texts that cells name by number.
    pub(super) shared: Vec<String>,
    /// How numbers are shown, by the number of a cell's style.
    pub(super) formats: Vec<Format>,
    /// Days are counted from 1904, as the first spreadsheets on a Mac did.
    pub(super) since_1904: bool,
}

/// What a number means by the way it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Number,
    Percent,
    /// A day, a time, or both, as a count of days.
    Time,
}

pub(super) fn page(package: &mut Package<'_>, main: &str) -> Result<Page, Outcome> {
    let links = relations(package, main)?;
    let part = |kind: &str| {
        let mut all = links.values();
        all.find(|link| link.kind == kind)
            .map(|link| link.target.clone())
    };
    let (strings, styles) = (part("sharedStrings"), part("styles"));
    let (names, since_1904) = sheets(&package.read(main)?.unwrap_or_default())?;
    let book = Book {
        shared: strings.map_or(Ok(Vec::new()), |part| shared(package, &part))?,
        formats: styles.map_or(Ok(Vec::new()), |part| formats(package, &part))?,
        since_1904,
    };
    let mut markdown = Markdown::default();
    let mut hidden = 0;
    for (name, id, is_hidden) in names.into_iter().take(MAX_SHEETS) {
        if is_hidden {
            hidden += 1;
            continue;
        }
        let Some(part) = links.get(&id).filter(|link| link.kind == "worksheet") else {
            continue; // A chart on a sheet of its own.
        };
        let Some(sheet) = sheet::read(package, &part.target, &book)? else {
            continue;
        };
        markdown.heading(2, &format!("Sheet {name}"));
        write(sheet, &mut markdown);
        if markdown.len() > crate::extract::MAX_MARKDOWN {
            break;
        }
    }
    if hidden > 0 {
        markdown.paragraph(&format!("Hidden sheets left out: {hidden}."));
    }
    Ok(Page::of(markdown.finish()))
}

/// Name, relation and hiddenness of each sheet, and where days are counted from.
fn sheets(bytes: &[u8]) -> Result<(Vec<(String, String, bool)>, bool), Outcome> {
    let mut xml = Xml::of(bytes);
    let mut sheets = Vec::new();
    let mut since_1904 = false;
    while let Some(node) = xml.next()? {
        let Node::Start(tag) = node else { continue };
        match tag.name.as_str() {
            "workbookPr" => since_1904 = matches!(tag.get("date1904"), Some("1" | "true")),
            "sheet" => sheets.push((
                tag.get("name").unwrap_or_default().to_owned(),
                tag.relation().unwrap_or_default().to_owned(),
                tag.get("state").is_some_and(|state| state != "visible"),
            )),
            _ => {}
        }
    }
    Ok((sheets, since_1904))
}

fn shared(package: &mut Package<'_>, part: &str) -> Result<Vec<String>, Outcome> {
    let Some(stream) = package.stream(part)? else {
        return Ok(Vec::new());
    };
    let mut xml = Xml::of(std::io::BufReader::new(stream));
    let (mut texts, mut bytes) = (Vec::new(), 0);
    let (mut current, mut in_text, mut in_reading) = (String::new(), false, false);
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(tag) => match tag.name.as_str() {
                "si" => current.clear(),
                "t" => in_text = !in_reading,
                // How Kanji are read: beside the text, not in it.
                "rPh" => in_reading = true,
                _ => {}
            },
            Node::Text(text) if in_text => current.push_str(&text),
            Node::Text(_) => {}
            Node::End(name) => match name.as_str() {
                "t" => in_text = false,
                "rPh" => in_reading = false,
                "si" => {
                    bytes += current.len();
                    if bytes > MAX_SHARED {
                        return Err(Outcome::Failed(format!(
                            "its cells hold more than {MAX_SHARED} bytes of text; save it as CSV"
                        )));
                    }
                    texts.push(std::mem::take(&mut current));
                }
                _ => {}
            },
        }
    }
    Ok(texts)
}

fn formats(package: &mut Package<'_>, part: &str) -> Result<Vec<Format>, Outcome> {
    let bytes = package.read(part)?.unwrap_or_default();
    let mut xml = Xml::of(&bytes[..]);
    let mut custom = std::collections::HashMap::new();
    let (mut formats, mut in_cells) = (Vec::new(), false);
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(tag) => {
                let id = tag
                    .get("numFmtId")
                    .and_then(|id| id.parse::<u32>().ok())
                    .unwrap_or(0);
                match tag.name.as_str() {
                    "numFmt" => {
                        custom.insert(id, format_of(tag.get("formatCode").unwrap_or_default()));
                    }
                    "cellXfs" => in_cells = true,
                    "xf" if in_cells => {
                        formats.push(custom.get(&id).copied().unwrap_or_else(|| built_in(id)));
                    }
                    _ => {}
                }
            }
            Node::End(name) if name == "cellXfs" => in_cells = false,
            _ => {}
        }
    }
    Ok(formats)
}

/// ECMA-376 part 1, 18.8.30: the formats that need no definition, those of East Asia with them.
fn built_in(id: u32) -> Format {
    match id {
        9 | 10 => Format::Percent,
        14..=22 | 27..=36 | 45..=47 | 50..=58 => Format::Time,
        _ => Format::Number,
    }
}

/// By the letters of a format code outside of quoted text, colours and conditions.
fn format_of(code: &str) -> Format {
    let mut letters = String::new();
    let mut rest = code.split(';').next().unwrap_or_default().chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => drop(rest.by_ref().find(|c| *c == '"')),
            '[' => drop(rest.by_ref().find(|c| *c == ']')),
            '\\' | '_' | '*' => drop(rest.next()),
            c => letters.extend(c.to_lowercase()),
        }
    }
    if letters.contains('%') {
        Format::Percent
    } else if letters.contains(['y', 'd', 'h', 's']) || letters.contains("mmm") {
        Format::Time
    } else {
        Format::Number
    }
}

fn write(sheet: Sheet, markdown: &mut Markdown) {
    let read = sheet.rows.len() as u64;
    let more = sheet.more_rows;
    let mut rows = sheet.rows.into_iter().peekable();
    let filled = |row: &Vec<String>| row.iter().filter(|cell| !cell.is_empty()).count();
    // A title above the table.
    while let Some(row) = rows.peek().filter(|row| filled(row) == 1) {
        let words = row.concat();
        markdown.paragraph(&words);
        rows.next();
    }
    if let Some(first) = rows.next() {
        let mut table = Described::with_first_row(first);
        for row in rows {
            table.row(row);
        }
        let types_from = table.rows();
        table.more_rows(more);
        table.write(markdown, (more > 0).then_some(types_from));
    } else if read == 0 {
        markdown.paragraph("Empty.");
    }
    for (title, lines) in [("Formulas", sheet.formulas), ("Comments", sheet.comments)] {
        if lines.is_empty() {
            continue;
        }
        markdown.paragraph(&format!("{title}:"));
        for (cell, text) in lines.into_iter().take(NAMED) {
            markdown.item(0, None, &format!("{cell}: {text}"));
        }
    }
}
