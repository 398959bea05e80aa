//! What a run did: the JSON of `docent ingest --json`, and the events that show it while it runs.

use std::sync::Arc;
use std::time::Duration;

use docent_core::document::Outcome;
use docent_core::ledger::{self, DocumentOutcome, RunOutcome, RunProblem};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::clean::model::CleaningReport;
use crate::removal::HeldBack;

/// `{run_id, sources, duration_ms}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    pub run_id: Uuid,
    pub sources: Vec<SourceReport>,
    pub duration_ms: u64,
    /// Of a dry run: why the run itself would be refused, where `[budget]` has no room for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub over_budget: Option<String>,
}

impl RunReport {
    /// Whether a document or a source failed or was skipped: exit code 1.
    pub fn has_failures(&self) -> bool {
        self.sources.iter().any(SourceReport::has_failures)
    }
}

/// One source of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    pub name: String,
    pub documents: DocumentCounts,
    pub chunks: ChunkCounts,
    /// Tokens embedded (or, of a dry run, that would be).
    pub tokens: u64,
    /// US dollars; `None`: no price is configured for the model.
    #[serde(with = "rust_decimal::serde::float_option")]
    pub cost_usd: Option<Decimal>,
    pub problems: Vec<ProblemReport>,
    /// What was not removed although it is gone, because that looks like a fault.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held_back: Option<HeldBack>,
    /// What cleaning with a model came to, of a source with `clean = "model"`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cleaning: Option<CleaningReport>,
    /// Documents that were left out because they were purged.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub purged: u64,
    /// Why not all of the source was looked at, where it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub incomplete: Option<String>,
    /// Why the whole source could not be run, where it could not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// Documents by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentCounts {
    pub indexed: u64,
    pub unchanged: u64,
    pub removed: u64,
    pub skipped: u64,
    pub failed: u64,
}

/// Chunks of the indexed documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkCounts {
    pub embedded: u64,
    pub reused: u64,
}

/// A document that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemReport {
    pub path: String,
    /// `skipped` or `failed`.
    pub outcome: String,
    pub reason: String,
}

impl SourceReport {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            cost_usd: Some(Decimal::ZERO),
            ..Self::default()
        }
    }

    /// Whether a person should look at it.
    pub fn has_failures(&self) -> bool {
        self.error.is_some()
            || self.held_back.is_some()
            || self.incomplete.is_some()
            || self
                .cleaning
                .as_ref()
                .is_some_and(|cleaning| cleaning.failed > 0)
            || !self.problems.is_empty()
    }

    /// Counts a document.
    pub fn count(&mut self, path: &str, outcome: &Outcome) {
        let (outcome, reason) = match outcome {
            Outcome::Indexed => return self.documents.indexed += 1,
            Outcome::Unchanged => return self.documents.unchanged += 1,
            Outcome::Removed => return self.documents.removed += 1,
            Outcome::Skipped(reason) => {
                self.documents.skipped += 1;
                ("skipped", reason)
            }
            Outcome::Failed(reason) => {
                self.documents.failed += 1;
                ("failed", reason)
            }
        };
        self.problems.push(ProblemReport {
            path: path.to_owned(),
            outcome: outcome.to_owned(),
            reason: reason.clone(),
        });
    }

    /// Adds what cleaning came to, and its cost.
    pub(crate) fn add_cleaning(&mut self, cleaning: CleaningReport) {
        self.add_cost(cleaning.cost_usd);
        self.cleaning = Some(cleaning);
    }

    /// Adds the cost of a batch; one unknown cost makes the sum unknown.
    pub fn add_cost(&mut self, cost: Option<Decimal>) {
        self.cost_usd = match (self.cost_usd, cost) {
            (Some(sum), Some(cost)) => Some(sum + cost),
            _ => None,
        };
    }

    /// The report as a row of `ingest_run`.
    pub fn row(&self) -> ledger::RunReport {
        let cleaning = self.cleaning.clone().unwrap_or_default();
        let failed = self.has_failures();
        let whole = [
            self.error.clone(),
            self.held_back.as_ref().map(|held| held.reason.clone()),
            self.incomplete
                .as_ref()
                .map(|limit| format!("not all of it was looked at: {limit}")),
            cleaning.error.clone().map(|error| {
                format!(
                    "{} documents could not be cleaned: {error}",
                    cleaning.failed
                )
            }),
        ];
        let whole = whole.into_iter().flatten().map(|reason| RunProblem {
            path: String::new(),
            outcome: DocumentOutcome::Failed,
            reason,
        });
        let problems = self.problems.iter().map(|problem| RunProblem {
            path: problem.path.clone(),
            outcome: if problem.outcome == "skipped" {
                DocumentOutcome::Skipped
            } else {
                DocumentOutcome::Failed
            },
            reason: problem.reason.clone(),
        });
        ledger::RunReport {
            outcome: match (&self.error, failed) {
                (Some(_), _) => RunOutcome::Failed,
                (None, true) => RunOutcome::DoneWithFailures,
                (None, false) => RunOutcome::Done,
            },
            indexed: self.documents.indexed as i64,
            unchanged: self.documents.unchanged as i64,
            removed: self.documents.removed as i64,
            skipped: self.documents.skipped as i64,
            failed: self.documents.failed as i64,
            held_back: self
                .held_back
                .as_ref()
                .map_or(0, |held| held.documents as i64),
            cleaned: cleaning.cleaned as i64,
            clean_refused: cleaning.refused as i64,
            clean_failed: cleaning.failed as i64,
            chunks_embedded: self.chunks.embedded as i64,
            chunks_reused: self.chunks.reused as i64,
            tokens: self.tokens as i64,
            cost: self.cost_usd,
            problems: whole.chain(problems).take(20).collect(),
        }
    }
}

/// What a run tells while it goes on. Sent to whoever shows it; nobody has to listen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Progress {
    /// A source was listed: so many documents will be looked at.
    Source { name: String, documents: u64 },
    /// So many documents of the source are done.
    Documents { name: String, done: u64 },
    /// A document was left out.
    Problem {
        name: String,
        problem: ProblemReport,
    },
    /// Something longer goes on: a rebuild, an optimization.
    Note { text: String },
    /// The whole run is over.
    Done { report: RunReport },
}

/// Where progress is sent.
#[derive(Debug, Clone, Default)]
pub struct ProgressSender {
    listener: Option<mpsc::UnboundedSender<Progress>>,
    state: Arc<Mutex<RunProgress>>,
}

impl ProgressSender {
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Progress>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let sender = Self {
            listener: Some(sender),
            ..Self::default()
        };
        (sender, receiver)
    }

    /// Sends where somebody listens.
    pub fn send(&self, progress: Progress) {
        self.state.lock().take_in(&progress);
        if let Some(sender) = &self.listener {
            let _ = sender.send(progress);
        }
    }

    /// How far the run is.
    pub fn state(&self) -> RunProgress {
        self.state.lock().clone()
    }
}

/// How far a run is, for whoever asks in between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProgress {
    /// In the order in which they are run; those to come are missing.
    pub sources: Vec<SourceProgress>,
    /// What was last said of something that takes longer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// How far a source is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceProgress {
    pub name: String,
    /// Documents to look at.
    pub documents: u64,
    pub done: u64,
    /// Documents that were left out so far.
    pub problems: u64,
}

impl RunProgress {
    fn take_in(&mut self, progress: &Progress) {
        match progress {
            Progress::Source { name, documents } => self.of(name).documents = *documents,
            Progress::Documents { name, done } => self.of(name).done = *done,
            Progress::Problem { name, .. } => self.of(name).problems += 1,
            Progress::Note { text } => self.note = Some(text.clone()),
            Progress::Done { .. } => self.note = None,
        }
    }

    fn of(&mut self, name: &str) -> &mut SourceProgress {
        let at = self.sources.iter().position(|source| source.name == name);
        let at = at.unwrap_or_else(|| {
            self.sources.push(SourceProgress {
                name: name.to_owned(),
                ..SourceProgress::default()
            });
            self.sources.len() - 1
        });
        &mut self.sources[at]
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde wants"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
