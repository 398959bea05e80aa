//! Cleaning Markdown by rules: what is on a page but says nothing.

pub(crate) mod edits;
mod furniture;
pub(crate) mod model;

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// How often the rules are applied: taking one thing out may bring out another, such as a second
/// definition of the same link.
const PASSES: usize = 32;

/// The cleaned text: no link definitions (their links become inline ones), tables of contents,
/// "Edit this page" lines, invisible characters, trailing or repeated blank space; NFC. Code blocks
/// and tables keep every visible character. The same text gives the same result, and a cleaned text
/// is not changed any more.
pub fn clean(markdown: &str) -> String {
    let mut text = Cow::Borrowed(markdown);
    for _ in 0..PASSES {
        if text.contains(is_invisible) {
            text = Cow::Owned(text.replace(is_invisible, ""));
        }
        let found = furniture::find(&text);
        if found.edits.is_empty() {
            return tidy(&text, &found.kept);
        }
        text = Cow::Owned(found.edits.apply(&text));
    }
    let kept = furniture::find(&text).kept;
    tidy(&text, &kept)
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

/// Blank space and normal form, outside of code and tables.
fn tidy(text: &str, kept: &[Range<usize>]) -> String {
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
