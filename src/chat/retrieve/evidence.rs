//! How likely it is that the passages hold an answer: one number from what retrieval knows, without a
//! model. Abstention is decided by it.

use std::collections::HashSet;

use docent_core::config::EvidenceWeights;

use super::Retrieval;

/// Passages behind the best one that count as support.
const SUPPORT: usize = 3;
/// Places of each arm that are compared.
const COMPARED: usize = 10;
/// Share of unknown words up to which they say nothing.
const HALF: f32 = 0.5;

/// What speaks for an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Evidence {
    /// The best passage's BM25 score as a share of what is asked ([`docent_core::index::Match`]).
    pub(crate) strength: f32,
    /// The mean of that over the three passages behind the best.
    pub(crate) support: f32,
    /// The largest share of the question's rare terms that one passage has.
    pub(crate) coverage: f32,
    /// The best cosine; 0 where the question has no vector.
    pub(crate) cosine: f32,
    /// Share of the first ten places of the arms that both have (Jaccard).
    pub(crate) agreement: f32,
    /// How many of the question's names no passage has (0 to 2).
    pub(crate) missing_names: f32,
    /// How far more than half of the question's words are unknown to the collection (0 to 1): then it
    /// is about something else. Fewer say nothing, for people do not ask in the documents' words.
    pub(crate) unknown: f32,
    /// 1 where the state of a moment is asked for ("last month").
    pub(crate) moment: f32,
}

impl Evidence {
    pub(in crate::chat) fn of(retrieval: &Retrieval) -> Self {
        let mut strengths: Vec<f32> = retrieval
            .passages
            .iter()
            .map(|passage| passage.matched.strength)
            .collect();
        strengths.sort_unstable_by(|a, b| b.total_cmp(a));
        let (strength, support) = match strengths.split_first() {
            None => (0.0, 0.0),
            Some((best, rest)) => {
                let rest = &rest[..rest.len().min(SUPPORT)];
                let support = rest.iter().sum::<f32>() / SUPPORT as f32;
                (*best, support)
            }
        };
        let best = |score: fn(&super::Retrieved) -> f32| {
            retrieval.passages.iter().map(score).fold(0.0, f32::max)
        };
        Self {
            strength,
            support,
            coverage: best(|passage| passage.matched.coverage),
            cosine: best(|passage| passage.cosine.unwrap_or_default()),
            agreement: retrieval.agreement,
            missing_names: retrieval.missing_names,
            unknown: ((retrieval.unknown - HALF) / HALF).max(0.0),
            moment: f32::from(u8::from(retrieval.asks_of_a_moment)),
        }
    }

    /// The features in the order of the weights' fields.
    pub(crate) fn features(&self) -> [f32; 8] {
        [
            self.strength,
            self.support,
            self.coverage,
            self.cosine,
            self.agreement,
            self.missing_names,
            self.unknown,
            self.moment,
        ]
    }

    /// The probability of an answer by logistic regression, from 0 to 1.
    pub(crate) fn probability(&self, weights: &EvidenceWeights) -> f32 {
        let [(_, bias), weights @ ..] = weights.named();
        let products = self.features().into_iter().zip(weights);
        let sum = bias
            + products
                .map(|(feature, (_, weight))| feature * weight)
                .sum::<f32>();
        1.0 / (1.0 + (-sum).exp())
    }
}

/// How far the arms agree on the first places; 0 where one of them is empty.
pub(super) fn agreement(hits: &[docent_core::index::Hit]) -> f32 {
    let first = |place: fn(&docent_core::index::Hit) -> Option<docent_core::index::Place>| {
        hits.iter()
            .filter(|hit| place(hit).is_some_and(|place| place.rank <= COMPARED))
            .map(|hit| hit.id)
            .collect::<HashSet<_>>()
    };
    let (dense, sparse) = (first(|hit| hit.dense_arm), first(|hit| hit.sparse_arm));
    let both = dense.intersection(&sparse).count();
    let any = dense.len() + sparse.len() - both;
    if both == 0 {
        0.0
    } else {
        both as f32 / any as f32
    }
}
