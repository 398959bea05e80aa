//! Dialogs, opened within 3 s of the click that asks for them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::bridge::Bridge;
use super::press::caller;
use super::pressed::{COMMENT, COMMENT_MAX, Dialog};
use super::{again, render, words};
use crate::chat::language::Language;
use crate::server::AppState;

/// Opens a dialog. Whoever clicked can click again: a failure is logged, no more.
pub(crate) async fn open(service: &AppState, bridge: &Bridge, wanted: &Dialog, trigger: &str) {
    let view = match wanted {
        Dialog::Comment { interaction } => {
            let question = question(service, *interaction).await;
            comment(*interaction, Language::of(&question))
        }
        Dialog::Details { interaction, by } => {
            let groups = caller(service, bridge, by).await.groups;
            match again::read(service, *interaction, &groups).await {
                Ok(Some((_, answer))) => {
                    render::details(&answer.citations, Language::of(&answer.question))
                }
                _ => return,
            }
        }
    };
    if let Err(error) = bridge.slack.views_open(trigger, &view).await {
        tracing::warn!(%error, "a dialog in Slack could not be opened");
    }
}

/// The question's language is that of the form; where it cannot be read in time, English is.
async fn question(service: &AppState, interaction: Uuid) -> String {
    let reading = service.app.ledger.interaction(interaction, None);
    match tokio::time::timeout(std::time::Duration::from_millis(500), reading).await {
        Ok(Ok(Some(interaction))) => interaction.question,
        _ => String::new(),
    }
}

fn comment(interaction: Uuid, language: Language) -> Value {
    let [title, label, send, skip] = words::comment_form(language);
    let text = |text: &str| json!({ "type": "plain_text", "text": text });
    json!({
        "type": "modal",
        "callback_id": COMMENT,
        "private_metadata": interaction.to_string(),
        "title": text(title),
        "submit": text(send),
        "close": text(skip),
        "blocks": [{
            "type": "input",
            "block_id": COMMENT,
            "label": text(label),
            "element": {
                "type": "plain_text_input",
                "action_id": COMMENT,
                "multiline": true,
                "max_length": COMMENT_MAX,
            },
        }],
    })
}
