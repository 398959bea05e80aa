//! Messages to people and programs: by mail, to Slack, to a webhook.
//!
//! A message is in the ledger before it is sent ([`docent_core::ledger::Notice`]). [`deliver`] sends what
//! is due; what fails is tried again after a longer wait each time, and in the end goes to the fallback.

mod mail;
mod slack;
mod webhook;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use docent_core::config::Config;
use docent_core::ledger::{LedgerError, NewNotice, Notice};
use docent_core::net::{AllowedHosts, CheckedClient};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::alerts::owner::fallback;
use crate::server::AppState;

/// Messages that are sent at once.
const AT_ONCE: usize = 8;
/// Waits between attempts.
const FIRST_WAIT: i64 = 30;
const LONGEST_WAIT: i64 = 2 * 3600;

/// Where a message goes; as text `mail:ADDRESS`, `slack:CHANNEL`, `webhook`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipient {
    Mail(String),
    Slack(String),
    Webhook,
}

impl Recipient {
    /// `None`: it is no address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("mail", to)) => Some(Self::Mail(to.to_owned())),
            Some(("slack", to)) => Some(Self::Slack(to.to_owned())),
            None if text == "webhook" => Some(Self::Webhook),
            _ => None,
        }
    }

    /// What carries it.
    fn channel(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Slack(_) => "slack",
            Self::Webhook => "webhook",
        }
    }

    /// Whether something is configured that carries it.
    fn is_reachable(&self, config: &Config) -> bool {
        match self {
            Self::Mail(to) => !config.smtp.host.is_empty() && mail::is_address(to),
            Self::Slack(_) => {
                !(config.slack.bot_token.is_empty() && config.notify.slack_webhook.is_empty())
            }
            Self::Webhook => !config.webhook.url.is_empty(),
        }
    }

    /// Whether an owner's own contact is reached by it: an incoming webhook of Slack posts to its own
    /// channel only, whatever an owner's is.
    pub(crate) fn reaches_owners(&self, config: &Config) -> bool {
        match self {
            Self::Slack(_) => !config.slack.bot_token.is_empty(),
            Self::Mail(_) | Self::Webhook => self.is_reachable(config),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(to) => write!(f, "mail:{to}"),
            Self::Slack(to) => write!(f, "slack:{to}"),
            Self::Webhook => f.write_str("webhook"),
        }
    }
}

/// Whether an address as the configuration writes it can be reached.
pub(crate) fn reachable(config: &Config, address: &str) -> bool {
    Recipient::parse(address).is_some_and(|recipient| recipient.is_reachable(config))
}

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    /// One line.
    pub(crate) subject: String,
    /// Plain, in lines.
    pub(crate) text: String,
    /// The same for a program.
    pub(crate) data: Value,
    /// The same one by one, where each is something that can be acted on.
    pub(crate) parts: Vec<Part>,
    /// A word on where it was to go, at its end.
    pub(crate) note: String,
}

/// An alert in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) alert: Uuid,
    pub(crate) title: String,
    /// Plain, in lines, without the title and without addresses.
    pub(crate) text: String,
    /// Where to look; empty: nowhere any more.
    pub(crate) look: String,
    /// Whether it can be acknowledged or muted.
    pub(crate) is_open: bool,
}

impl Message {
    /// As the ledger keeps it.
    pub(crate) fn content(&self) -> Value {
        json!({
            "subject": self.subject, "text": self.text, "data": self.data, "parts": self.parts,
            "note": self.note,
        })
    }

    fn of(content: &Value) -> Self {
        let text = |name: &str| content[name].as_str().unwrap_or_default().to_owned();
        Self {
            subject: text("subject"),
            text: text("text"),
            data: content["data"].clone(),
            // A message that an earlier docent wrote has none.
            parts: serde_json::from_value(content["parts"].clone()).unwrap_or_default(),
            note: text("note"),
        }
    }
}

/// Why a message was not taken. The texts hold no address with a secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotifyError {
    /// It may be taken later.
    #[error("{reason}")]
    Later {
        reason: String,
        after: Option<Duration>,
    },
    /// It will not be taken, however often it is tried.
    #[error("{0}")]
    Refused(String),
}

impl NotifyError {
    fn later(reason: impl Into<String>) -> Self {
        Self::Later {
            reason: reason.into(),
            after: None,
        }
    }
}

/// The channels that are configured.
#[derive(Default)]
pub(crate) struct Channels {
    mail: Option<mail::Mail>,
    slack: Option<slack::Slack>,
    webhook: Option<webhook::Webhook>,
}

impl Channels {
    /// The error says which setting is wrong.
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        let limit = Duration::from_secs(config.notify.timeout_seconds.max(1));
        let hosts = AllowedHosts::of(&config.notify.allow_hosts);
        let http = CheckedClient::new(hosts, limit)?;
        Ok(Self {
            mail: mail::Mail::new(&config.smtp, limit)?,
            slack: slack::Slack::new(config, &http)?,
            webhook: webhook::Webhook::new(&config.webhook, &http)?,
        })
    }

    async fn send(&self, notice: &Notice) -> Result<&'static str, NotifyError> {
        let message = Message::of(&notice.content);
        let not_set_up = || NotifyError::Refused("its channel is not set up any more".to_owned());
        let recipient = Recipient::parse(&notice.recipient).ok_or_else(not_set_up)?;
        match &recipient {
            Recipient::Mail(to) => {
                let mail = self.mail.as_ref().ok_or_else(not_set_up)?;
                mail.send(to, notice.id, &message).await?;
            }
            Recipient::Slack(to) => {
                let slack = self.slack.as_ref().ok_or_else(not_set_up)?;
                slack.send(to, &message).await?;
            }
            Recipient::Webhook => {
                let webhook = self.webhook.as_ref().ok_or_else(not_set_up)?;
                webhook.send(notice, &message, Utc::now()).await?;
            }
        }
        Ok(recipient.channel())
    }
}

/// Sends what is due, and notes what became of it.
pub(crate) async fn deliver(service: &AppState, now: DateTime<Utc>) -> Result<(), LedgerError> {
    let config = &service.app.config;
    // Longer than any channel takes: a message whose process died meanwhile is tried then.
    let again = now + TimeDelta::seconds(config.notify.timeout_seconds as i64 * 3 + 60);
    loop {
        let due = service.app.ledger.take_notices(now, again).await?;
        if due.is_empty() {
            return Ok(());
        }
        let sending = due.iter().map(|notice| send(service, notice, now));
        let sending: Vec<_> = sending.collect();
        let mut sending = futures::stream::iter(sending).buffer_unordered(AT_ONCE);
        while let Some(sent) = sending.next().await {
            sent?;
        }
    }
}

async fn send(service: &AppState, notice: &Notice, now: DateTime<Utc>) -> Result<(), LedgerError> {
    let ledger = &service.app.ledger;
    let config = &service.app.config;
    let error = match service.channels.send(notice).await {
        Ok(channel) => return ledger.notice_sent(notice, channel).await,
        Err(error) => error,
    };
    let reason = error.to_string();
    let last = notice.attempts as u32 >= config.notify.attempts.max(1);
    match error {
        NotifyError::Later { after, .. } if !last => {
            let wait = FIRST_WAIT << (notice.attempts - 1).clamp(0, 12);
            let wait = after
                .map_or(0, |after| after.as_secs() as i64)
                .max(wait.min(LONGEST_WAIT));
            tracing::debug!(notice = %notice.id, %reason, wait, "a message waits");
            let again = now + TimeDelta::seconds(wait.min(24 * 3600));
            ledger.notice_delayed(notice, &reason, again).await
        }
        _ => {
            tracing::error!(notice = %notice.id, kind = notice.kind, %reason, "a message is given up");
            let instead = instead(config, notice);
            ledger.notice_failed(notice, &reason, &instead, now).await
        }
    }
}

/// The same message to the fallback, where it has not failed there itself.
fn instead(config: &Config, notice: &Notice) -> Vec<NewNotice> {
    let is_redirected = notice.content["instead_of"].is_string();
    let to = fallback(config);
    if is_redirected || to.contains(&notice.recipient) {
        return Vec::new();
    }
    to.into_iter()
        .map(|recipient| {
            let mut content = notice.content.clone();
            content["instead_of"] = json!(notice.recipient);
            let text = content["text"].as_str().unwrap_or_default();
            let note = format!(
                "(This was for {}, where it could not be delivered.)",
                notice.recipient
            );
            content["text"] = json!(format!("{text}\n\n{note}"));
            content["note"] = json!(note);
            NewNotice {
                id: Uuid::now_v7(),
                kind: if notice.kind == "digest" {
                    "digest"
                } else {
                    "alert"
                },
                recipient,
                alerts: notice.alerts.clone(),
                content,
            }
        })
        .collect()
}
