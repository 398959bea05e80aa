//! Record: what a durable batch came to, in one transaction, and in the report.

use docent_core::ledger::LedgerError;
use docent_core::ledger::ingest::{DocumentBatch, LeftOutRow};

use docent_core::document::Outcome;

use crate::index::Indexed;
use crate::report::SourceReport;
use crate::run::Run;

/// Commits a batch's rows and adds it to the report.
pub(crate) async fn batch(
    run: &Run,
    report: &mut SourceReport,
    indexed: Indexed,
) -> Result<(), LedgerError> {
    report.chunks.embedded += indexed.embedded;
    report.chunks.reused += indexed.reused;
    report.tokens += indexed.tokens;
    report.add_cost(indexed.cost);
    let mut left_out = Vec::new();
    for (path, outcome) in indexed.outcomes {
        match &outcome {
            Outcome::Skipped(reason) => left_out.push(LeftOutRow {
                path: path.clone(),
                outcome: "skipped".to_owned(),
                reason: reason.clone(),
            }),
            Outcome::Failed(reason) => left_out.push(LeftOutRow {
                path: path.clone(),
                outcome: "failed".to_owned(),
                reason: reason.clone(),
            }),
            Outcome::Indexed | Outcome::Unchanged | Outcome::Removed => {}
        }
        run.count(report, &path, &outcome);
    }
    if run.dry_run {
        return Ok(());
    }
    let batch = DocumentBatch {
        rows: indexed.rows,
        removed: indexed.removed.iter().map(|row| row.document_id).collect(),
        left_out,
        terms: indexed.terms,
    };
    run.app
        .ledger
        .commit_documents(&run.collection, &report.name, run.id, &batch)
        .await
}
