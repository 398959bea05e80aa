//! The bridge: what the routes, Socket Mode and the work loop share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use docent_core::app::App;
use docent_core::ledger::{Ledger, LedgerError, SlackClaimant, SlackEvent};
use docent_core::process;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::inbox::{Inbox, InboxError};
use super::who::People;
use super::{Slack, SlackError};

/// Longest wait for the ledger before an event goes to the inbox: Slack wants to hear within 3 s.
const PATIENCE: Duration = Duration::from_secs(1);
/// Events written to the ledger at once.
const PART: usize = 100;

/// docent in a workspace of Slack.
pub struct Bridge {
    pub(crate) slack: Slack,
    pub(crate) people: People,
    pub(crate) claimant: SlackClaimant,
    inbox: Arc<Inbox>,
    /// Something has arrived here.
    pub(crate) arrived: Notify,
    /// What this process works on, by event id.
    pub(crate) running: Mutex<HashMap<String, Running>>,
    pub(crate) state: Mutex<State>,
}

/// Work under way.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub(crate) place: Option<(String, String, String)>,
    /// Whose turn it is, once there is one.
    pub(crate) caller: Option<String>,
    /// Somebody else works on it now, or the process stops: nothing more is to be done for it here.
    pub(crate) abandoned: CancellationToken,
}

/// How it goes, for `/readyz`; `None`: not known yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// docent's own user, as Slack knows it.
    pub(crate) token: Option<Result<String, String>>,
    pub(crate) socket: Option<Result<(), String>>,
}

impl Bridge {
    /// `None`: Slack is not configured.
    pub(crate) fn new(app: &App) -> anyhow::Result<Option<Arc<Self>>> {
        let settings = &app.config.slack;
        if !settings.is_configured() {
            return Ok(None);
        }
        let slack = Slack::new(settings).map_err(anyhow::Error::msg)?;
        Ok(Some(Arc::new(Self {
            slack,
            people: People::default(),
            claimant: SlackClaimant {
                claim: Uuid::now_v7(),
                process: process::identity(),
            },
            inbox: Arc::new(Inbox::new(app.data.slack_inbox(), settings.inbox_max_bytes)),
            arrived: Notify::new(),
            running: Mutex::default(),
            state: Mutex::default(),
        })))
    }

    /// Keeps an event durably, in the ledger or in the inbox: then it may be acknowledged.
    pub(crate) async fn keep(&self, ledger: &Ledger, event: SlackEvent) -> Result<(), InboxError> {
        let events = [event];
        let kept = tokio::time::timeout(PATIENCE, ledger.receive_slack(&events)).await;
        match kept {
            Ok(Ok(_)) => {}
            kept => {
                if let Ok(Err(error)) = kept {
                    tracing::debug!(%error, "an event of Slack goes to the inbox");
                }
                let inbox = Arc::clone(&self.inbox);
                let [event] = events;
                tokio::task::spawn_blocking(move || inbox.append(&event))
                    .await
                    .map_err(|_| InboxError::Full)??;
            }
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes what waits in the inbox to the ledger. Answers how many events went.
    pub(crate) async fn drain(&self, ledger: &Ledger) -> Result<usize, LedgerError> {
        let mut drained = 0;
        loop {
            let inbox = Arc::clone(&self.inbox);
            let read = tokio::task::spawn_blocking(move || inbox.next(PART)).await;
            let part = match read {
                Ok(Ok(part)) => part,
                Ok(Err(error)) => {
                    tracing::error!(%error, "the inbox of Slack cannot be read");
                    return Ok(drained);
                }
                Err(_) => return Ok(drained),
            };
            if part.is_empty() {
                return Ok(drained);
            }
            match ledger.receive_slack(&part.events).await {
                Ok(_) => {}
                // One of them will never be taken: the others are not to wait for it.
                Err(LedgerError::Rejected { .. }) => {
                    for event in &part.events {
                        match ledger.receive_slack(std::slice::from_ref(event)).await {
                            Err(error @ LedgerError::Rejected { .. }) => {
                                tracing::error!(%error, "an event of Slack is refused and dropped");
                            }
                            kept => drop(kept?),
                        }
                    }
                }
                Err(error) => return Err(error),
            }
            drained += part.events.len();
            let inbox = Arc::clone(&self.inbox);
            let advanced = tokio::task::spawn_blocking(move || inbox.advance(&part)).await;
            if let Ok(Err(error)) = advanced {
                tracing::error!(%error, "the inbox of Slack cannot be emptied");
                return Ok(drained);
            }
            self.arrived.notify_one();
        }
    }

    /// The events under way in a thread, with whose turns they are.
    pub(crate) fn running_in(
        &self,
        team: &str,
        channel: &str,
        thread: &str,
    ) -> Vec<(String, String)> {
        let running = self.running.lock();
        let there = running.iter().filter(|(_, one)| {
            one.place
                .as_ref()
                .is_some_and(|(t, c, h)| t == team && c == channel && h == thread)
        });
        there
            .filter_map(|(event, one)| Some((one.caller.clone()?, event.clone())))
            .collect()
    }

    /// Asks Slack whether the token is good, and remembers it.
    pub(crate) async fn check(&self) {
        let checked = match self.slack.auth_test().await {
            Ok(identity) => Ok(identity.user_id),
            Err(error) => Err(told(&error)),
        };
        let before = self.state.lock().token.replace(checked.clone());
        match (&checked, before) {
            (Err(_), Some(Err(_))) | (Ok(_), Some(Ok(_)) | None) => {}
            (Err(error), _) => tracing::error!(%error, "Slack does not know this docent"),
            (Ok(_), Some(Err(_))) => tracing::info!("Slack knows this docent again"),
        }
    }

    /// docent's own user.
    pub(crate) async fn own_user(&self) -> Result<String, SlackError> {
        if let Some(Ok(user)) = &self.state.lock().token {
            return Ok(user.clone());
        }
        Ok(self.slack.auth_test().await?.user_id)
    }

    /// What `/readyz` says.
    pub(crate) fn words(&self) -> String {
        let state = self.state.lock();
        match (&state.token, &state.socket) {
            (Some(Err(error)), _) | (_, Some(Err(error))) => error.clone(),
            (None, _) => "not asked yet".to_owned(),
            (Some(Ok(_)), _) => "ok".to_owned(),
        }
    }
}

/// A failure of Slack's with the way out, where there is one.
pub(crate) fn told(error: &SlackError) -> String {
    if error.is_about_token() {
        format!(
            "{error}; is slack.bot_token (SLACK_BOT_TOKEN) the token of this app, and is it installed?"
        )
    } else {
        error.to_string()
    }
}
