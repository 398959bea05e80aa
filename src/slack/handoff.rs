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
use super::words::Handed;
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
    let question = Handed {
        asker: Some(format!("<@{}>", pressed.by.user)),
        question: &plain(&answer.question),
        link: Some(&link),
        contact: answer.contact.as_ref(),
    };
    let text = words::to_owner(language, &question);
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
        asked_by: Some(pressed.by.user.clone()),
        channel: Some(asked.channel),
        thread: Some(asked.thread),
        owner_channel: channel,
        owner_ts: ts,
        reply_ts: None,
        reply_by: None,
        groups: None,
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
pub(crate) async fn owner(
    bridge: &Bridge,
    contact: Option<&Contact>,
) -> Result<Option<String>, SlackError> {
    let Some(contact) = contact else {
        return Ok(None);
    };
    if let Some(place) = contact.slack_place() {
        return Ok(Some(place));
    }
    match contact.email.as_deref() {
        Some(mail) => bridge.slack.user_by_mail(mail).await,
        None => Ok(None),
    }
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
    let words = super::incoming::spoken_words(&text, None);
    let in_channel = handoff.channel.as_ref().filter(|to| !to.starts_with('D'));
    let reply = Reply {
        id,
        interaction_id: handoff.interaction_id,
        text: &words,
        owner: caller(service, bridge, &pressed.by).await,
        place: handoff
            .groups
            .clone()
            .or_else(|| in_channel.map(|channel| service.app.config.slack.channel(channel).groups)),
    };
    if let Err(problem) = from_owner::keep(service, reply).await {
        tracing::warn!(error = %problem.detail(), "an owner's reply is no curated answer");
        // In Slack the asker has it in any case.
        if handoff.channel.is_none() {
            return Ended::Again(None);
        }
    }
    let (Some(channel), Some(asked_by)) = (&handoff.channel, &handoff.asked_by) else {
        return Ended::Done { interaction: None };
    };
    let question = match &handoff.thread {
        Some(_) => None,
        // It stands nowhere in Slack.
        None => match ledger.asked(handoff.interaction_id).await {
            Ok(asked) => asked.map(|asked| plain(&asked.question)),
            Err(_) => return Ended::Again(None),
        },
    };
    let language = Language::of(&text);
    let people = [asked_by.as_str(), reply_by.as_str()];
    let message = OutMessage {
        channel: channel.clone(),
        thread_ts: handoff.thread.clone(),
        text: words::from_owner(language, people, question.as_deref(), &plain(&words)),
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

/// What marks docent's messages that are no answers.
pub(crate) fn metadata(event_id: &str) -> Metadata {
    Metadata {
        event_type: HANDOFF.to_owned(),
        event_payload: json!({ "event_id": event_id }),
    }
}
