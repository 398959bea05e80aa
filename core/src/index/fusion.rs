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

/// What the arms weigh, and how soon a lower rank counts for less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    pub dense: f32,
    pub sparse: f32,
    pub rrf_k: usize,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            dense: 1.0,
            sparse: 1.0,
            rrf_k: 2,
        }
    }
}

/// All points that an arm found, best first; equal scores by ascending id.
///
/// Weighted reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): a point's score is the sum over
/// the arms of `weight / (rank + k)`, ranks from 0, as Qdrant computes it.
pub fn fuse(arms: &Arms, weights: &Weights) -> Vec<Fused> {
    let mut fused: HashMap<Uuid, Fused> = HashMap::new();
    let mut place_all = |arm: &[Scored], weight: f32, set: fn(&mut Fused, Place)| {
        for (position, found) in arm.iter().enumerate() {
            let entry = fused.entry(found.id).or_insert(Fused {
                id: found.id,
                score: 0.0,
                dense: None,
                sparse: None,
            });
            entry.score += weight / (position + weights.rrf_k) as f32;
            set(
                entry,
                Place {
                    rank: position + 1,
                    score: found.score,
                },
            );
        }
    };
    place_all(&arms.dense, weights.dense, |fused, place| fused.dense = Some(place));
    place_all(&arms.sparse, weights.sparse, |fused, place| fused.sparse = Some(place));
    let mut fused: Vec<Fused> = fused.into_values().collect();
    fused.sort_unstable_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then(left.id.cmp(&right.id))
    });
    fused
}
