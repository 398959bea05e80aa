//! The walk of a document: source → extract → clean → chunk → embed → index → record.
//!
//! [`run`] shows every step in order for one source. Reading to chunking happens on threads
//! ([`prepare`]), the rest here, batch by batch: while one batch is indexed the next ones are
//! being embedded. A batch's points are durable before its rows are committed, so that whatever
//! interrupts a run, the next one repeats at most what was not committed and ends in the same index.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use docent_core::config;
use docent_core::document::Outcome;
use tokio::task::JoinHandle;

use crate::embed::{self, Embedded};
use crate::index;
use crate::prepare::{self, Batch};
use crate::record;
use crate::report::{Progress, SourceReport};
use crate::run::{IngestError, Run};
use crate::source;

/// Batches that are embedded at once: one alone would leave the embedder idle at its end.
const BATCHES_AT_ONCE: usize = 3;

/// Brings the index up to date with one source. Documents that cannot be read or embedded are
/// reported and the rest goes on; an error is something that the whole run depends on.
pub async fn run(run: &Arc<Run>, source: &config::Source) -> Result<SourceReport, IngestError> {
    let mut report = SourceReport::new(&source.name);

    // Source: what is there now, and what the last run left.
    let listing = source::list(&source::Context {
        source,
        cache: run.app.data.cache(&source.name),
        max_file_bytes: run.app.config.ingest.max_file_bytes,
        progress: run.progress.clone(),
    })
    .await?;
    let known = run
        .app
        .ledger
        .documents(&run.collection, &source.name)
        .await?;
    run.progress.send(Progress::Source {
        name: source.name.clone(),
        documents: listing.found.len() as u64,
    });
    for problem in &listing.problems {
        run.count(&mut report, &problem.path, &problem.outcome);
    }
    // Nothing is known of what lies in a folder that cannot be read, nor of the documents made of
    // the parts of a file that cannot be read (`file#part`): they stay.
    let unreadable: Vec<String> = listing
        .problems
        .iter()
        .filter_map(|problem| match problem.outcome {
            _ if problem.path.ends_with('/') => Some(problem.path.clone()),
            Outcome::Failed(_) => Some(format!("{}#", problem.path)),
            _ => None,
        })
        .collect();
    let present: HashSet<String> = listing
        .found
        .iter()
        .map(|found| found.path.clone())
        .chain(listing.problems.iter().map(|problem| problem.path.clone()))
        .collect();

    // Extract, clean, chunk: on threads, in batches, in the order of the paths.
    let mut batches = prepare::start(run, source, listing, &known);

    // Embed, index, record.
    let mut embedding: VecDeque<JoinHandle<Embedded>> = VecDeque::new();
    let mut done = 0;
    let mut exhausted = false;
    while !exhausted || !embedding.is_empty() {
        while !exhausted && embedding.len() < BATCHES_AT_ONCE {
            match batches.recv().await {
                Some(batch) => {
                    done += batch.documents() as u64;
                    embedding.push_back(spawn_embed(run, batch));
                }
                None => exhausted = true,
            }
            // Index what is ready rather than fill the queue first.
            if embedding.front().is_some_and(JoinHandle::is_finished) {
                break;
            }
        }
        let Some(next) = embedding.pop_front() else {
            break;
        };
        let embedded = next
            .await
            .map_err(|error| IngestError::Defect(error.to_string()))?;
        let indexed = index::batch(run, embedded).await?;
        record::batch(run, &mut report, indexed).await?;
        run.progress.send(Progress::Documents {
            name: source.name.clone(),
            done,
        });
    }

    // What is gone from the source goes from the index in the same run.
    let gone: Vec<_> = known
        .values()
        .filter(|row| !present.contains(&row.path))
        .filter(|row| !unreadable.iter().any(|folder| row.path.starts_with(folder)))
        .collect();
    let removed = index::remove(run, &gone).await?;
    record::batch(run, &mut report, removed).await?;

    if run.full && !run.dry_run {
        index::remove_strangers(run, source).await?;
    }
    Ok(report)
}

fn spawn_embed(run: &Arc<Run>, batch: Batch) -> JoinHandle<Embedded> {
    let run = Arc::clone(run);
    tokio::spawn(async move { embed::batch(&run, batch).await })
}

impl Run {
    /// Counts a document, and shows it where it was left out.
    pub(crate) fn count(&self, report: &mut SourceReport, path: &str, outcome: &Outcome) {
        report.count(path, outcome);
        if let (Outcome::Skipped(_) | Outcome::Failed(_), Some(problem)) =
            (outcome, report.problems.last())
        {
            self.progress.send(Progress::Problem {
                name: report.name.clone(),
                problem: problem.clone(),
            });
        }
    }
}
