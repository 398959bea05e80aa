//! What an answer says, read for checking.

use std::collections::BTreeSet;

use super::align::{self, Item};
use super::details::token::{Token, is_hangul, tokens};
use super::details::{Detail, Found, details};
use super::passage::{Passage, Statement, said, stands_in, words};

/// Fewest different words of a clause that is held to be one.
const CLAUSE: usize = 4;

/// A sentence of an answer, or the part of it that a citation stands behind, without its marks.
#[derive(Debug, Clone)]
pub struct Claim {
    pub(super) text: String,
    pub(super) terms: BTreeSet<String>,
    pub(super) details: Vec<Found>,
    pub(super) items: Vec<Item>,
    pub(super) is_korean: bool,
    tokens: Vec<Token>,
}

impl Claim {
    pub fn new(text: &str) -> Self {
        let text = text.trim().trim_start_matches(is_item_mark).trim();
        // The number of an ordered list's item says nothing.
        let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let numbered =
            rest.len() < text.len() && (rest.starts_with(". ") || rest.starts_with(") "));
        let text = if numbered { rest[1..].trim() } else { text };
        let read = tokens(text);
        let details = details(&read);
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let hangul = text.chars().filter(|c| is_hangul(*c)).count();
        Self {
            text: text.to_owned(),
            terms: words(&read, 0..read.len(), &details),
            items: align::items(&read, &details),
            is_korean: hangul > 0 && hangul * 4 >= letters,
            details,
            tokens: read,
        }
    }

    /// Its clauses that are long enough to be supported or not by themselves, as terms.
    pub(super) fn clauses(&self) -> Vec<BTreeSet<String>> {
        let mut clauses = Vec::new();
        let mut start = 0;
        for at in 0..=self.tokens.len() {
            let ends = self.tokens.get(at).is_none_or(|token| {
                [",", ";", ":", "(", ")"].contains(&token.raw.as_str())
                    || ["and", "but", "because", "while", "which", "where", "so"]
                        .contains(&token.lower.as_str())
            });
            if !ends {
                continue;
            }
            let terms = words(&self.tokens, start..at, &self.details);
            if terms.len() >= CLAUSE {
                clauses.push(terms);
            }
            start = at + 1;
        }
        clauses
    }

    /// Whether a text has one of the identifiers or names that it speaks of.
    pub(crate) fn may_be_about(&self, text: &str) -> bool {
        let named = self.details.iter().filter(|found| {
            let mut any = found.any.iter();
            any.any(|detail| matches!(detail, Detail::Identifier(_) | Detail::Name(_)))
        });
        let mut named = named.map(|found| found.text.as_str());
        named.any(|name| text.contains(name))
    }

    /// Whether it says something that a passage could support or not.
    pub(crate) fn says_something(&self) -> bool {
        self.details.iter().any(|found| found.required) || self.terms.len() >= 3
    }

    /// Whether it says no detail that another text does not say.
    pub(crate) fn adds_nothing_to(&self, other: &Self) -> bool {
        self.details
            .iter()
            .filter(|found| found.required)
            .all(|found| {
                other.details.iter().any(|there| {
                    let mut any = found.any.iter();
                    any.any(|detail| said(detail, there, &[]))
                }) || stands_in(&other.text.to_lowercase(), &found.text.to_lowercase())
            })
    }

    /// Whether its words cannot stand in the passages, which are in another language.
    pub(super) fn is_foreign_to(&self, passages: &[&Passage]) -> bool {
        let own = |term: &&String| term.chars().any(is_hangul) == self.is_korean;
        let (mut all, mut held) = (0, 0);
        for term in self.terms.iter().filter(own) {
            all += 1;
            held += usize::from(passages.iter().any(|passage| passage.terms.contains(term)));
        }
        all > 0 && held * 4 < all
    }

    /// Whether it has details that say what it is about, whatever the language.
    pub(super) fn has_own_details(&self) -> bool {
        self.details.iter().any(|found| found.required)
    }

    /// Whether it is in the language of a passage.
    pub(super) fn is_like(&self, passage: &Passage) -> bool {
        self.is_korean == passage.is_korean
    }

    /// Whether a statement says another detail of the claim besides one.
    pub(super) fn shares_detail(
        &self,
        statement: &Statement,
        detail: &Detail,
        passage: &Passage,
    ) -> bool {
        self.details.iter().any(|found| {
            !found.any.contains(detail)
                && found
                    .any
                    .iter()
                    .any(|other| statement.says(other, &passage.units))
        })
    }

    /// Whether a name is part of what a passage has as an acronym: "Korea Standard Time" for KST.
    pub(super) fn is_spelled_out(&self, found: &Found, passages: &[&Passage]) -> bool {
        if !matches!(found.any.first(), Some(Detail::Name(_))) {
            return false;
        }
        let capital = |at: usize| {
            self.tokens
                .get(at)
                .filter(|token| token.is_word() && token.raw.starts_with(char::is_uppercase))
        };
        let mut start = found.place.start;
        while start > 0 && capital(start - 1).is_some() {
            start -= 1;
        }
        let acronym: String = (start..)
            .map_while(capital)
            .filter_map(|token| token.lower.chars().next())
            .collect();
        acronym.len() > 1
            && passages
                .iter()
                .any(|passage| stands_in(&passage.lower, &acronym))
    }
}

/// What stands before the words of a list item, a quote or a heading.
fn is_item_mark(c: char) -> bool {
    "-*+>#|• \t".contains(c)
}

/// Whether a sentence says that the documents do not say something.
pub(crate) fn says_that_nothing_does(text: &str) -> bool {
    const WORDS: [&str; 24] = [
        "not say",
        "not mention",
        "not state",
        "not specif",
        "not cover",
        "not describe",
        "not include information",
        "no information",
        "not contain",
        "not answer",
        "not give",
        "not tell",
        "not explain",
        "no mention",
        "says nothing",
        "say nothing",
        "not stated",
        "not mentioned",
        "나와 있지 않",
        "언급되어 있지",
        "언급하지 않",
        "언급이 없",
        "명시되어 있지",
        "찾을 수 없",
    ];
    let text = text.to_lowercase();
    let of_documents = [
        "passage", "document", "source", "page", "text", "문서", "문단", "자료", "내용", "정보",
    ];
    WORDS.iter().any(|words| text.contains(words))
        && of_documents.iter().any(|words| text.contains(words))
}
