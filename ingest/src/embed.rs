//! Embed: vectors for a batch's chunks. A chunk whose exact text has a vector already costs nothing,
//! wherever it is: in the collection, in the one that it replaces, among what an interrupted run
//! received or this run took out, or in another batch that is being embedded just now.

use std::collections::HashMap;
use std::sync::Arc;

use docent_core::document::point_id;
use docent_core::index::lexical::Analysis;
use docent_core::index::{IndexError, Point};
use docent_core::ledger::{DocumentRow, Purpose, TermDeltas};
use docent_core::models::CallFor;
use rust_decimal::Decimal;
use tracing::{Instrument, Span};

use crate::flight::Claims;
use crate::prepare::{Batch, ChangedDocument, Prepared, PreparedChunk};
use crate::run::Run;
use crate::traces::{self, Trace};

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
    pub(crate) trace: Trace,
}

/// A batch after the embedder.
pub(crate) struct Embedded {
    /// Documents of the batch, of every kind.
    pub(crate) count: u64,
    pub(crate) documents: Vec<EmbeddedDocument>,
    /// What needs no vector.
    pub(crate) others: Vec<Prepared>,
    /// Terms of the documents that have all their vectors.
    pub(crate) terms: TermDeltas,
    pub(crate) tokens: u64,
    /// `None`: no price is configured for the model.
    pub(crate) cost: Option<Decimal>,
    /// To be kept until the points are in the index.
    pub(crate) claims: Claims,
    /// The index could not be asked for vectors to use again.
    pub(crate) failure: Option<IndexError>,
}

impl ChangedDocument {
    /// The step of its trace that lasts until `batch` has its vectors.
    fn embedding(&mut self, batch: &Span) -> Span {
        if self.trace.is_none() {
            self.trace = Trace::begin(&self.row.source, &self.row.path);
            self.trace.cut(self.chunks.len());
        }
        let step = self.trace.step("embed");
        step.follows_from(batch);
        step
    }
}

/// Embeds what is new in a batch.
pub(crate) async fn batch(run: &Arc<Run>, batch: Batch) -> Embedded {
    let mut changed = Vec::new();
    let mut embedded = Embedded {
        count: batch.documents() as u64,
        documents: Vec::new(),
        others: Vec::new(),
        terms: TermDeltas::default(),
        tokens: 0,
        cost: Some(Decimal::ZERO),
        claims: Claims::default(),
        failure: None,
    };
    for prepared in batch.0 {
        match prepared {
            Prepared::Changed(one) => changed.push(*one),
            other => embedded.others.push(other),
        }
    }
    if changed.is_empty() {
        return embedded;
    }
    let span = traces::batch(changed.len());
    // Held until the batch has its vectors; its requests to the model are in the trace of the run.
    let steps: Vec<Span> = changed.iter_mut().map(|one| one.embedding(&span)).collect();

    let mut wanted: Vec<String> = Vec::new();
    let mut texts: HashMap<String, String> = HashMap::new();
    for chunk in changed.iter_mut().flat_map(|one| &mut one.chunks) {
        let hash = &chunk.payload.text_hash;
        if !texts.contains_key(hash) {
            wanted.push(hash.clone());
            texts.insert(hash.clone(), std::mem::take(&mut chunk.embedded_text));
        }
    }

    embedded.claims = run.flight.claim(wanted.clone());
    wanted.retain(|hash| embedded.claims.is_mine(hash));
    let mut vectors = Vectors::default();
    match known_vectors(run, &wanted).await {
        Ok(known) => {
            for (hash, vector) in known {
                vectors.came(&embedded.claims, hash, Ok(vector));
            }
        }
        Err(error) => {
            embedded.failure = Some(error);
            return embedded;
        }
    }
    wanted.retain(|hash| !vectors.by_hash.contains_key(hash));
    let missing: Vec<String> = wanted
        .iter()
        .filter_map(|hash| texts.remove(hash))
        .collect();
    let call = CallFor::run(Purpose::EmbedPassages, run.id);
    let keep = |arrived: &[(usize, &[f32])]| {
        let arrived = arrived
            .iter()
            .map(|(at, vector)| (wanted[*at].as_str(), *vector));
        run.received.add(arrived);
    };
    let embedder = &run.app.embedder;
    let results = embedder
        .embed_arriving(&call, &missing, &keep)
        .instrument(span)
        .await;
    for (hash, result) in wanted.iter().zip(results) {
        let came = match result {
            Ok(one) => {
                vectors.new.insert(hash.clone(), one.tokens);
                embedded.tokens += one.tokens;
                embedded.cost = embedded.cost.zip(one.cost).map(|(sum, cost)| sum + cost);
                Ok(one.vector)
            }
            Err(error) => Err(error.to_string()),
        };
        vectors.came(&embedded.claims, hash.clone(), came);
    }
    for (hash, came) in embedded.claims.others().await {
        vectors.insert(hash, came);
    }
    drop(steps);

    run.has_average().await;
    (embedded.documents, embedded.terms) = points(run, vectors, changed).await;
    embedded
}

/// The points of documents, and their terms. Analysing their words takes milliseconds: on a thread of
/// its own, for the next request must not wait for it.
async fn points(
    run: &Arc<Run>,
    mut vectors: Vectors,
    changed: Vec<ChangedDocument>,
) -> (Vec<EmbeddedDocument>, TermDeltas) {
    let run = Arc::clone(run);
    let work = move || {
        let mut terms = TermDeltas::default();
        let documents = changed
            .into_iter()
            .map(|one| vectors.document(&run, one, &mut terms))
            .collect();
        (documents, terms)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The program is stopping.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The vectors that need not be asked for.
async fn known_vectors(
    run: &Run,
    hashes: &[String],
) -> Result<HashMap<String, Vec<f32>>, IndexError> {
    let index = &run.app.index;
    let mut vectors = index.vectors_by_text_hash(&run.collection, hashes).await?;
    if let Some(other) = &run.reuse_from {
        let missing: Vec<String> = hashes
            .iter()
            .filter(|hash| !vectors.contains_key(*hash))
            .cloned()
            .collect();
        vectors.extend(index.vectors_by_text_hash(other, &missing).await?);
    }
    for hash in hashes {
        if !vectors.contains_key(hash)
            && let Some(vector) = run.received.get(hash)
        {
            vectors.insert(hash.clone(), vector);
        }
    }
    Ok(vectors)
}

/// The vectors of a batch by the hash of the embedded text.
#[derive(Default)]
struct Vectors {
    by_hash: HashMap<String, Arc<Vec<f32>>>,
    /// Those that the embedder gave this batch, with their tokens; the first chunk that takes one counts as
    /// embedded.
    new: HashMap<String, u64>,
    failures: HashMap<String, String>,
}

impl Vectors {
    /// What came of a text of this batch, which others may wait for.
    fn came(&mut self, claims: &Claims, hash: String, came: Result<Vec<f32>, String>) {
        let came = came.map(Arc::new);
        claims.settle(&hash, came.clone());
        self.insert(hash, came);
    }

    fn insert(&mut self, hash: String, came: Result<Arc<Vec<f32>>, String>) {
        match came {
            Ok(vector) => drop(self.by_hash.insert(hash, vector)),
            Err(reason) => drop(self.failures.insert(hash, reason)),
        }
    }

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
            trace: changed.trace,
        };
        let mut tokens = 0;
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
            if let Some(own) = self.new.remove(&payload.text_hash) {
                embedded.embedded += 1;
                tokens += own;
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
                dense: dense.as_ref().clone(),
                sparse: run.sparse(analysis),
                payload,
            });
        }
        let (new, reused) = (embedded.embedded, embedded.reused);
        embedded.trace.embedded(new, reused, tokens);
        embedded
    }
}
