//! Slack, by docent's own app (`slack.bot_token`) or by an incoming webhook.

use std::time::Duration;

use docent_core::config::Config;
use docent_core::net::CheckedClient;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::webhook::{address, taken};
use super::{Message, NotifyError};
use crate::slack;

/// Longest text, in characters: Slack cuts a message at 40,000.
const LONGEST: usize = 30_000;

/// Longest wait for Slack, its limits included: a message that takes longer is tried again.
const PATIENCE: Duration = Duration::from_secs(45);

/// How Slack is spoken to.
pub(super) enum Slack {
    /// It posts to any channel that the app is in.
    Bot(Box<slack::Slack>),
    /// It posts to the channel that it was made for.
    Incoming { url: Url, http: CheckedClient },
}

impl Slack {
    /// `None`: nothing is configured. The app wins over the webhook, because it reaches every channel.
    pub(super) fn new(config: &Config, http: &CheckedClient) -> anyhow::Result<Option<Self>> {
        if !config.slack.bot_token.is_empty() {
            let bot = slack::Slack::new(&config.slack).map_err(anyhow::Error::msg)?;
            return Ok(Some(Self::Bot(Box::new(bot))));
        }
        let webhook = &config.notify.slack_webhook;
        if webhook.is_empty() {
            return Ok(None);
        }
        let url = address("notify.slack_webhook", webhook.expose(), http)?;
        let http = http.clone();
        Ok(Some(Self::Incoming { url, http }))
    }

    pub(super) async fn send(&self, channel: &str, message: &Message) -> Result<(), NotifyError> {
        match self {
            Self::Bot(bot) => {
                let message = slack::api::OutMessage {
                    channel: channel.to_owned(),
                    text: text(message),
                    ..slack::api::OutMessage::default()
                };
                match tokio::time::timeout(PATIENCE, bot.post_message(&message)).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(failed(&error)),
                    Err(_) => Err(NotifyError::later("Slack did not answer in time")),
                }
            }
            Self::Incoming { url, http } => {
                let body = json!({ "text": text(message), "unfurl_links": false });
                let client = http
                    .of(url)
                    .map_err(|error| NotifyError::Refused(error.to_string()))?;
                let request = client
                    .post(url.clone())
                    .header(CONTENT_TYPE, "application/json")
                    .body(body.to_string());
                taken(request.send().await).await
            }
        }
    }
}

fn failed(error: &slack::SlackError) -> NotifyError {
    let reason = error.to_string();
    match error {
        slack::SlackError::Refused { .. } => NotifyError::Refused(reason),
        slack::SlackError::RateLimited { retry_after, .. } => NotifyError::Later {
            reason,
            after: Some(*retry_after),
        },
        slack::SlackError::Unavailable { .. } => NotifyError::later(reason),
    }
}

/// The subject in bold, then the text. Nothing in it mentions or formats.
fn text(message: &Message) -> String {
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let subject = escaped(&message.subject).replace('*', "∗");
    let text: String = escaped(&message.text).chars().take(LONGEST).collect();
    if text.starts_with(&subject) {
        return format!("*{subject}*{}", &text[subject.len()..]);
    }
    format!("*{subject}*\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_can_neither_call_everyone_nor_make_a_link() {
        let message = Message {
            subject: "Ingest of <!channel> failed".to_owned(),
            text: "Ingest of <!channel> failed\nSee <https://evil.example|here> & there".to_owned(),
            data: json!({}),
        };
        let text = text(&message);
        assert_eq!(
            text,
            "*Ingest of &lt;!channel&gt; failed*\nSee &lt;https://evil.example|here&gt; &amp; there"
        );
    }
}
