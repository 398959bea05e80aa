//! Who may run what: leases on the sources of a run, so that two runs of one source never overlap
//! (the second is told who holds it), and one on the collections, for which runs of other sources
//! wait. A task moves the leases on while the run lasts and writes down how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use docent_core::app::App;
use docent_core::ledger::{Claimant, Claimed, Ledger, NewRequest, RunOutcome};
use docent_core::process;
use tokio::sync::{OwnedMutexGuard, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use uuid::Uuid;

use crate::report::{Progress, ProgressSender, RunReport};
use crate::run::{IngestError, Request};

/// How often progress is written down.
const SHOW: Duration = Duration::from_secs(2);
/// How often a run that waits for another one asks again.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// The leases of a run. When it is dropped they are given back, and the run counts as interrupted;
/// when the process dies they expire.
pub struct Claim {
    run_id: Uuid,
    /// `None`: a dry run, which writes nothing and holds nothing.
    held: Option<Held>,
}

struct Held {
    app: Arc<App>,
    claimant: Claimant,
    leases: Arc<AtomicU64>,
    lost: watch::Receiver<bool>,
    end: oneshot::Sender<Ending>,
    keeper: JoinHandle<()>,
    writing: Option<OwnedMutexGuard<()>>,
    progress: watch::Sender<ProgressSender>,
}

/// How a run ended, for its row.
pub(crate) struct Ending {
    outcome: RunOutcome,
    report: Option<serde_json::Value>,
    error: Option<String>,
}

impl Claim {
    /// Takes the leases of a request's sources, and writes the request down.
    pub async fn take(app: &Arc<App>, request: &Request) -> Result<Self, IngestError> {
        let run_id = request.run_id.unwrap_or_else(Uuid::now_v7);
        if request.dry_run {
            return Ok(Self { run_id, held: None });
        }
        let prefix = &app.config.index.collection;
        let mut sources: Vec<String> = request
            .sources
            .iter()
            .map(|source| source.name.clone())
            .collect();
        sources.sort();
        sources.dedup();
        let names: Vec<String> = sources
            .iter()
            .map(|name| format!("{prefix}/{name}"))
            .collect();
        let new = NewRequest {
            id: run_id,
            key: request.key.clone(),
            origin: request.origin,
            sources,
        };
        let claimant = claimant(run_id, request.origin.described());
        match app.ledger.claim(&names, &claimant, Some(&new)).await? {
            Claimed::Taken => {}
            Claimed::Held(lease) => return Err(IngestError::Held(lease)),
            Claimed::KeyInUse(id) => return Err(IngestError::KeyInUse(id)),
        }
        Ok(Self::holding(app, claimant, names.len()))
    }

    /// Waits until nobody else writes the collections, for something that is no run of a source.
    pub(crate) async fn of_everything(app: &Arc<App>, what: &str) -> Result<Self, IngestError> {
        let mut claim = Self::holding(app, claimant(Uuid::now_v7(), what), 0);
        claim.writing(&ProgressSender::default()).await?;
        Ok(claim)
    }

    /// A claim on no source, for what is added to the collections between runs. It waits for its turn
    /// as every run does.
    pub(crate) fn of_collections(app: &Arc<App>, what: &str) -> Self {
        Self::holding(app, claimant(Uuid::now_v7(), what), 0)
    }

    fn holding(app: &Arc<App>, claimant: Claimant, leases: usize) -> Self {
        let run_id = claimant.run_id;
        let leases = Arc::new(AtomicU64::new(leases as u64));
        let (end, ended) = oneshot::channel();
        let (losing, lost) = watch::channel(false);
        let (progress, shown) = watch::channel(ProgressSender::default());
        let keeper = tokio::spawn(keep(Keeper {
            ledger: app.ledger.clone(),
            run_id,
            leases: Arc::clone(&leases),
            losing,
            progress: shown,
            ended,
        }));
        Self {
            run_id,
            held: Some(Held {
                app: Arc::clone(app),
                claimant,
                leases,
                lost,
                end,
                keeper,
                writing: None,
                progress,
            }),
        }
    }

    pub fn run_id(&self) -> Uuid {
        self.run_id
    }

    /// Waits until nobody else writes the collections, here or in another process.
    pub(crate) async fn writing(&mut self, progress: &ProgressSender) -> Result<(), IngestError> {
        let Some(held) = &mut self.held else {
            return Ok(());
        };
        held.progress.send_replace(progress.clone());
        held.writing = Some(Arc::clone(&held.app.writing).lock_owned().await);
        let name = [held.app.config.index.collection.clone()];
        let mut said = false;
        loop {
            let claimed = held.app.ledger.claim(&name, &held.claimant, None).await?;
            let Claimed::Held(lease) = claimed else {
                break;
            };
            if !std::mem::replace(&mut said, true) {
                let text = format!("waiting for {} to end its run", lease.holder);
                progress.send(Progress::Note { text });
            }
            sleep(ASK_AGAIN).await;
        }
        held.leases.fetch_add(1, Ordering::Relaxed);
        Ok(held.app.ledger.begin_request(self.run_id).await?)
    }

    /// Returns when a lease was lost: somebody else may be writing now.
    pub(crate) async fn lost(&self) {
        match &self.held {
            Some(held) => {
                let mut lost = held.lost.clone();
                let _ = lost.wait_for(|lost| *lost).await;
            }
            None => std::future::pending().await,
        }
    }

    /// Writes down how the run ended, and gives the leases back.
    pub(crate) async fn end(self, ended: &Result<RunReport, IngestError>) {
        let ending = match ended {
            Ok(report) => Ending {
                outcome: if report.has_failures() {
                    RunOutcome::DoneWithFailures
                } else {
                    RunOutcome::Done
                },
                report: serde_json::to_value(report).ok(),
                error: None,
            },
            Err(error) => Ending {
                outcome: RunOutcome::Failed,
                report: None,
                error: Some(error.to_string()),
            },
        };
        self.give_back(Some(ending)).await;
    }

    /// Gives the leases back; a run whose ending is not told counts as interrupted.
    pub(crate) async fn give_back(self, ending: Option<Ending>) {
        let Some(held) = self.held else {
            return;
        };
        match ending {
            Some(ending) => drop(held.end.send(ending)),
            None => drop(held.end),
        }
        let _ = held.keeper.await;
    }
}

fn claimant(run_id: Uuid, what: &str) -> Claimant {
    Claimant {
        run_id,
        holder: format!("{what} ({})", process::described()),
        process: process::identity(),
    }
}

struct Keeper {
    ledger: Ledger,
    run_id: Uuid,
    leases: Arc<AtomicU64>,
    losing: watch::Sender<bool>,
    progress: watch::Receiver<ProgressSender>,
    ended: oneshot::Receiver<Ending>,
}

/// Moves the leases on until the run ends or its [`Claim`] is dropped.
async fn keep(keeper: Keeper) {
    let Keeper {
        ledger,
        run_id,
        leases,
        losing,
        progress,
        ended,
    } = keeper;
    let holding = async {
        ledger.keep_until_lost(run_id, &leases).await;
        losing.send_replace(true);
        // The run ends by itself.
        std::future::pending::<()>().await;
    };
    let ending = tokio::select! {
        ended = ended => ended.ok(),
        () = holding => None,
        () = show(&ledger, run_id, &progress) => None,
    };
    let ending = ending.unwrap_or(Ending {
        outcome: RunOutcome::Interrupted,
        report: None,
        error: Some("it was stopped; the next run completes it".to_owned()),
    });
    let state = serde_json::to_value(progress.borrow().state()).unwrap_or_default();
    let noted = async {
        ledger.note_progress(run_id, state).await?;
        let Ending {
            outcome,
            report,
            error,
        } = ending;
        ledger
            .end_request(run_id, outcome, report, error.as_deref())
            .await
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, %run_id, "how a run ended could not be written down");
    }
    if let Err(error) = ledger.release_leases(run_id).await {
        tracing::warn!(%error, %run_id, "the leases of a run could not be given back; they expire");
    }
}

/// Writes down how far a run is, for as long as it is awaited.
async fn show(ledger: &Ledger, run_id: Uuid, progress: &watch::Receiver<ProgressSender>) {
    let mut shown = None;
    loop {
        sleep(SHOW).await;
        let state = progress.borrow().state();
        if shown.as_ref() != Some(&state) {
            let value = serde_json::to_value(&state).unwrap_or_default();
            if ledger.note_progress(run_id, value).await.is_ok() {
                shown = Some(state);
            }
        }
    }
}
