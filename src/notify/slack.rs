//! Slack, by an incoming webhook.

use docent_core::config::Notify;
use docent_core::net::CheckedClient;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use super::webhook::{address, taken};
use super::{Message, NotifyError};

/// Longest text, in characters: Slack cuts a message at 40,000.
const LONGEST: usize = 30_000;

/// How Slack is spoken to.
pub(super) enum Slack {
    /// It posts to the channel that it was made for.
    Incoming { url: Url, http: CheckedClient },
}

impl Slack {
    /// `None`: nothing is configured.
    pub(super) fn new(settings: &Notify, http: &CheckedClient) -> anyhow::Result<Option<Self>> {
        if settings.slack_webhook.is_empty() {
            return Ok(None);
        }
        let url = address("notify.slack_webhook", settings.slack_webhook.expose(), http)?;
        let http = http.clone();
        Ok(Some(Self::Incoming { url, http }))
    }

    pub(super) async fn send(&self, _channel: &str, message: &Message) -> Result<(), NotifyError> {
        let body = json!({ "text": text(message), "unfurl_links": false });
        match self {
            Self::Incoming { url, http } => {
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
