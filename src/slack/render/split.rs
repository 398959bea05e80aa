//! A long text in parts, each of which can stand alone: a code block that is cut is closed and opened
//! again, a table that is cut has its header again.

use docent_core::models::marks::may_become_code_block;

/// For the fence that closes a cut code block.
const RESERVE: usize = 24;
/// Longest first line of a code block that is repeated as it is.
const LONGEST_OPENER: usize = 60;

/// A part of a text. Its bodies in a row are the text; before and after them stands what was repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub prefix: String,
    pub body: String,
    pub suffix: String,
}

impl Part {
    pub fn text(&self) -> String {
        format!("{}{}{}", self.prefix, self.body, self.suffix)
    }
}

/// What a text ends in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Words,
    /// A code block: its first line, and the fence that closes it.
    Code { opener: String, closer: String },
    /// A table: its header with the line below it.
    Table { header: String },
}

/// The text in parts of at most `longest` UTF-16 units each.
pub fn parts(text: &str, longest: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut prefix = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = cut(&prefix, rest, longest, 0);
        let (part, next) = part(&prefix, &rest[..end], &rest[end..], longest);
        rest = &rest[end..];
        prefix = next;
        parts.push(part);
    }
    parts
}

/// The part that begins with `prefix` and `body`, and the prefix of the one with the rest.
pub fn part(prefix: &str, body: &str, rest: &str, longest: usize) -> (Part, String) {
    let mut suffix = String::new();
    let mut next = String::new();
    let at_line_end = body.ends_with('\n') || body.is_empty();
    if !rest.is_empty() {
        match within(&format!("{prefix}{body}")) {
            Within::Words => {}
            // One of a hundred backticks is not worth the room.
            Within::Code { closer, .. } if closer.len() + 2 > RESERVE => {}
            Within::Code { opener, closer } => {
                if !at_line_end {
                    suffix.push('\n');
                }
                suffix.push_str(&closer);
                next = format!("{opener}\n");
            }
            Within::Table { header } => {
                let fits = length(&header) <= longest / 3;
                if fits && at_line_end && rest.split('\n').next().is_some_and(is_row) {
                    next = header;
                }
            }
        }
    }
    let part = Part {
        prefix: prefix.to_owned(),
        body: body.to_owned(),
        suffix,
    };
    (part, next)
}

/// Where the part that begins with `prefix` ends in `rest`, behind `least` bytes of it: all of it where
/// that is short enough.
pub fn cut(prefix: &str, rest: &str, longest: usize, least: usize) -> usize {
    let room = longest.saturating_sub(length(prefix) + RESERVE).max(1);
    let Some(hard) = nth_unit(rest, room) else {
        return rest.len();
    };
    if hard <= least {
        // What was shown already cannot be taken back.
        return least.max(first_char(rest));
    }
    let lines = line_starts(prefix, rest, hard);
    let from = |share: usize| move |at: &usize| *at > least && *at >= hard / share;
    let last = |good: &dyn Fn(Break) -> bool, share: usize| {
        let found = lines.iter().rev().filter(|(_, kind)| good(*kind));
        found.map(|(at, _)| *at).find(from(share))
    };
    let in_block = matches!(
        within(&format!("{prefix}{}", &rest[..hard])),
        Within::Code { .. } | Within::Table { .. }
    );
    let paragraph = |kind: Break| kind == Break::Paragraph;
    let line = |kind: Break| matches!(kind, Break::Paragraph | Break::Line);
    let any = |_: Break| true;
    let found = if in_block {
        // A block goes whole into the next part, unless most of this one would stay empty.
        last(&paragraph, 6).or_else(|| last(&any, 3))
    } else {
        last(&paragraph, 2)
            .or_else(|| last(&line, 3))
            .or_else(|| last(&paragraph, 6))
    };
    found
        .or_else(|| space(rest, hard, hard / 3).filter(|at| *at > least))
        .or_else(|| last(&any, usize::MAX))
        .unwrap_or(hard)
}

/// The length of a text as Slack counts it, which is not told: no way to count gives more.
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// How good it is to cut before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// Before a paragraph, a heading or a whole block.
    Paragraph,
    Line,
    /// In a code block or a table, or behind a heading.
    Inside,
}

/// The lines that begin at or before `hard`, except for the first.
fn line_starts(prefix: &str, rest: &str, hard: usize) -> Vec<(usize, Break)> {
    let mut scanner = Scanner::default();
    for line in prefix.split_inclusive('\n') {
        scanner.line(line);
    }
    let mut starts = Vec::new();
    let mut at = 0;
    let mut before = "";
    let mut lines = rest.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if at > hard {
            break;
        }
        let was_code = matches!(scanner.within, Within::Code { .. });
        let was_table = matches!(scanner.within, Within::Table { .. });
        let in_table = was_table && is_row(line);
        scanner.line(line);
        let begins_code = !was_code && matches!(scanner.within, Within::Code { .. });
        // The header's own line is not known as one before the line below it.
        let below_header = is_delimiter(line) && is_row(before);
        let begins_table = is_row(line) && lines.peek().is_some_and(|next| is_delimiter(next));
        let kind = if was_code || in_table || is_heading(before) || below_header {
            Break::Inside
        } else if begins_code || begins_table || is_heading(line) || before.trim().is_empty() {
            Break::Paragraph
        } else {
            Break::Line
        };
        if at > 0 {
            starts.push((at, kind));
        }
        at += line.len();
        before = line;
    }
    starts
}

fn within(text: &str) -> Within {
    let mut scanner = Scanner::default();
    for line in text.split_inclusive('\n') {
        scanner.line(line);
    }
    scanner.within
}

/// Reads lines.
#[derive(Default)]
struct Scanner {
    within: Within,
    before: String,
}

impl Scanner {
    fn line(&mut self, line: &str) {
        match &self.within {
            Within::Code { closer, .. } => {
                let text = line.trim();
                let mark = closer.as_bytes()[0];
                if text.len() >= closer.len() && text.bytes().all(|byte| byte == mark) {
                    self.within = Within::Words;
                }
            }
            Within::Table { .. } if is_row(line) => {}
            _ => {
                self.within = if let Some(code) = code(line) {
                    code
                } else if is_delimiter(line) && is_row(&self.before) && line.ends_with('\n') {
                    Within::Table {
                        header: format!("{}{line}", self.before),
                    }
                } else {
                    Within::Words
                };
            }
        }
        line.clone_into(&mut self.before);
    }
}

/// The code block that a line begins.
fn code(line: &str) -> Option<Within> {
    let start = line.find(['`', '~'])?;
    let mark = line.as_bytes()[start];
    let run = line[start..]
        .bytes()
        .take_while(|byte| *byte == mark)
        .count();
    let info = line[start + run..].trim();
    let begins =
        run >= 3 && may_become_code_block(&line[..start]) && (mark == b'~' || !info.contains('`'));
    if !begins {
        return None;
    }
    let closer = char::from(mark).to_string().repeat(run);
    let opener = format!("{closer}{info}");
    Some(Within::Code {
        opener: if length(&opener) <= LONGEST_OPENER {
            opener
        } else {
            closer.clone()
        },
        closer,
    })
}

fn is_row(line: &str) -> bool {
    line.contains('|') && !line.trim().is_empty()
}

/// The line below a table's header.
fn is_delimiter(line: &str) -> bool {
    let line = line.trim();
    line.contains('|') && line.contains('-') && line.chars().all(|c| "|-: ".contains(c))
}

fn is_heading(line: &str) -> bool {
    let marks = line.bytes().take_while(|byte| *byte == b'#').count();
    (1..=6).contains(&marks) && line[marks..].starts_with([' ', '\n'])
}

/// Behind the last space before `hard`, at `least` or later.
fn space(text: &str, hard: usize, least: usize) -> Option<usize> {
    let at = text[..hard].rfind([' ', '\t'])? + 1;
    (at >= least.max(1)).then_some(at)
}

/// Where the text's first `units` UTF-16 units end; `None`: it has no more of them.
fn nth_unit(text: &str, units: usize) -> Option<usize> {
    let mut counted = 0;
    for (at, c) in text.char_indices() {
        counted += c.len_utf16();
        if counted > units {
            return Some(at);
        }
    }
    None
}

fn first_char(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checked(text: &str, longest: usize) -> Vec<String> {
        let parts = parts(text, longest);
        let whole: String = parts.iter().map(|part| part.body.as_str()).collect();
        assert_eq!(whole, text);
        let texts: Vec<String> = parts.iter().map(Part::text).collect();
        for text in &texts {
            assert!(length(text) <= longest, "{} > {longest}", length(text));
        }
        texts
    }

    #[test]
    fn a_short_text_is_one_part() {
        assert_eq!(checked("Hourly [1].", 100), ["Hourly [1]."]);
        assert_eq!(checked("", 100), Vec::<String>::new());
    }

    #[test]
    fn a_code_block_goes_whole_into_the_next_part() {
        let code = format!("```sql\n{}```\n", "select 1;\n".repeat(10));
        let text = format!("{}\n\n{code}", "word ".repeat(20));
        let texts = checked(&text, 200);
        assert_eq!(texts.len(), 2);
        assert_eq!(texts[1], code);
    }

    #[test]
    fn a_code_block_that_fits_nowhere_is_closed_and_opened_again() {
        let text = format!("```sql\n{}```\nDone.", "select 1;\n".repeat(60));
        let texts = checked(&text, 200);
        assert!(texts.len() > 3);
        for text in &texts {
            assert!(text.starts_with("```sql\n"), "{text}");
            assert_eq!(text.matches("```").count(), 2, "{text}");
        }
    }

    #[test]
    fn a_table_that_fits_nowhere_has_its_header_in_each_part() {
        let head = "| table | loaded |\n|---|---|\n";
        let text = format!("{head}{}\nDone.", "| fct_trips | hourly |\n".repeat(40));
        let texts = checked(&text, 200);
        assert!(texts.len() > 3);
        for text in &texts[..texts.len() - 1] {
            assert!(text.starts_with(head), "{text}");
        }
    }

    #[test]
    fn a_heading_is_not_left_behind() {
        let text = format!("{}\n\n## Load\n{}", "a ".repeat(60), "b ".repeat(60));
        let texts = checked(&text, 160);
        assert!(texts[1].starts_with("## Load"), "{texts:?}");
    }

    #[test]
    fn a_word_without_end_is_cut_anyway() {
        assert!(checked(&"x".repeat(1000), 100).len() > 10);
        assert!(checked(&"가🚲".repeat(300), 100).len() > 8);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 300,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn parts_are_the_text_and_none_is_too_long(
            lines in prop::collection::vec(line(), 0..60),
            longest in 120_usize..400,
        ) {
            checked(&lines.concat(), longest);
        }
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("```sql\n".to_owned()),
            Just("```\n".to_owned()),
            Just("~~~~ a language with a name that is much longer than any language has one ~ ~ ~ ~\n".to_owned()),
            Just("\n".to_owned()),
            Just("# Heading\n".to_owned()),
            Just("| a | b |\n".to_owned()),
            Just("|---|---|\n".to_owned()),
            "[a-z| `가-힣🚲]{0,200}",
            "[a-z |]{0,90}\n",
        ]
    }
}
