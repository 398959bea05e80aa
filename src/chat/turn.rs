//! A question on its way in ([`Turn`]) and what comes out ([`Answer`], and [`Event`]s meanwhile).

use chrono::{DateTime, Utc};
use docent_core::config::{HandOffs, SlackApp};
use docent_core::index::Payload;
use docent_core::ledger::{Channel, Origin};
use docent_core::models::Tally;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use uuid::Uuid;

use super::history::PastTurn;

/// The name of everyone who asks without a key.
pub const ANONYMOUS: &str = "anonymous";
/// The name of whoever asks in the terminal of this machine.
pub const TERMINAL: &str = "terminal";

/// Who asks, and what they may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// As the ledger knows them: `anonymous`, `terminal`, `key:etl`, `user:ana`.
    pub name: String,
    pub kind: CallerKind,
    /// The search is limited to these; never empty.
    pub groups: Vec<String>,
    /// Whether they may start runs.
    pub is_admin: bool,
    /// Whom limits count: the name, or, where many share it, the address.
    pub counted_as: String,
    /// Where others ask with them, and read each other's answers: a channel of Slack. A conversation
    /// there is of all of them, and the place has a limit of its own.
    pub place: Option<String>,
    /// Of what they may read, only these sources are searched: what the place is for.
    pub sources: Option<Vec<String>>,
}

/// How a caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    /// Not at all: many share the name.
    Anonymous,
    /// A visitor of a page with the widget: many share the name.
    Visitor,
    /// By the page with the widget, which has signed who it is.
    Guest,
    /// By the identity provider.
    User,
    /// By a key.
    Key,
    /// By the key of the configuration.
    Operator,
    /// By Slack, where the mail address is verified.
    Slack,
    /// By being on this machine.
    Terminal,
}

impl Caller {
    /// Somebody with a name of their own.
    pub fn named(name: impl Into<String>, kind: CallerKind, groups: Vec<String>) -> Self {
        let name = name.into();
        Self {
            counted_as: name.clone(),
            name,
            kind,
            groups,
            is_admin: false,
            place: None,
            sources: None,
        }
    }

    /// Whose a conversation is.
    pub fn speaks_as(&self) -> &str {
        self.place.as_deref().unwrap_or(&self.name)
    }

    /// Whether they may have an owner asked in Slack over HTTP: Slack itself has buttons for that.
    pub(crate) fn may_hand_off(&self, settings: &SlackApp) -> bool {
        let elsewhere = matches!(self.kind, CallerKind::Slack | CallerKind::Terminal);
        settings.is_configured()
            && !elsewhere
            && match settings.hand_off {
                HandOffs::Named => !self.is_shared(),
                HandOffs::Everyone => true,
                HandOffs::Nobody => false,
            }
    }

    /// Whether others have the same name: what is only kept by name is not theirs alone.
    pub fn is_shared(&self) -> bool {
        matches!(self.kind, CallerKind::Anonymous | CallerKind::Visitor)
    }
}

/// One question with everything that decides its answer. Goes first in every argument list of the
/// walk.
#[derive(Debug, Clone)]
pub struct Turn {
    pub interaction_id: Uuid,
    pub conversation_id: Uuid,
    /// Whether the conversation is as new as the turn, so that it has no history to read.
    pub new_conversation: bool,
    /// The client's own id of the message: a repeated request is the same turn.
    pub message_id: Option<String>,
    pub question: String,
    /// The conversation before it as the client tells it, in place of what the ledger has. It is the
    /// client's word: no document stands behind it.
    pub told: Option<Vec<PastTurn>>,
    pub caller: Caller,
    pub channel: Channel,
    pub origin: Origin,
    /// Cancelled when the reader has gone away: generation stops, what was used is recorded.
    pub cancelled: CancellationToken,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnswerOutcome {
    Answered,
    Abstained,
    Failed,
}

/// Which generator gave the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AnswerGenerator {
    Model,
    Extractive,
}

/// The answer of `docent ask --json` and of `POST /v1/chat`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    pub interaction_id: Uuid,
    pub conversation_id: Uuid,
    pub question: String,
    pub standalone_question: String,
    /// Markdown with `[n]` after what is cited.
    pub answer: String,
    pub outcome: AnswerOutcome,
    pub generator: AnswerGenerator,
    /// Why the chat model's answer was not used, where it was not.
    pub fallback_reason: Option<String>,
    pub citations: Vec<Citation>,
    /// What was checked of the answer, in its order.
    #[serde(default)]
    pub marks: Vec<Mark>,
    /// Whom to ask, where nothing was found.
    pub contact: Option<Contact>,
    pub usage: AnswerUsage,
    pub timings: Timings,
}

/// One `[n]` of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Citation {
    pub number: usize,
    pub title: String,
    pub uri: String,
    /// Relative to the source's root.
    pub path: String,
    /// Heading path, joined with ` > `.
    pub heading: String,
    /// The sentence of the passage that supports the answer, word for word.
    pub quote: String,
    /// Where the quote stands in the passage. `null`: it is a line of the document's metadata.
    #[serde(default)]
    pub span: Option<Span>,
    /// Fused retrieval score of the passage.
    pub score: f32,
    /// Whether the program has found that the passage says what the answer cites it for; `null` in
    /// answers of versions that did not check.
    pub verified: Option<bool>,
    pub updated_at: Option<DateTime<Utc>>,
    /// The moment that the data it is about are as of.
    #[serde(default)]
    pub fresh_at: Option<DateTime<Utc>>,
    /// `certified` or `deprecated`.
    #[serde(default)]
    pub status: Option<String>,
    pub owner: Option<String>,
    /// Who gave the answer that it is, where it is a curated one; `updated_at` says when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

impl Citation {
    /// Its address, where it is of a kind that a link may have: documents can name their own.
    pub fn address(&self) -> Option<&str> {
        let may_be_linked = ["https://", "http://", "file://"]
            .iter()
            .any(|scheme| self.uri.starts_with(scheme));
        may_be_linked.then_some(self.uri.as_str())
    }
}

/// A part of a text, in characters (Unicode scalar values) from its start: from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// What became of a sentence of the answer, or of the part of one that its citations stand behind.
/// `start` and `end` are characters (Unicode scalar values) of the answer's text; the citations, or the
/// words that it is unverified, follow at `end`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mark {
    pub start: usize,
    pub end: usize,
    /// Whether the passages cited say it.
    pub verified: bool,
    /// The numbers of these passages.
    pub citations: Vec<usize>,
    /// Why it is not verified, in the language of the question.
    pub reason: Option<String>,
}

/// The person or team to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    pub asset: Option<String>,
    pub owner: Option<String>,
    pub slack: Option<String>,
    pub email: Option<String>,
    /// Whether docent asks them in Slack when it is told to (`POST /v1/handoff`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hand_off: bool,
}

impl Contact {
    /// The owner of what a passage is of, if it has one.
    pub(crate) fn of(payload: &Payload) -> Option<Self> {
        payload.owner.as_ref()?;
        Some(Self {
            asset: payload.asset.clone(),
            owner: payload.owner.clone(),
            slack: payload.owner_slack.clone(),
            email: payload.owner_email.clone(),
            hand_off: false,
        })
    }

    /// Where they are written to in Slack, as `chat.postMessage` takes it: a channel's id or name, or a
    /// person's id.
    pub(crate) fn slack_place(&self) -> Option<String> {
        let named = self.slack.as_deref().map(str::trim)?;
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
}

/// Tokens and cost of a turn: every call made for it, failed attempts too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnswerUsage {
    pub input_tokens: u64,
    pub cached_tokens: u64,
    pub output_tokens: u64,
    /// `null`: no price is configured for a model that was called.
    #[serde(with = "rust_decimal::serde::float_option")]
    #[schema(value_type = Option<f64>)]
    pub cost_usd: Option<Decimal>,
}

impl From<Tally> for AnswerUsage {
    fn from(tally: Tally) -> Self {
        Self {
            input_tokens: tally.input_tokens,
            cached_tokens: tally.cached_tokens,
            output_tokens: tally.output_tokens,
            cost_usd: tally.cost,
        }
    }
}

/// Where the time went, in milliseconds from the start of the turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Timings {
    pub retrieve_ms: u64,
    pub first_token_ms: Option<u64>,
    pub total_ms: u64,
}

/// A passage as the reader sees it before the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourcePassage {
    pub number: usize,
    pub title: String,
    pub uri: String,
    pub path: String,
    pub heading: String,
    pub score: f32,
    pub updated_at: Option<DateTime<Utc>>,
    pub owner: Option<String>,
}

/// What a turn tells while it goes on: the SSE events, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "event", content = "data")]
pub enum Event {
    Turn {
        interaction_id: Uuid,
        conversation_id: Uuid,
        question: String,
        standalone_question: String,
    },
    Sources {
        passages: Vec<SourcePassage>,
    },
    /// Text that follows what was sent before. All of it together is the answer.
    Delta {
        text: String,
    },
    /// A sentence that was checked.
    Mark(Mark),
    Citations {
        citations: Vec<Citation>,
    },
    Done(Box<Answer>),
    Error {
        code: String,
        message: String,
    },
}

impl Event {
    /// The SSE event name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Turn { .. } => "turn",
            Self::Sources { .. } => "sources",
            Self::Delta { .. } => "delta",
            Self::Mark(_) => "mark",
            Self::Citations { .. } => "citations",
            Self::Done(_) => "done",
            Self::Error { .. } => "error",
        }
    }

    /// The SSE data: the event's own JSON, without its name.
    pub fn data(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value
            .get("data")
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Whether nothing follows it.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Error { .. })
    }
}

/// Where events go. Nobody has to listen.
#[derive(Debug, Clone)]
pub struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub fn send(&self, event: Event) {
        let _ = self.0.send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::Contact;

    #[test]
    fn only_what_slack_can_be_told_is_a_place() {
        let place_of = |named: &str| {
            let contact = Contact {
                asset: None,
                owner: None,
                slack: Some(named.to_owned()),
                email: None,
                hand_off: false,
            };
            contact.slack_place()
        };
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
