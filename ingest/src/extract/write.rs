//! Writing Markdown from what a format holds: every format ends in the same few blocks.

use crate::chunk::pages;

/// Cells of a row beyond this are left out: nobody reads a table of a thousand columns.
const MAX_COLUMNS: usize = 60;

/// A Markdown text that is being written, block by block.
#[derive(Default)]
pub(super) struct Markdown {
    text: String,
    /// Whether the last block was a list item: the next one follows without a blank line.
    in_list: bool,
}

impl Markdown {
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// A heading; nothing where its text is blank. Levels beyond 6 are 6.
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        let text = one_line(text);
        if !text.is_empty() {
            self.block(&format!("{} {text}", "#".repeat(level.clamp(1, 6))));
        }
    }

    /// A paragraph, on one line; nothing where it is blank.
    pub(super) fn paragraph(&mut self, text: &str) {
        let text = one_line(text);
        if !text.is_empty() {
            self.block(&guarded(text));
        }
    }

    /// An item of a list, `depth` from 0, numbered where `number` is given.
    pub(super) fn item(&mut self, depth: usize, number: Option<u64>, text: &str) {
        let text = one_line(text);
        if text.is_empty() {
            return;
        }
        if self.in_list {
            self.text.push('\n');
        } else {
            self.gap();
        }
        // Three spaces stand below the text of `1.` and of `-` alike.
        let indent = "   ".repeat(depth.min(6));
        let marker = number.map_or("-".to_owned(), |number| format!("{number}."));
        self.text
            .push_str(&format!("{indent}{marker} {}", guarded(text)));
        self.in_list = true;
    }

    /// A fenced block; nothing where it is blank.
    pub(super) fn code(&mut self, language: &str, text: &str) {
        let text = text.trim_end();
        if text.trim().is_empty() {
            return;
        }
        let ticks = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat((ticks + 1).max(3));
        self.block(&format!("{fence}{language}\n{text}\n{fence}"));
    }

    /// A table whose first row is its header. Short rows are filled up.
    pub(super) fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows
            .iter()
            .map(Vec::len)
            .max()
            .unwrap_or(0)
            .min(MAX_COLUMNS);
        if columns == 0 {
            return;
        }
        let mut lines = Vec::with_capacity(rows.len() + 1);
        for (number, row) in rows.iter().enumerate() {
            let cells = (0..columns).map(|column| row.get(column).map_or("", String::as_str));
            let cells: Vec<String> = cells.map(cell).collect();
            lines.push(format!("| {} |", cells.join(" | ")));
            if number == 0 {
                lines.push(format!("|{}", " --- |".repeat(columns)));
            }
        }
        self.block(&lines.join("\n"));
    }

    /// What follows stands on this page (from 1).
    pub(super) fn page(&mut self, page: u32) {
        self.block(&pages::mark(page));
    }

    /// Markdown that is written already.
    pub(super) fn raw(&mut self, markdown: &str) {
        let markdown = markdown.trim();
        if !markdown.is_empty() {
            self.block(markdown);
        }
    }

    fn block(&mut self, block: &str) {
        self.gap();
        self.text.push_str(block);
        self.in_list = false;
    }

    fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
    }
}

/// One line, single spaces.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}

/// A text that begins like a heading, a list, a fence or HTML would be read as one, and a fence or a
/// comment would swallow all that follows. Names inside stay as they are written.
fn guarded(text: String) -> String {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &text[digits..];
    let is_number = (1..=9).contains(&digits) && (rest.starts_with(". ") || rest.starts_with(") "));
    if is_number {
        return format!("{}\\{rest}", &text[..digits]);
    }
    let after = text.trim_start_matches('#');
    let is_heading = after.len() < text.len() && (after.is_empty() || after.starts_with(' '));
    let is_item = ["- ", "* ", "+ "].iter().any(|item| text.starts_with(item));
    let is_rule = text.len() > 1
        && ["-", "=", "*", "_"]
            .iter()
            .any(|c| text.replace(*c, "").trim().is_empty());
    let opens = ["```", "~~~", "<", ">", "|", "[toc]", "[TOC]"]
        .iter()
        .any(|mark| text.starts_with(mark));
    if is_heading || is_item || is_rule || opens {
        return format!("\\{text}");
    }
    text
}
