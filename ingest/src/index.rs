//! Index: points in, stale points out, durable before anything is recorded.

use std::collections::HashSet;

use docent_core::app::App;
use docent_core::config;
use docent_core::document::{Document, Outcome};
use docent_core::index::lexical::Analysis;
use docent_core::index::{Filter, IndexError, Payload, Point, StoredPoint};
use docent_core::ledger::{DocumentRow, TermDeltas};
use uuid::Uuid;

use crate::embed::{Embedded, EmbeddedDocument};
use crate::prepare::Prepared;
use crate::run::Run;

/// Points written at a time.
const UPSERT_POINTS: usize = 512;

/// What was written to the index, and waits for the flush and for its rows.
#[derive(Default)]
pub(crate) struct Indexed {
    /// Whether the index was written to.
    pub(crate) written: bool,
    /// Path and outcome of every document of the batch.
    pub(crate) outcomes: Vec<(String, Outcome)>,
    /// Rows to write for documents that are in the index as they say.
    pub(crate) rows: Vec<DocumentRow>,
    /// Documents that left the index.
    pub(crate) removed: Vec<Uuid>,
    pub(crate) terms: TermDeltas,
    pub(crate) embedded: u64,
    pub(crate) reused: u64,
    pub(crate) tokens: u64,
    pub(crate) cost: Option<rust_decimal::Decimal>,
}

impl Indexed {
    /// Adds a later batch.
    pub(crate) fn merge(&mut self, later: Self) {
        self.written |= later.written;
        self.outcomes.extend(later.outcomes);
        self.rows.extend(later.rows);
        self.removed.extend(later.removed);
        self.terms.merge(later.terms);
        self.embedded += later.embedded;
        self.reused += later.reused;
        self.tokens += later.tokens;
        self.cost = self.cost.zip(later.cost).map(|(sum, cost)| sum + cost);
    }
}

/// Brings the index to the state of a batch.
pub(crate) async fn batch(run: &Run, batch: Embedded) -> Result<Indexed, IndexError> {
    if let Some(error) = batch.failure {
        return Err(error);
    }
    // Given back when the points are in the index, where other batches find their vectors then.
    let _claims = batch.claims;
    let mut indexed = Indexed {
        terms: batch.terms,
        tokens: batch.tokens,
        cost: batch.cost,
        ..Indexed::default()
    };
    for prepared in batch.others {
        other(run, &mut indexed, prepared).await?;
    }
    changed(run, &mut indexed, batch.documents).await?;
    Ok(indexed)
}

async fn other(run: &Run, indexed: &mut Indexed, prepared: Prepared) -> Result<(), IndexError> {
    match prepared {
        Prepared::Unchanged(row) => {
            let path = row.as_ref().map(|row| row.path.clone()).unwrap_or_default();
            indexed.outcomes.push((path, Outcome::Unchanged));
            indexed.rows.extend(row);
        }
        Prepared::Metadata(row, document) => {
            indexed.outcomes.push((row.path.clone(), Outcome::Indexed));
            set_metadata(run, indexed, &document).await?;
            indexed.rows.push(row);
        }
        Prepared::LeftOut {
            path,
            outcome,
            known,
        } => {
            // Left out on purpose: what was indexed of it goes. Failed: it stays until it can be
            // read again.
            if let (Outcome::Skipped(_), Some(row)) = (&outcome, known)
                && row.indexed
            {
                remove_document(run, indexed, row).await?;
            }
            indexed.outcomes.push((path, outcome));
        }
        Prepared::Changed(..) => {}
    }
    Ok(())
}

/// New metadata on all points of a document: payload and sparse vector, no model call.
async fn set_metadata(
    run: &Run,
    indexed: &mut Indexed,
    document: &Document,
) -> Result<(), IndexError> {
    let mut updates = Vec::new();
    for point in document_points(run, document.id, false).await? {
        count_terms(&mut indexed.terms, &point.payload, -1);
        let payload = with_metadata(&point.payload, document);
        let passage = count_terms(&mut indexed.terms, &payload, 1);
        updates.push((point.id, payload, run.sparse(passage)));
    }
    indexed.written = true;
    run.app.index.set_metadata(&run.collection, updates).await
}

fn with_metadata(payload: &Payload, document: &Document) -> Payload {
    let metadata = document.metadata.clone();
    Payload {
        uri: metadata.uri,
        asset: metadata.asset,
        owner: metadata.owner,
        owner_slack: metadata.owner_slack,
        owner_email: metadata.owner_email,
        groups: metadata.groups,
        status: metadata.status,
        updated_at: metadata.updated_at,
        fresh_at: metadata.fresh_at,
        stale_at: metadata.stale_at,
        curated: metadata.curated,
        language: document.language.clone(),
        ..payload.clone()
    }
}

async fn changed(
    run: &Run,
    indexed: &mut Indexed,
    documents: Vec<EmbeddedDocument>,
) -> Result<(), IndexError> {
    let mut points: Vec<Point> = Vec::new();
    let mut stale: Vec<StoredPoint> = Vec::new();
    let mut traced = Vec::with_capacity(documents.len());
    for document in documents {
        let step = document.trace.step("index");
        indexed.embedded += document.embedded;
        indexed.reused += document.reused;
        let id = document.row.document_id;
        let was_indexed = document.before.as_ref().is_some_and(|row| row.indexed);
        if let Some(reason) = document.failure {
            // Whom the document may be shown to changes at once, even where its new text could not
            // be embedded. The vectors that did arrive are kept: they are not paid for again.
            if let Some(first) = document.points.first().filter(|_| was_indexed) {
                apply_permission(run, id, &first.payload).await?;
                indexed.written = true;
            }
            let outcome = Outcome::Failed(reason);
            traced.push((document.trace, step, outcome.clone()));
            indexed.outcomes.push((document.row.path.clone(), outcome));
        } else {
            // A document without a row has points only where a run was interrupted.
            if document.before.is_some() || run.distrust {
                let mut old = document_points(run, id, true).await?;
                if was_indexed {
                    for point in &old {
                        count_terms(&mut indexed.terms, &point.payload, -1);
                    }
                }
                let new: HashSet<Uuid> = document.points.iter().map(|point| point.id).collect();
                old.retain(|point| !new.contains(&point.id));
                stale.append(&mut old);
            }
            let path = document.row.path.clone();
            traced.push((document.trace, step, Outcome::Indexed));
            indexed.outcomes.push((path, Outcome::Indexed));
            indexed.rows.push(document.row);
        }
        points.extend(document.points);
    }
    indexed.written |= !points.is_empty() || !stale.is_empty();
    upsert(run, points).await?;
    delete(run, &stale).await?;
    for (trace, step, outcome) in traced {
        drop(step);
        trace.end(&outcome);
    }
    Ok(())
}

/// Takes points out. Their vectors stay at hand: the same texts may turn up elsewhere.
async fn delete(run: &Run, points: &[StoredPoint]) -> Result<(), IndexError> {
    run.received.part(points.iter().filter_map(|point| {
        let vector = point.dense.as_deref()?;
        Some((point.payload.text_hash.as_str(), vector))
    }));
    let ids: Vec<Uuid> = points.iter().map(|point| point.id).collect();
    run.app.index.delete(&run.collection, &ids).await
}

async fn upsert(run: &Run, points: Vec<Point>) -> Result<(), IndexError> {
    let mut rest = points.into_iter().peekable();
    while rest.peek().is_some() {
        let part: Vec<Point> = rest.by_ref().take(UPSERT_POINTS).collect();
        run.app.index.upsert(&run.collection, part).await?;
    }
    Ok(())
}

async fn apply_permission(run: &Run, id: Uuid, new: &Payload) -> Result<(), IndexError> {
    let mut updates = Vec::new();
    for point in document_points(run, id, false).await? {
        let payload = Payload {
            groups: new.groups.clone(),
            status: new.status,
            ..point.payload
        };
        let passage = Analysis::of(&payload.lexical_text(), |_| {});
        updates.push((point.id, payload, run.sparse(passage)));
    }
    run.app.index.set_metadata(&run.collection, updates).await
}

/// Takes documents that are gone from the source out of the index.
pub(crate) async fn remove(run: &Run, gone: Vec<DocumentRow>) -> Result<Indexed, IndexError> {
    let mut indexed = Indexed {
        cost: Some(rust_decimal::Decimal::ZERO),
        ..Indexed::default()
    };
    for row in gone {
        if row.indexed {
            indexed.outcomes.push((row.path.clone(), Outcome::Removed));
        }
        remove_document(run, &mut indexed, row).await?;
    }
    Ok(indexed)
}

async fn remove_document(
    run: &Run,
    indexed: &mut Indexed,
    row: DocumentRow,
) -> Result<(), IndexError> {
    let points = document_points(run, row.document_id, true).await?;
    if row.indexed {
        for point in &points {
            count_terms(&mut indexed.terms, &point.payload, -1);
        }
    }
    indexed.written |= !points.is_empty();
    delete(run, &points).await?;
    indexed.removed.push(row.document_id);
    Ok(())
}

/// After a full comparison: points of the source that no row of the ledger knows are leftovers of
/// an index that was restored from elsewhere.
pub(crate) async fn remove_strangers(
    run: &Run,
    source: &config::Source,
) -> Result<(), crate::run::IngestError> {
    let rows = run
        .app
        .ledger
        .documents(&run.collection, &source.name)
        .await?;
    let known: HashSet<Uuid> = rows
        .values()
        .filter(|row| row.indexed)
        .map(|row| row.document_id)
        .collect();
    let mut offset = None;
    let mut strangers = Vec::new();
    loop {
        let page = run
            .app
            .index
            .scroll(&run.collection, offset, 1000, false)
            .await?;
        strangers.extend(
            page.points
                .iter()
                .filter(|point| {
                    point.payload.source == source.name
                        && !known.contains(&point.payload.document_id)
                })
                .map(|point| point.id),
        );
        offset = page.next;
        if offset.is_none() {
            break;
        }
    }
    if !strangers.is_empty() {
        run.app.index.delete(&run.collection, &strangers).await?;
        run.app.index.flush(&run.collection).await?;
    }
    Ok(())
}

async fn document_points(
    run: &Run,
    id: Uuid,
    with_dense: bool,
) -> Result<Vec<StoredPoint>, IndexError> {
    let filter = Filter {
        document_id: Some(id),
        ..Filter::default()
    };
    run.app
        .index
        .points(&run.collection, &filter, with_dense)
        .await
}

/// Adds (or takes away) one chunk's terms, by the groups that may read them.
pub(crate) fn count_terms(deltas: &mut TermDeltas, payload: &Payload, by: i64) -> Analysis {
    let mut counts = deltas.of(&payload.groups);
    Analysis::of(&payload.lexical_text(), |term| counts.add(term, by))
}

/// The terms of a whole collection, counted anew from its stored texts.
pub(crate) async fn all_terms(app: &App, collection: &str) -> Result<TermDeltas, IndexError> {
    let mut deltas = TermDeltas::default();
    let mut offset = None;
    loop {
        let page = app.index.scroll(collection, offset, 1000, false).await?;
        for point in &page.points {
            count_terms(&mut deltas, &point.payload, 1);
        }
        offset = page.next;
        if offset.is_none() {
            return Ok(deltas);
        }
    }
}
