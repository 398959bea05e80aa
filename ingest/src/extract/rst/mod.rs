//! `reStructuredText`, as documentation is written in it: sections, lists, tables, directives and
//! roles become Markdown. What only a build of the documentation could fill in (tables of contents,
//! includes, generated API pages) is left out.

mod directive;
mod inline;
mod tables;

use super::write::Markdown;
use super::{Page, title};
use inline::Inline;

/// Blocks inside blocks that are read; deeper ones are taken as text.
const MAX_DEPTH: usize = 20;

/// Reads a text.
pub(super) fn page(text: &str) -> Page {
    let text = text.replace('\t', "        ");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut reader = Reader {
        markdown: Markdown::default(),
        adornments: Vec::new(),
        title: None,
        inline: Inline::of(&lines),
    };
    reader.blocks(&lines, 0, 0);
    Page {
        title: reader.title.filter(|words| title::is_telling(words)),
        ..Page::of(reader.markdown.finish())
    }
}

struct Reader {
    markdown: Markdown,
    /// Kinds of section lines in the order of their first use: their place is the heading's level.
    adornments: Vec<(char, bool)>,
    title: Option<String>,
    inline: Inline,
}

impl Reader {
    /// Reads blocks that all begin at the left edge; `items` lists are open around them.
    fn blocks(&mut self, lines: &[&str], items: usize, depth: usize) {
        let mut at = 0;
        while at < lines.len() {
            if lines[at].is_empty() {
                at += 1;
            } else if depth > MAX_DEPTH {
                self.paragraph(lines[at]);
                at += 1;
            } else {
                at += self.block(&lines[at..], items, depth).max(1);
            }
        }
    }

    /// Reads the block that begins here, and gives its length in lines.
    fn block(&mut self, lines: &[&str], items: usize, depth: usize) -> usize {
        let first = lines[0];
        if let Some(length) = self.section(lines) {
            return length;
        }
        if first == ".." || first.starts_with(".. ") {
            return self.explicit(lines, items, depth);
        }
        if let Some((rows, length)) = tables::at(lines) {
            let rows: Vec<Vec<String>> = rows
                .iter()
                .map(|row| row.iter().map(|cell| self.inline.markdown(cell)).collect())
                .collect();
            self.markdown.table(&rows);
            return length;
        }
        if let Some((marker, number)) = marker(first) {
            return self.item(lines, marker, number, items, depth);
        }
        if first.starts_with(' ') {
            // A quotation.
            let length = indented(lines);
            self.blocks(&unindented(&lines[..length]), items, depth + 1);
            return length;
        }
        if let Some((name, value)) = field(first) {
            let length = 1 + indented(&lines[1..]);
            let value = [&[value], &lines[1..length]].concat().join(" ");
            let text = self.inline.markdown(&format!("{name}: {value}"));
            self.markdown.item(0, None, &text);
            return length;
        }
        self.text(lines, items, depth)
    }

    /// A title over (and perhaps under) a line of one character.
    fn section(&mut self, lines: &[&str]) -> Option<usize> {
        let (words, line, is_over, length) = match lines {
            [over, words, under, ..] if adornment(over).is_some() && over == under => {
                (words, over, true, 3)
            }
            [words, under, ..] if adornment(under).is_some() && adornment(words).is_none() => {
                (words, under, false, 2)
            }
            _ => return None,
        };
        let short = line.chars().count() < 3 && line.chars().count() < words.trim().chars().count();
        if words.trim().is_empty() || (!is_over && words.starts_with(' ')) || short {
            return None;
        }
        let kind = (adornment(line)?, is_over);
        let known = self.adornments.iter().position(|known| *known == kind);
        let level = known.unwrap_or_else(|| {
            self.adornments.push(kind);
            self.adornments.len() - 1
        });
        let words = self.inline.markdown(words.trim());
        if self.title.is_none() && level == 0 {
            self.title = Some(title::tidy(&words.replace('`', "")));
        }
        self.markdown.heading(level + 1, &words);
        Some(length)
    }

    fn item(
        &mut self,
        lines: &[&str],
        marker: usize,
        number: Option<u64>,
        items: usize,
        depth: usize,
    ) -> usize {
        // What stands as far right as the item's text is part of it.
        let rest = lines[1..]
            .iter()
            .take_while(|line| line.is_empty() || indent(line) >= marker);
        let mut length = 1 + rest.count();
        while length > 1 && lines[length - 1].is_empty() {
            length -= 1;
        }
        let mut own: Vec<&str> = vec![&lines[0][marker.min(lines[0].len())..]];
        own.extend(
            lines[1..length]
                .iter()
                .map(|line| line.get(marker..).unwrap_or_default()),
        );
        // Its first paragraph is the item, what follows stands below it.
        let text = own.iter().take_while(|line| !line.is_empty()).count();
        let is_text = own[1..text]
            .iter()
            .position(|line| self::marker(line).is_some() || line.starts_with(".. "));
        let text = is_text.map_or(text, |at| at + 1);
        let words = own[..text].join(" ");
        let words = self.inline.markdown(words.trim_end_matches("::").trim());
        self.markdown.item(items, number, &words);
        if own[..text].last().is_some_and(|line| line.ends_with("::")) {
            let literal = unindented(&own[text..]);
            self.markdown
                .code("", literal.join("\n").trim_matches('\n'));
        } else {
            self.blocks(&own[text..], items + 1, depth + 1);
        }
        length
    }

    /// A paragraph, a literal block behind it, or a term with its definition.
    fn text(&mut self, lines: &[&str], items: usize, depth: usize) -> usize {
        let length = lines
            .iter()
            .take_while(|line| !line.is_empty() && !line.starts_with(' '))
            .count()
            .max(1);
        let text = lines[..length].join(" ");
        let blank = lines[length..]
            .iter()
            .take_while(|line| line.is_empty())
            .count();
        if let Some(before) = text.strip_suffix("::") {
            if !before.trim().is_empty() {
                self.paragraph(&format!("{}:", before.trim_end()));
            }
            let block = &lines[length + blank..];
            let end = indented(block);
            self.markdown
                .code("", unindented(&block[..end]).join("\n").trim_matches('\n'));
            return length + blank + end;
        }
        let definition = indented(&lines[length..]);
        if blank == 0 && definition > 0 && length == 1 {
            let below = unindented(&lines[length..length + definition]);
            let end = below.iter().take_while(|line| !line.is_empty()).count();
            if below[..end]
                .iter()
                .all(|line| !line.starts_with(".. ") && marker(line).is_none())
            {
                self.paragraph(&format!("{text}: {}", below[..end].join(" ")));
                self.blocks(&below[end..], items, depth + 1);
            } else {
                self.paragraph(&text);
                self.blocks(&below, items, depth + 1);
            }
            return length + definition;
        }
        self.paragraph(&text);
        length
    }

    fn paragraph(&mut self, text: &str) {
        let text = self.inline.markdown(text.trim_start_matches("| "));
        self.markdown.paragraph(&text);
    }
}

/// The character that a line repeats, where it does nothing else.
fn adornment(line: &str) -> Option<char> {
    let first = line.chars().next().filter(char::is_ascii_punctuation)?;
    (line.len() > 1 && line.chars().all(|c| c == first)).then_some(first)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// How many of the first lines are indented (blank ones between them counted).
fn indented(lines: &[&str]) -> usize {
    let whole = lines
        .iter()
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .count();
    whole
        - lines[..whole]
            .iter()
            .rev()
            .take_while(|line| line.is_empty())
            .count()
}

/// The lines without what all of them are indented by.
fn unindented<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let filled = lines.iter().filter(|line| !line.is_empty());
    let common = filled.map(|line| indent(line)).min().unwrap_or(0);
    lines
        .iter()
        .map(|line| line.get(common..).unwrap_or_default())
        .collect()
}

/// Where the text of a list item begins, and its number.
fn marker(line: &str) -> Option<(usize, Option<u64>)> {
    let mut chars = line.chars();
    let first = chars.next()?;
    if ['-', '*', '+', '•'].contains(&first) && chars.next() == Some(' ') {
        let bullet = first.len_utf8();
        return Some((bullet + indent(&line[bullet..]), None));
    }
    let bare = line.strip_prefix('(').unwrap_or(line);
    let digits = bare
        .bytes()
        .take_while(|byte| byte.is_ascii_digit() || *byte == b'#')
        .count();
    let rest = &bare[digits..];
    if (1..=4).contains(&digits) && (rest.starts_with(". ") || rest.starts_with(") ")) {
        let start = line.len() - rest.len() + 1;
        let number = bare[..digits].parse().unwrap_or(1);
        return Some((start + indent(&line[start..]), Some(number)));
    }
    None
}

/// `:name: value`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix(':')?.split_once(':')?;
    let is_name = !name.is_empty() && !name.contains('`') && name.len() < 60;
    (is_name && (value.is_empty() || value.starts_with(' '))).then_some((name, value.trim()))
}
