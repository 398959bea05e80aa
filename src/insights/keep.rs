//! What `docent serve` does for the pages by itself: sums days that are over, asks gaps again, and has those
//! told who wanted to hear of it.

use std::time::Duration;

use uuid::Uuid;

use crate::server::AppState;
use crate::slack::answered;

/// How often it is looked.
const EVERY: Duration = Duration::from_mins(1);
/// Days summed before it is looked whether the service stops.
const DAYS: i64 = 8;

/// Works until the service stops.
pub(crate) async fn keep(service: AppState) {
    let mut done = None;
    loop {
        tokio::select! {
            () = once(&service, &mut done) => {}
            () = service.stopping.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = service.stopping.cancelled() => return,
        }
    }
}

/// What is done each time. `done` is the run after which every gap has been asked again.
pub async fn once(service: &AppState, done: &mut Option<Uuid>) {
    if let Err(error) = sum_days(service).await {
        tracing::debug!(%error, "days wait to be summed");
    }
    super::ask_again::ask_again(service, done).await;
    match answered::queue(service).await {
        Ok(0) => {}
        Ok(people) => tracing::info!(
            people,
            "people are told that their questions have an answer"
        ),
        Err(error) => {
            tracing::debug!(%error, "people wait to be told that their questions have an answer");
        }
    }
}

/// Sums every day that is over. Pages are right without it, and quick with it.
async fn sum_days(service: &AppState) -> Result<(), docent_core::ledger::LedgerError> {
    while service.app.ledger.sum_days(DAYS).await? == DAYS as usize {}
    Ok(())
}
