//! Slack, by docent's own app (`slack.bot_token`) or by an incoming webhook.

use std::time::Duration;

use docent_core::config::Config;
use docent_core::net::CheckedClient;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::webhook::{address, taken};
use super::{Message, NotifyError};
use crate::slack;
use crate::slack::api::OutMessage;
use crate::slack::render::blocks::{SECTION, contexts, section};
use crate::slack::render::fits;

/// Longest text, in characters: Slack cuts a message at 40,000.
const LONGEST: usize = 30_000;

/// Longest wait for Slack, its limits included: a message that takes longer is tried again.
const PATIENCE: Duration = Duration::from_secs(45);

/// How Slack is spoken to.
pub(super) enum Slack {
    /// It posts to any channel that the app is in, and hears of buttons.
    Bot {
        bot: Box<slack::Slack>,
        mute_days: u32,
    },
    /// It posts to the channel that it was made for.
    Incoming { url: Url, http: CheckedClient },
}

impl Slack {
    /// `None`: nothing is configured. The app wins over the webhook, because it reaches every channel.
    pub(super) fn new(config: &Config, http: &CheckedClient) -> anyhow::Result<Option<Self>> {
        if !config.slack.bot_token.is_empty() {
            let bot = slack::Slack::new(&config.slack).map_err(anyhow::Error::msg)?;
            return Ok(Some(Self::Bot {
                bot: Box::new(bot),
                mute_days: config.alerts.mute_days,
            }));
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
            Self::Bot { bot, mute_days } => {
                let with_buttons = buttons(message, *mute_days);
                let plain = OutMessage {
                    channel: channel.to_owned(),
                    text: text(message),
                    ..OutMessage::default()
                };
                let posting = async {
                    let Some((text, blocks)) = with_buttons else {
                        return bot.post_message(&plain).await;
                    };
                    let whole = OutMessage {
                        text,
                        blocks,
                        ..plain.clone()
                    };
                    match bot.post_message(&whole).await {
                        Err(error) if error.is_about_blocks() => bot.post_message(&plain).await,
                        posted => posted,
                    }
                };
                match tokio::time::timeout(PATIENCE, posting).await {
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
    let subject = slack::plain(&message.subject).replace('*', "∗");
    let text: String = slack::plain(&message.text).chars().take(LONGEST).collect();
    if text.starts_with(&subject) {
        return format!("*{subject}*{}", &text[subject.len()..]);
    }
    format!("*{subject}*\n{text}")
}

/// The same with a button to acknowledge and one to mute each alert that is open, instead of the links, by
/// which whoever reads the channel could: the text beside the blocks, and these. `None`: there is nothing to
/// press, or too much for one message.
fn buttons(message: &Message, mute_days: u32) -> Option<(String, Vec<Value>)> {
    if !message.parts.iter().any(|part| part.is_open) {
        return None;
    }
    let bold = |words: &str| format!("*{}*", slack::plain(words).replace('*', "∗"));
    let mut blocks = Vec::new();
    let mut texts = Vec::new();
    if message.parts.len() > 1 {
        texts.push(bold(&message.subject));
    }
    for part in &message.parts {
        texts.push(format!(
            "{}\n{}",
            bold(&part.title),
            slack::plain(&part.text)
        ));
    }
    let mut shown = texts.clone().into_iter();
    if message.parts.len() > 1 {
        blocks.extend(shown.next().map(|subject| section(&subject)));
    }
    for (part, mut text) in message.parts.iter().zip(shown) {
        let look = part.look.replace(['<', '>', '|'], "");
        if !look.is_empty() {
            text.push_str(&format!("\nLook: <{}>", look.replace('&', "&amp;")));
        }
        blocks.push(section(&text));
        if part.is_open {
            blocks.push(slack::alert::open(part.alert, mute_days));
        }
    }
    if !message.note.is_empty() {
        blocks.extend(contexts(&[slack::plain(&message.note)]));
        texts.push(slack::plain(&message.note));
    }
    let is_short = |block: &Value| {
        let text = block["text"]["text"].as_str().unwrap_or_default();
        text.chars().count() <= SECTION
    };
    let fits = blocks.iter().all(is_short) && fits(&[], &blocks);
    let text: String = texts.join("\n\n").chars().take(LONGEST).collect();
    fits.then_some((text, blocks))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::Part;
    use super::*;

    #[test]
    fn a_title_can_neither_call_everyone_nor_make_a_link() {
        let message = Message {
            subject: "Ingest of <!channel> failed".to_owned(),
            text: "Ingest of <!channel> failed\nSee <https://evil.example|here> & there".to_owned(),
            data: json!({}),
            parts: Vec::new(),
            note: String::new(),
        };
        let text = text(&message);
        assert_eq!(
            text,
            "*Ingest of &lt;!channel&gt; failed*\nSee &lt;https://evil.example|here&gt; &amp; there"
        );
    }
    fn alerts(count: usize, what: &str) -> Message {
        let part = |number: usize| Part {
            alert: Uuid::from_u128(number as u128),
            title: format!("Source <!channel> {number} *fails*"),
            text: format!("Since then. {what}\nTo do: look."),
            look: "http://127.0.0.1/insights/ingest?a=1&b=2".to_owned(),
            is_open: true,
        };
        Message {
            subject: format!("{count} alerts"),
            text: "with the link http://127.0.0.1/alerts/1?token=secret".to_owned(),
            data: json!({}),
            parts: (0..count).map(part).collect(),
            note: String::new(),
        }
    }

    #[test]
    fn each_open_alert_has_its_buttons_and_no_link_that_anyone_could_follow() {
        let mut message = alerts(2, "w");
        message.parts[1].is_open = false;
        message.note = "(This was for <!here>.)".to_owned();
        let (text, blocks) = buttons(&message, 7).unwrap();
        let all = serde_json::to_string(&blocks).unwrap();
        for said in [&text, &all] {
            assert!(!said.contains("token=") && !said.contains("<!"), "{said}");
        }
        let kinds: Vec<&str> = blocks.iter().filter_map(|of| of["type"].as_str()).collect();
        assert_eq!(
            kinds,
            ["section", "section", "actions", "section", "context"]
        );
        assert!(
            all.contains("<http://127.0.0.1/insights/ingest?a=1&amp;b=2>"),
            "{all}"
        );
        assert!(all.contains("Mute for 7 days"), "{all}");
        message.parts[0].is_open = false;
        assert_eq!(buttons(&message, 7), None, "nothing can be pressed");
    }

    #[test]
    fn what_is_too_much_for_buttons_is_text() {
        assert!(buttons(&alerts(15, "w"), 7).is_some());
        assert_eq!(buttons(&alerts(50, "w"), 7), None);
        assert_eq!(buttons(&alerts(1, &"w".repeat(3000)), 7), None);
    }
}
