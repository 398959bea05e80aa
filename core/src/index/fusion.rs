//! Fusing the two arms of a search into one list.

use std::collections::HashMap;

use uuid::Uuid;

/// A point as one arm found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    pub id: Uuid,
    /// The arm's own: a cosine, or a sum of BM25 weights.
    pub score: f32,
}

/// What each arm found, best first. An arm that was not searched is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arms {
    pub dense: Vec<Scored>,
    pub sparse: Vec<Scored>,
    /// One for each part of the question, in the order of the request.
    pub parts: Vec<Vec<Scored>>,
}

/// Where a point stands in an arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// From 1.
    pub rank: usize,
    pub score: f32,
}

/// A point after fusion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    pub id: Uuid,
    pub score: f32,
    pub dense: Option<Place>,
    pub sparse: Option<Place>,
}

/// What the arms weigh beside each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    pub dense: f32,
    pub sparse: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            dense: 1.0,
            sparse: 1.0,
        }
    }
}

/// All points that an arm found, best first; equal scores by ascending id.
///
/// A convex combination of the arms' scores, each brought to 0 to 1 (Bruch, Gai and Ingber 2023, *An
/// Analysis of Fusion Functions for Hybrid Retrieval*): a BM25 score as a share of the best one, a
/// cosine by its place between the least and the best of its arm. Unlike ranks, scores tell a clear
/// first place from a close one, and the scale does not depend on the model. What an arm did not find
/// counts 0 there.
pub fn fuse(arms: &Arms, weights: &Weights) -> Vec<Fused> {
    let scale = Scale::of(arms, weights);
    let mut fused: HashMap<Uuid, Fused> = HashMap::new();
    let mut place_all = |arm: &[Scored], set: fn(&mut Fused, Place)| {
        for (position, found) in arm.iter().enumerate() {
            let entry = fused.entry(found.id).or_insert(Fused {
                id: found.id,
                score: 0.0,
                dense: None,
                sparse: None,
            });
            set(
                entry,
                Place {
                    rank: position + 1,
                    score: found.score,
                },
            );
        }
    };
    place_all(&arms.dense, |fused, place| fused.dense = Some(place));
    place_all(&arms.sparse, |fused, place| fused.sparse = Some(place));
    let mut fused: Vec<Fused> = fused.into_values().collect();
    for found in &mut fused {
        let cosine = found.dense.map(|place| place.score);
        found.score = scale.score(cosine, found.sparse.map(|place| place.score));
    }
    fused.sort_unstable_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then(left.id.cmp(&right.id))
    });
    fused
}

/// Fuses lists of ids, best first, each with its weight, by the reciprocal of the ranks (Cormack, Clarke
/// and Büttcher 2009): for lists whose scores are not of one kind. Equal sums by ascending id.
pub fn by_ranks(lists: impl IntoIterator<Item = (f32, Vec<Uuid>)>) -> Vec<(Uuid, f32)> {
    /// Small, so that the first places decide: the lists are short here.
    const K: usize = 2;
    let mut sums: HashMap<Uuid, f32> = HashMap::new();
    for (weight, ids) in lists {
        for (place, id) in ids.into_iter().enumerate() {
            *sums.entry(id).or_default() += weight / (place + K) as f32;
        }
    }
    let mut fused: Vec<(Uuid, f32)> = sums.into_iter().collect();
    fused.sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    fused
}

/// What brings the scores of one search to 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    weights: Weights,
    /// The least and the best cosine of the dense arm.
    least: f32,
    best: f32,
    /// The best BM25 score.
    most: f32,
}

impl Scale {
    pub fn of(arms: &Arms, weights: &Weights) -> Self {
        let first = |arm: &[Scored]| arm.first().map_or(0.0, |found| found.score);
        Self {
            weights: *weights,
            least: arms.dense.last().map_or(0.0, |found| found.score),
            best: first(&arms.dense),
            most: first(&arms.sparse),
        }
    }

    /// The fused score of a point with these scores, from 0 to the sum of the weights.
    pub fn score(&self, cosine: Option<f32>, bm25: Option<f32>) -> f32 {
        let span = self.best - self.least;
        let dense = match cosine {
            // An arm of one point, or of equal ones.
            Some(cosine) if span <= f32::EPSILON => f32::from(u8::from(cosine >= self.best)),
            Some(cosine) => ((cosine - self.least) / span).clamp(0.0, 1.0),
            None => 0.0,
        };
        let sparse = bm25.map_or(0.0, |bm25| bm25 / self.most.max(f32::MIN_POSITIVE));
        self.weights.dense * dense + self.weights.sparse * sparse
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arm(scores: &[(u128, f32)]) -> Vec<Scored> {
        let found = scores.iter().map(|&(id, score)| Scored {
            id: Uuid::from_u128(id),
            score,
        });
        found.collect()
    }

    #[test]
    fn scores_of_both_arms_are_brought_to_one_scale_and_added() {
        let arms = Arms {
            dense: arm(&[(1, 0.9), (3, 0.7), (2, 0.5)]),
            sparse: arm(&[(2, 8.0), (3, 6.0)]),
            ..Arms::default()
        };
        let weights = Weights {
            dense: 0.5,
            sparse: 1.0,
        };
        let fused = fuse(&arms, &weights);
        let found: Vec<(u128, f32)> = fused
            .iter()
            .map(|fused| (fused.id.as_u128(), fused.score))
            .collect();
        // 0.5 · 0.5 + 0.75, then 1 of the words alone (its cosine is the least), then 0.5.
        assert_eq!(found, [(2, 1.0), (3, 1.0), (1, 0.5)]);
        assert_eq!(fused[1].dense.map(|place| place.rank), Some(2));
        assert_eq!(fused[2].sparse, None);
    }

    #[test]
    fn what_several_lists_have_early_comes_first() {
        let ids = |ids: &[u128]| ids.iter().copied().map(Uuid::from_u128).collect::<Vec<_>>();
        let fused = by_ranks([(1.0, ids(&[1, 2, 3])), (0.5, ids(&[3, 4]))]);
        let order: Vec<u128> = fused.iter().map(|(id, _)| id.as_u128()).collect();
        // 1/2, 1/4 + 0.5/2, 1/3, 0.5/3; 1 and 3 are equal.
        assert_eq!(order, [1, 3, 2, 4]);
        assert!(by_ranks([]).is_empty());
    }

    proptest! {
        #[test]
        fn order_within_an_arm_is_kept_where_the_other_says_nothing(
            mut scores in proptest::collection::vec(0.0_f32..1.0, 1..40),
            weight in 0.1_f32..2.0,
        ) {
            scores.sort_by(|a, b| b.total_cmp(a));
            let scored: Vec<(u128, f32)> = scores
                .iter()
                .enumerate()
                .map(|(id, score)| (id as u128, *score))
                .collect();
            for dense in [true, false] {
                let arms = if dense {
                    Arms { dense: arm(&scored), ..Arms::default() }
                } else {
                    Arms { sparse: arm(&scored), ..Arms::default() }
                };
                let fused = fuse(&arms, &Weights { dense: weight, sparse: weight });
                prop_assert!(fused.windows(2).all(|pair| pair[0].score >= pair[1].score));
                prop_assert!(fused.iter().all(|found| (0.0..=weight).contains(&found.score)));
                let ranks = fused.iter().map(|found| found.dense.or(found.sparse).map_or(0, |place| place.rank));
                let scores_in_order: Vec<f32> = ranks.map(|rank| scores[rank - 1]).collect();
                prop_assert!(scores_in_order.windows(2).all(|pair| pair[0] >= pair[1]));
            }
        }
    }
}
