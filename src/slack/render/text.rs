//! The Markdown of a message as plain text with Slack's own markup (`mrkdwn`): what notifications show,
//! and what is posted where blocks are refused.

use docent_core::models::marks::{Piece, Reader};

use super::safe;

/// Markdown that [`super::markdown`] has made, as `mrkdwn`.
pub fn mrkdwn(markdown: &str) -> String {
    let mut reader = Reader::default();
    let mut out = String::with_capacity(markdown.len());
    let mut at = 0;
    let mut heading = false;
    while at < markdown.len() {
        let was_block = reader.in_block();
        let Some((length, piece)) = reader.piece(&markdown[at..], true) else {
            break;
        };
        let text = &markdown[at..at + length];
        if was_block || reader.in_block() {
            push_code(&mut out, text, was_block != reader.in_block());
            at += length;
            continue;
        }
        let line_begins = at == 0 || markdown[..at].ends_with('\n');
        if line_begins && let Some(marks) = heading_marks(&markdown[at..]) {
            heading = true;
            out.push('*');
            // The reader has no state of a line's beginning that matters behind its marks.
            at += marks;
            continue;
        }
        if text == "\n" && std::mem::take(&mut heading) {
            out.push('*');
        }
        if matches!(piece, Piece::Verbatim)
            && text.starts_with('[')
            && let Some((words, target, end)) = link(&markdown[at..])
        {
            push_link(&mut out, words, target);
            at += end;
            continue;
        }
        push_words(&mut out, text);
        at += length;
    }
    if heading {
        out.push('*');
    }
    out
}

/// A line of a code block, or its fence.
fn push_code(out: &mut String, line: &str, is_fence: bool) {
    if is_fence {
        out.push_str("```");
        if line.ends_with('\n') {
            out.push('\n');
        }
        return;
    }
    // Slack's own blocks are fenced by backticks alone.
    for c in line.replace("```", "``\u{2060}`").chars() {
        safe::push_escaped(out, c);
    }
}

fn push_words(out: &mut String, text: &str) {
    if text.starts_with('`') {
        text.chars().for_each(|c| safe::push_escaped(out, c));
        return;
    }
    let mut text = text;
    if let Some(plain) = text.strip_prefix('\\')
        && plain.starts_with(|c: char| c.is_ascii_punctuation())
    {
        text = plain;
    }
    let text = text
        .replace("**", "*")
        .replace("__", "_")
        .replace("~~", "~");
    text.chars().for_each(|c| safe::push_escaped(out, c));
}

fn push_link(out: &mut String, words: &str, target: &str) {
    out.push('<');
    out.push_str(&target.replace('&', "&amp;"));
    out.push('|');
    for c in words.chars().filter(|c| *c != '|') {
        safe::push_escaped(out, c);
    }
    out.push('>');
}

/// The link that the text begins with: its words, its target and its length.
fn link(text: &str) -> Option<(&str, &str, usize)> {
    let middle = text.find("](")?;
    let words = &text[1..middle];
    if words.is_empty() || words.contains('\n') {
        return None;
    }
    let inside = &text[middle + 2..];
    let end = inside.find(|c: char| c == ')' || c.is_whitespace())?;
    let target = &inside[..end];
    let is_link = inside[end..].starts_with(')')
        && (target.starts_with("https://") || target.starts_with("http://"))
        && safe::address(target).as_deref() == Some(target);
    is_link.then_some((words, target, middle + 2 + end + 1))
}

/// How long the marks of the heading are that the text begins with.
fn heading_marks(text: &str) -> Option<usize> {
    let marks = text.bytes().take_while(|byte| *byte == b'#').count();
    let words = text[marks..].trim_start_matches([' ', '\t']);
    let is_heading = (1..=6).contains(&marks)
        && text[marks..].starts_with(' ')
        && !words.is_empty()
        && !words.starts_with('\n');
    is_heading.then(|| text.len() - words.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_the_markup_of_slack() {
        for (markdown, text) in [
            ("# Load\nIt is **hourly**.", "*Load*\nIt is *hourly*."),
            ("a < b & c", "a &lt; b &amp; c"),
            (
                "Hourly [[1]](https://wiki.example/a?x=1&y=2).",
                "Hourly <https://wiki.example/a?x=1&amp;y=2|[1]>.",
            ),
            ("Hourly [1], `a<b`.", "Hourly [1], `a&lt;b`."),
            (
                "see [the docs](https://wiki.example/a)",
                "see <https://wiki.example/a|the docs>",
            ),
            (
                "[y]\\(https\u{2060}://evil.example)",
                "[y](https\u{2060}://evil.example)",
            ),
            ("~~~sql\nselect 1\n~~~\nx", "```\nselect 1\n```\nx"),
            ("\\<\u{2060}!here>", "&lt;\u{2060}!here&gt;"),
        ] {
            assert_eq!(mrkdwn(markdown), text, "{markdown:?}");
        }
    }
}
