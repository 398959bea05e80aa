//! What is in the workspace, and what it allows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{BOT, Refusal, seconds};

/// What the workspace allows.
#[derive(Debug, Clone)]
pub struct SlackRules {
    pub token: String,
    /// Shortest time between two messages of the bot in a channel; beyond it there is 429.
    pub post_interval: Duration,
    /// Calls of `chat.startStream` in a minute.
    pub streams_per_minute: usize,
    /// Whether channels take streams; direct messages do.
    pub streams_in_channels: bool,
    /// After so long a stream is over.
    pub stream_life: Duration,
    /// Whether messages may have blocks at all.
    pub takes_blocks: bool,
}

impl Default for SlackRules {
    fn default() -> Self {
        Self {
            token: "xoxb-scripted".to_owned(),
            post_interval: Duration::from_secs(1),
            streams_per_minute: 20,
            streams_in_channels: true,
            stream_life: Duration::from_mins(5),
            takes_blocks: true,
        }
    }
}

/// How a call fails.
#[derive(Debug, Clone, Copy)]
pub enum SlackFault {
    /// Refused with this error.
    Refuse(&'static str),
    /// 429, with so many seconds.
    Limit(u64),
    /// 503; nothing is done.
    Down,
    /// It is done, but the answer does not arrive.
    Lost,
    /// It is done later.
    Slow(Duration),
}

/// A call, and what became of it.
#[derive(Debug, Clone)]
pub struct SlackCall {
    pub method: String,
    pub body: Value,
    /// `ok`, the error, or `down`.
    pub outcome: String,
    pub at: Instant,
}

/// A message as people see it.
#[derive(Debug, Clone, Default)]
pub struct SlackMessage {
    pub channel: String,
    pub ts: String,
    pub thread_ts: Option<String>,
    pub user: String,
    /// What stands there where there are no blocks.
    pub text: String,
    /// What was streamed.
    pub streamed: String,
    pub blocks: Vec<Value>,
    pub metadata: Option<Value>,
    /// Since when it is a stream that has not ended.
    pub streaming: Option<Instant>,
    /// The only one who sees it.
    pub only_for: Option<String>,
}

impl SlackMessage {
    /// What people read: the streamed text and the blocks' texts, or the text.
    pub fn seen(&self) -> String {
        let mut seen = self.streamed.clone();
        if self.blocks.is_empty() && seen.is_empty() {
            return self.text.clone();
        }
        for text in super::blocks::texts(&self.blocks) {
            seen.push('\n');
            seen.push_str(&text);
        }
        seen
    }
}

/// The conversation that a message to somebody comes to; another place is itself.
pub(super) fn conversation(place: &str) -> String {
    match place.strip_prefix('U') {
        Some(user) => format!("DU{user}"),
        None => place.to_owned(),
    }
}

/// Everything.
pub(super) struct World {
    pub(super) rules: SlackRules,
    pub(super) messages: Vec<SlackMessage>,
    pub(super) calls: Vec<SlackCall>,
    pub(super) faults: HashMap<String, VecDeque<SlackFault>>,
    pub(super) users: BTreeMap<String, Value>,
    pub(super) statuses: HashMap<(String, String), String>,
    pub(super) views: Vec<Value>,
    pub(super) pings: Vec<String>,
    /// When the bot last posted to a channel.
    posted: HashMap<String, Instant>,
    pub(super) streams_begun: VecDeque<Instant>,
    last_ts: u64,
}

impl World {
    pub(super) fn new(rules: SlackRules) -> Self {
        Self {
            rules,
            messages: Vec::new(),
            calls: Vec::new(),
            faults: HashMap::new(),
            users: BTreeMap::new(),
            statuses: HashMap::new(),
            views: Vec::new(),
            pings: Vec::new(),
            posted: HashMap::new(),
            streams_begun: VecDeque::new(),
            last_ts: 1_790_000_000_000_000,
        }
    }

    /// Writes a call down.
    pub(super) fn note(&mut self, method: &str, body: &Value, outcome: &str) {
        self.calls.push(SlackCall {
            method: method.to_owned(),
            body: body.clone(),
            outcome: outcome.to_owned(),
            at: Instant::now(),
        });
    }

    /// Counts a message of the bot against the channel's limit.
    pub(super) fn count_post(&mut self, channel: &str) -> Result<(), Refusal> {
        let now = Instant::now();
        let interval = self.rules.post_interval;
        if let Some(last) = self.posted.get(channel) {
            let since = now.duration_since(*last);
            // Clocks and networks are not exact, and Slack tolerates bursts.
            if since < interval.mul_f64(0.8) {
                return Err(Refusal::Limited(seconds(interval.saturating_sub(since))));
            }
        }
        self.posted.insert(channel.to_owned(), now);
        Ok(())
    }

    /// Adds a message; its `ts`.
    pub(super) fn post(&mut self, mut message: SlackMessage) -> String {
        self.last_ts += 1_000_100;
        let (whole, rest) = (self.last_ts / 1_000_000, self.last_ts % 1_000_000);
        message.ts = format!("{whole}.{rest:06}");
        if message.user == BOT
            && let Some(thread) = &message.thread_ts
        {
            // A message of the bot takes its status away.
            self.statuses
                .remove(&(message.channel.clone(), thread.clone()));
        }
        self.look_for_pings(&message);
        let ts = message.ts.clone();
        self.messages.push(message);
        ts
    }

    /// The bot's own message.
    pub(super) fn own(&mut self, channel: &str, ts: &str) -> Result<&mut SlackMessage, Refusal> {
        let found = self
            .messages
            .iter_mut()
            .find(|message| message.channel == channel && message.ts == ts)
            .ok_or(Refusal::Code("message_not_found"))?;
        if found.user == BOT {
            Ok(found)
        } else {
            Err(Refusal::Code("cant_update_message"))
        }
    }

    /// Writes down whom a message of the bot calls.
    pub(super) fn look_for_pings(&mut self, message: &SlackMessage) {
        if message.user != BOT {
            return;
        }
        let mut texts = super::blocks::texts(&message.blocks);
        texts.push(message.text.clone());
        texts.push(message.streamed.clone());
        for text in texts {
            let lower = text.to_lowercase();
            for sign in [
                "<!channel",
                "<!here",
                "<!everyone",
                "<!group",
                "<!subteam",
                "<@",
                "@channel",
                "@here",
                "@everyone",
            ] {
                if lower.contains(sign) {
                    self.pings.push(format!("{sign} in {text}"));
                }
            }
        }
    }
}
