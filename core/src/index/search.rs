//! A search: the arms of the engine, fused, and the payloads of what they found.

use std::collections::HashMap;

use uuid::Uuid;

use super::fusion;
use super::point::{Filter, Hit, SearchRequest};
use super::{Engine, IndexError, VectorIndex, engine};

/// Cosine of two vectors of unit length.
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    /// Sums side by side, so that the compiler may use vector instructions: one sum has one order.
    const SUMS: usize = 16;
    let ((left, left_rest), (right, right_rest)) =
        (left.as_chunks::<SUMS>(), right.as_chunks::<SUMS>());
    let mut sums = [0.0; SUMS];
    for (left, right) in left.iter().zip(right) {
        for (sum, (a, b)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += a * b;
        }
    }
    let rest = left_rest.iter().zip(right_rest).map(|(a, b)| a * b);
    sums.into_iter().chain(rest).sum()
}

/// What a place among the hits of a part of a question is worth beside one among those of the whole.
const PART: f32 = 0.5;

impl VectorIndex {
    /// The best hits, best first; equal scores by ascending id. The filter holds inside each arm,
    /// before anything is ranked, and again when the payloads of the hits are fetched. Where a question
    /// has parts, what they find comes besides: up to `limit` hits for each, fused by their ranks.
    pub async fn search(&self, name: &str, request: SearchRequest) -> Result<Vec<Hit>, IndexError> {
        let Some(request) = request.checked() else {
            return Ok(Vec::new());
        };
        let arms = engine!(self.arms(name, &request))?;
        let mut fused = fusion::fuse(&arms, &request.weights);
        fused.truncate(request.limit);
        let mut found = self.hits(name, &request, &arms, &fused).await?;
        let mut own: Vec<(Uuid, f32)> = fused
            .iter()
            .filter_map(|fused| Some((fused.id, found.get(&fused.id)?.score)))
            .collect();
        own.sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        if !arms.parts.is_empty() {
            let whole = own.into_iter().map(|(id, _)| id).collect();
            let parts = arms.parts.iter().map(|part| {
                let ids = part.iter().map(|scored| scored.id).take(request.limit);
                (PART, ids.filter(|id| found.contains_key(id)).collect())
            });
            own = fusion::by_ranks(std::iter::once((1.0, whole)).chain(parts));
        }
        let hits = own.into_iter().filter_map(|(id, score)| {
            let mut hit = found.remove(&id)?;
            hit.score = score;
            Some(hit)
        });
        Ok(hits.collect())
    }

    /// What the arms found, with payload and vector, by id. What is gone meanwhile, or no longer for this
    /// caller, is left out.
    async fn hits(
        &self,
        name: &str,
        request: &SearchRequest,
        arms: &fusion::Arms,
        fused: &[fusion::Fused],
    ) -> Result<HashMap<Uuid, Hit>, IndexError> {
        let scale = fusion::Scale::of(arms, &request.weights);
        let places: HashMap<Uuid, &fusion::Fused> =
            fused.iter().map(|fused| (fused.id, fused)).collect();
        let of_parts = arms.parts.iter();
        let of_parts = of_parts.flat_map(|part| part.iter().take(request.limit));
        let mut ids: Vec<Uuid> = fused.iter().map(|fused| fused.id).collect();
        ids.extend(of_parts.map(|scored| scored.id));
        ids.sort_unstable();
        ids.dedup();
        let filter = Filter {
            ids: Some(ids),
            ..request.filter.clone()
        };
        let hits = self
            .points(name, &filter, true)
            .await?
            .into_iter()
            .map(|point| {
                let place = places.get(&point.id);
                let (dense_arm, sparse_arm) =
                    place.map_or((None, None), |place| (place.dense, place.sparse));
                let vector = point.dense.unwrap_or_default();
                let cosine = request.dense.as_ref().map(|asked| dot(asked, &vector));
                let hit = Hit {
                    id: point.id,
                    // Now that its vector is there, also what only the words found has its cosine.
                    score: scale.score(cosine, sparse_arm.map(|place| place.score)),
                    cosine,
                    dense_arm,
                    sparse_arm,
                    dense: vector,
                    payload: point.payload,
                };
                (point.id, hit)
            });
        Ok(hits.collect())
    }
}
