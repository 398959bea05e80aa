//! A passage as claims are checked against it: its statements, each with its details and words.

use std::collections::BTreeSet;
use std::ops::Range;

use docent_core::index::{Payload, lexical};
use docent_core::models::quotable;

use super::align::{self, Item};
use super::details::token::{Token, is_hangul, tokens};
use super::details::unit::Unit;
use super::details::{Detail, Found, details, mentioned_units};

/// What may be cited, read for checking.
#[derive(Debug, Clone)]
pub struct Passage {
    /// What can be quoted of the text and of the metadata, in reading order.
    pub(super) statements: Vec<Statement>,
    /// Everything that the passage says of itself, metadata and title too, in lower case.
    pub(super) lower: String,
    /// The terms of all of it.
    pub(super) terms: BTreeSet<String>,
    /// The details of title, headings, and of what is no statement (a table's header).
    pub(super) about: Vec<Found>,
    /// Units that are named without a number.
    pub(super) units: Vec<Unit>,
    /// The first letters of its words one after the other, between spaces where a sentence ends.
    pub(super) initials: String,
    /// Whether it has words in Hangul.
    pub(super) is_korean: bool,
}

/// A sentence, list item, table row or line of code, or a line of the metadata.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) text: String,
    /// Where it stands in the passage's text, in bytes. `None`: it is metadata.
    pub(super) span: Option<Range<usize>>,
    pub(super) heading: String,
    pub(super) lower: String,
    pub(super) terms: BTreeSet<String>,
    /// The same with those of the heading above it.
    pub(super) near: BTreeSet<String>,
    pub(super) details: Vec<Found>,
    pub(super) items: Vec<Item>,
}

impl Passage {
    /// Reads a chunk as it stands in the index.
    pub fn of(payload: &Payload) -> Self {
        let facts = payload.facts();
        let lines: Vec<&str> = facts.lines().collect();
        let asset = payload.asset.as_deref().unwrap_or_default();
        let about = format!("{}\n{}\n{asset}", payload.title, payload.heading.join("\n"));
        Self::new(&about, &payload.text, &lines)
    }

    /// Reads a text, with what stands above it (title, headings) and the lines of its metadata.
    pub fn new(about: &str, text: &str, metadata: &[&str]) -> Self {
        let mut statements: Vec<Statement> = quotable(text)
            .map(|piece| {
                let start = piece.text.as_ptr() as usize - text.as_ptr() as usize;
                Statement::new(
                    piece.text,
                    Some(start..start + piece.text.len()),
                    piece.heading,
                )
            })
            .collect();
        statements.extend(metadata.iter().map(|line| Statement::new(line, None, "")));
        let whole = format!("{about}\n{text}\n{}", metadata.join("\n"));
        let read = tokens(&whole);
        let said: BTreeSet<String> = statements
            .iter()
            .flat_map(|statement| statement.details.iter().map(|found| found.text.clone()))
            .collect();
        let mut about = details(&read);
        about.retain(|found| !said.contains(&found.text));
        about.extend(details(&tokens(about_of(&whole, text))));
        Self {
            lower: lower(&whole),
            terms: words(&read, 0..read.len(), &[]),
            about,
            units: mentioned_units(&read),
            initials: initials(&read),
            is_korean: whole.chars().any(is_hangul),
            statements,
        }
    }

    /// Whether it says a detail anywhere.
    pub(super) fn says(&self, detail: &Detail) -> bool {
        let all = self
            .statements
            .iter()
            .flat_map(|statement| &statement.details);
        all.chain(&self.about)
            .any(|found| said(detail, found, &self.units))
    }

    /// Whether it has a month and day that stand without a year.
    pub(super) fn bare_date(&self, date: &Detail) -> bool {
        let all = self
            .statements
            .iter()
            .flat_map(|statement| &statement.details);
        all.chain(&self.about).any(|found| {
            let bare =
                |there: &Detail| matches!(there, Detail::Date(there) if there.year.is_none());
            found.any.iter().any(bare) && said(date, found, &[])
        })
    }

    /// Whether an identifier stands in it as a word of its own, or as the end of a longer name.
    pub(super) fn has_identifier(&self, identifier: &str) -> bool {
        stands_in(&self.lower, identifier)
            || (identifier.len() >= 2
                && identifier.bytes().all(|b| b.is_ascii_lowercase())
                && self.initials.contains(identifier))
    }
}

/// What stands above the text in the whole.
fn about_of<'a>(whole: &'a str, text: &str) -> &'a str {
    whole.find(text).map_or(whole, |at| &whole[..at])
}

impl Statement {
    fn new(text: &str, span: Option<Range<usize>>, heading: &str) -> Self {
        let read = tokens(text);
        let details = details(&read);
        let terms = words(&read, 0..read.len(), &[]);
        let mut near = terms.clone();
        near.extend(lexical::terms(heading));
        Self {
            text: text.to_owned(),
            span,
            heading: heading.to_owned(),
            lower: lower(text),
            items: align::items(&read, &details),
            near,
            terms,
            details,
        }
    }

    /// Whether it says a detail. `of` are the units that its passage names without a number.
    pub(super) fn says(&self, detail: &Detail, of: &[Unit]) -> bool {
        match detail {
            Detail::Identifier(name) => stands_in(&self.lower, name),
            Detail::Name(name) => has_name(&self.terms, &self.lower, name),
            other => self.details.iter().any(|found| said(other, found, of)),
        }
    }
}

/// Whether a passage's detail says a claim's one.
pub(super) fn said(claimed: &Detail, found: &Found, units: &[Unit]) -> bool {
    found.any.iter().any(|there| match (claimed, there) {
        (Detail::Date(mine), Detail::Date(theirs)) => mine.is_said_by(*theirs),
        (Detail::Clock(mine), Detail::Clock(theirs)) => {
            mine.minute == theirs.minute && mine.hour % 24 == theirs.hour % 24
        }
        (Detail::Weekday(mine), Detail::Weekday(theirs)) => mine == theirs,
        (Detail::Rate(mine), Detail::Rate(theirs)) => mine == theirs,
        (Detail::Rate(unit), Detail::Number(value, Some(theirs)))
        | (Detail::Number(value, Some(unit)), Detail::Rate(theirs)) => {
            unit == theirs && same(*value, 1.0)
        }
        (Detail::Number(mine, None), Detail::Number(theirs, _)) => same(*mine, *theirs),
        (Detail::Number(mine, Some(unit)), Detail::Number(theirs, Some(their_unit))) => {
            unit.dimension == their_unit.dimension
                && same(mine * unit.factor, theirs * their_unit.factor)
        }
        // A column's header names the unit of its bare numbers.
        (Detail::Number(mine, Some(unit)), Detail::Number(theirs, None)) => {
            units.contains(unit) && same(*mine, *theirs)
        }
        (Detail::Identifier(mine), Detail::Identifier(theirs))
        | (Detail::Name(mine), Detail::Name(theirs)) => mine == theirs,
        _ => false,
    })
}

fn same(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * left.abs().max(right.abs())
}

/// Whether a name's words are among the terms, or stand there as they are.
pub(super) fn has_name(terms: &BTreeSet<String>, lower: &str, name: &str) -> bool {
    let of_name = lexical::terms(name);
    (!of_name.is_empty() && of_name.iter().all(|term| terms.contains(term)))
        || stands_in(lower, name)
}

/// Whether `word` stands in `text` with no letter, digit or underscore beside it.
pub(super) fn stands_in(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !before.is_some_and(|c| is_part(c) && word.starts_with(is_part))
                && !after.is_some_and(|c| is_part(c) && word.ends_with(is_part))
        })
}

/// In lower case, with hyphens of one kind; without escapes and emphasis.
fn lower(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_part = |at: usize| {
        chars
            .get(at)
            .is_some_and(|c| c.is_alphanumeric() || *c == '_')
    };
    let mut lower = String::with_capacity(text.len());
    for (at, c) in chars.iter().enumerate() {
        match c {
            '\\' | '*' => {}
            '_' if at == 0 || !is_part(at - 1) || !is_part(at + 1) => {}
            '‑' | '‐' | '–' => lower.push('-'),
            c => lower.extend(c.to_lowercase()),
        }
    }
    lower
}

/// The terms of what is no detail among some tokens: details are compared as such.
pub(super) fn words(read: &[Token], place: Range<usize>, details: &[Found]) -> BTreeSet<String> {
    let mut text = String::new();
    for (at, token) in place.clone().zip(&read[place]) {
        let is_detail = details.iter().any(|found| {
            found.place.contains(&at) && !found.any.iter().all(|any| matches!(any, Detail::Name(_)))
        });
        if is_detail {
            text.push(' ');
            continue;
        }
        if token.spaced {
            text.push(' ');
        }
        text.push_str(&token.raw);
    }
    lexical::terms(&text).into_iter().collect()
}

fn initials(read: &[Token]) -> String {
    read.iter()
        .filter_map(|token| {
            let first = token.lower.chars().next()?;
            Some(if token.is_word() && first.is_ascii_lowercase() {
                first
            } else {
                ' '
            })
        })
        .collect()
}
