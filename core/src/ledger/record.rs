//! What is written without making anyone wait: calls, conversations and interactions. A record is
//! the same in the queue, in the spool file and in its table; its id is made here (`UUIDv7`), so a
//! replay never doubles.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// One thing to write. Serialized as one JSON line of the spool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    ModelCall(ModelCall),
    Interaction(Box<Interaction>),
    /// Deletes a conversation with its interactions and passages.
    DeleteConversation(Deletion),
    /// Takes what was set aside of a purged document out; the tables sweep themselves.
    PurgeDocument(Purge),
    Audit(Audit),
    Admission(Admission),
}

/// An administrative act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// As callers are named.
    pub who: String,
    pub act: Act,
    /// A name or an id, never a text.
    pub target: String,
}

impl Audit {
    /// An act of this moment.
    pub fn now(who: &str, act: Act, target: impl Into<String>) -> Record {
        Record::Audit(Self {
            id: Uuid::now_v7(),
            at: Utc::now(),
            who: who.to_owned(),
            act,
            target: target.into(),
        })
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    KeyCreated,
    KeyRevoked,
    ConversationDeleted,
    DocumentPurged,
    PurgeAllowed,
    RunStarted,
    SettingsSeen,
    TextsExpired,
    AnswerCreated,
    AnswerChanged,
    AnswerDeleted,
    AlertAcknowledged,
    AlertMuted,
    QuestionHandedOver,
}

/// On whose account the calls of a question are counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    pub interaction_id: Uuid,
    pub at: DateTime<Utc>,
    /// As [`Account::subject`](super::Account::subject).
    pub subjects: Vec<String>,
}

/// Which document was purged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    pub document_id: Uuid,
}

/// Which conversation is deleted, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "DeletionForm")]
pub struct Deletion {
    pub conversation_id: Uuid,
    /// Only a conversation of this caller is. `None`: whoever's it is, as an older docent's spool
    /// has it.
    pub caller: Option<String>,
}

/// What a spool may hold: up to docent 0.1 a deletion was the conversation's id alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum DeletionForm {
    Id(Uuid),
    Of {
        conversation_id: Uuid,
        caller: Option<String>,
    },
}

impl From<DeletionForm> for Deletion {
    fn from(form: DeletionForm) -> Self {
        match form {
            DeletionForm::Id(conversation_id) => Self {
                conversation_id,
                caller: None,
            },
            DeletionForm::Of {
                conversation_id,
                caller,
            } => Self {
                conversation_id,
                caller,
            },
        }
    }
}

/// What a model was called for. As text in the table: `embed_passages` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    EmbedPassages,
    EmbedQuestion,
    Condense,
    /// Other wordings of a question that found little.
    Expand,
    Rerank,
    Answer,
    /// Another model's answer is judged, in an evaluation.
    Judge,
    /// A document is tidied before it is indexed.
    Clean,
}

/// Whether the provider told the tokens or docent counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    Reported,
    Estimated,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    Ok,
    RateLimited,
    Unavailable,
    Rejected,
    BadResponse,
    /// The reader went away, or the process stopped.
    Cancelled,
}

/// A line of the cost book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelCall {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub purpose: Purpose,
    pub model: String,
    /// `None` where nothing was used or nothing is known.
    pub input_tokens: Option<i64>,
    pub cached_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub usage_source: Option<UsageSource>,
    /// US dollars; `None`: no price is configured for the model.
    pub cost: Option<Decimal>,
    pub latency_ms: i64,
    pub outcome: CallOutcome,
    pub run_id: Option<Uuid>,
    pub interaction_id: Option<Uuid>,
}

/// Where a question came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// docent's own page.
    Web,
    /// A page of somebody else, with the widget in it.
    Widget,
    Api,
    Terminal,
    /// A tool of an assistant or an editor.
    Mcp,
    Slack,
}

impl Channel {
    pub const ALL: [Self; 6] = [
        Self::Web,
        Self::Widget,
        Self::Api,
        Self::Terminal,
        Self::Mcp,
        Self::Slack,
    ];

    /// As the ledger and the configuration name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Widget => "widget",
            Self::Api => "api",
            Self::Terminal => "terminal",
            Self::Mcp => "mcp",
            Self::Slack => "slack",
        }
    }
}

/// Who is behind a question; only `Person` counts as use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Person,
    Evaluation,
    Demo,
    /// docent itself asks again what it could not answer, after a run.
    ReAsk,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InteractionOutcome {
    Answered,
    Abstained,
    Failed,
    /// The reader went away before the end.
    Cancelled,
}

/// Which generator gave the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GeneratorKind {
    Model,
    Extractive,
}

/// One question and what became of it. Writing it also writes its conversation's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Interaction {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub conversation_id: Uuid,
    /// The client's own id of the message, where it sent one.
    pub message_id: Option<String>,
    pub channel: Channel,
    /// Who asked, as the channel knows it (`anonymous`, `terminal`).
    pub caller: String,
    pub origin: Origin,
    pub question: String,
    pub question_embedding: Option<Vec<f32>>,
    pub standalone_question: String,
    pub answer: String,
    pub outcome: InteractionOutcome,
    pub generator: Option<GeneratorKind>,
    /// Why the chat model's answer was not used, where it was not.
    pub fallback_reason: Option<String>,
    pub retrieve_ms: i64,
    pub first_token_ms: Option<i64>,
    pub total_ms: i64,
    /// Sentences of the answer that were checked; `None`: none could be.
    #[serde(default)]
    pub checked: Option<i32>,
    /// Those of them that no passage says.
    #[serde(default)]
    pub unverified: Option<i32>,
    /// Of the question: `en` or `ko`.
    #[serde(default)]
    pub language: Option<String>,
    /// The caller's first group that `insights.teams` names.
    #[serde(default)]
    pub team: Option<String>,
    pub passages: Vec<RetrievedPassage>,
}

/// A passage that was retrieved for a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrievedPassage {
    /// From 1, best first.
    pub rank: i32,
    pub point_id: Uuid,
    pub document_id: Uuid,
    pub source: String,
    pub path: String,
    pub title: String,
    /// Fused score.
    pub score: f32,
    /// Cosine of question and passage.
    pub cosine: Option<f32>,
    /// Share of the question's terms that stand in the passage, weighted by rarity.
    pub coverage: Option<f32>,
    /// The citation's number in the answer, where it was cited.
    pub cited_as: Option<i32>,
    /// The cited quote.
    pub quote: Option<String>,
    /// The data product that the document describes.
    #[serde(default)]
    pub asset: Option<String>,
    #[serde(default)]
    pub owner: Option<String>,
    /// When the document was last changed.
    #[serde(default)]
    pub updated_at: Option<DateTime<Utc>>,
    /// The moment that the data it describes are as of.
    #[serde(default)]
    pub fresh_at: Option<DateTime<Utc>>,
}
