//! A question as it is searched: its terms, what may stand for each of them, and how well a passage
//! meets them.

use std::collections::HashMap;

use super::lexical::{self, SparseVector, term_id};
use super::rarity::TermFrequencies;

/// A question's terms, each once, in the order of the question.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Question {
    pub terms: Vec<QuestionTerm>,
    /// Other words for some of the terms, from a glossary.
    pub synonyms: Vec<Synonym>,
}

/// A term that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionTerm {
    pub term: String,
    /// How often the question has it.
    pub count: f32,
    /// How rare it is ([`TermFrequencies::idf`]).
    pub weight: f32,
    /// Other terms that serve as well: another spelling, a synonym.
    pub alternatives: Vec<Alternative>,
}

/// A term that may stand for another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    pub term: String,
    /// What it is worth beside the term that was asked for, from 0 to 1.
    pub factor: f32,
}

/// Other words for one or several of the terms: what an acronym stands for, a translation.
#[derive(Debug, Clone, PartialEq)]
pub struct Synonym {
    /// The places in [`Question::terms`] of the terms that it stands for, all of them together.
    pub of: Vec<usize>,
    /// Its own terms. Only where all of them stand, it does.
    pub terms: Vec<String>,
    /// What it is worth beside the terms that were asked for, from 0 to 1.
    pub factor: f32,
    /// How rare its terms are, together.
    pub weight: f32,
}

/// How well a passage meets a question.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Match {
    /// The share of the question's terms that stand in it, each weighted by its rarity: 0 to 1.
    pub coverage: f32,
    /// The passage's BM25 score as a share of the terms' weights: 1 where each stands once in a
    /// passage of average length, at most [`lexical::K1`] + 1.
    pub strength: f32,
}

impl Question {
    /// Analyses a question ([`lexical::subject`]: the asking is left out).
    pub fn new(text: &str, frequencies: &TermFrequencies) -> Self {
        let mut terms: Vec<QuestionTerm> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for term in lexical::terms(&lexical::subject(text)) {
            if let Some(&place) = places.get(&term) {
                terms[place].count += 1.0;
                continue;
            }
            places.insert(term.clone(), terms.len());
            terms.push(QuestionTerm {
                count: 1.0,
                weight: frequencies.idf(term_id(&term)),
                alternatives: Vec::new(),
                term,
            });
        }
        Self {
            terms,
            synonyms: Vec::new(),
        }
    }

    /// Takes over what stands for misspelled terms from another question that has them.
    pub fn spell_as(&mut self, other: &Question) {
        for term in &mut self.terms {
            let same = other.terms.iter().find(|asked| asked.term == term.term);
            if let Some(same) = same.filter(|_| term.alternatives.is_empty()) {
                term.alternatives.clone_from(&same.alternatives);
            }
        }
    }

    /// The vector of the sparse arm: terms by how often they are asked for, alternatives and synonyms
    /// by what they are worth; a synonym of rarer words counts no more than what it stands for. The
    /// index multiplies the rarity in.
    pub fn sparse_vector(&self) -> SparseVector {
        let mut weights: HashMap<u32, f32> = HashMap::new();
        for term in &self.terms {
            *weights.entry(term_id(&term.term)).or_default() += term.count;
            for alternative in &term.alternatives {
                let weight = weights.entry(term_id(&alternative.term)).or_default();
                *weight = weight.max(term.count * alternative.factor);
            }
        }
        for synonym in &self.synonyms {
            let of = || synonym.of.iter().filter_map(|&place| self.terms.get(place));
            let asked: f32 = of().map(|term| term.weight).sum();
            let count = of().map(|term| term.count).fold(1.0, f32::max);
            let share = (asked / synonym.weight).min(1.0);
            for term in &synonym.terms {
                let weight = weights.entry(term_id(term)).or_default();
                *weight = weight.max(count * synonym.factor * share);
            }
        }
        let mut pairs: Vec<(u32, f32)> = weights.into_iter().collect();
        pairs.sort_unstable_by_key(|&(id, _)| id);
        let (indices, values) = pairs.into_iter().unzip();
        SparseVector { indices, values }
    }

    /// The share of the question's words that no chunk holds, nor anything that may stand for them: 0
    /// to 1. Pairs of characters are no words, and a question without words has no unknown ones.
    pub fn unknown_share(&self, frequencies: &TermFrequencies) -> f32 {
        let is_known = |term: &str| frequencies.frequency(term_id(term)) > 0;
        let (mut words, mut unknown) = (0, 0);
        for (place, asked) in self.terms.iter().enumerate() {
            if !asked.term.is_ascii() {
                continue;
            }
            words += 1;
            let known = is_known(&asked.term)
                || !asked.alternatives.is_empty()
                || self
                    .synonyms
                    .iter()
                    .any(|synonym| synonym.of.contains(&place));
            unknown += usize::from(!known);
        }
        if words == 0 {
            0.0
        } else {
            unknown as f32 / words as f32
        }
    }

    /// How much is asked for: the weights of all terms together.
    pub fn weight(&self) -> f32 {
        self.terms.iter().map(|term| term.weight).sum()
    }

    /// Each term and alternative with its weight, for whoever looks for the best sentence.
    pub fn weights(&self) -> HashMap<String, f32> {
        let mut weights = HashMap::new();
        for term in &self.terms {
            weights.insert(term.term.clone(), term.weight);
            for alternative in &term.alternatives {
                weights
                    .entry(alternative.term.clone())
                    .or_insert(term.weight * alternative.factor);
            }
        }
        weights
    }

    /// How far each of the terms is met, where `standing` says it of any single term: by itself, or as
    /// far as it is worth by an alternative or by a synonym.
    pub fn met(&self, standing: impl Fn(&str) -> f32) -> Vec<f32> {
        let mut met: Vec<f32> = self
            .terms
            .iter()
            .map(|term| {
                let others = term.alternatives.iter();
                others
                    .map(|other| standing(&other.term) * other.factor)
                    .fold(standing(&term.term), f32::max)
            })
            .collect();
        for synonym in &self.synonyms {
            let least = synonym.terms.iter().map(|term| standing(term));
            let whole = least.fold(f32::INFINITY, f32::min);
            for &place in &synonym.of {
                if let Some(met) = met.get_mut(place).filter(|_| whole.is_finite()) {
                    *met = met.max(whole * synonym.factor);
                }
            }
        }
        met
    }

    /// How well a passage meets the question; `text` is its lexical text.
    pub fn matched_by(&self, text: &str, frequencies: &TermFrequencies) -> Match {
        self.met_by(&lexical::passage_vector(text, frequencies.average_length()))
    }

    /// The same, of a passage that is analysed already.
    pub fn met_by(&self, passage: &SparseVector) -> Match {
        let strength_of = |term: &str| passage.weight(term_id(term));
        let share_of = |term: &str| f32::from(u8::from(strength_of(term) > 0.0));
        let sum = |met: Vec<f32>| -> f32 {
            let terms = self.terms.iter().zip(met);
            terms.map(|(term, met)| term.weight * met).sum()
        };
        let (covered, strength) = (sum(self.met(share_of)), sum(self.met(strength_of)));
        let all = self.weight();
        if all > 0.0 {
            Match {
                coverage: covered / all,
                strength: strength / all,
            }
        } else {
            Match::default()
        }
    }
}
