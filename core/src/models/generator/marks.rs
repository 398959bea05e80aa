//! Citation marks in Markdown: `[3]`, `[1, 2]`, `[^4]`. What stands in a code span, a code block or
//! behind a backslash is text: `table[0]` is a column, not a citation.

use std::borrow::Cow;
use std::ops::Range;

/// Longest text between the brackets of a citation, as in `[12, 13]`.
const LONGEST: usize = 24;

/// A citation in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// From its bracket to its bracket, in bytes.
    pub place: Range<usize>,
    /// What it cites, whether there are such passages or not.
    pub numbers: Vec<usize>,
}

/// The citations of a whole text, in reading order.
pub fn marks(text: &str) -> Vec<Mark> {
    let mut reader = Reader::default();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((length, piece)) = reader.piece(&text[at..], true) {
        if let Piece::Mark(numbers) = piece {
            let place = at..at + length;
            found.push(Mark { place, numbers });
        }
        at += length;
    }
    found
}

/// The fence that closes the code block in which a text ends.
pub fn open_fence(text: &str) -> Option<String> {
    let mut reader = Reader::default();
    let mut at = 0;
    while let Some((length, _)) = reader.piece(&text[at..], true) {
        at += length;
    }
    let (mark, opened) = reader.fence?;
    Some(char::from(mark).to_string().repeat(opened))
}

/// A text in which nothing is a citation any more: its own brackets are escaped.
pub fn escaped(text: &str) -> Cow<'_, str> {
    let found = marks(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut escaped = text.to_owned();
    for mark in found.iter().rev() {
        escaped.insert(mark.place.start, '\\');
    }
    Cow::Owned(escaped)
}

/// What a text begins with.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that is no citation.
    Verbatim,
    Mark(Vec<usize>),
}

/// Reads Markdown piece by piece, as it arrives.
#[derive(Debug, Default)]
pub struct Reader {
    /// The open code block's mark and how often it stands in its fence.
    fence: Option<(u8, usize)>,
    /// The line so far, as much of it as may be marks of list items and of quotes.
    line: String,
    /// Whether more than those stands in it.
    in_line: bool,
}

impl Reader {
    /// Whether what it read last stands in a code block that is still open.
    pub fn in_block(&self) -> bool {
        self.fence.is_some()
    }

    /// The first piece of `text`, which goes on where the last piece ended, and its length in bytes.
    /// `None`: nothing is left, or what is there may become another thing when more of it has
    /// arrived (not where `is_all` says that nothing will).
    pub fn piece(&mut self, text: &str, is_all: bool) -> Option<(usize, Piece)> {
        if text.is_empty() {
            return None;
        }
        if self.fence.is_some() {
            return self.code_line(text, is_all);
        }
        let found = text.find(['`', '~', '[', '\\', '\n']);
        let special = match found {
            Some(special) => special,
            None if is_all => text.len(),
            None => before_a_number(text),
        };
        if special == 0 && found.is_none() {
            return None;
        }
        if special > 0 {
            self.reads(&text[..special]);
            return Some((special, Piece::Verbatim));
        }
        let first = text.as_bytes()[0];
        match first {
            b'\n' => {
                self.line.clear();
                self.in_line = false;
                return Some((1, Piece::Verbatim));
            }
            b'`' | b'~' => return self.code(text, first, is_all),
            _ => {}
        }
        let found = if first == b'[' {
            bracket(text, is_all)
        } else {
            escape(text, is_all)
        };
        self.in_line |= found.is_some();
        found
    }

    /// Text of a line in which nothing is special.
    fn reads(&mut self, text: &str) {
        self.in_line |= !text.chars().all(of_a_lead);
        if !self.in_line {
            self.line.push_str(text);
        }
    }

    /// A line of an open code block, which its fence may close.
    fn code_line(&mut self, text: &str, is_all: bool) -> Option<(usize, Piece)> {
        let length = match text.find('\n') {
            Some(newline) => newline + 1,
            None if is_all => text.len(),
            None => return None,
        };
        if let Some((mark, opened)) = self.fence {
            let line = text[..length].trim();
            if line.len() >= opened && line.bytes().all(|byte| byte == mark) {
                self.fence = None;
            }
        }
        Some((length, Piece::Verbatim))
    }

    /// A run of backticks or tildes: the fence of a code block, a code span, or just characters.
    fn code(&mut self, text: &str, mark: u8, is_all: bool) -> Option<(usize, Piece)> {
        let run = text.bytes().take_while(|byte| *byte == mark).count();
        if run == text.len() && !is_all {
            return None;
        }
        let end_of_line = text.find('\n');
        if run >= 3 && !self.in_line && may_become_code_block(&self.line) {
            let end = end_of_line.or(is_all.then_some(text.len()))?;
            // A fence of backticks has none behind it in its line: else it is a code span.
            if mark == b'~' || !text[run..end].contains('`') {
                self.fence = Some((mark, run));
                return Some(((end + 1).min(text.len()), Piece::Verbatim));
            }
        }
        self.in_line = true;
        if mark == b'~' {
            return Some((run, Piece::Verbatim));
        }
        let line = &text[..end_of_line.unwrap_or(text.len())];
        match closing(line, run) {
            // More backticks may follow, and then it closes nothing.
            Some(end) if end == text.len() && !is_all => None,
            Some(end) => Some((end, Piece::Verbatim)),
            // Without its partner in the line it is only a character.
            None if end_of_line.is_some() || is_all => Some((run, Piece::Verbatim)),
            None => None,
        }
    }
}

/// Where the number begins with which a text ends, as far as it has arrived: `1.` may become the mark of
/// a list item or `1.5`.
fn before_a_number(text: &str) -> usize {
    let number = text.strip_suffix(['.', ')']).unwrap_or(text);
    let before = number.trim_end_matches(|c: char| c.is_ascii_digit());
    if before.len() == number.len() {
        text.len()
    } else {
        before.len()
    }
}

/// Whether a character may belong to the mark of a list item or of a quote, or stand around it.
fn of_a_lead(c: char) -> bool {
    c.is_whitespace() || c.is_ascii_digit() || "-*+>.)".contains(c)
}

/// Whether a code block may begin behind what stands in its line: nothing but space, and the marks of
/// list items and quotes.
pub fn may_become_code_block(line: &str) -> bool {
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = match first {
            '>' | '-' | '*' | '+' => &rest[1..],
            _ => {
                let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                if after.len() == rest.len() || !after.starts_with(['.', ')']) {
                    return false;
                }
                &after[1..]
            }
        };
        if first != '>' && !after.starts_with(char::is_whitespace) {
            return false;
        }
        rest = after.trim_start();
    }
    true
}

/// The end of the code span that begins with `run` backticks: behind the next run as long.
fn closing(line: &str, run: usize) -> Option<usize> {
    let mut at = run;
    loop {
        let start = at + line[at..].find('`')?;
        let length = line[start..].bytes().take_while(|b| *b == b'`').count();
        at = start + length;
        if length == run {
            return Some(at);
        }
    }
}

fn bracket(text: &str, is_all: bool) -> Option<(usize, Piece)> {
    let inside = &text[1..];
    let other = inside.find(|c: char| !(c.is_ascii_digit() || " ,;^".contains(c)));
    match other {
        Some(close) if inside.as_bytes()[close] == b']' && close <= LONGEST => {
            let piece = numbers(&inside[..close]).map_or(Piece::Verbatim, Piece::Mark);
            Some((close + 2, piece))
        }
        None if inside.len() <= LONGEST && !is_all => None,
        _ => Some((1, Piece::Verbatim)),
    }
}

/// A backslash and what it makes plain text.
fn escape(text: &str, is_all: bool) -> Option<(usize, Piece)> {
    match text[1..].chars().next() {
        Some(next) if next.is_ascii_punctuation() => Some((2, Piece::Verbatim)),
        None if !is_all => None,
        _ => Some((1, Piece::Verbatim)),
    }
}

/// The numbers of a mark's inside, `3` or `1, 2`; `None`: it is no citation.
fn numbers(inside: &str) -> Option<Vec<usize>> {
    inside
        .split([',', ';'])
        .map(|part| {
            let part = part.trim().trim_start_matches('^');
            let digits =
                !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cited(text: &str) -> Vec<usize> {
        marks(text)
            .into_iter()
            .flat_map(|mark| mark.numbers)
            .collect()
    }

    #[test]
    fn marks_of_every_form_are_found_where_they_stand() {
        let text = "Hourly [1][2]. Daily [3, 4]; see [^5].";
        assert_eq!(cited(text), [1, 2, 3, 4, 5]);
        assert_eq!(&text[marks(text)[2].place.clone()], "[3, 4]");
    }

    #[test]
    fn code_and_escaped_brackets_hold_no_citations() {
        assert_eq!(cited("`rows[0]` and ``a`[1]`` are code [2]."), [2]);
        assert_eq!(cited("```sql\nSELECT a[1]\n~~~\nb[3]\n```\nDone [2]."), [2]);
        assert_eq!(cited("~~~\na[1]\n"), Vec::<usize>::new());
        assert_eq!(cited("1. ```\n   a[1]\n   ```\n   Done [2]."), [2]);
        assert_eq!(cited(r"The footnote \[1] is text [2]."), [2]);
        assert_eq!(cited("[x] and [1:2] and [ ] and ["), Vec::<usize>::new());
    }

    #[test]
    fn a_code_block_begins_behind_the_marks_of_lists_and_quotes_only() {
        for lead in ["", "  ", "- ", "1. ", "12) ", "> ", ">", "> - "] {
            assert!(may_become_code_block(lead), "{lead:?}");
        }
        for lead in [". ", "-", "1", "1.", "a", "- a", "1 "] {
            assert!(!may_become_code_block(lead), "{lead:?}");
        }
        assert_eq!(cited(". ```\na[1]\n"), [1]);
    }

    #[test]
    fn a_text_with_brackets_of_its_own_is_escaped_outside_of_code() {
        let text = "See [2] and `rows[0]`.";
        assert_eq!(escaped(text), r"See \[2] and `rows[0]`.");
        assert_eq!(cited(&escaped(text)), Vec::<usize>::new());
    }

    #[test]
    fn a_text_that_ends_in_a_code_block_is_told_how_to_close_it() {
        assert_eq!(
            open_fence("So:\n\n````sql\nSELECT 1").as_deref(),
            Some("````")
        );
        assert_eq!(open_fence("So:\n```\nSELECT 1\n```\n"), None);
    }

    #[test]
    fn a_backtick_without_its_partner_hides_nothing() {
        assert_eq!(cited("A ` alone [1].\nAnother `` here [2]."), [1, 2]);
        assert_eq!(cited("```inline``` is a span [1]."), [1]);
    }
}
