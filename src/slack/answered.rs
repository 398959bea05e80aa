//! "Tell me when this is answered": who wants it is in the ledger; when a later run closes the gap, each of
//! them gets one direct message, with as much as they themselves may read.

use docent_core::ledger::{
    AskedInSlack, ClaimedSlackEvent, GapAsker, LedgerError, SlackEvent, SlackKind, Wish, Wished,
};
use serde_json::json;
use uuid::Uuid;

use super::api::{Metadata, OutMessage};
use super::ask::{failed, language};
use super::bridge::Bridge;
use super::incoming::{Task, payload};
use super::press::{PATIENCE, caller};
use super::pressed::Pressed;
use super::render::{self, Look, TEXT};
use super::who::Speaker;
use super::work::Ended;
use super::{SlackError, again, words};
use crate::chat::AnswerOutcome;
use crate::insights::ask_again;
use crate::server::AppState;

/// `event_type` of these messages.
const ANSWERED: &str = "docent_answered";
/// Messages to people that are begun after a look at the ledger.
const AT_ONCE: i64 = 100;

/// Whether anybody could be told: where no gap is asked again, none is closed.
pub(crate) fn is_on(service: &AppState) -> bool {
    service.app.config.insights.ask_again > 0
}

/// Notes that whoever pressed wants to be told, or takes it back, and confirms it to them alone.
pub(crate) async fn wanted(
    service: &AppState,
    bridge: &Bridge,
    event: &ClaimedSlackEvent,
    pressed: &Pressed,
    interaction: Uuid,
) -> Ended {
    if !is_on(service) {
        return Ended::Done { interaction: None };
    }
    let groups = caller(service, bridge, &pressed.by).await.groups;
    let (asked, answer) = match again::read(service, interaction, &groups).await {
        Ok(Some(found)) => found,
        Ok(None) if event.attempts < PATIENCE => {
            return Ended::Again(Some(std::time::Duration::from_secs(2)));
        }
        Ok(None) => return Ended::Done { interaction: None },
        Err(_) => return Ended::Again(None),
    };
    if answer.outcome != AnswerOutcome::Abstained {
        return Ended::Done { interaction: None };
    }
    let wish = Wish {
        interaction_id: interaction,
        team: pressed.by.team.clone(),
        asker: pressed.by.user.clone(),
        user_team: pressed.by.user_team.clone(),
        event_id: event.event_id.clone(),
    };
    let wished = match service.app.ledger.wish(&wish).await {
        Ok(Some(wished)) if !wished.told => wished,
        Ok(_) => return Ended::Done { interaction: None },
        Err(_) => return Ended::Again(None),
    };
    let settings = service.app.config.slack.channel(&asked.channel);
    let language = language(settings.language, &answer.question);
    let text = words::noted(language, &answer.question, wished.wanted);
    confirm(service, bridge, event, pressed, &wished, text).await
}

/// Says so between the two of us: in the message that has said so before, where there is one.
async fn confirm(
    service: &AppState,
    bridge: &Bridge,
    event: &ClaimedSlackEvent,
    pressed: &Pressed,
    wished: &Wished,
    text: String,
) -> Ended {
    let message = |channel: &str| OutMessage {
        channel: channel.to_owned(),
        text: text.clone(),
        metadata: Some(metadata(&event.event_id)),
        ..OutMessage::default()
    };
    if let (Some(channel), Some(ts)) = (&wished.channel, &wished.ts) {
        return match bridge.slack.update(ts, &message(channel)).await {
            Ok(()) => Ended::Done { interaction: None },
            Err(error) => failed(&error),
        };
    }
    if !wished.wanted {
        return Ended::Done { interaction: None };
    }
    let here = pressed.by.channel.as_deref();
    let direct = here.filter(|channel| channel.starts_with('D'));
    let message = OutMessage {
        thread_ts: direct.and_then(|_| pressed.thread.clone()),
        ..message(direct.unwrap_or(&pressed.by.user))
    };
    let ledger = &service.app.ledger;
    match bridge.slack.post_anywhere(&message).await {
        Ok((channel, ts)) => {
            if ledger
                .note_wish_message(&wished.who, &channel, &ts)
                .await
                .is_err()
            {
                tracing::debug!("where a wish was confirmed in Slack is not noted");
            }
            Ended::Done { interaction: None }
        }
        // Whom docent cannot write to cannot be told either.
        Err(error @ SlackError::Refused { .. }) if !error.is_about_token() => {
            tracing::warn!(%error, "somebody in Slack who wants to be told cannot be written to");
            match ledger.forget_wish(&wished.who).await {
                Ok(()) => Ended::Done { interaction: None },
                Err(_) => Ended::Again(None),
            }
        }
        Err(error) => failed(&error),
    }
}

/// Makes an event of everyone who is to be told after the newest run, for whichever process claims it: its
/// id is the same wherever it is made. Answers how many are new.
pub(crate) async fn queue(service: &AppState) -> Result<u64, LedgerError> {
    let app = &service.app;
    if !app.config.slack.is_configured() || !is_on(service) {
        return Ok(0);
    }
    let Some(run_id) = app.ledger.newest_change().await? else {
        return Ok(0);
    };
    let due = app
        .ledger
        .askers_to_tell(run_id, ask_again::DAYS, AT_ONCE)
        .await?;
    if due.is_empty() {
        return Ok(0);
    }
    let events = due.into_iter().map(|(event_id, who)| SlackEvent {
        event_id,
        kind: SlackKind::Action,
        team: who.team.clone(),
        channel: None,
        ts: None,
        thread: None,
        asker: Some(who.asker.clone()),
        conversation_id: None,
        payload: payload(&Task::Tell(who)),
    });
    app.ledger.receive_slack(&events.collect::<Vec<_>>()).await
}

/// Tells somebody, once: the question is asked again as they would ask it, and where that has no answer
/// they are not told after this run.
pub(crate) async fn tell(
    service: &AppState,
    bridge: &Bridge,
    event: &ClaimedSlackEvent,
    who: &GapAsker,
) -> Ended {
    let app = &service.app;
    let waiting = match app.ledger.waiting_asker(who).await {
        Ok(Some(waiting)) => waiting,
        Ok(None) => return Ended::Done { interaction: None },
        Err(_) => return Ended::Again(None),
    };
    if event.attempts > 1
        && let Some(channel) = &waiting.channel
    {
        match is_there(bridge, channel, &event.event_id).await {
            Ok(true) => return told(service, who).await,
            Ok(false) => {}
            Err(error) => return failed(&error),
        }
    }
    // What they read is between the two of us: their own groups hold, wherever they asked.
    let speaker = Speaker {
        team: &who.team,
        user: &who.asker,
        user_team: waiting.user_team.as_deref(),
        channel: None,
    };
    let people = &bridge.people;
    let caller = people
        .caller(&bridge.slack, &app.config.slack, speaker)
        .await;
    let question = &waiting.standalone_question;
    let Some((_, answer)) = ask_again::ask_for(service, question, caller.groups).await else {
        return Ended::Again(None);
    };
    if answer.outcome != AnswerOutcome::Answered {
        tracing::debug!(event = %event.event_id, "a gap is closed, but not by what its asker may read");
        return Ended::Done { interaction: None };
    }
    let Ok(asked) = app.ledger.asked_in_slack(waiting.interaction_id).await else {
        return Ended::Again(None);
    };
    let link = match link(bridge, asked.as_ref()).await {
        Ok(link) => link,
        Err(error) => return failed(&error),
    };
    let place = asked.as_ref().map_or("", |asked| &asked.channel);
    let place = app.config.slack.channel(place);
    let look = Look {
        language: language(place.language, &waiting.question),
        asker: who.asker.clone(),
        is_private: true,
        tells: false,
    };
    let message = render::answered(&answer, &link, &look);
    let channel = waiting.channel.as_ref().unwrap_or(&who.asker);
    let whole = OutMessage {
        channel: channel.clone(),
        text: message.text.chars().take(TEXT).collect(),
        blocks: message.blocks,
        metadata: Some(metadata(&event.event_id)),
        ..OutMessage::default()
    };
    let posted = match bridge.slack.post_message(&whole).await {
        Err(error) if error.is_about_blocks() => {
            let text = OutMessage {
                blocks: Vec::new(),
                ..whole
            };
            bridge.slack.post_message(&text).await
        }
        posted => posted,
    };
    match posted {
        Ok(_) => told(service, who).await,
        Err(error) => failed(&error),
    }
}

async fn told(service: &AppState, who: &GapAsker) -> Ended {
    match service.app.ledger.note_told(who).await {
        Ok(()) => Ended::Done { interaction: None },
        // The message is found there when it is tried again.
        Err(_) => Ended::Again(None),
    }
}

/// Whether the message of an event stands in a conversation.
async fn is_there(bridge: &Bridge, channel: &str, event_id: &str) -> Result<bool, SlackError> {
    let messages = bridge.slack.history(channel).await?;
    Ok(messages
        .into_iter()
        .filter_map(|message| message.metadata)
        .any(|of| of.event_type == ANSWERED && of.event_payload["event_id"] == event_id))
}

/// The address of where it was asked; empty: nobody knows it any more.
async fn link(bridge: &Bridge, asked: Option<&AskedInSlack>) -> Result<String, SlackError> {
    let Some(asked) = asked else {
        return Ok(String::new());
    };
    // A shortcut's message is named with the press.
    let ts = asked.ts.split('/').next().unwrap_or_default();
    match bridge.slack.permalink(&asked.channel, ts).await {
        // The answer alone will do.
        Err(SlackError::Refused { .. }) => Ok(String::new()),
        link => link,
    }
}

fn metadata(event_id: &str) -> Metadata {
    Metadata {
        event_type: ANSWERED.to_owned(),
        event_payload: json!({ "event_id": event_id }),
    }
}
