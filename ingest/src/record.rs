//! Record: what a durable batch came to, in one transaction, and in the report.

use docent_core::document::{Outcome, document_id};
use docent_core::ledger::{DocumentBatch, DocumentRow, LedgerError, outcome_text};

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
        run.count(report, &path, &outcome);
        if matches!(outcome, Outcome::Skipped(_) | Outcome::Failed(_)) {
            left_out.push(left_out_row(&report.name, path, &outcome));
        }
    }
    if run.dry_run {
        return Ok(());
    }
    let batch = DocumentBatch {
        upserted: indexed.rows,
        removed: indexed.removed,
        outcomes: left_out,
        terms: indexed.terms,
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
