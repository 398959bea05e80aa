//! Cleaning Markdown by rules: what is on a page but says nothing.

pub(crate) mod edits;
mod furniture;

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use edits::OPTIONS;

/// How often the rules are applied: taking one thing out may bring out another.
const PASSES: usize = 6;

/// The cleaned text: no link definitions (their links become inline ones), tables of contents,
/// "Edit this page" lines, invisible characters, trailing or repeated blank space; NFC. Code blocks
/// and tables keep every visible character. The same text gives the same result, and a cleaned text
/// is not changed any more.
pub fn clean(markdown: &str) -> String {
    let mut text = pass(markdown);
    for _ in 1..PASSES {
        let again = pass(&text);
        if again == text {
            break;
        }
        text = again;
    }
    text
}

fn pass(markdown: &str) -> String {
    let visible = without_invisible(markdown);
    let text = visible.as_deref().unwrap_or(markdown);
    let edited = furniture::edits(text);
    if edited.is_empty() {
        return tidy(text);
    }
    tidy(&edited.apply(text))
}

/// Characters that a reader does not see, and that could hide words from one or make two equal
/// words differ: zero-width and bidirectional controls, tag characters, soft hyphens and other
/// controls. Joiners are kept: Persian, Hindi and emoji are written with them.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn without_invisible(text: &str) -> Option<String> {
    // `\t` and `\n` are no part of the list; a text of plain ASCII needs one look at its bytes.
    text.contains(is_invisible)
        .then(|| text.replace(is_invisible, ""))
}

/// Blank space and normal form, outside of code and tables.
fn tidy(text: &str) -> String {
    let kept = kept_whole(text);
    let mut result = String::with_capacity(text.len() + 1);
    let mut done = 0;
    for range in kept {
        if range.start < done {
            continue;
        }
        tidy_prose(&text[done..range.start], &mut result);
        result.push_str(&text[range.clone()]);
        done = range.end;
    }
    tidy_prose(&text[done..], &mut result);
    let trimmed = result.trim_end();
    let start = trimmed.len() - trimmed.trim_start_matches('\n').len();
    trimmed[start..].to_owned()
}

/// Where code blocks and tables stand, whole lines.
fn kept_whole(text: &str) -> Vec<Range<usize>> {
    let mut kept = Vec::new();
    let mut inside = false;
    for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::Table(_)) if !inside => {
                inside = true;
                kept.push(range);
            }
            Event::End(TagEnd::CodeBlock | TagEnd::Table) => inside = false,
            _ => {}
        }
    }
    kept
}

fn tidy_prose(prose: &str, into: &mut String) {
    for line in prose.split_inclusive('\n') {
        let Some(bare) = line.strip_suffix('\n') else {
            // The start of a line whose rest is kept, such as the indentation of a code block.
            push_nfc(line, into);
            continue;
        };
        let bare = match bare.trim_end() {
            // Two spaces at its end break a line in Markdown, but nothing that is searched.
            "" if into.is_empty() || into.ends_with("\n\n") => continue,
            bare => bare,
        };
        push_nfc(bare, into);
        into.push('\n');
    }
}

fn push_nfc(line: &str, into: &mut String) {
    if line.is_ascii() || is_nfc(line) {
        into.push_str(line);
    } else {
        into.extend(line.nfc());
    }
}
