//! Words and what may stand for them, looked up in a question.

use std::collections::HashMap;

use super::super::lexical;
use super::hangul;

/// Entries by how they are found.
#[derive(Debug, Clone, Default)]
pub(super) struct Lexicon {
    /// By their analysed terms: any case, any ending.
    phrases: HashMap<Vec<String>, Vec<Vec<String>>>,
    /// Acronyms as they are written, because the analysis of a question drops some (IT, US).
    capitals: HashMap<String, Vec<Vec<String>>>,
    /// Korean ones by their syllables, without spaces.
    hangul: HashMap<String, Vec<Vec<String>>>,
    /// Of `phrases`, in terms.
    longest: usize,
    entries: usize,
}

/// A piece of the question that the lexicon knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// Its analysed terms.
    pub(super) terms: Vec<String>,
    /// The analysed terms of each of the others.
    pub(super) others: &'a [Vec<String>],
}

impl Lexicon {
    /// The number of words that are known.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// Adds a word and the analysed terms of the others. One that is there already gets them besides.
    pub(super) fn add(&mut self, word: &str, others: &[Vec<String>]) {
        let others = others.iter().filter(|terms| !terms.is_empty()).cloned();
        self.entries += 1;
        let entry = if hangul::is_korean(word) {
            let syllables = word.split_whitespace().collect();
            self.hangul.entry(syllables).or_default()
        } else {
            if is_acronym(word) {
                let entry = self.capitals.entry(word.to_owned()).or_default();
                entry.extend(others.clone());
            }
            let terms = lexical::terms(word);
            if terms.is_empty() {
                return;
            }
            self.longest = self.longest.max(terms.len());
            self.phrases.entry(terms).or_default()
        };
        entry.extend(others);
    }

    /// What the question has of it.
    pub(super) fn find(&self, question: &str) -> Vec<Found<'_>> {
        let subject = lexical::subject(question);
        let mut found = self.find_phrases(&subject);
        if !self.capitals.is_empty() {
            for acronym in self.find_capitals(question) {
                if !found.iter().any(|other| other.terms == acronym.terms) {
                    found.push(acronym);
                }
            }
        }
        if !self.hangul.is_empty() {
            let units = hangul::units(&subject, |word| self.hangul.contains_key(word));
            found.extend(units.into_iter().filter_map(|unit| {
                Some(Found {
                    others: self.hangul.get(&unit.word)?,
                    terms: unit.terms,
                })
            }));
        }
        found
    }

    /// From left to right, the longest at each place.
    fn find_phrases(&self, question: &str) -> Vec<Found<'_>> {
        let mut found = Vec::new();
        if self.phrases.is_empty() {
            return found;
        }
        let terms = lexical::terms(question);
        let mut at = 0;
        while at < terms.len() {
            let longest = self.longest.min(terms.len() - at);
            let known = (1..=longest).rev().find_map(|length| {
                let words = &terms[at..at + length];
                Some((words, self.phrases.get(words)?))
            });
            at += known.map_or(1, |(words, _)| words.len());
            found.extend(known.map(|(words, others)| Found {
                terms: words.to_vec(),
                others,
            }));
        }
        found
    }

    fn find_capitals(&self, question: &str) -> Vec<Found<'_>> {
        let words = question.split(|c: char| !c.is_ascii_alphanumeric());
        let found = words.filter_map(|word| {
            Some(Found {
                others: self.capitals.get(word)?,
                terms: vec![word.to_ascii_lowercase()],
            })
        });
        found.collect()
    }
}

/// Whether a name is one word of capitals.
pub(super) fn is_acronym(name: &str) -> bool {
    name.len() > 1
        && name.bytes().any(|byte| byte.is_ascii_uppercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
