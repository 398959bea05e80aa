//! A whole run: which collection it writes, its sources one after the other, and what closes it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use docent_core::app::{App, OpenError};
use docent_core::config;
use docent_core::data_folder::DataFolderError;
use docent_core::index::lexical::Analysis;
use docent_core::index::{IndexError, SparseVector};
use docent_core::ledger::{Lease, LedgerError, RunOrigin, TermDeltas};
use docent_core::models::ModelError;
use parking_lot::Mutex;
use tokio::sync::SetOnce;
use tracing::Instrument;
use uuid::Uuid;

use crate::claim::Claim;
use crate::collection::{self, Target};
use crate::flight::Flight;
use crate::plan::{self, Plan, Planned};
use crate::received::Received;
use crate::report::{Progress, ProgressSender, RunReport, SourceReport, millis};
use crate::source::SourceError;
use crate::{budget, leftovers, pipeline, traces};

/// What ends a source's run, or the whole run, early.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The plan of a run could not be kept.
    #[error(
        "the plan of the run cannot be kept in the data folder: {0}; it needs about as much room as the documents"
    )]
    Spool(#[source] std::io::Error),
    /// A file that nobody needs stays.
    #[error("it cannot be removed: {0}")]
    Leftover(#[source] std::io::Error),
    /// `[budget]` has no room for it. Nothing was done.
    #[error("{0}")]
    Budget(String),
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// Another run of one of the sources is under way.
    #[error("{}", held_text(.0))]
    Held(Box<Lease>),
    /// A run was asked for with this key before; its id.
    #[error("a run was asked for with this key before: {0}")]
    KeyInUse(Uuid),
    /// Somebody else may be writing now.
    #[error(
        "the run lost its lease (Postgres was away for too long, or this process was stopped for a \
         while); the next run completes it"
    )]
    LeaseLost,
    /// What was asked for waits for a run over all sources.
    #[error("{0}; `docent ingest` sees to that")]
    NotNow(&'static str),
    /// A task of docent's own broke.
    #[error("a defect in docent: {0}")]
    Defect(String),
}

/// Who holds a source, and since when.
fn held_text(lease: &Lease) -> String {
    let name = lease.name.split_once('/').map_or("", |(_, name)| name);
    format!(
        "source \"{name}\" is being ingested by {} since {} UTC (run {}); wait for it to end",
        lease.holder,
        lease.taken_at.format("%Y-%m-%d %H:%M:%S"),
        lease.run_id,
    )
}

impl IngestError {
    /// Whether the other sources can still be run.
    pub(crate) fn is_of_one_source(&self) -> bool {
        matches!(self, Self::Source(_))
    }
}

/// What a run is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The sources to run; all others stay as they are.
    pub sources: Vec<config::Source>,
    /// Every source of the configuration, also those that are not run.
    pub configured: Vec<config::Source>,
    /// Whether `sources` is all that the configuration names, so that what it no longer names goes.
    pub all_configured: bool,
    /// Say what would be done, without a model call and without writing.
    pub dry_run: bool,
    /// Compare every document with the index, whatever the ledger remembers.
    pub full: bool,
    /// Remove what is gone from a source even where so much is gone that it looks like a fault.
    pub allow_removals: bool,
    /// Who asked for it.
    pub origin: RunOrigin,
    /// The run's id, where it has one already.
    pub run_id: Option<Uuid>,
    /// The caller's own: a repeated request is the same run.
    pub key: Option<String>,
    /// Leave the curated answers out, of a corpus that is not what people ask about.
    pub without_answers: bool,
    /// Only add to the live collection: refuse rather than build one or put one right.
    pub only_add: bool,
}

/// The context of a run (or of its plan): goes first in every argument list of the walk.
pub struct Run {
    pub id: Uuid,
    pub app: Arc<App>,
    /// The collection that is written.
    pub collection: String,
    /// The live collection, where it is another one.
    pub replaces: Option<String>,
    /// Another collection of the same embedding space, whose vectors can be used again.
    pub reuse_from: Option<String>,
    /// BM25's average passage length, frozen for the collection. A new collection's is known once
    /// [`crate::average`] has seen enough of it.
    pub average_length: SetOnce<f64>,
    /// Whether the collection was never complete.
    pub building: bool,
    /// Whether this run made the collection, so that whatever is in it came with this run.
    pub fresh: bool,
    /// Terms of a collection that is built, written once, at its end: most of them are changed by
    /// every batch.
    pub built_terms: Mutex<TermDeltas>,
    /// Vectors that were paid for and are not in the index.
    pub(crate) received: Received,
    /// Texts that are being embedded.
    pub(crate) flight: Arc<Flight>,
    /// Whether it only looks what there is to do, without a model call and without writing.
    pub plans: bool,
    /// Whether the collection is there; a plan makes none.
    pub collection_exists: bool,
    /// Compare every document with the index, whatever the ledger remembers.
    pub full: bool,
    /// What is gone is believed to be gone, however much it is.
    pub allow_removals: bool,
    /// An earlier run was interrupted, or index and ledger are of different runs: points may be
    /// there that no row knows, and counts may be off.
    pub distrust: bool,
    pub progress: ProgressSender,
}

impl Run {
    /// Waits until [`Run::sparse`] can be computed, where this run finds the average out.
    pub(crate) async fn has_average(&self) {
        if self.fresh {
            self.average_length.wait().await;
        }
    }

    /// The sparse vector of a point; empty where the average is not known yet.
    pub(crate) fn sparse(&self, passage: Analysis) -> SparseVector {
        self.average_length
            .get()
            .map_or_else(SparseVector::default, |average| {
                passage.vector(*average as f32)
            })
    }
}

/// Runs the requested sources. One that cannot be read is reported and the others go on. Fails at
/// once where one of them is being run already; waits for runs of other sources. Under a budget the
/// whole run is planned first, and begins when the money for it is reserved.
pub async fn run(
    app: Arc<App>,
    request: Request,
    progress: ProgressSender,
) -> Result<RunReport, IngestError> {
    let claim = Claim::take(&app, &request).await?;
    run_claimed(app, request, claim, progress).await
}

/// [`run`] with leases that were taken before.
pub async fn run_claimed(
    app: Arc<App>,
    request: Request,
    mut claim: Claim,
    progress: ProgressSender,
) -> Result<RunReport, IngestError> {
    let run_id = claim.run_id();
    let ended = match claim.writing(&progress).await {
        Ok(()) => tokio::select! {
            ended = whole_run(app, request, run_id, &progress) => ended,
            () = claim.lost() => Err(IngestError::LeaseLost),
        },
        Err(error) => Err(error),
    };
    claim.end(&ended).await;
    // Only now: whoever is told begins the next one, maybe of the same source.
    if let Ok(report) = &ended {
        progress.send(Progress::Done {
            report: report.clone(),
        });
    }
    ended
}

async fn whole_run(
    app: Arc<App>,
    request: Request,
    id: Uuid,
    progress: &ProgressSender,
) -> Result<RunReport, IngestError> {
    let started = Instant::now();
    let mut report = RunReport {
        run_id: id,
        sources: Vec::new(),
        duration_ms: 0,
        over_budget: None,
    };
    let limited = app.config.budget.is_limited();
    if request.dry_run {
        let (plan, ..) = planned(&app, id, &request, progress).await?;
        if limited {
            report.over_budget = budget::objection(&app, &plan).await?;
        }
        report.sources = plan.reports;
    } else if limited {
        let (plan, target, sources) = planned(&app, id, &request, progress).await?;
        match budget::reserve(&app, id, &plan).await {
            Ok(reserved) => {
                let ran = execute(&app, id, &request, plan.sources, progress).await;
                if let Some(reserved) = reserved {
                    reserved.settle().await;
                }
                report.sources = ran?;
            }
            Err(error) => {
                note_refused(&app, id, &request, &target, &sources, &error).await?;
                return Err(error);
            }
        }
    } else {
        report.sources = execute(&app, id, &request, HashMap::new(), progress).await?;
    }
    report.duration_ms = millis(started.elapsed());
    Ok(report)
}

/// What the run would do, where it would do it, and over which sources. Nothing is written, and no
/// model asked.
async fn planned(
    app: &Arc<App>,
    id: Uuid,
    request: &Request,
    progress: &ProgressSender,
) -> Result<(Plan, Target, Vec<config::Source>), IngestError> {
    let target = collection::choose(app, false).await?;
    check(request, &target)?;
    let sources = collection::sources_to_run(app, request, &target).await?;
    if let Some(text) = target.explain() {
        progress.send(Progress::Note { text });
    }
    if !request.dry_run {
        progress.send(Progress::Note {
            text: "planning: what this would cost (nothing is embedded yet)".to_owned(),
        });
    }
    let run = Run::over(app, id, request, &target, true, progress);
    let plan = plan::plan(&run, &sources, !request.dry_run).await?;
    Ok((plan, target, sources))
}

/// Refuses to build where only something was to be added.
fn check(request: &Request, target: &Target) -> Result<(), IngestError> {
    let needed = target.needs_a_run().filter(|_| request.only_add);
    needed.map_or(Ok(()), |why| Err(IngestError::NotNow(why)))
}

/// The run itself. What was `planned` is not read again.
async fn execute(
    app: &Arc<App>,
    id: Uuid,
    request: &Request,
    mut planned: HashMap<String, Planned>,
    progress: &ProgressSender,
) -> Result<Vec<SourceReport>, IngestError> {
    let mut target = collection::choose(app, true).await?;
    check(request, &target)?;
    collection::make(app, &mut target).await?;
    let sources = collection::sources_to_run(app, request, &target).await?;
    if let Some(text) = target.explain().filter(|_| planned.is_empty()) {
        progress.send(Progress::Note { text });
    }
    let run = Arc::new(Run::over(app, id, request, &target, false, progress));
    let mut reports = Vec::new();
    for source in &sources {
        let planned = planned.remove(&source.name);
        reports.push(run_source(&run, request, source, planned).await?);
    }
    if request.all_configured {
        reports.extend(collection::forget_unconfigured(&run, request).await?);
    }
    collection::finish(&run, &target, &reports).await?;
    run.received.remove();
    leftovers::clean(app, &run.collection).await;
    Ok(reports)
}

impl Run {
    /// The context of a run into a collection; of a plan, where it only looks.
    fn over(
        app: &Arc<App>,
        id: Uuid,
        request: &Request,
        target: &Target,
        only_look: bool,
        progress: &ProgressSender,
    ) -> Self {
        Self {
            id,
            app: Arc::clone(app),
            collection: target.name.clone(),
            replaces: target.replaces.clone(),
            reuse_from: target.reuse_from.clone(),
            average_length: SetOnce::new_with(target.average_length),
            building: target.building,
            fresh: target.fresh,
            built_terms: Mutex::default(),
            received: Received::open(app.data.path(), &target.name, only_look),
            flight: Arc::default(),
            plans: only_look,
            collection_exists: target.exists,
            full: request.full || target.full,
            allow_removals: request.allow_removals,
            distrust: request.full || target.full || target.interrupted,
            progress: progress.clone(),
        }
    }
}

/// One source with its row in `ingest_run`, which also remembers a run that was interrupted.
async fn run_source(
    run: &Arc<Run>,
    request: &Request,
    source: &config::Source,
    planned: Option<Planned>,
) -> Result<SourceReport, IngestError> {
    let ledger = &run.app.ledger;
    let row = collection::source_row(request, source);
    ledger.start_run(run.id, &run.collection, &row).await?;
    let span = traces::run(run.id, &source.name);
    let ran = pipeline::run(run, source, planned)
        .instrument(span.clone())
        .await;
    let (report, failure) = match ran {
        Ok(report) => (report, None),
        Err(error) => {
            let mut report = SourceReport::new(&source.name);
            report.error = Some(error.to_string());
            (report, Some(error))
        }
    };
    traces::ran(&span, &report);
    ledger
        .finish_run(run.id, &source.name, &report.row())
        .await?;
    match failure {
        Some(error) if !error.is_of_one_source() => Err(error),
        _ => Ok(report),
    }
}

/// A run that was not begun stands in `ingest_run` too, with the reason.
async fn note_refused(
    app: &App,
    id: Uuid,
    request: &Request,
    target: &Target,
    sources: &[config::Source],
    error: &IngestError,
) -> Result<(), IngestError> {
    for source in sources {
        let row = collection::source_row(request, source);
        app.ledger.start_run(id, &target.name, &row).await?;
        let mut report = SourceReport::new(&source.name);
        report.error = Some(error.to_string());
        app.ledger
            .finish_run(id, &source.name, &report.row())
            .await?;
    }
    Ok(())
}
