//! One turn, shown in one thread while it is under way, and there once when it has ended.

use futures::{Stream, StreamExt};
use uuid::Uuid;

use super::render::{self, Look};
use super::{Slack, SlackError};
use crate::chat::Event;
use crate::slack::api::{Metadata, OutMessage};

/// `event_type` of every message of an answer.
pub const ANSWER: &str = "docent_answer";

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

/// Shows the events of a turn in its place. `began` is told the `ts` of each message as soon as there is
/// one and is waited for: who writes it down durably can name it as a leftover after a crash.
pub async fn deliver(
    slack: &Slack,
    place: &Place,
    event_id: &str,
    mut events: impl Stream<Item = Event> + Unpin,
    began: impl AsyncFn(&str),
) -> Result<Delivered, SlackError> {
    let mut messages = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::Done(answer) = event {
            for message in render::answer(&answer, &place.look) {
                let ts = slack
                    .post_message(&OutMessage {
                        channel: place.channel.clone(),
                        thread_ts: Some(place.thread_ts.clone()),
                        text: message.text,
                        blocks: message.blocks,
                        metadata: Some(metadata(event_id, answer.interaction_id)),
                    })
                    .await?;
                began(&ts).await;
                messages.push(ts);
            }
        }
    }
    Ok(Delivered::Shown { messages })
}

/// What the thread has of the answer to an event: read it before an event is taken up again.
pub async fn already_there(
    slack: &Slack,
    place: &Place,
    event_id: &str,
) -> Result<Earlier, SlackError> {
    let found: Vec<String> = slack
        .replies(&place.channel, &place.thread_ts)
        .await?
        .into_iter()
        .filter(|message| {
            let metadata = message.metadata.as_ref();
            metadata.is_some_and(|of| of.event_payload["event_id"] == event_id)
        })
        .map(|message| message.ts)
        .collect();
    Ok(if found.is_empty() {
        Earlier::Nothing
    } else {
        Earlier::Whole(found)
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
    for message in slack.replies(channel, thread_ts).await? {
        let metadata = message.metadata.as_ref();
        if metadata.is_some_and(|of| of.event_payload["interaction_id"] == interaction) {
            slack.delete(channel, &message.ts).await?;
        }
    }
    Ok(())
}

fn metadata(event_id: &str, interaction: Uuid) -> Metadata {
    Metadata {
        event_type: ANSWER.to_owned(),
        event_payload: serde_json::json!({
            "event_id": event_id,
            "interaction_id": interaction,
        }),
    }
}
