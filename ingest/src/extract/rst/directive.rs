//! What begins with two dots: directives, targets, footnotes, comments.

use super::super::csv;
use super::{Reader, indented, marker, unindented};

/// Directives whose content is for the build or the eye only.
const UNREAD: [&str; 16] = [
    "toctree",
    "contents",
    "sectnum",
    "raw",
    "include",
    "literalinclude",
    "meta",
    "index",
    "highlight",
    "default-role",
    "currentmodule",
    "module",
    "automodule",
    "tabularcolumns",
    "role",
    "sectionauthor",
];
/// Directives that say something about their content.
const ADMONITIONS: [&str; 16] = [
    "note",
    "warning",
    "tip",
    "important",
    "attention",
    "caution",
    "danger",
    "error",
    "hint",
    "seealso",
    "todo",
    "versionadded",
    "versionchanged",
    "deprecated",
    "deprecated-removed",
    "rubric",
];
const CODE: [&str; 6] = [
    "code-block",
    "code",
    "sourcecode",
    "parsed-literal",
    "math",
    "prompt",
];

impl Reader {
    /// Reads a block that begins with two dots, and gives its length in lines.
    pub(super) fn explicit(&mut self, lines: &[&str], items: usize, depth: usize) -> usize {
        let length = 1 + indented(&lines[1..]);
        let first = lines[0][2..].trim();
        if let Some(note) = first.strip_prefix('[') {
            // A footnote or a citation: its text, under its name.
            let (name, text) = note.split_once(']').unwrap_or((note, ""));
            let text = [&[text.trim()], &lines[1..length]].concat().join(" ");
            self.paragraph(&format!("({name}) {}", text.trim()));
            return length;
        }
        let is_name = |name: &str| {
            !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '`')
        };
        // Anything else is a target, a substitution (read before) or a comment.
        if let Some((name, argument)) = first.split_once("::").filter(|(name, _)| is_name(name)) {
            let body = unindented(&lines[1..length]);
            let options = body
                .iter()
                .take_while(|line| super::field(line).is_some())
                .count();
            let (options, content) = body.split_at(options);
            let blank = content.iter().take_while(|line| line.is_empty()).count();
            let content = &content[blank..];
            self.directive(
                &name.to_lowercase(),
                argument.trim(),
                options,
                content,
                items,
                depth,
            );
        }
        length
    }

    fn directive(
        &mut self,
        name: &str,
        argument: &str,
        options: &[&str],
        content: &[&str],
        items: usize,
        depth: usize,
    ) {
        let option = |name: &str| {
            let mut all = options.iter().filter_map(|line| super::field(line));
            all.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        if UNREAD.contains(&name) || name.starts_with("auto") {
            return;
        }
        if CODE.contains(&name) {
            let language: String = argument.chars().filter(|c| c.is_alphanumeric()).collect();
            return self
                .markdown
                .code(&language, content.join("\n").trim_matches('\n'));
        }
        match name {
            "image" | "figure" => self.paragraph(option("alt").unwrap_or_default()),
            "csv-table" => {
                self.paragraph(argument);
                let header = option("header").map(str::to_owned);
                let rows = header
                    .into_iter()
                    .chain(content.iter().map(|line| (*line).to_owned()));
                if let Ok(page) = csv::page(&rows.collect::<Vec<_>>().join("\n")) {
                    self.markdown.raw(&page.markdown);
                }
                return;
            }
            "list-table" => {
                self.paragraph(argument);
                let rows: Vec<Vec<String>> = list_table(content)
                    .iter()
                    .map(|row| row.iter().map(|cell| self.inline.markdown(cell)).collect())
                    .collect();
                return self.markdown.table(&rows);
            }
            name if ADMONITIONS.contains(&name) => {
                let mut words = name.replace("version", "version ").replace('-', ", ");
                words[..1].make_ascii_uppercase();
                let text = content.iter().take_while(|line| !line.is_empty()).count();
                let is_text = content[..text]
                    .iter()
                    .all(|line| marker(line).is_none() && !line.starts_with(".. "));
                let text = if is_text { text } else { 0 };
                let first = [&[argument], &content[..text]].concat().join(" ");
                self.paragraph(&format!("{words}: {}", first.trim()));
                return self.blocks(&content[text..], items, depth + 1);
            }
            // `.. py:function:: name(arguments)`, `.. admonition:: title`, and what an extension adds.
            _ => self.paragraph(argument),
        }
        self.blocks(content, items, depth + 1);
    }
}

/// A list of lists as a table.
fn list_table(content: &[&str]) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in content {
        let mut rest = *line;
        if let Some(row) = rest.strip_prefix("* ") {
            rows.push(Vec::new());
            rest = row;
        }
        let Some(row) = rows.last_mut() else { continue };
        let bare = rest.trim_start();
        match bare.strip_prefix("- ").or((bare == "-").then_some("")) {
            Some(cell) => row.push(cell.to_owned()),
            None => {
                if let Some(cell) = row.last_mut() {
                    cell.push_str(&format!(" {bare}"));
                }
            }
        }
    }
    rows
}
