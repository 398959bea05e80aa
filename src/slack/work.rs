//! The work loop: claims what Slack has told, and has it done, so many at once.

use std::sync::Arc;
use std::time::Duration;

use docent_core::config::SlackMode;
use docent_core::ledger::{ClaimedSlackEvent, LedgerError, SlackOutcome};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::bridge::{Bridge, Running};
use super::incoming::Task;
use super::{answered, ask, press, socket};
use crate::server::AppState;

/// Where turns of Slack come from, as far as live turns tell them apart.
pub(crate) const FROM: &str = "slack";
/// How often it is looked for what other processes have received, or given back.
const LOOK: Duration = Duration::from_millis(500);
/// How often this process says that it lives, and hears what is to stop.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How often Slack is asked whether it knows docent: while it does, and while it does not.
const CHECK: Duration = Duration::from_mins(5);
const CHECK_AGAIN: Duration = Duration::from_secs(15);
/// How often something is tried before it is given up.
const ATTEMPTS: i32 = 12;
/// Longest pause between two tries, in seconds.
const LONGEST_PAUSE: f64 = 300.0;

/// How working on an event ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Done {
        interaction: Option<Uuid>,
    },
    /// It will never succeed; why is in the log.
    Failed,
    /// Later; `None`: longer after each try.
    Again(Option<Duration>),
}

/// Fetches events, where Slack does not send them, and works on all that arrive, until the service stops.
pub(crate) async fn run(service: AppState, bridge: Arc<Bridge>) {
    if service.app.config.slack.mode == SlackMode::Socket {
        let fetching = socket::keep(Arc::clone(&service), Arc::clone(&bridge));
        tokio::join!(fetching, keep(service, bridge));
    } else {
        keep(service, bridge).await;
    }
}

/// Works until the service stops; then lets what is under way finish, for as long as open answers may.
async fn keep(service: AppState, bridge: Arc<Bridge>) {
    let tracker = TaskTracker::new();
    let stopping = service.stopping.clone();
    let checks = check(&service, &bridge);
    let heartbeat = heartbeat(&service, &bridge);
    let inbox = empty_inbox(&service, &bridge);
    let claims = claim(&service, &bridge, &tracker);
    tokio::select! {
        () = checks => {}
        () = heartbeat => {}
        () = inbox => {}
        () = claims => {}
        () = stopping.cancelled() => {}
    }
    finish(&service, &bridge, &tracker).await;
}

/// Waits for what is under way, then leaves the rest to others: it is claimed again at once.
async fn finish(service: &AppState, bridge: &Arc<Bridge>, tracker: &TaskTracker) {
    tracker.close();
    let limit = Duration::from_secs(service.app.config.server.shutdown_seconds);
    // Before open answers are stopped: their threads should not read that they failed.
    let limit = limit.saturating_sub(Duration::from_millis(500));
    let waiting = async {
        tokio::select! {
            () = tracker.wait() => {}
            () = heartbeat(service, bridge) => {}
        }
    };
    if tokio::time::timeout(limit, waiting).await.is_err() {
        for running in bridge.running.lock().values() {
            running.abandoned.cancel();
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), tracker.wait()).await;
    }
    let released = service
        .app
        .ledger
        .release_slack(bridge.claimant.claim)
        .await;
    if let Err(error) = released {
        tracing::warn!(%error, "questions of Slack that were not answered yet wait for a minute");
    }
}

async fn check(service: &AppState, bridge: &Bridge) {
    loop {
        bridge.check().await;
        let is_good = matches!(bridge.state.lock().token, Some(Ok(_)));
        let pause = if is_good { CHECK } else { CHECK_AGAIN };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = service.stopping.cancelled() => return,
        }
    }
}

async fn empty_inbox(service: &AppState, bridge: &Bridge) {
    loop {
        if let Err(error) = bridge.drain(&service.app.ledger).await {
            tracing::debug!(%error, "events of Slack wait in the inbox");
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn heartbeat(service: &AppState, bridge: &Bridge) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if bridge.running.lock().is_empty() {
            continue;
        }
        match service.app.ledger.keep_slack(bridge.claimant.claim).await {
            Ok(held) => after_heartbeat(service, bridge, &held),
            Err(error) => {
                tracing::debug!(%error, "the ledger does not hear that Slack is worked on");
            }
        }
    }
}

fn after_heartbeat(service: &AppState, bridge: &Bridge, held: &[(String, bool)]) {
    let running = bridge.running.lock();
    for (event_id, running) in running.iter() {
        match held.iter().find(|(held, _)| held == event_id) {
            Some((_, true)) => {
                if let Some(caller) = &running.caller {
                    service.live.stop(caller, event_id, FROM);
                }
            }
            Some((_, false)) => {}
            // Postgres was away for so long that somebody else has taken it.
            None => running.abandoned.cancel(),
        }
    }
}

async fn claim(service: &AppState, bridge: &Arc<Bridge>, tracker: &TaskTracker) {
    let most = service.app.config.slack.max_answers;
    let room = Arc::new(Semaphore::new(most));
    // After an outage many questions wait; they are searched as well as those that come later.
    while let Err(error) = service.app.load_terms().await {
        tracing::debug!(%error, "questions of Slack wait for the terms' rarity");
        tokio::time::sleep(LOOK).await;
    }
    loop {
        let arrived = bridge.arrived.notified();
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let mut permits = vec![permit];
        while let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
            permits.push(permit);
        }
        let wanted = permits.len();
        let ledger = &service.app.ledger;
        let claimed = ledger.claim_slack(&bridge.claimant, wanted as i64).await;
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::debug!(%error, "what Slack has told cannot be read now");
            Vec::new()
        });
        let all = claimed.len() == wanted;
        for event in claimed {
            start(service, bridge, tracker, event, permits.pop());
        }
        drop(permits);
        if !all {
            tokio::select! {
                () = arrived => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

fn start(
    service: &AppState,
    bridge: &Arc<Bridge>,
    tracker: &TaskTracker,
    event: ClaimedSlackEvent,
    permit: Option<OwnedSemaphorePermit>,
) {
    let abandoned = CancellationToken::new();
    {
        let mut running = bridge.running.lock();
        // Postgres was away for longer than a claim holds: it is still being worked on, right here.
        if running.contains_key(&event.event_id) {
            return;
        }
        running.insert(
            event.event_id.clone(),
            Running {
                place: None,
                caller: None,
                abandoned: abandoned.clone(),
            },
        );
    }
    let (service, bridge) = (Arc::clone(service), Arc::clone(bridge));
    tracker.spawn(async move {
        let id = event.event_id.clone();
        tokio::select! {
            () = to_its_end(&service, &bridge, event) => {}
            () = abandoned.cancelled() => {}
        }
        bridge.running.lock().remove(&id);
        drop(permit);
        // A question of the same conversation may have waited for this one.
        bridge.arrived.notify_one();
    });
}

async fn to_its_end(service: &AppState, bridge: &Arc<Bridge>, event: ClaimedSlackEvent) {
    let task = serde_json::from_value::<Task>(event.payload.clone());
    let ended = match task {
        Ok(Task::Answer(asked)) => ask::answer(service, bridge, &event, &asked).await,
        Ok(Task::Greet { channel }) => press::greet(service, bridge, &channel).await,
        Ok(Task::Tell(who)) => answered::tell(service, bridge, &event, &who).await,
        Ok(Task::Press(pressed)) => press::press(service, bridge, &event, &pressed).await,
        Err(error) => {
            tracing::error!(%error, event = %event.event_id, "an event of Slack cannot be read");
            Ended::Failed
        }
    };
    let claim = bridge.claimant.claim;
    let ledger = &service.app.ledger;
    let id = &event.event_id;
    match ended {
        Ended::Done { interaction } => {
            until_kept(|| ledger.finish_slack(id, SlackOutcome::Done, interaction)).await;
        }
        Ended::Again(pause) if event.attempts < ATTEMPTS || pause.is_some() => {
            let seconds = pause.map_or_else(
                || 2_f64.powi(event.attempts).min(LONGEST_PAUSE),
                |pause| pause.as_secs_f64(),
            );
            until_kept(|| ledger.return_slack(id, claim, seconds)).await;
        }
        Ended::Failed | Ended::Again(_) => {
            tracing::error!(event = %id, attempts = event.attempts, "an event of Slack is given up");
            until_kept(|| ledger.finish_slack(id, SlackOutcome::Failed, None)).await;
        }
    }
}

/// Postgres may be away just when an answer stands there: it is not forgotten that it does.
async fn until_kept<F: Future<Output = Result<(), LedgerError>>>(mut write: impl FnMut() -> F) {
    let mut pause = Duration::from_millis(200);
    loop {
        match write().await {
            Ok(()) => return,
            Err(error @ LedgerError::Rejected { .. }) => {
                tracing::error!(%error, "the end of an event of Slack is refused");
                return;
            }
            Err(error) => tracing::debug!(%error, "the end of an event of Slack waits to be kept"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}
