//! A question as it is searched: its terms, what may stand for each of them, and how well a passage
//! meets them.

use std::collections::HashMap;

use super::lexical::{self, SparseVector, term_id};
use super::rarity::TermFrequencies;

/// A question's terms, each once, in the order of the question.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Question {
    pub terms: Vec<QuestionTerm>,
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
        Self { terms }
    }

    /// The vector of the sparse arm: terms by how often they are asked for, alternatives by what they
    /// are worth. The index multiplies the rarity in.
    pub fn sparse_vector(&self) -> SparseVector {
        let mut weights: HashMap<u32, f32> = HashMap::new();
        for term in &self.terms {
            *weights.entry(term_id(&term.term)).or_default() += term.count;
            for alternative in &term.alternatives {
                let weight = weights.entry(term_id(&alternative.term)).or_default();
                *weight = weight.max(term.count * alternative.factor);
            }
        }
        let mut pairs: Vec<(u32, f32)> = weights.into_iter().collect();
        pairs.sort_unstable_by_key(|&(id, _)| id);
        let (indices, values) = pairs.into_iter().unzip();
        SparseVector { indices, values }
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

    /// How well a passage meets the question; `text` is its lexical text.
    pub fn matched_by(&self, text: &str, frequencies: &TermFrequencies) -> Match {
        let passage = lexical::passage_vector(text, frequencies.average_length());
        let strength_of = |term: &str| {
            passage
                .indices
                .binary_search(&term_id(term))
                .map_or(0.0, |place| passage.values[place])
        };
        let (mut covered, mut strength) = (0.0, 0.0);
        for term in &self.terms {
            let (mut best_share, mut best_strength) = (0.0_f32, 0.0_f32);
            let own = (term.term.as_str(), 1.0);
            let others = term
                .alternatives
                .iter()
                .map(|alternative| (alternative.term.as_str(), alternative.factor));
            for (text, factor) in std::iter::once(own).chain(others) {
                let found = strength_of(text);
                if found > 0.0 {
                    best_share = best_share.max(factor);
                    best_strength = best_strength.max(found * factor);
                }
            }
            covered += term.weight * best_share;
            strength += term.weight * best_strength;
        }
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
