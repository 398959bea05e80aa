//! Embed: vectors for a batch's chunks. A chunk whose exact text has a vector already, in the
//! collection or earlier in the batch, costs nothing.

use std::collections::{HashMap, HashSet};

use docent_core::document::point_id;
use docent_core::index::Point;
use docent_core::index::lexical::Analysis;
use docent_core::ledger::{DocumentRow, Purpose, TermDeltas, UsageSource};
use docent_core::models::{CallFor, Usage};
use rust_decimal::Decimal;

use crate::prepare::{Batch, ChangedDocument, Prepared, PreparedChunk};
use crate::run::Run;

/// A changed document with the points of its chunks.
pub(crate) struct EmbeddedDocument {
    pub(crate) row: DocumentRow,
    /// Its row from an earlier run, where it has one.
    pub(crate) before: Option<DocumentRow>,
    pub(crate) points: Vec<Point>,
    /// Why some chunks have no vector; then `points` holds the others, which are kept so that they
    /// are not paid for again.
    pub(crate) failure: Option<String>,
    pub(crate) embedded: u64,
    pub(crate) reused: u64,
}

/// A batch after the embedder.
pub(crate) struct Embedded {
    pub(crate) documents: Vec<EmbeddedDocument>,
    /// What needs no vector.
    pub(crate) others: Vec<Prepared>,
    /// Terms of the documents that have all their vectors.
    pub(crate) terms: TermDeltas,
    pub(crate) tokens: u64,
    /// `None`: no price is configured for the model.
    pub(crate) cost: Option<Decimal>,
    /// The index could not be asked for vectors to use again.
    pub(crate) failure: Option<docent_core::index::IndexError>,
}

/// Embeds what is new in a batch.
pub(crate) async fn batch(run: &Run, batch: Batch) -> Embedded {
    let mut changed = Vec::new();
    let mut embedded = Embedded {
        documents: Vec::new(),
        others: Vec::new(),
        terms: TermDeltas::default(),
        tokens: 0,
        cost: Some(Decimal::ZERO),
        failure: None,
    };
    for prepared in batch.0 {
        match prepared {
            Prepared::Changed(one) => changed.push(one),
            other => embedded.others.push(other),
        }
    }
    if changed.is_empty() {
        return embedded;
    }

    let mut wanted: Vec<String> = Vec::new();
    let mut texts: HashMap<String, String> = HashMap::new();
    for chunk in changed.iter_mut().flat_map(|one| &mut one.chunks) {
        let hash = &chunk.payload.text_hash;
        if !texts.contains_key(hash) {
            wanted.push(hash.clone());
            texts.insert(hash.clone(), std::mem::take(&mut chunk.embedded_text));
        }
    }

    let mut vectors = match known_vectors(run, &wanted).await {
        Ok(known) => Vectors {
            by_hash: known,
            ..Vectors::default()
        },
        Err(error) => {
            embedded.failure = Some(error);
            return embedded;
        }
    };
    wanted.retain(|hash| !vectors.by_hash.contains_key(hash));
    vectors.new = wanted.iter().cloned().collect();
    let missing: Vec<String> = wanted
        .iter()
        .filter_map(|hash| texts.remove(hash))
        .collect();
    if run.dry_run {
        let counter = run.app.embedder.counter();
        embedded.tokens = missing.iter().map(|text| counter.count(text) as u64).sum();
        embedded.cost = estimate(run, embedded.tokens);
        vectors
            .by_hash
            .extend(wanted.into_iter().map(|hash| (hash, Vec::new())));
    } else {
        let call = CallFor::run(Purpose::EmbedPassages, run.id);
        let results = run.app.embedder.embed_passages(&call, &missing).await;
        for (hash, result) in wanted.into_iter().zip(results) {
            match result {
                Ok(one) => {
                    embedded.tokens += one.tokens;
                    embedded.cost = embedded.cost.zip(one.cost).map(|(sum, cost)| sum + cost);
                    vectors.by_hash.insert(hash, one.vector);
                }
                Err(error) => {
                    vectors.failures.insert(hash, error.to_string());
                }
            }
        }
        let new = vectors.new.iter().filter_map(|hash| {
            let vector = vectors.by_hash.get(hash)?;
            Some((hash.as_str(), vector.as_slice()))
        });
        run.received.add(new);
    }

    for one in changed {
        let document = vectors.document(run, *one, &mut embedded.terms);
        embedded.documents.push(document);
    }
    embedded
}

/// What so many tokens would cost.
fn estimate(run: &Run, tokens: u64) -> Option<Decimal> {
    let usage = Usage {
        input_tokens: tokens,
        cached_tokens: 0,
        output_tokens: 0,
        source: UsageSource::Estimated,
    };
    run.app.book.cost(run.app.embedder.model(), &usage)
}

async fn known_vectors(
    run: &Run,
    hashes: &[String],
) -> Result<HashMap<String, Vec<f32>>, docent_core::index::IndexError> {
    let index = &run.app.index;
    let mut vectors = if run.dry_run && !run.collection_exists {
        HashMap::new()
    } else {
        index.vectors_by_text_hash(&run.collection, hashes).await?
    };
    if let Some(other) = &run.reuse_from {
        let missing: Vec<String> = hashes
            .iter()
            .filter(|hash| !vectors.contains_key(*hash))
            .cloned()
            .collect();
        vectors.extend(index.vectors_by_text_hash(other, &missing).await?);
    }
    for hash in hashes {
        if let Some(vector) = run.received.get(hash)
            && !vectors.contains_key(hash)
        {
            vectors.insert(hash.clone(), vector.clone());
        }
    }
    Ok(vectors)
}

/// The vectors of a batch by the hash of the embedded text.
#[derive(Default)]
struct Vectors {
    by_hash: HashMap<String, Vec<f32>>,
    /// Those asked of the embedder now; the first chunk that takes one counts as embedded.
    new: HashSet<String>,
    failures: HashMap<String, String>,
}

impl Vectors {
    fn document(
        &mut self,
        run: &Run,
        changed: ChangedDocument,
        terms: &mut TermDeltas,
    ) -> EmbeddedDocument {
        let mut embedded = EmbeddedDocument {
            row: changed.row,
            before: changed.before,
            points: Vec::with_capacity(changed.chunks.len()),
            failure: None,
            embedded: 0,
            reused: 0,
        };
        let has_vector =
            |chunk: &PreparedChunk| self.by_hash.contains_key(&chunk.payload.text_hash);
        let mut counts = changed
            .chunks
            .iter()
            .all(has_vector)
            .then(|| terms.of(&changed.document.metadata.groups));
        let mut occurrences: HashMap<String, usize> = HashMap::new();
        for PreparedChunk { payload, .. } in changed.chunks {
            let Some(dense) = self.by_hash.get(&payload.text_hash) else {
                embedded.failure = self.failures.get(&payload.text_hash).cloned();
                continue;
            };
            let occurrence = occurrences.entry(payload.text_hash.clone()).or_default();
            let id = point_id(changed.document.id, &payload.text_hash, *occurrence);
            *occurrence += 1;
            if self.new.remove(&payload.text_hash) {
                embedded.embedded += 1;
            } else {
                embedded.reused += 1;
            }
            let analysis = Analysis::of(&payload.lexical_text(), |term| {
                if let Some(counts) = &mut counts {
                    counts.add(term, 1);
                }
            });
            embedded.row.lexical_length += analysis.length as i64;
            embedded.points.push(Point {
                id,
                dense: dense.clone(),
                sparse: run.sparse(analysis),
                payload,
            });
        }
        embedded
    }
}
