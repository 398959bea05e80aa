//! How likely it is that the passages hold an answer: one number from what retrieval knows, without a
//! model. Abstention is decided by it.

use std::collections::HashSet;

use docent_core::config::EvidenceWeights;

use super::Retrieval;

/// Passages behind the best one that count as support.
const SUPPORT: usize = 3;
/// Places of each arm that are compared.
const COMPARED: usize = 10;
/// Divides the weight of what is asked, so that it is of the size of the others.
const ASKED: f32 = 100.0;

/// What speaks for an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Evidence {
    /// The best passage's BM25 score as a share of what is asked ([`docent_core::index::Match`]).
    pub(crate) strength: f32,
    /// The mean of that over the three passages behind the best.
    pub(crate) support: f32,
    /// The largest share of the question's rare terms that one passage has.
    pub(crate) coverage: f32,
    /// How much is asked: the rarity of all its terms, in hundreds. The more, the more can be missing.
    pub(crate) asked: f32,
    /// The best cosine; 0 where the question has no vector.
    pub(crate) cosine: f32,
    /// Share of the first ten places of the arms that both have (Jaccard).
    pub(crate) agreement: f32,
}

impl Evidence {
    pub(crate) fn of(retrieval: &Retrieval) -> Self {
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
            asked: retrieval.question.weight() / ASKED,
            cosine: best(|passage| passage.cosine.unwrap_or_default()),
            agreement: retrieval.agreement,
        }
    }

    /// The features in the order of the weights' fields.
    pub(crate) fn features(&self) -> [f32; 6] {
        [
            self.strength,
            self.support,
            self.coverage,
            self.asked,
            self.cosine,
            self.agreement,
        ]
    }

    /// The probability of an answer by logistic regression, from 0 to 1.
    pub(crate) fn probability(&self, weights: &EvidenceWeights) -> f32 {
        let weighted = [
            weights.strength,
            weights.support,
            weights.coverage,
            weights.asked,
            weights.cosine,
            weights.agreement,
        ];
        let products = self.features().into_iter().zip(weighted);
        let sum = weights.bias
            + products
                .map(|(feature, weight)| feature * weight)
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
