//! DOCX: paragraphs, headings, lists and tables of the body, as they read when every tracked change
//! is accepted. Headers, footers and tables of contents are furniture.

use std::collections::HashMap;

use docent_core::document::Outcome;

use super::numbering::Styles;
use super::xml::{Node, Tag, Xml};
use super::{Package, Relation, relations};
use crate::extract::Page;
use crate::extract::write::Markdown;

/// Elements whose content is not part of the text: what was deleted or moved away, instructions of
/// fields, and the older twin of a drawing.
const UNREAD: [&str; 6] = [
    "del",
    "moveFrom",
    "instrText",
    "delText",
    "Fallback",
    "rPrChange",
];
/// Widest span of a cell that is believed.
const MAX_SPAN: usize = 60;

pub(super) fn page(package: &mut Package<'_>, main: &str) -> Result<Page, Outcome> {
    let folder = &main[..=main.rfind('/').unwrap_or(0)];
    let styles = Styles::of(package, folder)?;
    let links = relations(package, main)?;
    let notes = footnotes(package, folder)?;
    let body = package.read(main)?.unwrap_or_default();
    let mut reader = Reader {
        styles,
        links,
        notes,
        markdown: Markdown::default(),
        title: None,
        paragraphs: Vec::new(),
        tables: Vec::new(),
        counters: HashMap::new(),
        unread: 0,
        in_text: false,
    };
    let mut xml = Xml::of(&body[..]);
    while let Some(node) = xml.next()? {
        reader.take(node);
    }
    Ok(Page {
        title: reader.title,
        ..Page::of(reader.markdown.finish())
    })
}

/// The texts of footnotes, by id.
fn footnotes(package: &mut Package<'_>, folder: &str) -> Result<HashMap<String, String>, Outcome> {
    let mut notes: HashMap<String, String> = HashMap::new();
    let Some(bytes) = package.read(&format!("{folder}footnotes.xml"))? else {
        return Ok(notes);
    };
    let mut xml = Xml::of(&bytes[..]);
    let mut id = String::new();
    let mut in_text = false;
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(tag) if tag.name == "footnote" => {
                id = tag.get("id").unwrap_or_default().to_owned();
            }
            Node::Start(tag) => in_text = tag.name == "t",
            Node::Text(text) if in_text => notes.entry(id.clone()).or_default().push_str(&text),
            Node::End(_) => in_text = false,
            Node::Text(_) => {}
        }
    }
    Ok(notes)
}

struct Reader {
    styles: Styles,
    links: HashMap<String, Relation>,
    notes: HashMap<String, String>,
    markdown: Markdown,
    title: Option<String>,
    /// The paragraphs that are open: one in a text box stands inside another.
    paragraphs: Vec<Paragraph>,
    tables: Vec<Table>,
    /// Next number of each list and level.
    counters: HashMap<(String, usize), u64>,
    /// How many elements of [`UNREAD`] are open.
    unread: usize,
    in_text: bool,
}

#[derive(Default)]
struct Paragraph {
    text: String,
    style: String,
    outline: Option<usize>,
    list: Option<String>,
    level: Option<usize>,
    link: Option<(usize, String)>,
}

/// A table that is being read; one in a cell of another becomes text of that cell.
#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    cell: String,
    span: usize,
    /// Whether the cell goes on from the row above.
    continues: bool,
}

impl Reader {
    fn take(&mut self, node: Node) {
        match node {
            Node::Start(tag) if UNREAD.contains(&tag.name.as_str()) => self.unread += 1,
            Node::End(name) if UNREAD.contains(&name.as_str()) => {
                self.unread = self.unread.saturating_sub(1);
            }
            _ if self.unread > 0 => {}
            Node::Start(tag) => self.start(&tag),
            Node::End(name) => self.end(&name),
            Node::Text(text) if self.in_text => self.push(&text),
            Node::Text(_) => {}
        }
    }

    fn push(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    fn start(&mut self, tag: &Tag) {
        match tag.name.as_str() {
            "p" => self.paragraphs.push(Paragraph::default()),
            "t" => self.in_text = true,
            "tab" | "br" | "cr" | "ptab" => self.push(" "),
            "noBreakHyphen" => self.push("-"),
            "docPr" => {
                // A picture's description, where a person has written one.
                if let Some(words) = tag.get("descr") {
                    self.push(&format!(" {words} "));
                }
            }
            "footnoteReference" => {
                let note = tag.get("id").and_then(|id| self.notes.get(id));
                if let Some(note) = note.map(|note| format!(" ({})", note.trim())) {
                    self.push(&note);
                }
            }
            "hyperlink" => {
                let target = tag.relation().and_then(|id| self.links.get(id));
                let target = target
                    .filter(|target| target.is_external)
                    .map(|target| target.target.clone());
                if let (Some(target), Some(paragraph)) = (target, self.paragraphs.last_mut()) {
                    paragraph.link = Some((paragraph.text.len(), target));
                }
            }
            "tbl" => self.tables.push(Table::default()),
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    table.rows.push(Vec::new());
                }
            }
            "tc" => {
                if let Some(table) = self.tables.last_mut() {
                    (table.cell, table.span, table.continues) = (String::new(), 1, false);
                }
            }
            "gridSpan" => {
                if let (Some(table), Some(span)) = (self.tables.last_mut(), tag.get("val")) {
                    table.span = span.parse().unwrap_or(1).clamp(1, MAX_SPAN);
                }
            }
            "vMerge" => {
                if let Some(table) = self.tables.last_mut() {
                    table.continues = tag.get("val") != Some("restart");
                }
            }
            _ => self.property(tag),
        }
    }

    fn property(&mut self, tag: &Tag) {
        let Some(paragraph) = self.paragraphs.last_mut() else {
            return;
        };
        let value = tag.get("val");
        let level = || value.and_then(|level| level.parse().ok());
        match tag.name.as_str() {
            "pStyle" => paragraph.style = value.unwrap_or_default().to_owned(),
            "outlineLvl" => paragraph.outline = level(),
            "numId" => paragraph.list = value.map(str::to_owned),
            "ilvl" => paragraph.level = level(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "hyperlink" => {
                if let Some(paragraph) = self.paragraphs.last_mut()
                    && let Some((start, target)) = paragraph.link.take()
                    && let Some(words) = paragraph.text.get(start..)
                    && !words.trim().is_empty()
                {
                    let link = format!("[{}]({target})", words.trim());
                    paragraph.text.truncate(start);
                    paragraph.text.push_str(&link);
                }
            }
            "p" => {
                if let Some(paragraph) = self.paragraphs.pop() {
                    self.paragraph(&paragraph);
                }
            }
            "tc" => {
                if let Some(table) = self.tables.last_mut() {
                    table.end_cell();
                }
            }
            "tbl" => {
                if let Some(table) = self.tables.pop() {
                    self.table(&table);
                }
            }
            _ => {}
        }
    }

    fn paragraph(&mut self, paragraph: &Paragraph) {
        if let Some(table) = self.tables.last_mut() {
            let words = paragraph.text.trim();
            if !table.cell.is_empty() && !words.is_empty() {
                table.cell.push_str("; ");
            }
            table.cell.push_str(words);
            return;
        }
        let styles = &self.styles;
        if paragraph.text.trim().is_empty() || styles.is_contents(&paragraph.style) {
            return;
        }
        let outline = paragraph
            .outline
            .filter(|level| *level < 9)
            .map(|level| level + 1);
        if let Some(level) = styles.heading(&paragraph.style).or(outline) {
            if level == 1 && self.title.is_none() {
                self.title = Some(crate::extract::title::tidy(&paragraph.text));
            }
            self.counters.clear();
            self.markdown.heading(level, &paragraph.text);
            return;
        }
        // `0` takes a paragraph out of the list that its style names.
        let list = match &paragraph.list {
            Some(list) => Some((list.clone(), paragraph.level.unwrap_or(0))),
            None => styles.list(&paragraph.style),
        };
        match list.filter(|(list, _)| list != "0") {
            Some((list, level)) => {
                let is_numbered = styles.is_numbered(&list, level);
                let number = is_numbered.then(|| self.next_number(&list, level));
                self.markdown.item(level, number, &paragraph.text);
            }
            None => self.markdown.paragraph(&paragraph.text),
        }
    }

    fn next_number(&mut self, list: &str, level: usize) -> u64 {
        // A new item begins the numbering of what stands below it.
        self.counters
            .retain(|(other, below), _| other != list || *below <= level);
        let number = self.counters.entry((list.to_owned(), level)).or_insert(0);
        *number += 1;
        *number
    }

    fn table(&mut self, table: &Table) {
        if let Some(outer) = self.tables.last_mut() {
            let rows = table.rows.iter().map(|row| row.join(", "));
            let text = rows.collect::<Vec<_>>().join("; ");
            outer.cell.push_str(&format!(" {text}"));
        } else if let [row] = table.rows.as_slice() {
            // A table of one row frames a text.
            for cell in row {
                self.markdown.paragraph(cell);
            }
        } else {
            self.markdown.table(&table.rows);
        }
    }
}

impl Table {
    /// A merged cell's text stands in each of its places: so each row can be read alone.
    fn end_cell(&mut self) {
        let row = self.rows.len().saturating_sub(1);
        let column = self.rows.last().map_or(0, Vec::len);
        let above = row
            .checked_sub(1)
            .and_then(|above| self.rows.get(above)?.get(column));
        let text = match above {
            Some(above) if self.continues => above.clone(),
            _ => std::mem::take(&mut self.cell),
        };
        if let Some(cells) = self.rows.last_mut() {
            cells.extend(std::iter::repeat_n(text, self.span));
        }
    }
}
