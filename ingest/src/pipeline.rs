//! The walk of a document: source → extract → clean → chunk → embed → index → record.
//!
//! [`run`] shows every step in order for one source. Reading to chunking happens on threads
//! ([`prepare`]), the rest here, batch by batch: while one batch is indexed the next ones are
//! being embedded. About once a second the index is flushed, and only then the rows of its new
//! points are committed, so that whatever interrupts a run, the next one repeats at most what was
//! not committed and ends in the same index.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use docent_core::config;
use docent_core::document::Outcome;
use docent_core::ledger::DocumentRow;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::average;
use crate::clean::model::Cleaner;
use crate::embed::{self, Embedded};
use crate::index;
use crate::prepare::{self, Batch};
use crate::purge;
use crate::record::Pending;
use crate::removal::Removals;
use crate::report::{Progress, SourceReport};
use crate::run::{IngestError, Run};
use crate::source::{self, SourceError};

/// Batches that are embedded at once: one alone would leave the embedder idle at its end.
const BATCHES_AT_ONCE: usize = 3;

/// Brings the index up to date with one source. Documents that cannot be read or embedded are
/// reported and the rest goes on; an error is something that the whole run depends on.
pub async fn run(run: &Arc<Run>, source: &config::Source) -> Result<SourceReport, IngestError> {
    let mut report = SourceReport::new(&source.name);

    // Source: what is there now, and what the last run left.
    let mut listing = source::list(&source::Context {
        source,
        cache: run.app.data.cache(&source.name),
        max_file_bytes: run.app.config.ingest.max_file_bytes,
        progress: run.progress.clone(),
    })
    .await?;
    report.purged = purge::leave_out(run, source, &mut listing).await?;
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
    report.incomplete.clone_from(&listing.incomplete);
    let removals = removals(run, source, &listing, &known).await?;
    report.held_back.clone_from(&removals.held_back);

    // Extract, clean, chunk: on threads, in batches, in the order of the paths.
    let cleaner = Cleaner::of(run, source).await?;
    let mut batches = prepare::start(run, source, listing, &known, cleaner.clone());
    let mut held = average::sample(run, &mut batches).await?;

    // Embed, index, record.
    let mut embedding: FuturesOrdered<JoinHandle<Embedded>> = FuturesOrdered::new();
    let mut pending = Pending::new();
    let mut done = 0;
    let mut exhausted = false;
    while !exhausted || !embedding.is_empty() {
        let due = pending.due();
        tokio::select! {
            biased;
            // Index what is ready rather than fill the queue first.
            Some(embedded) = embedding.next() => {
                let embedded = embedded.map_err(|error| IngestError::Defect(error.to_string()))?;
                pending.add(index::batch(run, embedded).await?);
                run.progress.send(Progress::Documents {
                    name: source.name.clone(),
                    done,
                });
            }
            batch = next(&mut held, &mut batches), if !exhausted && embedding.len() < BATCHES_AT_ONCE => {
                match batch {
                    Some(batch) => {
                        done += batch.documents() as u64;
                        embedding.push_back(spawn_embed(run, batch));
                    }
                    None => exhausted = true,
                }
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        if pending.due().is_some_and(|due| due <= Instant::now()) {
            pending.commit(run, &mut report).await?;
        }
    }

    if let Some(cleaner) = cleaner {
        report.add_cleaning(cleaner.report());
    }

    // What is gone from the source goes from the index in the same run.
    pending.add(index::remove(run, &removals.rows).await?);
    pending.commit(run, &mut report).await?;

    if run.full && !run.dry_run {
        index::remove_strangers(run, source).await?;
    }
    Ok(report)
}

/// The next batch: first those that were held back.
async fn next(held: &mut VecDeque<Batch>, batches: &mut Receiver<Batch>) -> Option<Batch> {
    match held.pop_front() {
        Some(batch) => Some(batch),
        None => batches.recv().await,
    }
}

/// What is gone from the source. A new collection has nothing that could be removed; there a fault
/// would leave out what the live one has, so it fails the source, and the live one stays.
async fn removals<'a>(
    run: &Run,
    source: &config::Source,
    listing: &source::Listing,
    known: &'a HashMap<String, DocumentRow>,
) -> Result<Removals<'a>, IngestError> {
    if let Some(live) = &run.replaces {
        let before = run.app.ledger.documents(live, &source.name).await?;
        if let Some(held) = Removals::of(listing, &before, run.allow_removals).held_back {
            return Err(IngestError::Source(SourceError::Refused {
                name: source.name.clone(),
                reason: held.reason,
            }));
        }
    }
    let removals = Removals::of(listing, known, run.allow_removals);
    if let Some(held) = &removals.held_back {
        tracing::warn!(
            source = %source.name,
            run_id = %run.id,
            documents = held.documents,
            "documents were not removed: {}",
            held.reason
        );
        run.progress.send(Progress::Note {
            text: format!("{}: {}", source.name, held.reason),
        });
    }
    Ok(removals)
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
