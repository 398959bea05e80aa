//! Grounding: whether a passage supports what an answer says, checked without a model.
//!
//! A claim (a sentence, or the part of one that a citation stands behind) is supported where each of
//! its details (numbers with units, dates, times, identifiers, names) stands in a statement of the
//! passage that shares words with it, where enough of its words stand in the passage, and where it does
//! not go along with a statement and differ from it in a detail or a negation. Pure functions: no model,
//! no I/O. What it cannot see: two things of one passage confused in a sentence of other words,
//! relations ("before" for "after"), and anything in another language but details.

mod align;
pub(crate) mod claim;
mod contradiction;
mod details;
mod passage;

use docent_core::config::Grounding;

use self::align::Difference;
pub use self::claim::Claim;
pub use self::contradiction::contradiction;
use self::details::Detail;
pub use self::passage::Passage;
use self::passage::{Statement, has_name, said};

/// Whether a claim is supported, and by what.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Why it is not supported. `None`: it is.
    pub unsupported: Option<Unsupported>,
    /// The share of its words that stand in the passage, from 0 to 1.
    pub words: f32,
    /// What comes nearest to it; of a supported claim what it rests on.
    pub quote: Option<Quote>,
}

impl Finding {
    pub fn is_supported(&self) -> bool {
        self.unsupported.is_none()
    }
}

/// Why a claim is not supported.
#[derive(Debug, Clone, PartialEq)]
pub enum Unsupported {
    /// A number, date, unit, identifier or name that the passage does not say of it.
    Missing(String),
    /// It says one thing where the passage says another.
    Differs { said: String, stated: String },
    /// It says that something is so which the passage says is not so, or the other way round.
    Negated,
    /// Too few of its words stand there.
    FewWords,
    /// It is in another language than the passage and has no detail that could be compared.
    OtherLanguage,
}

/// A statement of a passage, word for word.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// Which of the passages that were given.
    pub passage: usize,
    pub text: String,
    /// Where it begins and ends in the passage's text, in bytes. `None`: it is a line of its metadata.
    pub span: Option<std::ops::Range<usize>>,
    /// The last heading above it in the passage; empty: none.
    pub heading: String,
    /// How much it has in common with the claim.
    pub score: f32,
}

/// What a clause needs of the share of words that a whole sentence needs.
const OF_A_CLAUSE: f32 = 0.4;
/// Statements that are laid beside the claim.
const NEAREST: usize = 3;
/// A statement speaks of the same as a claim when it has this share of the claim's words.
const SAME_SUBJECT: f32 = 0.5;

/// Checks a claim against passages taken together.
pub fn check(claim: &Claim, passages: &[&Passage], settings: &Grounding) -> Finding {
    let ranked = ranked(claim, passages);
    let quote = ranked.first().map(|(score, passage, statement)| Quote {
        score: *score,
        passage: *passage,
        text: statement.text.clone(),
        span: statement.span.clone(),
        heading: statement.heading.clone(),
    });
    let words = share_of_words(claim, passages);
    let foreign = claim.is_korean != passages.iter().any(|passage| passage.is_korean)
        && claim.is_foreign_to(passages);
    let unsupported = missing(claim, passages)
        .or_else(|| {
            if foreign {
                return (!claim.has_own_details()).then_some(Unsupported::OtherLanguage);
            }
            let bare = words < settings.min_words || has_bare_clause(claim, passages, settings);
            bare.then_some(Unsupported::FewWords)
        })
        .or_else(|| differs(claim, passages, &ranked, settings));
    Finding {
        unsupported,
        words,
        quote,
    }
}

type Ranked<'a> = (f32, usize, &'a Statement);

/// The statements that have something of the claim, best first.
fn ranked<'a>(claim: &Claim, passages: &[&'a Passage]) -> Vec<Ranked<'a>> {
    let mut ranked: Vec<Ranked<'a>> = Vec::new();
    for (number, passage) in passages.iter().enumerate() {
        for statement in &passage.statements {
            let shared = statement.terms.intersection(&claim.terms).count() as f32;
            let said = claim.details.iter().filter(|found| {
                found
                    .any
                    .iter()
                    .any(|detail| statement.says(detail, &passage.units))
            });
            let score = shared + 1.5 * said.count() as f32;
            if score > 0.0 {
                // A little is taken off for what else it says; what is quoted word for word wins.
                let verbatim = if claim.text.contains(&statement.text) {
                    2.0
                } else {
                    0.0
                };
                let score = score + verbatim - 0.05 * statement.terms.len() as f32;
                ranked.push((score, number, statement));
            }
        }
    }
    ranked.sort_by(|left, right| right.0.total_cmp(&left.0));
    ranked
}

fn share_of_words(claim: &Claim, passages: &[&Passage]) -> f32 {
    // A detail is as good as a word; whether all stand there is asked apart.
    let details = claim.details.iter().filter(|found| found.required).count();
    let of = claim.terms.len() + details;
    if of == 0 {
        return 1.0;
    }
    let held = claim
        .terms
        .iter()
        .filter(|term| passages.iter().any(|passage| passage.terms.contains(*term)));
    (held.count() + details) as f32 / of as f32
}

/// Whether one of its clauses has next to nothing to do with the passages.
fn has_bare_clause(claim: &Claim, passages: &[&Passage], settings: &Grounding) -> bool {
    claim.clauses().into_iter().any(|terms| {
        let held = terms
            .iter()
            .filter(|term| passages.iter().any(|passage| passage.terms.contains(*term)));
        (held.count() as f32) < OF_A_CLAUSE * settings.min_words * terms.len() as f32
    })
}

/// The first detail that no statement about the same says.
fn missing(claim: &Claim, passages: &[&Passage]) -> Option<Unsupported> {
    let found = claim.details.iter().find(|found| {
        found.required
            && !found.any.iter().any(|detail| {
                passages
                    .iter()
                    .any(|passage| is_said(detail, claim, passage))
                    || claim.is_spelled_out(found, passages)
            })
    })?;
    Some(Unsupported::Missing(found.text.clone()))
}

fn is_said(detail: &Detail, claim: &Claim, passage: &Passage) -> bool {
    let in_passage = match detail {
        Detail::Identifier(name) => passage.has_identifier(name),
        Detail::Name(name) => has_name(&passage.terms, &passage.lower, name),
        _ => false,
    };
    if in_passage {
        return true;
    }
    // A month and day may have their year elsewhere in the passage.
    if let Detail::Date(date) = detail
        && let Some(year) = date.year
        && date.month.is_some()
    {
        let without = Detail::Date(details::date::Date {
            year: None,
            ..*date
        });
        let year = Detail::Date(details::date::Date {
            year: Some(year),
            ..Default::default()
        });
        let bare = passage.bare_date(&without);
        if bare && passage.says(&year) {
            return true;
        }
    }
    passage
        .about
        .iter()
        .any(|found| said(detail, found, &passage.units))
        || passage.statements.iter().any(|statement| {
            statement.says(detail, &passage.units)
                && (claim.terms.len() < 3
                    || !claim.is_like(passage)
                    || statement.near.iter().any(|term| claim.terms.contains(term))
                    || claim.shares_detail(statement, detail, passage))
        })
}

/// In what the claim differs from the statements nearest to it, unless one of them supports it whole.
fn differs(
    claim: &Claim,
    passages: &[&Passage],
    ranked: &[Ranked<'_>],
    settings: &Grounding,
) -> Option<Unsupported> {
    let mut first = None;
    let mut nearest = 0;
    for (rank, (_, number, statement)) in ranked.iter().take(NEAREST).enumerate() {
        let units = &passages[*number].units;
        let shared = statement.terms.intersection(&claim.terms).count();
        if (shared as f32) < SAME_SUBJECT * claim.terms.len() as f32 || shared < nearest {
            continue;
        }
        nearest = shared;
        let difference = align::difference(&claim.items, &statement.items, units);
        let whole = claim
            .details
            .iter()
            .filter(|found| found.required)
            .all(|found| found.any.iter().any(|detail| statement.says(detail, units)));
        match difference {
            None if whole => return None,
            Some(difference) if rank == 0 => first = Some(difference),
            _ => {}
        }
    }
    match first? {
        Difference::Detail { said, stated, .. } => Some(Unsupported::Differs { said, stated }),
        Difference::Negation => settings.negation.then_some(Unsupported::Negated),
    }
}

#[cfg(test)]
mod tests;
