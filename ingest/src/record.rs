//! Record: what batches came to, in one transaction once they are durable, and in the report.

use std::time::Duration;

use docent_core::document::{Outcome, document_id};
use docent_core::ledger::{DocumentBatch, DocumentRow, LedgerError, outcome_text};

use tokio::time::Instant;

use crate::index::Indexed;
use crate::report::SourceReport;
use crate::run::{IngestError, Run};

/// Time between the first point of a batch and the flush that makes it durable. What a kill takes
/// away is read, cut and indexed again, but not embedded again: see [`crate::received`].
const SHORTEST: Duration = Duration::from_secs(1);
/// The same where flushes are slow: a flush walks over all files of the index, for few points as for
/// many, and is to take no more than a tenth of the time.
const LONGEST: Duration = Duration::from_secs(20);

/// Documents that wait at the most: each is a row in memory.
const MOST: usize = 8192;

/// Batches that are in the index and not yet durable, with their rows.
pub(crate) struct Pending {
    /// With the time when they are due.
    indexed: Option<(Instant, Indexed)>,
    wait: Duration,
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self {
            indexed: None,
            wait: SHORTEST,
        }
    }

    /// Adds a batch.
    pub(crate) fn add(&mut self, batch: Indexed) {
        match &mut self.indexed {
            Some((_, indexed)) => indexed.merge(batch),
            None => self.indexed = Some((Instant::now() + self.wait, batch)),
        }
        if let Some((due, indexed)) = &mut self.indexed
            && indexed.outcomes.len() >= MOST
        {
            *due = Instant::now();
        }
    }

    /// When [`Pending::commit`] must be called; `None`: there is nothing.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.indexed.as_ref().map(|(due, _)| *due)
    }

    /// Flushes the index, and only then commits the rows and adds them to the report.
    pub(crate) async fn commit(
        &mut self,
        run: &Run,
        report: &mut SourceReport,
    ) -> Result<(), IngestError> {
        let Some((_, indexed)) = self.indexed.take() else {
            return Ok(());
        };
        if indexed.written {
            let begun = Instant::now();
            run.app.index.flush(&run.collection).await?;
            run.received.flushed(|hash| run.flight.holds(hash));
            self.wait = (begun.elapsed() * 10).clamp(SHORTEST, LONGEST);
        }
        Ok(record(run, report, indexed).await?)
    }
}

async fn record(run: &Run, report: &mut SourceReport, indexed: Indexed) -> Result<(), LedgerError> {
    report.chunks.embedded += indexed.embedded;
    report.chunks.reused += indexed.reused;
    report.tokens += indexed.tokens;
    report.add_cost(indexed.cost);
    let mut left_out = Vec::new();
    for (path, outcome) in indexed.outcomes {
        run.count(report, &path, &outcome);
        if matches!(outcome, Outcome::Skipped(_) | Outcome::Failed(_)) {
            left_out.push(left_out_row(&report.name, path, &outcome));
        }
    }
    let mut terms = indexed.terms;
    if run.building {
        // Where the run did not begin with an empty collection, all is counted anew at its end.
        let terms = std::mem::take(&mut terms);
        if run.fresh {
            run.built_terms.lock().merge(terms);
        }
    }
    let batch = DocumentBatch {
        upserted: indexed.rows,
        removed: indexed.removed,
        outcomes: left_out,
        terms,
    };
    run.app
        .ledger
        .commit_documents(&run.collection, run.id, &batch)
        .await
}

/// The row of a document that was left out. Where there is a row already, only its outcome changes.
fn left_out_row(source: &str, path: String, outcome: &Outcome) -> DocumentRow {
    let (kind, reason) = outcome_text(outcome);
    DocumentRow {
        document_id: document_id(source, &path),
        source: source.to_owned(),
        raw_hash: String::new(),
        content_hash: String::new(),
        metadata_hash: String::new(),
        title: String::new(),
        chunks: 0,
        lexical_length: 0,
        indexed: false,
        outcome: kind,
        reason: reason.map(str::to_owned),
        path,
    }
}
