//! PDF by `unpdf`: reading order by columns, headings by the size of their letters, ruled tables,
//! lists, code. What stands on which page is marked for the citation.

use std::collections::HashMap;

use docent_core::document::Outcome;
use unpdf::{
    Block, Document, ErrorKind, InlineContent, Page as PdfPage, Paragraph, ParseOptions, Table,
};

use super::write::{Markdown, one_line};
use super::{Page, title};

/// Lines at the head and the foot of a page that may be furniture.
const EDGE: usize = 2;
/// Longest line of such furniture, in characters.
const FURNITURE_LENGTH: usize = 120;

/// Reads a PDF. `Skipped` where it has no text: a scan, or a password.
pub(super) fn page(bytes: &[u8]) -> Result<Page, Outcome> {
    let options = ParseOptions::new().lenient().sequential();
    // Offsets count from the header, wherever it stands.
    let start = bytes
        .windows(5)
        .position(|window| window == b"%PDF-")
        .unwrap_or(0);
    let document = unpdf::parse_bytes_with_options(&bytes[start..], options).map_err(|error| {
        match error.kind() {
            ErrorKind::Encrypted | ErrorKind::InvalidPassword => {
                Outcome::Skipped("encrypted; save it without a password".to_owned())
            }
            _ => Outcome::Failed(format!("not readable as PDF: {error}")),
        }
    })?;
    let scanned: Vec<u32> = document
        .pages
        .iter()
        .filter(|page| is_scan(page))
        .map(|page| page.number)
        .collect();
    if !document.pages.is_empty() && scanned.len() == document.pages.len() {
        return Err(Outcome::Skipped(format!(
            "scanned: its {} pages are pictures of text; run text recognition over it (such as \
             ocrmypdf)",
            scanned.len()
        )));
    }
    let markdown = write(&document);
    if markdown.trim().is_empty() {
        return Err(Outcome::Skipped("empty: its pages hold no text".to_owned()));
    }
    let mut notes = Vec::new();
    if !scanned.is_empty() {
        let pages: Vec<String> = scanned.iter().map(u32::to_string).collect();
        notes.push(format!(
            "pages that are scanned pictures were left out: {}",
            pages.join(", ")
        ));
    }
    notes.extend(
        document
            .extraction_quality
            .warning_message()
            .filter(|_| scanned.is_empty()),
    );
    Ok(Page {
        title: own_title(&document),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        ..Page::of(markdown)
    })
}

/// A picture, and no letter.
fn is_scan(page: &PdfPage) -> bool {
    page.image_op_count > 0
        && page
            .elements
            .iter()
            .all(|block| text_of(block).trim().is_empty())
}

fn text_of(block: &Block) -> String {
    let mut text = String::new();
    block.append_plain_text(&mut text);
    text
}

/// The first line where it is a heading, else the title that the file was given.
fn own_title(document: &Document) -> Option<String> {
    let first = document
        .pages
        .first()?
        .elements
        .iter()
        .find_map(|block| match block {
            Block::Paragraph(paragraph) if !paragraph.is_empty() => Some(paragraph),
            _ => None,
        });
    let heading = first
        .filter(|first| first.is_heading())
        .map(|first| title::tidy(&words(first)));
    let given = || {
        document
            .metadata
            .title
            .as_deref()
            .map(title::tidy)
            .filter(|title| is_title(title))
    };
    heading
        .filter(|heading| title::is_telling(heading))
        .or_else(given)
}

/// Programs write names of files and of themselves where a title belongs.
fn is_title(text: &str) -> bool {
    let lower = text.to_lowercase();
    let is_name = !lower.contains(' ') && (lower.contains('.') || lower.contains('_'));
    let is_program = [
        "untitled",
        "microsoft word - ",
        "microsoft powerpoint - ",
        "(anonymous)",
    ]
    .iter()
    .any(|start| lower.starts_with(start));
    !text.is_empty() && !is_name && !is_program
}

fn write(document: &Document) -> String {
    let furniture = furniture(document);
    let mut markdown = Markdown::default();
    // A paragraph that may go on over the page's end.
    let mut open: Option<String> = None;
    for page in &document.pages {
        if is_scan(page) {
            flush(&mut markdown, &mut open);
            markdown.page(page.number);
            markdown.paragraph(&format!(
                "(Page {} is a scanned picture whose text cannot be read.)",
                page.number
            ));
            continue;
        }
        let mut is_marked = false;
        for (at, block) in page.elements.iter().enumerate() {
            if is_edge(page, at) && furniture.contains_key(&bare(&text_of(block))) {
                continue;
            }
            if !is_marked
                && let (Some(begun), Block::Paragraph(paragraph)) = (&mut open, block)
                && goes_on(begun, paragraph)
            {
                begun.push(' ');
                begun.push_str(&words(paragraph));
                continue;
            }
            flush(&mut markdown, &mut open);
            if !is_marked {
                markdown.page(page.number);
                is_marked = true;
            }
            match block {
                Block::Paragraph(paragraph) if is_plain(paragraph) => open = Some(words(paragraph)),
                block => self::block(block, &mut markdown),
            }
        }
    }
    flush(&mut markdown, &mut open);
    markdown.finish()
}

fn flush(markdown: &mut Markdown, open: &mut Option<String>) {
    if let Some(text) = open.take() {
        markdown.paragraph(&text);
    }
}

fn is_plain(paragraph: &Paragraph) -> bool {
    !paragraph.is_heading() && !paragraph.is_list_item()
}

/// Whether a paragraph at a page's head is the rest of the one at the last page's foot.
fn goes_on(begun: &str, paragraph: &Paragraph) -> bool {
    let is_ended = begun
        .trim_end()
        .ends_with(['.', '!', '?', ':', ';', '。', '다']);
    let next = words(paragraph);
    is_plain(paragraph) && !is_ended && next.starts_with(char::is_lowercase)
}

fn block(block: &Block, markdown: &mut Markdown) {
    match block {
        Block::Paragraph(paragraph) => {
            let text = words(paragraph);
            if let Some(level) = paragraph.heading_level() {
                markdown.heading(usize::from(level), &text);
            } else if let Some(list) = &paragraph.style.list_info {
                let number = list.item_number.map(u64::from);
                markdown.item(usize::from(list.level), number, &text);
            } else {
                markdown.paragraph(&text);
            }
        }
        Block::Table(table) => markdown.table(&rows(table)),
        Block::Code { content } => markdown.code("", content),
        Block::Raw { content } => markdown.paragraph(content),
        Block::Image { .. } | Block::HorizontalRule | Block::PageBreak | Block::SectionBreak => {}
    }
}

/// The words of a paragraph without its marker; links keep their addresses.
fn words(paragraph: &Paragraph) -> String {
    let mut text = String::new();
    for content in &paragraph.content {
        match content {
            InlineContent::Text(run) => text.push_str(&run.text),
            InlineContent::LineBreak => text.push(' '),
            InlineContent::Link {
                text: words, url, ..
            } if words.contains(url.as_str()) => {
                text.push_str(words);
            }
            InlineContent::Link {
                text: words, url, ..
            } => {
                text.push_str(&format!("[{}]({url})", words.trim()));
            }
            InlineContent::Image { alt_text, .. } => {
                text.push_str(alt_text.as_deref().unwrap_or_default());
            }
        }
    }
    one_line(&text)
}

/// The cells of a table in a grid; a merged cell's text stands in each of its columns.
fn rows(table: &Table) -> Vec<Vec<String>> {
    let columns = table.cell_columns();
    let rows = table.rows.iter().zip(&columns).map(|(row, columns)| {
        let mut cells: Vec<String> = Vec::new();
        for (cell, column) in row.cells.iter().zip(columns) {
            let text = cell.content.iter().map(words).collect::<Vec<_>>().join(" ");
            let end = column + usize::from(cell.colspan.max(1));
            if cells.len() < end {
                cells.resize(end, String::new());
            }
            for place in &mut cells[*column..end] {
                place.clone_from(&text);
            }
        }
        cells
    });
    rows.collect()
}

fn is_edge(page: &PdfPage, at: usize) -> bool {
    at < EDGE || at + EDGE >= page.elements.len()
}

/// Running heads and feet: the same line, but for its numbers, at the edge of several pages.
fn furniture(document: &Document) -> HashMap<String, usize> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for page in &document.pages {
        let mut of_page: Vec<String> = page
            .elements
            .iter()
            .enumerate()
            .filter(|(at, block)| is_edge(page, *at) && matches!(block, Block::Paragraph(_)))
            .map(|(_, block)| bare(&text_of(block)))
            .filter(|line| !line.is_empty() && line.chars().count() <= FURNITURE_LENGTH)
            .collect();
        of_page.sort_unstable();
        of_page.dedup();
        for line in of_page {
            *seen.entry(line).or_default() += 1;
        }
    }
    let enough = (document.pages.len() / 5).max(2);
    seen.retain(|_, pages| *pages >= enough);
    seen
}

/// A line without its numbers: page numbers differ.
fn bare(line: &str) -> String {
    let letters: String = line.chars().filter(|c| !c.is_numeric()).collect();
    one_line(&letters)
}
