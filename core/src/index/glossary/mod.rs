//! Other words for what a question asks: the company's own (`glossary.toml`) and, so that a Korean
//! question finds English documents without a multilingual model, a small list of Korean words of data
//! work; and a small thesaurus, because people seldom ask in the words of the documents. All are read on
//! the question's side only; documents are indexed as they are.

mod company;
mod hangul;
mod lexicon;

use std::path::Path;
use std::sync::LazyLock;

use self::lexicon::{Found, Lexicon};
use super::lexical::{self, term_id};
use super::question::{Question, QuestionTerm, Synonym};
use super::rarity::TermFrequencies;
use crate::config::ConfigError;

/// Korean words and what they are in English, one entry a line.
const KOREAN: &str = include_str!("korean.txt");

/// English words that stand for one another, one group a line.
const ENGLISH: &str = include_str!("english.txt");

/// What a translation is worth beside the word that was asked for: it may mean something else.
const TRANSLATED: f32 = 0.8;
/// The same of a company's own synonym: somebody has written down that it is the same.
const SYNONYM: f32 = 0.95;

/// The same of a word of the thesaurus, which may mean something else altogether. From 0.3 to 0.5 it
/// finds more of the paraphrases and loses nothing else (ARCHITECTURE.md).
const RELATED: f32 = 0.4;

static ENGLISH_LEXICON: LazyLock<Lexicon> = LazyLock::new(|| english(ENGLISH));
static KOREAN_LEXICON: LazyLock<Lexicon> = LazyLock::new(|| korean(KOREAN));

/// The words that may stand for each other.
#[derive(Debug, Clone, Default)]
pub struct Glossary {
    company: Lexicon,
}

impl Glossary {
    /// With the entries of `path`. The error names the file, the line and what is wrong there.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError(format!(
                "retrieval.glossary: cannot read {}: {error}",
                path.display()
            ))
        })?;
        Self::parse(&text).map_err(|error| ConfigError(format!("{}: {error}", path.display())))
    }

    /// With the entries of a `glossary.toml`. The error names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        company::parse(text).map(|company| Self { company })
    }

    /// The company's entries.
    pub fn entries(&self) -> usize {
        self.company.entries()
    }

    /// Adds to `question`, which was made from `text`, the other words for what it asks, where the
    /// collection has them.
    pub fn expand(&self, text: &str, frequencies: &TermFrequencies, question: &mut Question) {
        let lexicons = [
            (&self.company, SYNONYM),
            (&*KOREAN_LEXICON, TRANSLATED),
            (&*ENGLISH_LEXICON, RELATED),
        ];
        for (lexicon, factor) in lexicons {
            for found in lexicon.find(text) {
                add(&found, factor, frequencies, question);
            }
        }
    }
}

/// Adds what was found. A word together with its synonyms is in more passages than without them, so
/// it weighs what its most frequent synonym does, if that is less.
fn add(found: &Found<'_>, factor: f32, frequencies: &TermFrequencies, question: &mut Question) {
    let idf = |term: &String| frequencies.idf(term_id(term));
    let mut of: Vec<usize> = (0..question.terms.len())
        .filter(|&place| found.terms.contains(&question.terms[place].term))
        .collect();
    let mut synonyms: Vec<Synonym> = found
        .others
        .iter()
        .filter(|terms| {
            terms
                .iter()
                .all(|term| frequencies.frequency(term_id(term)) > 0)
        })
        .map(|terms| Synonym {
            weight: terms.iter().map(idf).sum(),
            of: Vec::new(),
            terms: terms.clone(),
            factor,
        })
        .collect();
    if synonyms.is_empty() {
        return;
    }
    if of.is_empty() {
        // An acronym that the analysis takes for a stop word (IT, US): nothing stands for it yet.
        let Some(term) = found.terms.first() else {
            return;
        };
        of.push(question.terms.len());
        question.terms.push(QuestionTerm {
            weight: idf(term),
            count: 1.0,
            alternatives: Vec::new(),
            term: term.clone(),
        });
    }
    let own: f32 = of.iter().map(|&place| question.terms[place].weight).sum();
    // A related word is not the same, and takes nothing away from the one that was asked for.
    let together = synonyms
        .iter()
        .filter(|_| factor > RELATED)
        .map(|synonym| synonym.weight)
        .fold(own, f32::min);
    if own > 0.0 {
        for &place in &of {
            question.terms[place].weight *= together / own;
        }
    }
    for synonym in &mut synonyms {
        synonym.of.clone_from(&of);
    }
    question.synonyms.append(&mut synonyms);
}

/// Reads the thesaurus: each word of a line finds the others.
fn english(text: &str) -> Lexicon {
    let mut lexicon = Lexicon::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(',').map(str::trim).collect();
        let terms: Vec<Vec<String>> = words.iter().map(|word| lexical::terms(word)).collect();
        for (word, own) in words.iter().zip(&terms) {
            let others: Vec<Vec<String>> = terms
                .iter()
                .filter(|other| *other != own)
                .cloned()
                .collect();
            if !own.is_empty() {
                lexicon.add(word, &others);
            }
        }
    }
    lexicon
}

/// Reads the built-in list: `korean, korean = english, english`. Words are translated, in both
/// directions; those of one language do not stand for each other.
fn korean(text: &str) -> Lexicon {
    let mut lexicon = Lexicon::default();
    let words = |side: &str| -> Vec<String> {
        side.split(',').map(|word| word.trim().to_owned()).collect()
    };
    for line in text.lines() {
        let Some((korean, english)) = line.split_once('=').filter(|_| !line.starts_with('#'))
        else {
            continue;
        };
        let (korean, english) = (words(korean), words(english));
        let analysed = |words: &[String]| -> Vec<Vec<String>> {
            words.iter().map(|word| lexical::terms(word)).collect()
        };
        let (korean_terms, english_terms) = (analysed(&korean), analysed(&english));
        for word in &korean {
            lexicon.add(word, &english_terms);
        }
        for word in &english {
            lexicon.add(word, &korean_terms);
        }
    }
    lexicon
}

#[cfg(test)]
mod tests;
