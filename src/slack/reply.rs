//! One turn, shown in one thread while it is under way, and there once when it has ended.
//!
//! [`deliver`] reads the turn's events. Where the place allows it, the text goes into a native stream
//! ([`live`]); elsewhere one message is updated. The end puts the whole answer there, whatever became of
//! what was shown before ([`thread`]).

mod live;
mod thread;

use std::time::Duration;

use docent_core::models::marks::open_fence;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use self::live::Live;
use self::thread::Thread;
use super::api::Metadata;
use super::render::{self, Links, Look, Message, words};
use super::{Slack, SlackError};
use crate::chat::{Answer, AnswerOutcome, Event};

/// `event_type` of every message of an answer.
pub const ANSWER: &str = "docent_answer";
/// So much text, or so old a text, is sent on.
const BUFFER_CHARS: usize = 250;
const BUFFER_TIME: Duration = Duration::from_millis(600);
/// The status is a courtesy, and nothing waits longer for it.
const STATUS_TIME: Duration = Duration::from_secs(2);

/// Is told the `ts` of a message as soon as there is one, and is waited for. A type of its own rather than
/// `AsyncFn`, with which the compiler could not prove that a delivery may be spawned (rust-lang/rust#110338).
pub type Began<'a> = dyn Fn(String) -> BoxFuture<'static, ()> + Send + Sync + 'a;

/// Who need not know of messages before they are finished.
pub fn unheard(_ts: String) -> BoxFuture<'static, ()> {
    Box::pin(async {})
}

/// Where an answer goes.
#[derive(Debug, Clone)]
pub struct Place {
    pub channel: String,
    /// The first message of the thread, or the question where it begins one.
    pub thread_ts: String,
    /// Whose workspace the asker is of.
    pub team: String,
    pub look: Look,
    /// Whether the answer may be shown while it is written.
    pub streaming: bool,
    /// Whether nothing is to be said where there is no answer.
    pub quiet: bool,
    /// Messages that an earlier try has left in the thread (what `began` was told), to be taken away.
    pub leftovers: Vec<String>,
}

/// What became of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// It stands there, in these messages (none, where only the asker sees it).
    Shown { messages: Vec<String> },
    /// There was no answer, and the place wants to hear nothing then.
    Quiet,
    /// The turn has failed, which these messages say.
    Failed { code: String, messages: Vec<String> },
}

/// What the thread has of an answer already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    Nothing,
    /// A part of it: an earlier try was interrupted. [`deliver`] takes these messages away when they are
    /// named as leftovers.
    Part(Vec<String>),
    Whole(Vec<String>),
}

/// Shows the events of a turn in its place. Who writes down durably what `began` is told can name it as a
/// leftover after a crash.
pub async fn deliver<'a>(
    slack: &'a Slack,
    place: &'a Place,
    event_id: &'a str,
    mut events: impl Stream<Item = Event> + Unpin,
    began: &'a Began<'a>,
) -> Result<Delivered, SlackError> {
    let mut thread = Thread::new(slack, place, event_id, began);
    thread.forget_leftovers().await?;
    status(slack, place, words::SEARCHING).await;
    let mut live = Live::new(place);
    let mut due = None;
    loop {
        let wait = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            biased;
            event = events.next() => event,
            () = wait => {
                due = None;
                live.show(&mut thread).await?;
                continue;
            }
        };
        match event {
            Some(Event::Turn { interaction_id, .. }) => thread.interaction = Some(interaction_id),
            Some(Event::Sources { passages }) => {
                live.links = Links::of_passages(&passages);
                status(slack, place, words::READING).await;
            }
            Some(Event::Delta { text }) => {
                live.push(&text);
                if live.unseen() >= BUFFER_CHARS {
                    due = None;
                    live.show(&mut thread).await?;
                } else {
                    due = due.or_else(|| Some(Instant::now() + BUFFER_TIME));
                }
            }
            Some(Event::Mark(_) | Event::Citations { .. }) => {}
            Some(Event::Done(answer)) => return done(&mut thread, live, &answer).await,
            Some(Event::Error { code, .. }) => return failed(&mut thread, live, code).await,
            None => return failed(&mut thread, live, "interrupted".to_owned()).await,
        }
    }
}

/// Posts an answer that is there already: one that its asker shares, or that a crash has kept from being
/// posted.
pub async fn post<'a>(
    slack: &'a Slack,
    place: &'a Place,
    event_id: &'a str,
    answer: &Answer,
    began: &'a Began<'a>,
) -> Result<Delivered, SlackError> {
    let mut thread = Thread::new(slack, place, event_id, began);
    thread.forget_leftovers().await?;
    done(&mut thread, Live::new(place), answer).await
}

/// The turn has its answer.
async fn done(
    thread: &mut Thread<'_>,
    mut live: Live,
    answer: &Answer,
) -> Result<Delivered, SlackError> {
    thread.interaction = Some(answer.interaction_id);
    let place = thread.place;
    if place.quiet && answer.outcome == AnswerOutcome::Abstained {
        live.abandon(thread).await;
        thread.clear().await?;
        clear_status(thread.slack, place).await;
        return Ok(Delivered::Quiet);
    }
    if place.look.is_private {
        thread.whisper(&render::answer(answer, &place.look)).await?;
        clear_status(thread.slack, place).await;
        return Ok(Delivered::Shown {
            messages: Vec::new(),
        });
    }
    let below = render::below(answer, &place.look, chrono::Utc::now());
    if !live.finish(thread, &answer.answer, &below).await? {
        thread.replace(&render::answer(answer, &place.look)).await?;
    }
    Ok(Delivered::Shown {
        messages: thread.messages.clone(),
    })
}

/// The turn has none: what was shown of it stays, and is said to be no more than that.
async fn failed(
    thread: &mut Thread<'_>,
    mut live: Live,
    code: String,
) -> Result<Delivered, SlackError> {
    let place = thread.place;
    let message = render::failure(&code, place.look.language);
    if place.look.is_private {
        thread.whisper(&[message]).await?;
        clear_status(thread.slack, place).await;
    } else if live.text().is_empty() {
        thread.replace(&[message]).await?;
    } else {
        let said = words::failure(&code, place.look.language);
        let end = Message {
            text: String::new(),
            blocks: Vec::new(),
        };
        let closed =
            open_fence(&live.text()).map_or_else(String::new, |fence| format!("\n{fence}"));
        live.push(&format!("{closed}\n\n{said}"));
        let all = live.text();
        if !live.finish(thread, &all, &end).await? {
            let markdown = render::markdown(&all, &live.links, true);
            let parts = render::split::parts(&markdown, render::ANSWER);
            let messages: Vec<Message> = parts
                .iter()
                .map(|part| render::of_markdown(&part.text()))
                .collect();
            thread.replace(&messages).await?;
        }
    }
    Ok(Delivered::Failed {
        code,
        messages: thread.messages.clone(),
    })
}

/// What the thread has of the answer to an event: read it before an event is taken up again.
pub async fn already_there(
    slack: &Slack,
    place: &Place,
    event_id: &str,
) -> Result<Earlier, SlackError> {
    let mut found = Vec::new();
    let mut is_whole = false;
    for message in thread::messages(slack, &place.channel, &place.thread_ts).await? {
        let payload = message.metadata.map(|of| of.event_payload);
        if let Some(payload) = payload.filter(|of| of["event_id"] == event_id) {
            is_whole |= payload["last"] == true;
            found.push(message.ts);
        }
    }
    Ok(match (found.is_empty(), is_whole) {
        (true, _) => Earlier::Nothing,
        (false, true) => Earlier::Whole(found),
        (false, false) => Earlier::Part(found),
    })
}

/// Takes an answer away, all messages of it.
pub async fn remove(
    slack: &Slack,
    channel: &str,
    thread_ts: &str,
    interaction: Uuid,
) -> Result<(), SlackError> {
    let interaction = interaction.to_string();
    for message in thread::messages(slack, channel, thread_ts).await? {
        let metadata = message.metadata.as_ref();
        if metadata.is_some_and(|of| of.event_payload["interaction_id"] == interaction) {
            slack.delete(channel, &message.ts).await?;
        }
    }
    Ok(())
}

/// What the message `part` of an answer says to programs; `last`: with it the answer is whole.
fn metadata(event_id: &str, interaction: Option<Uuid>, part: usize, last: bool) -> Metadata {
    Metadata {
        event_type: ANSWER.to_owned(),
        event_payload: json!({
            "event_id": event_id,
            "interaction_id": interaction,
            "part": part,
            "last": last,
        }),
    }
}

async fn status(slack: &Slack, place: &Place, words: words::Words) {
    let words = words.in_language(place.look.language);
    set_status(slack, place, words).await;
}

/// A message in the thread does this by itself.
async fn clear_status(slack: &Slack, place: &Place) {
    set_status(slack, place, "").await;
}

async fn set_status(slack: &Slack, place: &Place, status: &str) {
    let set = slack.set_status(&place.channel, &place.thread_ts, status);
    match tokio::time::timeout(STATUS_TIME, set).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "no status in Slack"),
        Err(_) => tracing::debug!("no status in Slack: it takes too long"),
    }
}
