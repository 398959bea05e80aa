//! What `docent serve` does for the pages by itself: sums days that are over, and asks gaps again.

use std::time::Duration;

use crate::server::AppState;

/// How often it is looked.
const EVERY: Duration = Duration::from_mins(1);
/// Days summed before it is looked whether the service stops.
const DAYS: i64 = 8;

/// Works until the service stops.
pub(crate) async fn keep(service: AppState) {
    loop {
        tokio::select! {
            () = once(&service) => {}
            () = service.stopping.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = service.stopping.cancelled() => return,
        }
    }
}

/// What is done each time.
pub async fn once(service: &AppState) {
    if let Err(error) = sum_days(service).await {
        tracing::debug!(%error, "days wait to be summed");
    }
    super::ask_again::ask_again(service).await;
}

/// Sums every day that is over. Pages are right without it, and quick with it.
async fn sum_days(service: &AppState) -> Result<(), docent_core::ledger::LedgerError> {
    while service.app.ledger.sum_days(DAYS).await? == DAYS as usize {}
    Ok(())
}
