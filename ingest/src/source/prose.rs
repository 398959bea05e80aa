//! Words and Markdown for documents that docent writes itself.

use std::fmt::Write as _;

/// A name as code. Backticks in it would end it early, so it is fenced by more of them.
pub(super) fn code(name: &str) -> String {
    let name = one_line(name);
    if name.contains('`') {
        format!("`` {name} ``")
    } else {
        format!("`{name}`")
    }
}

/// `3 models`, `1 saved query`, `2 saved queries`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// `a table`, `an object`.
pub(super) fn article(noun: &str) -> String {
    let an = noun.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    format!("{} {noun}", if an { "an" } else { "a" })
}

/// Names as code, with commas and an "and" before the last.
pub(super) fn names(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| code(name.as_ref())).collect();
    and(&names)
}

/// `a, b and c`.
pub(super) fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Without line breaks or repeated blanks.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as a cell of a table: on one line, and no bar of its own.
pub(super) fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}

/// Text that somebody else wrote, as a part of a document: its headings become emphasis, so that
/// they do not cut the document into other sections than its own.
pub(super) fn embedded(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    for line in text.trim().lines() {
        let bare = line.trim();
        match fence {
            Some(mark) if bare.starts_with(mark) => fence = None,
            Some(_) => {}
            None => {
                fence = ["```", "~~~"]
                    .into_iter()
                    .find(|mark| bare.starts_with(mark));
            }
        }
        let hashes = bare.len() - bare.trim_start_matches('#').len();
        let is_heading =
            fence.is_none() && (1..=6).contains(&hashes) && bare[hashes..].starts_with([' ', '\t']);
        if is_heading {
            let _ = writeln!(result, "**{}**", bare.trim_matches(['#', ' ', '\t']));
        } else {
            let _ = writeln!(result, "{}", line.trim_end());
        }
    }
    if fence.is_some() {
        // One left open would swallow the rest of the document.
        result.push_str(fence.unwrap_or_default());
        result.push('\n');
    }
    result.trim_end().to_owned()
}

/// A sentence: with a full stop where it has no end of its own.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with(['.', '!', '?', ':', '。']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// A table of columns that are left out where they are empty in every row.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let used: Vec<usize> = (0..header.len())
        .filter(|column| rows.iter().any(|row| !row[*column].is_empty()))
        .collect();
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut table = line(used.iter().map(|column| header[*column]).collect());
    table.push_str(&line(used.iter().map(|_| "---").collect()));
    for row in rows {
        table.push_str(&line(
            used.iter().map(|column| row[*column].as_str()).collect(),
        ));
    }
    table
}

/// A document being written: blocks with a blank line between them.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) fn block(&mut self, text: &str) {
        let text = text.trim_matches('\n');
        if text.trim().is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A heading and its blocks; nothing where there are none.
    pub(super) fn section(&mut self, heading: &str, blocks: &[String]) {
        if blocks.iter().all(|block| block.trim().is_empty()) {
            return;
        }
        self.block(&format!("## {heading}"));
        for block in blocks {
            self.block(block);
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}
