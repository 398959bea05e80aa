//! "Ask the owner": the question goes to the owner of what it is about, in Slack; the reply that they
//! stand by goes back into the thread that it was asked in.

use std::sync::Arc;
use std::time::Duration;

use docent_core::ledger::{ClaimedSlackEvent, SlackHandoff};
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::{Metadata, OutMessage};
use super::ask::failed;
use super::bridge::Bridge;
use super::incoming::Asked;
use super::press::caller;
use super::pressed::{CONFIRM, Pressed};
use super::work::Ended;
use super::{SlackError, again, plain, words};
use crate::chat::language::Language;
use crate::chat::turn::Contact;
use crate::server::AppState;
use crate::server::answers::from_owner::{self, Reply};

/// `event_type` of docent's messages that are no answers.
const HANDOFF: &str = "docent_handoff";
/// How often an answer is looked for that another process may not have written down yet.
const PATIENCE: i32 = 5;

/// Posts a question to the owner of the nearest asset, once, and says so in its thread.
pub(crate) async fn ask_owner(
    service: &AppState,
    bridge: &Arc<Bridge>,
    event: &ClaimedSlackEvent,
    pressed: &Pressed,
    interaction: Uuid,
) -> Ended {
    let ledger = &service.app.ledger;
    match ledger.is_handed_over(interaction).await {
        Ok(false) => {}
        Ok(true) => return Ended::Done { interaction: None },
        Err(_) => return Ended::Again(None),
    }
    let groups = caller(service, bridge, &pressed.by).await.groups;
    let (asked, answer) = match again::read(service, interaction, &groups).await {
        Ok(Some(found)) => found,
        Ok(None) if event.attempts < PATIENCE => {
            return Ended::Again(Some(Duration::from_secs(2)));
        }
        Ok(None) => return Ended::Done { interaction: None },
        Err(_) => return Ended::Again(None),
    };
    let language = Language::of(&answer.question);
    let thread = OutMessage {
        channel: asked.channel.clone(),
        thread_ts: Some(asked.thread.clone()),
        metadata: Some(metadata(&event.event_id)),
        ..OutMessage::default()
    };
    let owner_channel = match owner(bridge, answer.contact.as_ref()).await {
        Ok(Some(channel)) => channel,
        Ok(None) => {
            let text = words::no_owner(language, answer.contact.as_ref());
            return said(bridge, &OutMessage { text, ..thread }).await;
        }
        Err(error) => return failed(&error),
    };
    let link = match bridge.slack.permalink(&asked.channel, &asked.ts).await {
        Ok(link) => link,
        // The question alone will do.
        Err(SlackError::Refused { .. }) => String::new(),
        Err(error) => return failed(&error),
    };
    let text = words::to_owner(
        language,
        &pressed.by.user,
        &plain(&answer.question),
        &link,
        answer.contact.as_ref(),
    );
    let message = OutMessage {
        channel: owner_channel,
        text,
        metadata: Some(metadata(&event.event_id)),
        ..OutMessage::default()
    };
    let (channel, ts) = match bridge.slack.post_anywhere(&message).await {
        Ok(posted) => posted,
        Err(error @ SlackError::Refused { .. }) if !error.is_about_token() => {
            tracing::warn!(%error, "the owner of an asset cannot be asked in Slack");
            let text = words::no_owner(language, answer.contact.as_ref());
            return said(bridge, &OutMessage { text, ..thread }).await;
        }
        Err(error) => return failed(&error),
    };
    let handoff = SlackHandoff {
        id: Uuid::now_v7(),
        interaction_id: interaction,
        team: pressed.by.team.clone(),
        asked_by: pressed.by.user.clone(),
        channel: asked.channel,
        thread: asked.thread,
        owner_channel: channel,
        owner_ts: ts,
        reply_ts: None,
        reply_by: None,
    };
    if ledger.hand_over(&handoff).await.is_err() {
        tracing::warn!(
            "an owner was asked, but the ledger was away: their reply will not come back"
        );
    }
    let text = words::owner_asked(language, answer.contact.as_ref());
    said(bridge, &OutMessage { text, ..thread }).await
}

/// Where an owner is asked: the channel or person that the asset names, else whoever has the address.
async fn owner(bridge: &Bridge, contact: Option<&Contact>) -> Result<Option<String>, SlackError> {
    let Some(contact) = contact else {
        return Ok(None);
    };
    let named = contact.slack.as_deref().map(str::trim).unwrap_or_default();
    if let Some(place) = place_of(named) {
        return Ok(Some(place));
    }
    match contact.email.as_deref() {
        Some(mail) => bridge.slack.user_by_mail(mail).await,
        None => Ok(None),
    }
}

/// What `chat.postMessage` takes for a channel: its id or name, or a person's id.
fn place_of(named: &str) -> Option<String> {
    let id = named.trim_start_matches("<@").trim_end_matches('>');
    let is_id = id.len() >= 8
        && id.starts_with(['C', 'G', 'U', 'W'])
        && id
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if is_id {
        return Some(id.to_owned());
    }
    let name = named.strip_prefix('#')?;
    let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    (!name.is_empty() && name.chars().all(fits)).then(|| named.to_owned())
}

/// Whether a message is a reply to a question that was handed over; then its author is asked whether it
/// may be passed on.
pub(crate) async fn reply(
    service: &AppState,
    bridge: &Bridge,
    event_id: &str,
    asked: &Asked,
) -> Option<Ended> {
    // A shortcut on a message has no `ts` of a message.
    if asked.ts == asked.thread || asked.ts.contains('/') {
        return None;
    }
    let found = service.app.ledger.reply_to_handoff(
        &asked.team,
        &asked.channel,
        &asked.thread,
        (&asked.ts, &asked.user),
    );
    let handoff = match found.await {
        Ok(handoff) => handoff?,
        Err(_) => return Some(Ended::Again(Some(Duration::from_secs(1)))),
    };
    let language = Language::of(&asked.text);
    let text = words::stand_by(language);
    let message = OutMessage {
        channel: asked.channel.clone(),
        thread_ts: Some(asked.thread.clone()),
        blocks: vec![
            json!({ "type": "section", "text": { "type": "plain_text", "text": text } }),
            button(language, handoff.id),
        ],
        text,
        metadata: Some(metadata(event_id)),
    };
    Some(said(bridge, &message).await)
}

fn button(language: Language, handoff: Uuid) -> Value {
    json!({
        "type": "actions",
        "elements": [{
            "type": "button",
            "action_id": CONFIRM,
            "style": "primary",
            "text": { "type": "plain_text", "text": words::pass_on(language) },
            "value": handoff.to_string(),
        }],
    })
}

/// Passes the reply on that its author stands by.
pub(crate) async fn confirm(
    service: &AppState,
    bridge: &Bridge,
    event: &ClaimedSlackEvent,
    pressed: &Pressed,
    id: Uuid,
) -> Ended {
    let ledger = &service.app.ledger;
    let handoff = match ledger.handoff(id).await {
        Ok(Some(handoff)) => handoff,
        Ok(None) => return Ended::Done { interaction: None },
        Err(_) => return Ended::Again(None),
    };
    // Nobody speaks for somebody else.
    let (Some(reply_ts), Some(reply_by)) = (&handoff.reply_ts, &handoff.reply_by) else {
        return Ended::Done { interaction: None };
    };
    if *reply_by != pressed.by.user || handoff.team != pressed.by.team {
        return Ended::Done { interaction: None };
    }
    let thread = bridge
        .slack
        .replies(&handoff.owner_channel, &handoff.owner_ts)
        .await;
    let text = match thread {
        Ok(messages) => messages
            .into_iter()
            .find(|message| message.ts == *reply_ts)
            .map(|message| message.text),
        Err(error) => return failed(&error),
    };
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Ended::Done { interaction: None };
    };
    match ledger.confirm_handoff(id).await {
        Ok(true) => {}
        // It was closed by an earlier try of the same click, or by another click.
        Ok(false) if event.attempts > 1 => {}
        Ok(false) => return Ended::Done { interaction: None },
        Err(_) => return Ended::Again(None),
    }
    let language = Language::of(&text);
    let words = super::incoming::spoken_words(&text, None);
    let reply = Reply {
        id,
        interaction_id: handoff.interaction_id,
        text: &words,
        owner: caller(service, bridge, &pressed.by).await,
        place: (!handoff.channel.starts_with('D'))
            .then(|| service.app.config.slack.channel(&handoff.channel).groups),
    };
    // The asker has it in any case.
    if let Err(problem) = from_owner::keep(service, reply).await {
        tracing::warn!(error = %problem.detail(), "an owner's reply is no curated answer");
    }
    let message = OutMessage {
        channel: handoff.channel,
        thread_ts: Some(handoff.thread),
        text: words::from_owner(language, &handoff.asked_by, reply_by, &plain(&words)),
        metadata: Some(metadata(&event.event_id)),
        ..OutMessage::default()
    };
    said(bridge, &message).await
}

async fn said(bridge: &Bridge, message: &OutMessage) -> Ended {
    match bridge.slack.post_message(message).await {
        Ok(_) => Ended::Done { interaction: None },
        Err(error) => failed(&error),
    }
}

fn metadata(event_id: &str) -> Metadata {
    Metadata {
        event_type: HANDOFF.to_owned(),
        event_payload: json!({ "event_id": event_id }),
    }
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn only_what_slack_can_be_told_is_a_place() {
        assert_eq!(
            place_of("#data-platform").as_deref(),
            Some("#data-platform")
        );
        assert_eq!(place_of("C0123ABC456").as_deref(), Some("C0123ABC456"));
        assert_eq!(place_of("<@U0123ABC456>").as_deref(), Some("U0123ABC456"));
        for named in ["", "@ana", "data", "#", "#a b", "CHANNELs", "U1"] {
            assert_eq!(place_of(named), None, "{named}");
        }
    }
}
