//! What only one of several processes does at a time: under a row of `lease` that is moved on meanwhile.

use std::sync::atomic::AtomicU64;

use docent_core::app::App;
use docent_core::ledger::{Claimant, Claimed, LedgerError};
use docent_core::process;
use uuid::Uuid;

/// Does some work while nobody else does it. `None`: somebody else is at it, or it became theirs (this
/// process was stopped for so long that its lease ran out); so the work has to bear being done twice.
pub(crate) async fn under<T>(
    app: &App,
    who: &str,
    work: impl Future<Output = Result<T, LedgerError>>,
) -> Result<Option<T>, LedgerError> {
    let ledger = &app.ledger;
    let run_id = Uuid::now_v7();
    let claimant = Claimant {
        run_id,
        holder: who.to_owned(),
        process: process::identity(),
    };
    // No source and no collection is called that.
    let lease = format!("{}:{who}", app.config.index.collection);
    if ledger.claim(&[lease], &claimant, None).await? != Claimed::Taken {
        return Ok(None);
    }
    let held = AtomicU64::new(1);
    let done = tokio::select! {
        done = work => done.map(Some),
        () = ledger.keep_until_lost(run_id, &held) => Ok(None),
    };
    ledger.release_leases(run_id).await?;
    done
}
