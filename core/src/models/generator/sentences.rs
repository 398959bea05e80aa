//! Cutting a passage's Markdown into what can be quoted: sentences, list items, table rows and lines
//! of code. Each is a piece of the passage, as it stands.

use super::bare_code::leading_code;

/// What a quotable piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Prose,
    Item,
    Row,
    Code,
}

/// A quotable piece and what stands above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence<'a> {
    pub(super) text: &'a str,
    pub(super) kind: Kind,
    /// The last heading above it in the passage.
    pub(super) heading: &'a str,
    /// The table's header of a row; the sentence that introduces a list or a piece of code.
    pub(super) lead: &'a str,
}

/// The pieces of a passage in reading order. Headings, rules, link definitions and comments are not
/// quoted.
pub(super) fn sentences(text: &str) -> Vec<Sentence<'_>> {
    let mut cutter = Cutter {
        text,
        found: Vec::new(),
        heading: "",
        lead: "",
        open: None,
    };
    let code = leading_code(text);
    let mut fence: Option<&str> = None;
    let mut comment = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (at, end) = (start, start + line.len());
        start = end;
        let body = line.trim();
        if at < code {
            cutter.push(body, Kind::Code);
            continue;
        }
        // The fence that closes it opens nothing.
        if at == code && code > 0 {
            continue;
        }
        if let Some(mark) = fence {
            if body.starts_with(mark) && body.chars().all(|c| mark.starts_with(c)) {
                fence = None;
            } else {
                cutter.push(body, Kind::Code);
            }
            continue;
        }
        if comment || body.starts_with("<!--") {
            cutter.close();
            comment = !body.contains("-->");
            continue;
        }
        match line_kind(body) {
            Line::Fence(mark) => {
                cutter.close();
                fence = Some(mark);
            }
            Line::Heading(heading) => {
                cutter.close();
                (cutter.heading, cutter.lead) = (heading, "");
            }
            Line::Underline if cutter.is_prose_open() => cutter.close_as_heading(),
            Line::TableRule => {
                if let Some(header) = cutter.found.pop_if(|last| last.kind == Kind::Row) {
                    cutter.lead = header.text;
                }
            }
            Line::Row => {
                cutter.close();
                cutter.push(body, Kind::Row);
            }
            Line::Item => {
                cutter.close();
                cutter.open = Some((at + (line.len() - line.trim_start().len()), end, Kind::Item));
            }
            Line::Text => cutter.extend(at, end),
            Line::Blank => cutter.close_block(),
            Line::Underline | Line::Unquotable => cutter.close(),
        }
    }
    cutter.close();
    cutter.found
}

struct Cutter<'a> {
    text: &'a str,
    found: Vec<Sentence<'a>>,
    heading: &'a str,
    lead: &'a str,
    /// Start, end and kind of the paragraph or item that is being read.
    open: Option<(usize, usize, Kind)>,
}

impl<'a> Cutter<'a> {
    fn push(&mut self, text: &'a str, kind: Kind) {
        // A line of brackets says nothing.
        if text.chars().any(char::is_alphanumeric) {
            let (heading, lead) = (self.heading, self.lead);
            self.found.push(Sentence {
                text,
                kind,
                heading,
                lead,
            });
        }
    }

    fn extend(&mut self, at: usize, end: usize) {
        if let Some((_, open_end, _)) = &mut self.open {
            *open_end = end;
        } else {
            self.open = Some((at, end, Kind::Prose));
        }
    }

    fn is_prose_open(&self) -> bool {
        matches!(self.open, Some((_, _, Kind::Prose)))
    }

    fn close(&mut self) {
        let Some((start, end, kind)) = self.open.take() else {
            return;
        };
        let text = self.text;
        if kind == Kind::Prose {
            self.lead = "";
        }
        let mut last = "";
        for sentence in split(&text[start..end]) {
            self.push(sentence, kind);
            last = sentence;
        }
        if kind == Kind::Prose {
            self.lead = last;
        }
    }

    fn close_block(&mut self) {
        self.close();
        // After a blank line only a sentence that announces something is still about what follows.
        let last = self.found.last().map(|sentence| sentence.kind);
        if last == Some(Kind::Row) || !self.lead.ends_with(':') && last != Some(Kind::Item) {
            self.lead = "";
        }
    }

    fn close_as_heading(&mut self) {
        if let Some((start, end, _)) = self.open.take() {
            (self.heading, self.lead) = (self.text[start..end].trim(), "");
        }
    }
}

enum Line<'a> {
    Blank,
    Fence(&'a str),
    Heading(&'a str),
    Underline,
    TableRule,
    Row,
    Item,
    Text,
    Unquotable,
}

fn line_kind(body: &str) -> Line<'_> {
    let quoted = body.trim_start_matches(['>', ' ']);
    if quoted.is_empty() {
        return Line::Blank;
    }
    if quoted.starts_with("```") || quoted.starts_with("~~~") {
        return Line::Fence(&quoted[..3]);
    }
    let hashes = quoted.len() - quoted.trim_start_matches('#').len();
    if (1..=6).contains(&hashes) && quoted[hashes..].starts_with([' ', '\t']) {
        return Line::Heading(quoted[hashes..].trim_matches(['#', ' ', '\t']));
    }
    if quoted.starts_with('|') || quoted.contains(" | ") {
        let rule = quoted
            .chars()
            .all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'));
        return if rule { Line::TableRule } else { Line::Row };
    }
    if quoted.chars().all(|c| matches!(c, '-' | '|' | ':' | ' ')) && quoted.contains('|') {
        return Line::TableRule;
    }
    if quoted.chars().all(|c| c == '=') || quoted.chars().all(|c| c == '-') {
        return Line::Underline;
    }
    if quoted.chars().all(|c| matches!(c, '*' | '_' | ' ')) {
        return Line::Unquotable;
    }
    // `[name]: https://…`
    if quoted.starts_with('[')
        && let Some((name, target)) = quoted.split_once("]:")
        && !name.contains(']')
        && target.starts_with(' ')
        && !target.trim().contains(' ')
    {
        return Line::Unquotable;
    }
    let number = quoted.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered =
        number.len() < quoted.len() && (number.starts_with(". ") || number.starts_with(") "));
    if numbered
        || ["- ", "* ", "+ "]
            .iter()
            .any(|mark| quoted.starts_with(mark))
    {
        return Line::Item;
    }
    Line::Text
}

/// Words whose full stop does not end a sentence.
const ABBREVIATIONS: [&str; 18] = [
    "e.g", "i.e", "eg", "ie", "vs", "cf", "mr", "mrs", "ms", "dr", "prof", "approx", "fig", "no",
    "st", "al", "resp", "incl",
];

/// The sentences of a paragraph, without the whitespace between them. Nothing is cut inside `code`.
pub(super) fn split(paragraph: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut code = false;
    let mut chars = paragraph.char_indices().peekable();
    let mut push = |from: usize, to: usize| {
        let sentence = paragraph[from..to]
            .trim()
            .trim_start_matches("> ")
            .trim_start();
        if !sentence.is_empty() {
            sentences.push(sentence);
        }
    };
    while let Some((at, c)) = chars.next() {
        if c == '`' {
            while chars.next_if(|(_, next)| *next == '`').is_some() {}
            // Without a partner it is only a character.
            code = !code && paragraph[at + 1..].contains('`');
            continue;
        }
        if code || !matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            continue;
        }
        let mut end = at + c.len_utf8();
        while let Some((closer, next)) = chars.next_if(|(_, next)| {
            matches!(
                next,
                '"' | '\'' | '”' | '’' | ')' | '*' | '_' | '」' | '』' | '.' | '!' | '?'
            )
        }) {
            end = closer + next.len_utf8();
        }
        if ends_sentence(&paragraph[start..at], c, &paragraph[end..]) {
            push(start, end);
            start = end;
        }
    }
    push(start, paragraph.len());
    sentences
}

/// Whether the mark `c` between `before` and `after` ends a sentence.
fn ends_sentence(before: &str, c: char, after: &str) -> bool {
    if matches!(c, '。' | '！' | '？') {
        return true;
    }
    let last = before.chars().next_back();
    if !after.starts_with(char::is_whitespace) {
        // Korean is often written without the space: 했다.그리고
        return last.is_some_and(is_hangul) && after.starts_with(is_hangul);
    }
    let Some(next) = after
        .trim_start()
        .chars()
        .find(|c| !matches!(c, '"' | '“' | '\'' | '(' | '*' | '_' | '['))
    else {
        return true;
    };
    if next.is_lowercase() {
        return false;
    }
    if c != '.' {
        return true;
    }
    let word = before
        .rsplit([' ', '\n', '(', '[', '"', '*'])
        .next()
        .unwrap_or("");
    let is_initial = word.len() == 1 && word.chars().all(|c| c.is_ascii_uppercase());
    let is_number_of_item =
        !before.trim().contains(' ') && word.chars().all(|c| c.is_ascii_digit());
    !is_initial && !is_number_of_item && !ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

fn is_hangul(c: char) -> bool {
    matches!(c, '가'..='힣')
}

#[cfg(test)]
#[path = "sentences_tests.rs"]
mod tests;
