//! Shows a turn in its place, for whoever works on an event.

use std::sync::Arc;
use std::time::Duration;

use docent_core::ledger::Ledger;
use futures::Stream;
use tokio::runtime::Handle;

use super::bridge::Bridge;
use super::reply::{self, Delivered, Place};
use super::SlackError;
use crate::chat::Event;

/// Longest wait for the ledger to note a message that is begun.
const PATIENCE: Duration = Duration::from_secs(1);

/// [`reply::deliver`], with every message that is begun written down, as far as Postgres is there: who
/// takes the event up after a crash takes those away. Ends without a result worth reading where the event
/// is abandoned.
///
/// It has a thread of its own, on which it mostly waits: its future borrows over callbacks in a way that
/// the compiler cannot prove to be `Send` (rust-lang/rust#110338). There are `slack.max_answers` of them.
pub(crate) async fn show(
    bridge: &Arc<Bridge>,
    ledger: &Ledger,
    place: &Place,
    event_id: &str,
    events: impl Stream<Item = Event> + Unpin + Send + 'static,
) -> Result<Delivered, SlackError> {
    let (bridge, ledger) = (Arc::clone(bridge), ledger.clone());
    let (place, event_id) = (place.clone(), event_id.to_owned());
    let abandoned = bridge.abandoned(&event_id);
    let handle = Handle::current();
    let work = move || {
        handle.block_on(async {
            let began = async |ts: &str| {
                let noting = ledger.note_slack_message(&event_id, ts);
                let noted = tokio::time::timeout(PATIENCE, noting).await;
                if !matches!(noted, Ok(Ok(()))) {
                    tracing::debug!("a message that is begun in Slack is not noted");
                }
            };
            let delivering = reply::deliver(&bridge.slack, &place, &event_id, events, began);
            tokio::select! {
                delivered = delivering => delivered,
                () = abandoned.cancelled() => Err(unfinished("the event is abandoned")),
            }
        })
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(unfinished("a defect in docent; its log says where")))
}

fn unfinished(reason: &str) -> SlackError {
    SlackError::Unavailable {
        method: "chat.postMessage",
        reason: reason.to_owned(),
    }
}
