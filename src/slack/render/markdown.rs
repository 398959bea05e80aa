//! An answer's Markdown as Slack's markdown block and its streams take it: numbers are links, no other
//! link survives, nobody is called.

use std::collections::{BTreeMap, BTreeSet};

use docent_core::models::marks::{Piece, Reader};

use super::safe;
use crate::chat::turn::{Citation, SourcePassage};

/// Where an answer may lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The target of each `[n]`, where its document is on the web.
    numbers: BTreeMap<usize, String>,
    /// What else may be linked to: the documents, as they are written in the text.
    targets: BTreeSet<String>,
}

impl Links {
    pub fn of_citations(citations: &[Citation]) -> Self {
        let pairs = citations.iter().map(|of| (of.number, of.uri.as_str()));
        Self::of(pairs)
    }

    pub fn of_passages(passages: &[SourcePassage]) -> Self {
        let pairs = passages.iter().map(|of| (of.number, of.uri.as_str()));
        Self::of(pairs)
    }

    fn of<'a>(pairs: impl Iterator<Item = (usize, &'a str)>) -> Self {
        let mut links = Self::default();
        for (number, uri) in pairs {
            if let Some(address) = safe::address(uri) {
                links.targets.insert(address.clone());
                links.numbers.insert(number, address);
            }
        }
        links
    }

    /// Whether a target is one of the documents', whatever part of it.
    fn leads_to(&self, target: &str) -> bool {
        let place = |uri: &str| uri.split('#').next().unwrap_or_default().to_owned();
        let Some(target) = safe::address(target).map(|target| place(&target)) else {
            return false;
        };
        self.targets.iter().any(|known| place(known) == target)
    }
}

/// The whole text, or, where more of it is to come (`is_all` is false), as much of it as is decided:
/// what follows later only adds to the end.
pub fn markdown(text: &str, links: &Links, is_all: bool) -> String {
    // First, so that nothing unseen stands between the parts of an address.
    let seen: String = text.chars().filter(|c| !safe::is_unseen(*c)).collect();
    let text = seen.as_str();
    let mut reader = Reader::default();
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut at = 0;
    loop {
        let in_block = reader.in_block();
        let Some((length, piece)) = reader.piece(&text[at..], is_all) else {
            return out;
        };
        let piece_text = &text[at..at + length];
        match piece {
            Piece::Mark(numbers) => push_mark(&mut out, piece_text, &numbers, links),
            Piece::Verbatim if in_block || reader.in_block() || piece_text.starts_with('`') => {
                safe::push(&mut out, piece_text);
            }
            Piece::Verbatim => match push_words(&mut out, text, at..at + length, links, is_all) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => return out,
            },
        }
        at += length;
    }
}

/// Words outside of code; where they end. `None`: it is not decided yet what their end becomes.
fn push_words(
    out: &mut String,
    text: &str,
    words: std::ops::Range<usize>,
    links: &Links,
    is_all: bool,
) -> Option<usize> {
    let mut at = words.start;
    while at < words.end {
        let rest = &text[at..words.end];
        if rest.starts_with('(') && out.ends_with(']') {
            match target(&text[at..], is_all) {
                Target::Open => return None,
                Target::Link(target) if links.leads_to(target) => {
                    let address = safe::address(target).unwrap_or_default();
                    out.push_str(&format!("({address})"));
                    at += target.len() + 2;
                    continue;
                }
                // A link to anywhere else is its words, and its address beside them.
                _ => out.push_str("\\("),
            }
            at += 1;
            continue;
        }
        if let Some(scheme) = scheme(rest) {
            let end = address_end(&text[at..]);
            if at + end == text.len() && !is_all {
                return None;
            }
            let address = &text[at..at + end];
            if links.leads_to(address) {
                safe::push(out, address);
            } else {
                // Slack makes links of addresses by itself.
                safe::push(out, &address[..scheme]);
                out.push(safe::BREAK);
                safe::push(out, &address[scheme..]);
            }
            at += end;
            continue;
        }
        // A scheme may have arrived in part.
        let tail = rest.len() <= "https://".len() && at + rest.len() == text.len() && !is_all;
        if tail && may_become_scheme(rest) {
            return None;
        }
        let c = rest.chars().next()?;
        safe::push(out, c.encode_utf8(&mut [0; 4]));
        at += c.len_utf8();
    }
    Some(at)
}

fn push_mark(out: &mut String, text: &str, numbers: &[usize], links: &Links) {
    if !numbers
        .iter()
        .any(|number| links.numbers.contains_key(number))
    {
        out.push_str(text);
        return;
    }
    for number in numbers {
        match links.numbers.get(number) {
            Some(address) => out.push_str(&format!("[[{number}]]({address})")),
            None => out.push_str(&format!("[{number}]")),
        }
    }
}

enum Target<'a> {
    Link(&'a str),
    None,
    /// The end has not arrived yet.
    Open,
}

/// The target of a link, whose bracket `text` begins with.
fn target(text: &str, is_all: bool) -> Target<'_> {
    let inside = &text[1..];
    match inside.find(|c: char| c == ')' || c.is_whitespace()) {
        Some(end) if inside[end..].starts_with(')') => Target::Link(&inside[..end]),
        None if !is_all => Target::Open,
        _ => Target::None,
    }
}

/// The length of the scheme of the address that the text begins with.
fn scheme(text: &str) -> Option<usize> {
    ["https", "http"].into_iter().find_map(|scheme| {
        let (head, rest) = text.split_at_checked(scheme.len())?;
        let is = head.eq_ignore_ascii_case(scheme) && rest.starts_with("://");
        is.then_some(scheme.len())
    })
}

fn may_become_scheme(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["https://", "http://"]
        .iter()
        .any(|scheme| scheme.starts_with(&text))
}

fn address_end(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || "<>()[]`\\|\"".contains(c))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links::of([(1, "https://wiki.example/trips"), (2, "docs/local.md")].into_iter())
    }

    fn all(text: &str) -> String {
        markdown(text, &links(), true)
    }

    #[test]
    fn numbers_become_links_where_their_document_is_on_the_web() {
        assert_eq!(
            all("Hourly [1][2], `rows[1]`."),
            "Hourly [[1]](https://wiki.example/trips)[2], `rows[1]`."
        );
        assert_eq!(
            all("Both [1, 2]."),
            "Both [[1]](https://wiki.example/trips)[2]."
        );
        assert_eq!(all("```\na[1]\n```\n"), "```\na[1]\n```\n");
    }

    #[test]
    fn links_to_other_places_are_text() {
        assert_eq!(
            all("[x](https://wiki.example/trips#a) [y](https://evil.example)"),
            "[x](https://wiki.example/trips#a) [y]\\(https\u{2060}://evil.example)"
        );
        assert_eq!(
            all("see http://evil.example/x and https://wiki.example/trips"),
            "see http\u{2060}://evil.example/x and https://wiki.example/trips"
        );
        assert_eq!(all("[y](javascript:x)"), "[y]\\(javascript:x)");
        assert_eq!(
            all("[y]\u{200b}(https://evil.example)"),
            "[y]\\(https\u{2060}://evil.example)"
        );
    }

    #[test]
    fn code_keeps_its_addresses_and_calls_nobody() {
        assert_eq!(
            all("`<!channel>` ```sql```\n```\n<@U1> https://x.example\n```"),
            "`<\u{2060}!channel>` ```sql```\n```\n<\u{2060}@U1> https://x.example\n```"
        );
    }

    #[test]
    fn what_follows_only_adds_to_the_end() {
        let text = "Hourly [1], see [the docs](https://wiki.example/trips) or https://wiki.example/trips \
            and http://evil.example/a.\n\n```sql\nselect a[1] -- <!channel>\n```\nDone [1, 2] `x[1]` @channel.";
        let whole = all(text);
        let mut longest = 0;
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            let so_far = markdown(&text[..end], &links(), false);
            assert!(whole.starts_with(&so_far), "{so_far:?}");
            assert!(so_far.len() >= longest);
            longest = so_far.len();
        }
    }
}
