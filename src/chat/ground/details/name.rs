//! Identifiers and names: what is written in code, with underscores or digits, or in capitals.

use super::token::Token;
use super::{Detail, Found, written};

/// Abbreviations in capitals that people write whatever the document says.
const COMMON: [&str; 12] = [
    "ok", "id", "sql", "api", "url", "faq", "nb", "tbd", "pdf", "csv", "ui", "a",
];

/// Words of SQL, which stand in capitals in code.
const SQL: [&str; 28] = [
    "select", "from", "where", "not", "and", "or", "group", "by", "order", "having", "join",
    "left", "on", "as", "is", "in", "null", "count", "sum", "avg", "min", "max", "distinct",
    "limit", "date", "between", "true", "false",
];

/// Words with a dot that are abbreviations.
const DOTTED: [&str; 5] = ["e.g", "i.e", "a.m", "p.m", "etc"];

/// The identifier or name that begins at a token.
pub(super) fn read(tokens: &[Token], at: usize) -> Option<Found> {
    let token = tokens.get(at).filter(|token| token.is_word())?;
    let (any, required) = if is_identifier(tokens, at) {
        let whole = token.lower.trim_matches('_');
        let mut any = vec![Detail::Identifier(whole.to_owned())];
        // `_aggregates`, a part of names.
        if whole.len() < token.lower.len() {
            any.push(Detail::Identifier(token.lower.clone()));
        }
        // DAGs
        let single = token
            .raw
            .strip_suffix('s')
            .filter(|single| single.chars().all(|c| c.is_ascii_uppercase()));
        any.extend(single.map(|single| Detail::Identifier(single.to_lowercase())));
        (any, !COMMON.contains(&whole))
    } else if is_name(tokens, at) {
        (vec![Detail::Name(token.lower.clone())], true)
    } else {
        return None;
    };
    Some(Found {
        text: written(&tokens[at..=at]),
        any,
        required,
        place: at..at + 1,
    })
}

fn is_identifier(tokens: &[Token], at: usize) -> bool {
    let token = &tokens[at];
    let raw = token.raw.as_str();
    let lower = token.lower.as_str();
    if DOTTED.contains(&lower) || lower.starts_with("http") {
        return false;
    }
    let letters = raw.chars().filter(|c| c.is_alphabetic()).count();
    if letters == 0 {
        // A version, an address.
        return raw.split('.').count() > 2;
    }
    let has = |test: fn(char) -> bool| raw.contains(test);
    if token.code {
        let alone = !tokens.get(at + 1).is_some_and(|next| next.code)
            && !at.checked_sub(1).is_some_and(|before| tokens[before].code);
        let marked = has(|c| "_.-@#/".contains(c)) || has(|c| c.is_ascii_digit());
        return marked || (alone && !SQL.contains(&lower)) || is_camel(raw);
    }
    let capitals = raw.trim_end_matches('s');
    let is_acronym = capitals.len() >= 2
        && capitals.chars().all(|c| c.is_ascii_uppercase())
        && !(token.code && SQL.contains(&lower));
    let digits = has(|c| c.is_ascii_digit());
    has(|c| "_@#".contains(c))
        || (has(|c| c == '.') && !raw.ends_with('.'))
        || digits
        || is_acronym
        || is_camel(raw)
}

fn is_camel(raw: &str) -> bool {
    let mut before = ' ';
    raw.chars().any(|c| {
        let meets = before.is_lowercase() && c.is_uppercase();
        before = c;
        meets
    })
}

/// A word with a capital that does not begin a sentence, an item or a heading.
fn is_name(tokens: &[Token], at: usize) -> bool {
    let token = &tokens[at];
    let capital = token.raw.starts_with(char::is_uppercase) && token.raw.len() > 1;
    let Some(before) = at.checked_sub(1).map(|before| &tokens[before]) else {
        return false;
    };
    let begins =
        !before.is_word() && !before.is_hangul() && !",(%'\"".contains(before.raw.as_str());
    capital && !begins && !["I", "I'm"].contains(&token.raw.as_str())
}
