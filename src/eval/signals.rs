//! What speaks for a question being answerable, by name: the material of the decision to abstain.

use std::collections::BTreeMap;

use crate::chat::probe::{Evidence, Probe};

/// The features of the evidence, in the order of [`Evidence::features`].
const FEATURES: [&str; 8] = [
    "strength",
    "support",
    "coverage",
    "cosine",
    "agreement",
    "missing_names",
    "unknown",
    "moment",
];
/// The best score of the sparse arm, where that was searched alone.
const BM25: &str = "bm25";
/// How likely an answer is by the configured weights of the features.
const PROBABILITY: &str = "probability";

/// The signals of a probe.
pub(super) fn signals(found: &Probe) -> BTreeMap<String, f64> {
    let features = FEATURES.into_iter().zip(found.evidence.features());
    let mut signals: BTreeMap<String, f64> = features
        .map(|(name, value)| (name.to_owned(), f64::from(value)))
        .collect();
    signals.insert(PROBABILITY.to_owned(), f64::from(found.probability));
    if let Some(trace) = &found.trace {
        let best = trace.sparse.first().and_then(|hit| hit.sparse_arm);
        let best = best.map_or(0.0, |place| f64::from(place.score));
        signals.insert(BM25.to_owned(), best);
    }
    signals
}

/// The evidence that signals were made of; `None` where one of its features is missing.
pub(super) fn evidence(signals: &BTreeMap<String, f64>) -> Option<Evidence> {
    let value = |name: &str| Some(*signals.get(name)? as f32);
    Some(Evidence {
        strength: value("strength")?,
        support: value("support")?,
        coverage: value("coverage")?,
        cosine: value("cosine")?,
        agreement: value("agreement")?,
        missing_names: value("missing_names")?,
        unknown: value("unknown")?,
        moment: value("moment")?,
    })
}
