//! What a sentence says exactly: numbers with their units, dates, times, identifiers, names. Read from
//! English and Korean into forms that can be compared: `1,000` and `1000`, `10 min` and `ten minutes`,
//! `2 weeks` and `14 days`, `3만` and `30,000`, `14 March 2026` and `2026년 3월 14일`.

pub(super) mod date;
mod name;
mod number;
mod quantity;
pub(super) mod token;
pub(super) mod unit;

use std::ops::Range;

use self::date::{Clock, Date};
use self::token::Token;
use self::unit::Unit;

/// A detail, in a form that can be compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Detail {
    Date(Date),
    Clock(Clock),
    Weekday(u8),
    /// A number of something, or of a unit.
    Number(f64, Option<Unit>),
    /// Something happens once in each unit of time: `hourly`, `매일`.
    Rate(Unit),
    /// In lower case.
    Identifier(String),
    /// A word in capitals that is no beginning of a sentence, in lower case.
    Name(String),
}

/// A detail where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// As it is written.
    pub(super) text: String,
    /// What it may mean: one of them is enough.
    pub(super) any: Vec<Detail>,
    /// Whether a sentence that says it must have it from its passage.
    pub(super) required: bool,
    /// Its tokens.
    pub(super) place: Range<usize>,
}

/// The details of a text.
pub(super) fn details(tokens: &[Token]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let length = read(tokens, at, &mut found);
        at += length.max(1);
    }
    found
}

/// Reads the detail that begins at a token; how many tokens it takes.
fn read(tokens: &[Token], at: usize, found: &mut Vec<Found>) -> usize {
    let token = &tokens[at];
    let mut push = |any: Vec<Detail>, length: usize| {
        found.push(Found {
            text: written(&tokens[at..at + length]),
            any,
            required: true,
            place: at..at + length,
        });
        length
    };
    if let Some((clock, length)) = date::clock(tokens, at) {
        return push(vec![Detail::Clock(clock)], length);
    }
    if let Some((date, length)) = date::english(tokens, at).or_else(|| date::korean(tokens, at)) {
        return push(vec![Detail::Date(date)], length);
    }
    if let Some(weekday) = date::weekday(token) {
        return push(vec![Detail::Weekday(weekday)], 1);
    }
    let quantities = quantity::read(tokens, at);
    if !quantities.is_empty() {
        let length = quantities
            .iter()
            .map(|found| found.place.end)
            .max()
            .unwrap_or(at)
            - at;
        found.extend(quantities);
        return length;
    }
    if let Some(name) = name::read(tokens, at) {
        let length = name.place.end - at;
        found.push(name);
        return length;
    }
    0
}

/// Tokens as they are written.
pub(super) fn written(tokens: &[Token]) -> String {
    let mut text = String::new();
    for (at, token) in tokens.iter().enumerate() {
        if at > 0 && token.spaced {
            text.push(' ');
        }
        text.push_str(&token.raw);
    }
    text
}

/// Units that are mentioned without a number, as a table's header does.
pub(super) fn mentioned_units(tokens: &[Token]) -> Vec<Unit> {
    tokens
        .iter()
        .filter_map(|token| {
            if token.is_hangul() {
                unit::korean(&token.lower).and_then(|(unit, _)| unit)
            } else {
                unit::english(&token.lower).filter(|_| token.lower.len() > 1 || !token.is_word())
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
