//! Addresses as they stand in a text, which clients make links of.

/// What begins an address wherever it stands, in lower case.
const SCHEMES: [&str; 3] = ["https://", "http://", "ftp://"];
/// What begins one at the beginning of a word.
const PREFIXES: [&str; 2] = ["mailto:", "www."];

/// Longest address, in bytes.
const LONGEST: usize = 2000;

/// An address that a text begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    /// Its length in bytes, without what ends the sentence.
    pub(super) length: usize,
    /// Whether more text could make it longer.
    pub(super) is_open: bool,
}

/// The address that a text begins with; `in_word`: a letter or digit stands before it.
pub(super) fn address_at(text: &str, in_word: bool) -> Option<Address> {
    let beginning = beginnings(in_word).find(|beginning| begins(text, beginning))?;
    let mut depth = 0_i32;
    let mut end = None;
    for (at, c) in text.char_indices().skip(beginning.len()) {
        depth += i32::from(c == '(') - i32::from(c == ')');
        let ends = c.is_whitespace() || "<>\"`|[]\\".contains(c) || depth < 0 || is_hangul(c);
        if ends || at >= LONGEST {
            end = Some(at);
            break;
        }
    }
    let kept = text[..end.unwrap_or(text.len())]
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_', '~', '(']);
    Some(Address {
        length: kept.len().max(beginning.len()),
        is_open: end.is_none(),
    })
}

/// Whether more text could make an address of it.
pub(super) fn may_begin_address(text: &str, in_word: bool) -> bool {
    let may = |beginning: &str| text.len() < beginning.len() && begins(beginning, text);
    beginnings(in_word).any(may)
}

fn beginnings(in_word: bool) -> impl Iterator<Item = &'static str> {
    let prefixes = if in_word { [].iter() } else { PREFIXES.iter() };
    SCHEMES.iter().chain(prefixes).copied()
}

fn begins(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

fn is_hangul(c: char) -> bool {
    matches!(c, '가'..='힣')
}
