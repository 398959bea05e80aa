//! The messages of one answer in their thread. A message is posted once: where Slack does not say whether
//! it took one, the thread is read before it is tried again.

use std::time::Duration;

use uuid::Uuid;

use super::{Began, Place, metadata};
use crate::slack::api::{OutMessage, ThreadMessage};
use crate::slack::render::{self, Message};
use crate::slack::{Slack, SlackError};

/// How often a call is tried whose outcome is not known, and the first pause after one.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
/// Most characters of the text beside blocks, which only notifications show.
const BESIDE: usize = 2900;

/// The messages of one answer, and where they stand.
pub(super) struct Thread<'a> {
    pub(super) slack: &'a Slack,
    pub(super) place: &'a Place,
    pub(super) event_id: &'a str,
    pub(super) interaction: Option<Uuid>,
    /// The `ts` of each, in order.
    pub(super) messages: Vec<String>,
    began: &'a Began<'a>,
}

impl<'a> Thread<'a> {
    pub(super) fn new(
        slack: &'a Slack,
        place: &'a Place,
        event_id: &'a str,
        began: &'a Began<'a>,
    ) -> Self {
        Self {
            slack,
            place,
            event_id,
            interaction: None,
            messages: Vec::new(),
            began,
        }
    }

    /// Takes away what an earlier try has left.
    pub(super) async fn forget_leftovers(&self) -> Result<(), SlackError> {
        for ts in &self.place.leftovers {
            self.slack.delete(&self.place.channel, ts).await?;
        }
        Ok(())
    }

    /// There is another message.
    pub(super) async fn has_begun(&mut self, ts: String) {
        (self.began)(ts.clone()).await;
        self.messages.push(ts);
    }

    /// A message of the thread, without its words.
    pub(super) fn frame(&self, part: usize, last: bool) -> OutMessage {
        OutMessage {
            channel: self.place.channel.clone(),
            thread_ts: Some(self.place.thread_ts.clone()),
            metadata: Some(metadata(self.event_id, self.interaction, part, last)),
            ..OutMessage::default()
        }
    }

    /// Puts these messages in place of what is there.
    pub(super) async fn replace(&mut self, messages: &[Message]) -> Result<(), SlackError> {
        let mut part = 0;
        for (at, message) in messages.iter().enumerate() {
            let last = at + 1 == messages.len();
            part = self.put(part, last, message).await?;
        }
        for ts in self.messages.split_off(part) {
            self.slack.delete(&self.place.channel, &ts).await?;
        }
        Ok(())
    }

    /// Puts a message at the place `part` of the answer, as text where Slack refuses its blocks; the
    /// place of the next one.
    pub(super) async fn put(
        &mut self,
        part: usize,
        last: bool,
        message: &Message,
    ) -> Result<usize, SlackError> {
        if !message.blocks.is_empty() {
            let frame = OutMessage {
                text: beside(&message.text),
                blocks: message.blocks.clone(),
                ..self.frame(part, last)
            };
            match self.put_one(part, &frame).await {
                Err(error) if error.is_about_blocks() => {
                    tracing::warn!(%error, "the answer is posted as text");
                }
                done => return done.map(|()| part + 1),
            }
        }
        let texts = render::texts(message);
        let mut part = part;
        for (at, text) in texts.iter().enumerate() {
            let frame = OutMessage {
                text: text.clone(),
                ..self.frame(part, last && at + 1 == texts.len())
            };
            self.put_one(part, &frame).await?;
            part += 1;
        }
        Ok(part)
    }

    async fn put_one(&mut self, part: usize, message: &OutMessage) -> Result<(), SlackError> {
        let Some(ts) = self.messages.get(part) else {
            let ts = self.post(part, message).await?;
            self.has_begun(ts).await;
            return Ok(());
        };
        let updated = repeated(|| self.slack.update(ts, message)).await;
        match updated {
            // Somebody has deleted it meanwhile, or it is too old.
            Err(SlackError::Refused { ref code, .. })
                if matches!(
                    code.as_str(),
                    "message_not_found" | "cant_update_message" | "edit_window_closed"
                ) =>
            {
                let ts = self.post(part, message).await?;
                (self.began)(ts.clone()).await;
                self.messages[part] = ts;
                Ok(())
            }
            updated => updated,
        }
    }

    /// Posts a message once.
    async fn post(&self, part: usize, message: &OutMessage) -> Result<String, SlackError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.slack.post_message(message).await {
                Err(error @ SlackError::Unavailable { .. }) if tries < TRIES => {
                    tracing::debug!(%error, "looking whether the message is there");
                    tokio::time::sleep(PAUSE * 2_u32.pow(tries - 1)).await;
                    if let Some(ts) = self.posted(part).await {
                        return Ok(ts);
                    }
                }
                posted => return posted,
            }
        }
    }

    /// The message of the place `part`, where Slack has taken it without saying so.
    async fn posted(&self, part: usize) -> Option<String> {
        let messages = messages(self.slack, &self.place.channel, &self.place.thread_ts).await;
        let found = messages.ok()?.into_iter().find(|message| {
            let payload = message.metadata.as_ref().map(|of| &of.event_payload);
            let is_it =
                payload.is_some_and(|of| of["event_id"] == self.event_id && of["part"] == part);
            is_it && !self.messages.contains(&message.ts)
        });
        found.map(|message| message.ts)
    }

    /// Takes every message away.
    pub(super) async fn clear(&mut self) -> Result<(), SlackError> {
        self.replace(&[]).await
    }

    /// Shows messages to the asker alone.
    pub(super) async fn whisper(&self, messages: &[Message]) -> Result<(), SlackError> {
        let asker = &self.place.look.asker;
        let plain = || OutMessage {
            channel: self.place.channel.clone(),
            thread_ts: Some(self.place.thread_ts.clone()),
            ..OutMessage::default()
        };
        for message in messages {
            let frame = OutMessage {
                text: beside(&message.text),
                blocks: message.blocks.clone(),
                ..plain()
            };
            match self.slack.post_ephemeral(asker, &frame).await {
                Err(error) if error.is_about_blocks() => {
                    tracing::warn!(%error, "the answer is posted as text");
                    for text in render::texts(message) {
                        let frame = OutMessage { text, ..plain() };
                        self.slack.post_ephemeral(asker, &frame).await?;
                    }
                }
                done => done?,
            }
        }
        Ok(())
    }
}

/// A thread's messages. One that was deleted with its first message has none.
pub(super) async fn messages(
    slack: &Slack,
    channel: &str,
    thread_ts: &str,
) -> Result<Vec<ThreadMessage>, SlackError> {
    match slack.replies(channel, thread_ts).await {
        Err(error) if error.code() == Some("thread_not_found") => Ok(Vec::new()),
        answer => answer,
    }
}

/// A call that may be made twice.
async fn repeated<F>(call: impl Fn() -> F) -> Result<(), SlackError>
where
    F: Future<Output = Result<(), SlackError>>,
{
    let mut tries = 0;
    loop {
        tries += 1;
        match call().await {
            Err(SlackError::Unavailable { .. }) if tries < TRIES => {
                tokio::time::sleep(PAUSE * 2_u32.pow(tries - 1)).await;
            }
            done => return done,
        }
    }
}

/// The text beside blocks. It is not cut within an address or a character's name.
fn beside(text: &str) -> String {
    let parts = render::split::parts(text, BESIDE);
    parts
        .first()
        .map(render::split::Part::text)
        .unwrap_or_default()
}
