//! The walk of a document: source → extract → clean → chunk → embed → index → record.
//!
//! [`run`] shows every step in order for one source. Reading to chunking happens on threads
//! ([`prepare`]), the rest here, batch by batch: while one batch is indexed the next ones are
//! being embedded. About once a second the index is flushed, and only then the rows of its new
//! points are committed, so that whatever interrupts a run, the next one repeats at most what was
//! not committed and ends in the same index.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use docent_core::config::{self, SourceKind};
use docent_core::document::Outcome;
use docent_core::ledger::DocumentRow;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use crate::answers;
use crate::average::{self, Sample};
use crate::clean::model::Cleaner;
use crate::embed::{self, Embedded};
use crate::index;
use crate::plan::Planned;
use crate::prepare::{self, Batches};
use crate::purge;
use crate::record::Pending;
use crate::removal::{HeldBack, Removals};
use crate::report::{Progress, SourceReport};
use crate::run::{IngestError, Run};
use crate::source::{self, Problem, SourceError};

/// Requests to the embedder that wait in batches for each that is under way: it is never idle while
/// points are written, nor while one batch waits to send a refused request again.
const WAITING: usize = 32;
/// Chunks in batches that are embedded at once at the most: each is in memory, with its vector. While points wait
/// for the average length there are as many as were read for it ([`average::SAMPLE`]).
const MOST_CHUNKS: usize = 2048;

/// Brings the index up to date with one source. Documents that cannot be read or embedded are
/// reported and the rest goes on; an error is something that the whole run depends on. What was
/// `planned` is not read again.
pub(crate) async fn run(
    run: &Arc<Run>,
    source: &config::Source,
    planned: Option<Planned>,
) -> Result<SourceReport, IngestError> {
    let mut report = SourceReport::new(&source.name);

    // Source: what is there now, and what the last run left. Extract, clean, chunk: on threads, in
    // batches.
    let mut looked = match planned {
        Some(looked) => looked?,
        None => look(run, source).await?,
    };
    run.progress.send(Progress::Source {
        name: source.name.clone(),
        documents: looked.documents,
    });
    for problem in &looked.problems {
        run.count(&mut report, &problem.path, &problem.outcome);
    }
    report.incomplete = looked.incomplete;
    report.held_back = looked.held_back;
    report.purged = looked.purged;

    // Embed, index, record.
    let mut sample = Sample::of(run);
    let mut read = VecDeque::new();
    let mut embedding: JoinSet<Embedded> = JoinSet::new();
    let mut freezing: JoinSet<Result<(), IngestError>> = JoinSet::new();
    let mut pending = Pending::new();
    let mut done = 0;
    let mut exhausted = false;
    while !(exhausted && read.is_empty() && embedding.is_empty() && freezing.is_empty()) {
        let at_once = batches_at_once(run, sample.is_some() || !freezing.is_empty());
        while embedding.len() < at_once
            && let Some(batch) = read.pop_front()
        {
            let run = Arc::clone(run);
            let work = async move { embed::batch(&run, batch).await };
            embedding.spawn(work.in_current_span());
        }
        let due = pending.due();
        tokio::select! {
            biased;
            // Index what is ready rather than fill the queue first.
            Some(embedded) = embedding.join_next() => {
                let embedded = embedded.map_err(|error| IngestError::Defect(error.to_string()))?;
                done += embedded.count;
                pending.add(index::batch(run, embedded).await?);
                run.progress.send(Progress::Documents {
                    name: source.name.clone(),
                    done,
                });
            }
            Some(frozen) = freezing.join_next() => {
                frozen.map_err(|error| IngestError::Defect(error.to_string()))??;
            }
            batch = looked.batches.next(), if !exhausted && (sample.is_some() || embedding.len() < at_once) => {
                match batch? {
                    Some(batch) => {
                        if let Some(sample) = &mut sample {
                            sample.add(&batch);
                        }
                        read.push_back(batch);
                    }
                    None => exhausted = true,
                }
                if let Some(sample) = sample.take_if(|sample| exhausted || sample.is_enough()) {
                    let (run, documents) = (Arc::clone(run), looked.documents);
                    let work = async move { sample.freeze(&run, documents).await };
                    freezing.spawn(work.in_current_span());
                }
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        if pending.due().is_some_and(|due| due <= Instant::now()) {
            pending.commit(run, &mut report).await?;
        }
    }

    if let Some(cleaner) = looked.cleaner {
        report.add_cleaning(cleaner.report());
    }

    // What is gone from the source goes from the index in the same run.
    pending.add(index::remove(run, looked.gone).await?);
    pending.commit(run, &mut report).await?;

    if run.full {
        index::remove_strangers(run, source).await?;
    }
    Ok(report)
}

/// A source before anything of it is embedded.
pub(crate) struct Looked {
    /// How many will be looked at.
    pub(crate) documents: u64,
    /// What could not be listed.
    pub(crate) problems: Vec<Problem>,
    /// Why not all of it could be listed, where it could not.
    pub(crate) incomplete: Option<String>,
    /// What is gone from it.
    pub(crate) gone: Vec<DocumentRow>,
    /// What is not removed although it is gone.
    pub(crate) held_back: Option<HeldBack>,
    /// Documents that were left out because they were purged.
    pub(crate) purged: u64,
    /// What tidies its documents with a model, where the source wants that.
    pub(crate) cleaner: Option<Arc<Cleaner>>,
    /// Its documents, read and cut.
    pub(crate) batches: Batches,
}

/// Lists a source, compares it with what is known of it, and begins to read.
pub(crate) async fn look(run: &Run, source: &config::Source) -> Result<Looked, IngestError> {
    let mut listing = match source.kind {
        SourceKind::Answers => answers::listing(run).await?,
        _ => {
            source::list(&source::Context {
                source,
                cache: run.app.data.cache(&source.name),
                max_file_bytes: run.app.config.ingest.max_file_bytes,
                progress: run.progress.clone(),
            })
            .await?
        }
    };
    let purged = purge::leave_out(run, source, &mut listing).await?;
    let known = run
        .app
        .ledger
        .documents(&run.collection, &source.name)
        .await?;
    let removals = removals(run, source, &listing, &known).await?;
    let cleaner = Cleaner::of(run, source).await?;
    Ok(Looked {
        documents: listing.found.len() as u64,
        problems: listing.problems.clone(),
        incomplete: listing.incomplete.clone(),
        gone: removals.rows.into_iter().cloned().collect(),
        held_back: removals.held_back,
        purged,
        batches: prepare::start(run, source, listing, known, cleaner.clone()),
        cleaner,
    })
}

/// Batches that are embedded at once: more when the provider takes more requests, and most while points wait for
/// the average length of a new collection.
fn batches_at_once(run: &Run, wait_for_average: bool) -> usize {
    let embedding = &run.app.config.embedding;
    let chunks = if wait_for_average {
        average::SAMPLE
    } else {
        let wanted = WAITING * run.app.embedder.requests_at_once() * embedding.batch_texts;
        wanted.min(MOST_CHUNKS)
    };
    2 + chunks / prepare::batch_chunks(embedding)
}

/// What is gone from the source. A new collection has nothing that could be removed; there a fault
/// would leave out what the live one has, so it fails the source, and the live one stays.
async fn removals<'a>(
    run: &Run,
    source: &config::Source,
    listing: &source::Listing,
    known: &'a HashMap<String, DocumentRow>,
) -> Result<Removals<'a>, IngestError> {
    // What the ledger says of answers is so: it is no listing that could have failed halfway.
    let allowed = run.allow_removals || matches!(source.kind, SourceKind::Answers);
    if let Some(live) = &run.replaces {
        let before = run.app.ledger.documents(live, &source.name).await?;
        if let Some(held) = Removals::of(listing, &before, allowed).held_back {
            return Err(IngestError::Source(SourceError::Refused {
                name: source.name.clone(),
                reason: held.reason,
            }));
        }
    }
    let removals = Removals::of(listing, known, allowed);
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
