//! Spans of a run: each document that was looked into is a trace of its own; the run of a source is another,
//! with the requests to models, which serve many documents at once.
//!
//! A document's span ends when its points are in the index. One that is as it was has none: a run over a
//! hundred thousand of them would say a hundred thousand times that there was nothing to do.

use docent_core::document::{Outcome, document_id};
use docent_core::traces::TARGET;
use tracing::field::Empty;
use tracing::{Span, info_span};
use uuid::Uuid;

use crate::report::SourceReport;

/// The trace of a document.
#[derive(Debug, Clone)]
pub(crate) struct Trace(Span);

impl Default for Trace {
    fn default() -> Self {
        Self(Span::none())
    }
}

impl Trace {
    /// Begins it. Whatever the document is read for, its trace stands alone.
    pub(crate) fn begin(source: &str, path: &str) -> Self {
        let span = info_span!(
            target: TARGET,
            parent: None,
            "document",
            otel.status_code = Empty,
            "error.type" = Empty,
            docent.source = source,
            docent.path = path,
            docent.document_id = Empty,
            docent.outcome = Empty,
            docent.chunks.total = Empty,
            docent.chunks.embedded = Empty,
            docent.chunks.reused = Empty,
            docent.tokens = Empty,
        );
        if !span.is_disabled() {
            let id = document_id(source, path);
            span.record("docent.document_id", tracing::field::display(id));
        }
        Self(span)
    }

    /// Whether it was never begun: the document waited on disk for the budget.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// A step of the document's walk.
    pub(crate) fn step(&self, name: &'static str) -> Span {
        if self.0.is_disabled() {
            // Without a parent it would be a trace of its own.
            return Span::none();
        }
        info_span!(target: TARGET, parent: &self.0, "step", otel.name = name)
    }

    /// Notes what it was cut into.
    pub(crate) fn cut(&self, chunks: usize) {
        self.0.record("docent.chunks.total", chunks as i64);
    }

    /// Notes what was embedded of it, and its share of the tokens.
    pub(crate) fn embedded(&self, embedded: u64, reused: u64, tokens: u64) {
        self.0.record("docent.chunks.embedded", embedded as i64);
        self.0.record("docent.chunks.reused", reused as i64);
        self.0.record("docent.tokens", tokens as i64);
    }

    /// Ends it. Why a document failed may hold words of it: the ledger has the reason.
    pub(crate) fn end(self, outcome: &Outcome) {
        let name = match outcome {
            Outcome::Indexed => "indexed",
            Outcome::Unchanged => "unchanged",
            Outcome::Removed => "removed",
            Outcome::Skipped(_) => "skipped",
            Outcome::Failed(_) => "failed",
        };
        self.0.record("docent.outcome", name);
        if matches!(outcome, Outcome::Failed(_)) {
            self.0.record("error.type", name);
            self.0.record("otel.status_code", "ERROR");
        }
    }
}

/// The run of one source.
pub(crate) fn run(run_id: Uuid, source: &str) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "ingest",
        otel.status_code = Empty,
        "error.type" = Empty,
        docent.run_id = %run_id,
        docent.source = source,
        docent.documents.indexed = Empty,
        docent.documents.unchanged = Empty,
        docent.documents.removed = Empty,
        docent.documents.skipped = Empty,
        docent.documents.failed = Empty,
        docent.tokens = Empty,
    )
}

/// Notes what a run came to.
pub(crate) fn ran(span: &Span, report: &SourceReport) {
    if span.is_disabled() {
        return;
    }
    let documents = &report.documents;
    for (name, count) in [
        ("docent.documents.indexed", documents.indexed),
        ("docent.documents.unchanged", documents.unchanged),
        ("docent.documents.removed", documents.removed),
        ("docent.documents.skipped", documents.skipped),
        ("docent.documents.failed", documents.failed),
        ("docent.tokens", report.tokens),
    ] {
        span.record(name, count as i64);
    }
    if report.error.is_some() {
        span.record("error.type", "source");
        span.record("otel.status_code", "ERROR");
    }
}

/// The embedding of a batch, within the run.
pub(crate) fn batch(documents: usize) -> Span {
    info_span!(
        target: TARGET,
        "embed_batch",
        docent.documents.total = documents as i64
    )
}
