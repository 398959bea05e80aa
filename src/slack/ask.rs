//! A question of Slack: who asks, what they may read, one turn, shown in its thread.

use std::sync::Arc;
use std::time::Duration;

use docent_core::config::{SlackLanguage, SlackPlace};
use docent_core::ledger::{Channel, ClaimedSlackEvent, Ledger, Origin};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::api::{Metadata, OutMessage};
use super::bridge::{Bridge, told};
use super::incoming::{Asked, Why, conversation_id};
use super::render::Look;
use super::reply::{self, Delivered, Earlier, Place};
use super::who::Speaker;
use super::work::{Ended, FROM};
use super::{SlackError, answered, handoff, words};
use crate::chat::language::Language;
use crate::chat::live::Reader;
use crate::chat::{Caller, Event, Turn};
use crate::server::{AppState, begin};

/// Answers, once: whatever an earlier try has left is looked at first.
pub(crate) async fn answer(
    service: &AppState,
    bridge: &Arc<Bridge>,
    event: &ClaimedSlackEvent,
    asked: &Asked,
) -> Ended {
    let ledger = &service.app.ledger;
    if let Some(ended) = handoff::reply(service, bridge, &event.event_id, asked).await {
        return ended;
    }
    if asked.why == Why::Reply {
        return Ended::Done { interaction: None };
    }
    if asked.why == Why::FollowUp {
        match ledger
            .is_slack_thread(&asked.team, &asked.channel, &asked.thread)
            .await
        {
            Ok(true) => {}
            Ok(false) => return Ended::Done { interaction: None },
            Err(_) => return Ended::Again(Some(Duration::from_secs(1))),
        }
    }
    let settings = service.app.config.slack.channel(&asked.channel);
    let mut place = place(service, asked, &settings, event.messages.clone());
    if event.attempts > 1 {
        match earlier(bridge, &mut place, asked, &event.event_id).await {
            Ok(true) => return Ended::Done { interaction: None },
            Ok(false) => {}
            Err(error) => return failed(&error),
        }
    }
    let longest = service.app.config.server.max_question_chars;
    let length = asked.text.chars().count();
    if length == 0 || length > longest {
        let text = words::no_question(place.look.language, length, longest);
        return say(bridge, asked, &event.event_id, &text).await;
    }
    if event.stop_requested {
        return Ended::Done { interaction: None };
    }
    let speaker = Speaker {
        team: &asked.team,
        user: &asked.user,
        user_team: asked.user_team.as_deref(),
        channel: (!asked.is_direct).then_some(&*asked.channel),
    };
    let app = &service.app;
    let caller = bridge
        .people
        .caller(&bridge.slack, &app.config.slack, speaker)
        .await;
    note_running(bridge, event, asked, &caller);
    let turn = turn(event, asked, caller, service.origin);
    let reader = match begin(service, turn, FROM, None).await {
        Ok(reader) => reader,
        Err(problem) => match problem.code() {
            "busy" => return Ended::Again(Some(Duration::from_secs(2))),
            "stopping" => return Ended::Again(Some(Duration::ZERO)),
            _ => return say(bridge, asked, &event.event_id, problem.detail()).await,
        },
    };
    show(service, bridge, event, &place, reader).await
}

/// Whether the answer stands there already; what was only begun is taken away with the next one.
async fn earlier(
    bridge: &Bridge,
    place: &mut Place,
    asked: &Asked,
    event_id: &str,
) -> Result<bool, SlackError> {
    let mut begun = match reply::already_there(&bridge.slack, place, event_id).await? {
        Earlier::Whole(_) => return Ok(true),
        Earlier::Part(messages) => messages,
        Earlier::Nothing => Vec::new(),
    };
    // A stream carries its metadata only when it has ended. One question of a thread is answered at a
    // time, and everything else that docent says carries some: what does not was left behind here.
    let own = bridge.own_user().await?;
    match bridge.slack.replies(&asked.channel, &asked.thread).await {
        Ok(messages) => begun.extend(
            messages
                .into_iter()
                .filter(|message| {
                    message.metadata.is_none()
                        && message.user.as_deref() == Some(&own)
                        && message.ts.as_str() > asked.ts.as_str()
                })
                .map(|message| message.ts),
        ),
        Err(error) if error.code() == Some("thread_not_found") => {}
        Err(error) => return Err(error),
    }
    for message in begun {
        if !place.leftovers.contains(&message) {
            place.leftovers.push(message);
        }
    }
    Ok(false)
}

async fn show(
    service: &AppState,
    bridge: &Bridge,
    event: &ClaimedSlackEvent,
    place: &Place,
    reader: Reader,
) -> Ended {
    let interaction: Arc<Mutex<Option<Uuid>>> = Arc::default();
    let events = events(reader, Arc::clone(&interaction));
    let id = &event.event_id;
    let (ledger, noted) = (service.app.ledger.clone(), id.clone());
    let began = move |ts: String| -> BoxFuture<'static, ()> {
        Box::pin(note(ledger.clone(), noted.clone(), ts))
    };
    let delivered = reply::deliver(&bridge.slack, place, id, events, &began).await;
    let interaction = *interaction.lock();
    match delivered {
        Ok(Delivered::Failed { code, .. }) => {
            tracing::warn!(code, event = %event.event_id, "a question of Slack has no answer");
            Ended::Done { interaction }
        }
        Ok(Delivered::Shown { .. } | Delivered::Quiet) => Ended::Done { interaction },
        Err(error) => failed(&error),
    }
}

/// Writes down what is begun in Slack for an event, as far as Postgres is there: who takes the event up
/// after a crash takes it away.
async fn note(ledger: Ledger, event_id: String, ts: String) {
    let noting = ledger.note_slack_message(&event_id, &ts);
    let noted = tokio::time::timeout(Duration::from_secs(1), noting).await;
    if !matches!(noted, Ok(Ok(()))) {
        tracing::debug!("a message that is begun in Slack is not noted");
    }
}

/// The events of a turn; `interaction` is which one it turns out to be.
fn events(
    reader: Reader,
    interaction: Arc<Mutex<Option<Uuid>>>,
) -> impl Stream<Item = Event> + Unpin + Send + 'static {
    let events = futures::stream::unfold(reader, |mut reader| async move {
        let (_, event) = reader.next().await?;
        Some((event, reader))
    });
    let events = events.inspect(move |event| match event {
        Event::Turn { interaction_id, .. } => *interaction.lock() = Some(*interaction_id),
        Event::Done(answer) => *interaction.lock() = Some(answer.interaction_id),
        _ => {}
    });
    Box::pin(events)
}

/// What Slack's failure means for the event.
pub(crate) fn failed(error: &SlackError) -> Ended {
    match error {
        SlackError::RateLimited { retry_after, .. } => Ended::Again(Some(*retry_after)),
        SlackError::Unavailable { .. } => Ended::Again(None),
        SlackError::Refused { .. } if error.is_about_token() => {
            tracing::error!(error = %told(error), "Slack takes no answers");
            Ended::Again(None)
        }
        SlackError::Refused { .. } => {
            tracing::warn!(%error, "an answer cannot be shown in its place in Slack");
            Ended::Failed
        }
    }
}

fn place(
    service: &AppState,
    asked: &Asked,
    settings: &SlackPlace,
    leftovers: Vec<String>,
) -> Place {
    let language = language(settings.language, &asked.text);
    let is_private = settings.private && !asked.is_direct;
    let streaming = service.app.config.slack.streaming;
    Place {
        channel: asked.channel.clone(),
        thread_ts: asked.thread.clone(),
        team: asked
            .user_team
            .clone()
            .unwrap_or_else(|| asked.team.clone()),
        look: Look {
            language,
            asker: asked.user.clone(),
            is_private,
            tells: answered::is_on(service),
        },
        streaming: streaming.allows(asked.is_direct) && !is_private,
        quiet: settings.quiet_when_unknown && asked.why != Why::Addressed,
        leftovers,
    }
}

/// Of what docent itself says.
pub(crate) fn language(settings: SlackLanguage, question: &str) -> Language {
    match settings {
        SlackLanguage::Question => Language::of(question),
        SlackLanguage::English => Language::English,
        SlackLanguage::Korean => Language::Korean,
    }
}

fn turn(event: &ClaimedSlackEvent, asked: &Asked, caller: Caller, origin: Origin) -> Turn {
    Turn {
        interaction_id: Uuid::now_v7(),
        conversation_id: conversation_id(&asked.team, &asked.channel, &asked.thread),
        new_conversation: asked.ts == asked.thread,
        message_id: Some(event.event_id.clone()),
        question: asked.text.clone(),
        caller,
        channel: Channel::Slack,
        origin,
        told: None,
        cancelled: CancellationToken::new(),
    }
}

fn note_running(bridge: &Bridge, event: &ClaimedSlackEvent, asked: &Asked, caller: &Caller) {
    let mut running = bridge.running.lock();
    if let Some(running) = running.get_mut(&event.event_id) {
        running.place = Some((
            asked.team.clone(),
            asked.channel.clone(),
            asked.thread.clone(),
        ));
        running.caller = Some(caller.name.clone());
    }
}

/// Says something that is no answer: in the thread between the two of us, to the asker alone elsewhere.
async fn say(bridge: &Bridge, asked: &Asked, event_id: &str, text: &str) -> Ended {
    let message = OutMessage {
        channel: asked.channel.clone(),
        thread_ts: Some(asked.thread.clone()),
        text: text.to_owned(),
        blocks: Vec::new(),
        metadata: Some(Metadata {
            event_type: reply::ANSWER.to_owned(),
            event_payload: serde_json::json!({ "event_id": event_id, "last": true }),
        }),
    };
    let said = if asked.is_direct {
        bridge.slack.post_message(&message).await.map(drop)
    } else {
        bridge.slack.post_ephemeral(&asked.user, &message).await
    };
    match said {
        Ok(()) => Ended::Done { interaction: None },
        Err(error) => failed(&error),
    }
}
