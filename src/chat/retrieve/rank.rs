//! After fusion: what the order of the hits should respect besides their scores.

use std::cmp::Ordering;
use std::collections::HashMap;

use docent_core::document::Status;
use docent_core::index::{Hit, Payload, Question, dot, lexical};
use uuid::Uuid;

/// What a further passage of a document is worth, for each of its passages before it: one document
/// cannot fill the list, and a question that needs two finds both.
const SAME_DOCUMENT: f32 = 0.9;
/// A deprecated asset sinks, a certified one rises.
const DEPRECATED: f32 = 0.8;
const CERTIFIED: f32 = 1.05;
/// A passage about the very asset that the question names.
const NAMED_ASSET: f32 = 1.25;
/// Passages that share this much of their words (Jaccard) say the same.
const NEAR_DUPLICATE: f32 = 0.9;
/// Cosine below which two passages cannot be near-duplicates.
const NEARLY_PARALLEL: f32 = 0.95;

/// The `limit` best of the hits, best first.
pub(super) fn rank(hits: Vec<Hit>, question: &Question, limit: usize) -> Vec<Hit> {
    let hits = without_duplicates(hits).into_iter().map(|mut hit| {
        let named = is_named(&hit.payload, question);
        hit.score *= worth(&hit.payload, named);
        (hit, named)
    });
    let mut rest: Vec<(Hit, bool)> = hits.collect();
    let mut taken: HashMap<Uuid, i32> = HashMap::new();
    let mut ranked = Vec::with_capacity(limit);
    while ranked.len() < limit {
        let score = |(hit, named): &(Hit, bool)| {
            // Who names an asset asks about that one: its document may fill the list.
            if *named {
                return hit.score;
            }
            let before = taken.get(&hit.payload.document_id).copied().unwrap_or(0);
            hit.score * SAME_DOCUMENT.powi(before)
        };
        let Some(best) = (0..rest.len())
            .max_by(|&a, &b| score(&rest[a]).total_cmp(&score(&rest[b])).then(b.cmp(&a)))
        else {
            break;
        };
        let best = rest.remove(best);
        let score = score(&best);
        let (mut hit, _) = best;
        hit.score = score;
        *taken.entry(hit.payload.document_id).or_default() += 1;
        ranked.push(hit);
    }
    ranked
}

/// What its metadata makes of a passage.
fn worth(payload: &Payload, named: bool) -> f32 {
    let status = match payload.status {
        Some(Status::Deprecated) => DEPRECATED,
        Some(Status::Certified) => CERTIFIED,
        None => 1.0,
    };
    if named { status * NAMED_ASSET } else { status }
}

fn is_named(payload: &Payload, question: &Question) -> bool {
    let asset = payload.asset.as_deref();
    asset.is_some_and(|asset| names(question, asset))
}

/// Whether the question names the asset: by its whole name, or by the last part of a dotted one.
fn names(question: &Question, asset: &str) -> bool {
    let asset = asset.to_ascii_lowercase();
    let last = asset.rsplit('.').next().unwrap_or(&asset);
    [asset.as_str(), last].into_iter().any(|name| {
        // A name of one plain word is a word of the language as well.
        let is_identifier = name.contains(['_', '.']);
        let terms = lexical::terms(name);
        is_identifier
            && terms.first().is_some_and(|whole| {
                question.terms.iter().any(|term| {
                    term.term == *whole
                        || term
                            .alternatives
                            .iter()
                            .any(|alternative| alternative.term == *whole)
                })
            })
    })
}

/// Of passages that say the same only the freshest is kept, in the place of the best.
fn without_duplicates(hits: Vec<Hit>) -> Vec<Hit> {
    let mut kept: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        match kept.iter_mut().find(|first| say_the_same(first, &hit)) {
            None => kept.push(hit),
            Some(first) => {
                if fresher(&hit.payload, &first.payload) == Ordering::Greater {
                    let score = first.score;
                    *first = hit;
                    first.score = score;
                }
            }
        }
    }
    kept
}

/// By their vectors first, which are at hand; then by their words (Jaccard).
fn say_the_same(left: &Hit, right: &Hit) -> bool {
    if dot(&left.dense, &right.dense) < NEARLY_PARALLEL {
        return false;
    }
    let words = |hit: &Hit| lexical::term_ids(&hit.payload.text);
    let (left, right) = (words(left), words(right));
    let shared = left
        .iter()
        .filter(|word| right.binary_search(word).is_ok())
        .count();
    let all = left.len() + right.len() - shared;
    all > 0 && shared as f32 >= NEAR_DUPLICATE * all as f32
}

/// Deprecated is older than anything else, and what a person answered stands before what it repeats;
/// then the later update wins.
fn fresher(left: &Payload, right: &Payload) -> Ordering {
    let stands = |payload: &Payload| payload.status != Some(Status::Deprecated);
    stands(left)
        .cmp(&stands(right))
        .then(left.curated.is_some().cmp(&right.curated.is_some()))
        .then(left.updated_at.cmp(&right.updated_at))
}
