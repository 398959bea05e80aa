//! What speaks for a question being answerable, as numbers: the material of the decision to abstain.

use std::collections::{BTreeMap, HashSet};

use docent_core::index::Hit;
use uuid::Uuid;

use crate::chat::probe::Probe;

/// First hits of each arm whose agreement is looked at.
const AGREEING: usize = 5;

/// The signals of a probe that was traced; 0 where an arm found nothing.
///
/// - `bm25`: the best score of the sparse arm;
/// - `bm25_lead`: how far it stands above the tenth, as a share of it;
/// - `cosine`: the best cosine;
/// - `coverage`: the best share of the question's terms in one passage, weighted by rarity;
/// - `agreement`: the share of the arms' first five that both found.
pub(super) fn signals(found: &Probe) -> BTreeMap<String, f64> {
    let best = |values: &mut dyn Iterator<Item = f32>| f64::from(values.fold(0.0, f32::max));
    let passages = &found.passages;
    let mut signals = BTreeMap::from([
        (
            "coverage".to_owned(),
            best(&mut passages.iter().map(|passage| passage.coverage)),
        ),
        (
            "cosine".to_owned(),
            best(&mut passages.iter().filter_map(|passage| passage.cosine)),
        ),
    ]);
    if let Some(trace) = &found.trace {
        signals.insert("bm25".to_owned(), score(&trace.sparse, 0));
        signals.insert("bm25_lead".to_owned(), lead(&trace.sparse));
        signals.insert(
            "agreement".to_owned(),
            agreement(&trace.dense, &trace.sparse),
        );
    }
    signals
}

fn score(hits: &[Hit], position: usize) -> f64 {
    hits.get(position).map_or(0.0, |hit| f64::from(hit.score))
}

fn lead(hits: &[Hit]) -> f64 {
    let (first, tenth) = (score(hits, 0), score(hits, 9));
    if first > 0.0 {
        (first - tenth) / first
    } else {
        0.0
    }
}

fn agreement(dense: &[Hit], sparse: &[Hit]) -> f64 {
    let ids =
        |hits: &[Hit]| -> HashSet<Uuid> { hits.iter().take(AGREEING).map(|hit| hit.id).collect() };
    ids(dense).intersection(&ids(sparse)).count() as f64 / AGREEING as f64
}
