//! An answer while it is written: a native stream, or one message that is updated.

use std::time::Duration;

use tokio::time::Instant;

use super::thread::Thread;
use super::{Place, words};
use crate::slack::SlackError;
use crate::slack::api::{OutMessage, StreamStart};
use crate::slack::render::split::{self, Part};
use crate::slack::render::{self, ANSWER, Links, Message, blocks};

/// Time between the first two updates of a message; each further one waits twice as long.
const FIRST_UPDATE: Duration = Duration::from_secs(1);
const LONGEST_UPDATE: Duration = Duration::from_secs(10);

/// The text so far, and how much of it is shown.
pub(super) struct Live {
    pub(super) links: Links,
    mode: Mode,
    /// As the turn tells it, and how much of it was looked at when it was shown last.
    raw: String,
    seen: usize,
    /// The same as Slack is told it.
    safe: String,
    /// Where in `safe` the present message begins, and what is repeated before that.
    from: usize,
    prefix: String,
    /// How much of `safe` was sent.
    sent: usize,
    /// The stream that has not been ended.
    open: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Stream,
    /// One message, which is updated.
    Update {
        next: Instant,
        pause: Duration,
    },
    /// Nothing more is shown before the end.
    Hidden,
}

impl Live {
    pub(super) fn new(place: &Place) -> Self {
        Self {
            links: Links::default(),
            mode: match (place.look.is_private, place.streaming) {
                (true, _) => Mode::Hidden,
                (false, true) => Mode::Stream,
                (false, false) => updates(),
            },
            raw: String::new(),
            seen: 0,
            safe: String::new(),
            from: 0,
            prefix: String::new(),
            sent: 0,
            open: None,
        }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.raw.push_str(text);
    }

    /// All text so far.
    pub(super) fn text(&self) -> String {
        self.raw.clone()
    }

    /// Bytes that came since it was shown last.
    pub(super) fn unseen(&self) -> usize {
        self.raw.len() - self.seen
    }

    /// Shows what can be shown of the text so far.
    pub(super) async fn show(&mut self, thread: &mut Thread<'_>) -> Result<(), SlackError> {
        self.seen = self.raw.len();
        if self.mode == Mode::Hidden {
            return Ok(());
        }
        self.safe = render::markdown(&self.raw, &self.links, false);
        self.stream(thread).await;
        match self.mode {
            Mode::Update { next, pause } if next <= Instant::now() => {
                self.mode = Mode::Update {
                    next: Instant::now() + pause,
                    pause: (pause * 2).min(LONGEST_UPDATE),
                };
                self.update(thread).await
            }
            _ => Ok(()),
        }
    }

    /// Ends what is under way with the text, which is all of the answer, and with what stands below it.
    /// `false`: what is shown is not the answer's text, or not all of it.
    pub(super) async fn finish(
        &mut self,
        thread: &mut Thread<'_>,
        answer: &str,
        below: &Message,
    ) -> Result<bool, SlackError> {
        let has_begun = !thread.messages.is_empty();
        if self.mode != Mode::Stream || !has_begun || self.raw.trim_end() != answer.trim_end() {
            self.abandon(thread).await;
            return Ok(false);
        }
        self.safe = render::markdown(&self.raw, &self.links, true);
        self.stream(thread).await;
        let Some(ts) = self.open.clone().filter(|_| self.mode == Mode::Stream) else {
            self.abandon(thread).await;
            return Ok(false);
        };
        let at = thread.messages.len() - 1;
        let mut whole = render::of_markdown(&self.part(self.safe.len()).text());
        if !render::fits(&whole.blocks, &below.blocks) {
            self.end(thread, &ts, false).await;
            thread.put(at + 1, true, below).await?;
            return Ok(true);
        }
        let frame = OutMessage {
            blocks: below.blocks.clone(),
            ..thread.frame(at, true)
        };
        self.open = None;
        match thread.slack.stop_stream(&ts, "", &frame).await {
            Ok(()) => {}
            Err(error) if error.is_about_blocks() => {
                tracing::warn!(%error, "the end of the answer is posted as text");
                let text = Message {
                    blocks: Vec::new(),
                    ..below.clone()
                };
                self.end(thread, &ts, text.text.is_empty()).await;
                thread.put(at + 1, true, &text).await?;
            }
            Err(error) => {
                tracing::debug!(%error, "the stream's message is updated instead");
                whole.blocks.extend(below.blocks.iter().cloned());
                whole.text.push_str(&format!("\n\n{}", below.text));
                thread.put(at, true, &whole).await?;
            }
        }
        Ok(true)
    }

    /// Ends an open stream as it is.
    pub(super) async fn abandon(&mut self, thread: &mut Thread<'_>) {
        self.mode = Mode::Hidden;
        if let Some(ts) = self.open.take() {
            self.end(thread, &ts, false).await;
        }
    }

    /// Sends on what the stream does not have yet; a message that is full is ended, and the next begun.
    async fn stream(&mut self, thread: &mut Thread<'_>) {
        while self.mode == Mode::Stream && self.sent < self.safe.len() {
            let rest = &self.safe[self.from..];
            let end = self.from + split::cut(&self.prefix, rest, ANSWER, self.sent - self.from);
            let (part, next) = self.parted(end);
            let mut text = self.safe[self.sent..end].to_owned();
            text.push_str(&part.suffix);
            if !self.send(thread, text).await {
                continue;
            }
            self.sent = end;
            if end < self.safe.len() {
                if let Some(ts) = self.open.take() {
                    self.end(thread, &ts, false).await;
                }
                self.from = end;
                self.prefix = next;
            }
        }
    }

    /// Sends text to the stream, or begins one with it. `false`: it has not arrived.
    async fn send(&mut self, thread: &mut Thread<'_>, text: String) -> bool {
        let (slack, place) = (thread.slack, thread.place);
        let Some(ts) = self.open.clone() else {
            let start = StreamStart {
                channel: place.channel.clone(),
                thread_ts: place.thread_ts.clone(),
                recipient_team_id: place.team.clone(),
                recipient_user_id: place.look.asker.clone(),
                markdown_text: format!("{}{text}", self.prefix),
            };
            match slack.start_stream(&start).await {
                Ok(ts) => {
                    self.open = Some(ts.clone());
                    thread.has_begun(ts).await;
                    return true;
                }
                Err(error) => {
                    tracing::debug!(%error, "no stream in Slack");
                    // Behind messages that were streamed the end puts the rest.
                    self.mode = if thread.messages.is_empty() {
                        updates()
                    } else {
                        Mode::Hidden
                    };
                    return false;
                }
            }
        };
        match slack.append_stream(&place.channel, &ts, &text).await {
            Ok(()) => true,
            Err(error) if error.is_stream_over() => {
                tracing::debug!(%error, "the answer goes on in another message");
                self.open = None;
                let (part, next) = self.parted(self.sent);
                let at = thread.messages.len() - 1;
                // What it shows already, with its code closed, and named as a part of the answer.
                let message = render::of_markdown(&part.text());
                if let Err(error) = thread.put(at, false, &message).await {
                    tracing::debug!(%error, "the stream's message stays as it is");
                }
                self.from = self.sent;
                self.prefix = next;
                false
            }
            Err(error) => {
                tracing::debug!(%error, "the stream is given up");
                self.mode = Mode::Hidden;
                false
            }
        }
    }

    /// Ends a stream. One that cannot be is over anyway, or will be soon.
    async fn end(&mut self, thread: &mut Thread<'_>, ts: &str, last: bool) {
        let at = thread.messages.iter().position(|known| known == ts);
        let frame = thread.frame(at.unwrap_or_default(), last);
        if let Err(error) = thread.slack.stop_stream(ts, "", &frame).await {
            tracing::debug!(%error, "a stream was not ended");
        }
        self.open = None;
    }

    /// Shows the text in one message, as long as it has room there.
    async fn update(&mut self, thread: &mut Thread<'_>) -> Result<(), SlackError> {
        let parts = split::parts(&self.safe, ANSWER);
        let [part] = parts.as_slice() else {
            // The end shows it all.
            if !parts.is_empty() {
                self.mode = Mode::Hidden;
            }
            return Ok(());
        };
        let mut message = render::of_markdown(&part.text());
        let writing = words::THINKING.in_language(thread.place.look.language);
        message
            .blocks
            .extend(blocks::contexts(&[writing.to_owned()]));
        thread.put(0, false, &message).await.map(drop)
    }

    fn part(&self, end: usize) -> Part {
        self.parted(end).0
    }

    /// The present message where it ends at `end`, and what the next one repeats.
    fn parted(&self, end: usize) -> (Part, String) {
        let body = &self.safe[self.from..end];
        split::part(&self.prefix, body, &self.safe[end..], ANSWER)
    }
}

fn updates() -> Mode {
    Mode::Update {
        next: Instant::now(),
        pause: FIRST_UPDATE,
    }
}
