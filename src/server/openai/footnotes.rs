//! Citations as Markdown footnotes: `[^1]` in the text, and at its end
//! `[^1]: [title](uri) — heading, owner, age`.

use std::fmt::Write;

use docent_core::models::marks::{Piece, Reader, open_fence};

use crate::chat::language::Language;
use crate::chat::turn::Citation;
use crate::chat::{Answer, plain};

/// Makes footnotes of the citations of a text that arrives in parts; what may still become a citation is held
/// back.
#[derive(Debug, Default)]
pub(super) struct Footnotes {
    reader: Reader,
    held: String,
}

impl Footnotes {
    pub(super) fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        self.decided(false)
    }

    /// What was still held back.
    pub(super) fn finish(&mut self) -> String {
        self.decided(true)
    }

    fn decided(&mut self, is_all: bool) -> String {
        let held = std::mem::take(&mut self.held);
        let mut out = String::with_capacity(held.len());
        let mut at = 0;
        while let Some((length, piece)) = self.reader.piece(&held[at..], is_all) {
            match piece {
                Piece::Mark(numbers) => {
                    out.extend(numbers.iter().map(|number| format!("[^{number}]")));
                }
                Piece::Verbatim => out.push_str(&held[at..at + length]),
            }
            at += length;
        }
        held[at..].clone_into(&mut self.held);
        out
    }
}

/// A whole text with footnotes.
pub(super) fn of_text(text: &str) -> String {
    let mut footnotes = Footnotes::default();
    let mut out = footnotes.push(text);
    out.push_str(&footnotes.finish());
    out
}

/// What stands below an answer: the definition of each footnote. Empty where nothing is cited.
pub(super) fn definitions(answer: &Answer) -> String {
    if answer.citations.is_empty() {
        return String::new();
    }
    let language = Language::of(&answer.question);
    // In a code block they would be none.
    let mut out = open_fence(&answer.answer).map_or_else(String::new, |fence| format!("\n{fence}"));
    out.push('\n');
    for citation in &answer.citations {
        let _ = write!(
            out,
            "\n[^{}]: {}",
            citation.number,
            definition(citation, language)
        );
    }
    out
}

fn definition(citation: &Citation, language: Language) -> String {
    let title = match plain(&citation.title) {
        title if title.is_empty() => plain(&citation.path),
        title => title,
    };
    let mut definition = match citation.address() {
        Some(address) => format!("[{title}]({})", target(address)),
        None => title,
    };
    let heading = plain(&citation.heading.replace(" > ", " › "));
    let owner = citation.owner.as_deref().map(plain).unwrap_or_default();
    let about: Vec<String> = [heading, owner]
        .into_iter()
        .chain(age(citation, language))
        .chain(
            citation
                .status
                .clone()
                .filter(|status| status == "deprecated"),
        )
        .filter(|part| !part.is_empty())
        .collect();
    if !about.is_empty() {
        let _ = write!(definition, " — {}", about.join(", "));
    }
    definition
}

/// The age of the data where it is known, which says more than that of the page about them. A day, not a
/// number of days: the message is kept.
fn age(citation: &Citation, language: Language) -> Option<String> {
    match (citation.fresh_at, citation.updated_at, language) {
        (Some(at), _, Language::English) => {
            Some(format!("data as of {}", at.format("%Y-%m-%d %H:%M UTC")))
        }
        (Some(at), _, Language::Korean) => {
            Some(format!("데이터 기준 {}", at.format("%Y-%m-%d %H:%M UTC")))
        }
        (None, Some(at), Language::English) => Some(format!("updated {}", at.format("%Y-%m-%d"))),
        (None, Some(at), Language::Korean) => Some(format!("{} 수정", at.format("%Y-%m-%d"))),
        (None, None, _) => None,
    }
}

/// An address as the target of a Markdown link.
fn target(address: &str) -> String {
    let mut target = String::with_capacity(address.len());
    for c in address.chars() {
        if c.is_whitespace() || c.is_control() || "()<>\\\"".contains(c) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                let _ = write!(target, "%{byte:02X}");
            }
        } else {
            target.push(c);
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citation_becomes_a_footnote_wherever_the_text_is_cut() {
        let text = "Hourly [1][2]; daily [3, 4].\n\n```sql\na[1]\n```\n`rows[0]` \\[5] and [x] [6]";
        let expected =
            "Hourly [^1][^2]; daily [^3][^4].\n\n```sql\na[1]\n```\n`rows[0]` \\[5] and [x] [^6]";
        assert_eq!(of_text(text), expected);
        for cut in 0..text.len() {
            let mut footnotes = Footnotes::default();
            let mut out = footnotes.push(&text[..cut]);
            out.push_str(&footnotes.push(&text[cut..]));
            out.push_str(&footnotes.finish());
            assert_eq!(out, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_title_cannot_break_out_of_its_definition() {
        let citation: Citation = serde_json::from_value(serde_json::json!({
            "number": 1, "title": "a](https://evil.example) ![b](https://evil.example/x.png)\n[^2]: <img>",
            "uri": "https://wiki.example.com/a (b)>", "path": "a.md", "heading": "One > Two\n# Three",
            "quote": "q", "score": 1.0, "verified": true, "updated_at": "2026-11-20T05:35:00Z",
            "owner": "Ana *",
        }))
        .unwrap();
        let line = definition(&citation, Language::English);
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(line.matches("](").count(), 1, "{line}");
        assert!(!line.contains("<img>") || line.contains("\\<img"), "{line}");
        assert!(
            line.contains("](https://wiki.example.com/a%20%28b%29%3E) — "),
            "{line}"
        );
        assert!(line.ends_with(", Ana, updated 2026-11-20"), "{line}");
        let korean = definition(&citation, Language::Korean);
        assert!(korean.ends_with(", Ana, 2026-11-20 수정"), "{korean}");
        let scripted = Citation {
            uri: "javascript:alert(1)".to_owned(),
            ..citation
        };
        assert!(!definition(&scripted, Language::English).contains("javascript"));
    }
}
