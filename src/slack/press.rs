//! What a button, a form or the opening of the app comes to.

use std::sync::Arc;
use std::time::Duration;

use docent_core::ledger::{ClaimedSlackEvent, Feedback};
use uuid::Uuid;

use super::ask::{failed, language};
use super::bridge::Bridge;
use super::pressed::{Pressed, Presser, What};
use super::render::Look;
use super::reply::{self, Earlier, Place};
use super::who::Speaker;
use super::work::Ended;
use super::{again, alert, answered, handoff};
use crate::chat::Caller;
use crate::server::AppState;

/// How often an answer is looked for that another process may not have written down yet.
pub(crate) const PATIENCE: i32 = 5;
/// Questions that Slack shows at the most.
const PROMPTS: usize = 4;

/// Offers questions to whoever has opened the conversation with docent.
pub(crate) async fn greet(service: &AppState, bridge: &Bridge, channel: &str) -> Ended {
    let suggestions = service.app.config.server.suggestions.iter();
    let prompts: Vec<(String, String)> = suggestions
        .take(PROMPTS)
        .map(|text| (text.clone(), text.clone()))
        .collect();
    if prompts.is_empty() {
        return Ended::Done { interaction: None };
    }
    match bridge.slack.set_suggested_prompts(channel, &prompts).await {
        Ok(()) => Ended::Done { interaction: None },
        Err(error) => failed(&error),
    }
}

pub(crate) async fn press(
    service: &AppState,
    bridge: &Arc<Bridge>,
    event: &ClaimedSlackEvent,
    pressed: &Pressed,
) -> Ended {
    match &pressed.what {
        What::Rate {
            interaction,
            rating,
            comment,
        } => {
            let feedback = Feedback {
                interaction_id: *interaction,
                rating: *rating,
                comment: comment.clone(),
            };
            rate(service, bridge, event, pressed, &feedback).await
        }
        What::Delete { interaction } => delete(bridge, pressed, *interaction).await,
        What::Share { interaction, .. } => {
            share(service, bridge, event, pressed, *interaction).await
        }
        What::AskOwner { interaction } => {
            handoff::ask_owner(service, bridge, event, pressed, *interaction).await
        }
        What::Confirm { handoff } => {
            handoff::confirm(service, bridge, event, pressed, *handoff).await
        }
        What::TellMe { interaction } => {
            answered::wanted(service, bridge, event, pressed, *interaction).await
        }
        What::Alert(wanted) => alert::press(service, bridge, event, pressed, wanted).await,
    }
}

/// The caller that whoever pressed is.
pub(crate) async fn caller(service: &AppState, bridge: &Bridge, by: &Presser) -> Caller {
    let channel = by.channel.as_deref();
    let speaker = Speaker {
        team: &by.team,
        user: &by.user,
        user_team: by.user_team.as_deref(),
        channel: channel.filter(|channel| !channel.starts_with('D')),
    };
    let settings = &service.app.config.slack;
    bridge.people.caller(&bridge.slack, settings, speaker).await
}

async fn rate(
    service: &AppState,
    bridge: &Bridge,
    event: &ClaimedSlackEvent,
    pressed: &Pressed,
    feedback: &Feedback,
) -> Ended {
    let rater = caller(service, bridge, &pressed.by).await;
    match service
        .app
        .ledger
        .rate_in_slack(&rater.name, feedback)
        .await
    {
        Ok(false) if event.attempts < PATIENCE => Ended::Again(Some(Duration::from_secs(2))),
        Ok(_) => Ended::Done { interaction: None },
        Err(_) => Ended::Again(None),
    }
}

/// Takes an answer away. Its asker has pressed, as the button says.
async fn delete(bridge: &Bridge, pressed: &Pressed, interaction: Uuid) -> Ended {
    let (Some(channel), Some(thread)) = (
        &pressed.by.channel,
        pressed.thread.as_ref().or(pressed.message_ts.as_ref()),
    ) else {
        return Ended::Failed;
    };
    match reply::remove(&bridge.slack, channel, thread, interaction).await {
        Ok(()) => Ended::Done { interaction: None },
        Err(error) => failed(&error),
    }
}

/// Shows a private answer to everyone in its thread, once, as far as they may read it.
async fn share(
    service: &AppState,
    bridge: &Bridge,
    event: &ClaimedSlackEvent,
    pressed: &Pressed,
    interaction: Uuid,
) -> Ended {
    let caller = caller(service, bridge, &pressed.by).await;
    let (asked, answer) = match again::read(service, interaction, &caller.groups).await {
        Ok(Some(found)) => found,
        Ok(None) if event.attempts < PATIENCE => {
            return Ended::Again(Some(Duration::from_secs(2)));
        }
        Ok(None) => return Ended::Done { interaction: None },
        Err(_) => return Ended::Again(None),
    };
    if asked.asker != pressed.by.user {
        return Ended::Done { interaction: None };
    }
    let settings = service.app.config.slack.channel(&asked.channel);
    let mut place = Place {
        channel: asked.channel,
        thread_ts: asked.thread,
        team: asked.team,
        look: Look {
            language: language(settings.language, &answer.question),
            asker: asked.asker,
            is_private: false,
            tells: answered::is_on(service),
        },
        streaming: false,
        quiet: false,
        leftovers: Vec::new(),
    };
    if event.attempts > 1 {
        match reply::already_there(&bridge.slack, &place, &event.event_id).await {
            Ok(Earlier::Whole(_)) => return Ended::Done { interaction: None },
            Ok(Earlier::Part(messages)) => place.leftovers = messages,
            Ok(Earlier::Nothing) => {}
            Err(error) => return failed(&error),
        }
    }
    let id = &event.event_id;
    match reply::post(&bridge.slack, &place, id, &answer, &reply::unheard).await {
        Ok(_) => Ended::Done { interaction: None },
        Err(error) => failed(&error),
    }
}
