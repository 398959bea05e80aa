//! The page of one question, with everything that was written down about it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::{Ledger, LedgerError};

/// A question, and what became of it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct InteractionPage {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub conversation_id: Uuid,
    pub channel: String,
    pub caller: String,
    pub origin: String,
    pub team: Option<String>,
    pub language: Option<String>,
    pub question: String,
    pub standalone_question: String,
    pub answer: String,
    pub outcome: String,
    pub generator: Option<String>,
    pub fallback_reason: Option<String>,
    pub retrieve_ms: i64,
    pub first_token_ms: Option<i64>,
    pub total_ms: i64,
    pub checked: Option<i32>,
    pub unverified: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PagePassage {
    pub rank: i32,
    pub source: String,
    pub path: String,
    pub title: String,
    pub asset: Option<String>,
    pub owner: Option<String>,
    pub score: f32,
    pub cosine: Option<f32>,
    pub coverage: Option<f32>,
    pub cited_as: Option<i32>,
    pub quote: Option<String>,
}

#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PageCall {
    /// When it ended.
    pub at: DateTime<Utc>,
    pub purpose: String,
    pub model: String,
    pub input_tokens: Option<i64>,
    pub cached_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub usage_source: Option<String>,
    pub cost: Option<Decimal>,
    pub latency_ms: i64,
    pub outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PageFeedback {
    pub at: DateTime<Utc>,
    pub rating: String,
    pub comment: Option<String>,
}

impl Ledger {
    pub async fn interaction_page(&self, id: Uuid) -> Result<Option<InteractionPage>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT id, at, conversation_id, channel, caller, origin, team, language, question,
                    standalone_question, answer, outcome, generator, fallback_reason, retrieve_ms,
                    first_token_ms, total_ms, checked, unverified
               FROM interaction WHERE id = $1",
        )
        .bind(id);
        self.connection.maybe(query).await
    }

    pub async fn passages_of(&self, id: Uuid) -> Result<Vec<PagePassage>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT rank, source, path, title, asset, owner, score, cosine, coverage, cited_as, quote
               FROM passage WHERE interaction_id = $1 ORDER BY rank",
        )
        .bind(id);
        self.connection.all(query).await
    }

    pub async fn calls_of(&self, id: Uuid) -> Result<Vec<PageCall>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT at, purpose, model, input_tokens, cached_tokens, output_tokens, usage_source, cost,
                    latency_ms, outcome
               FROM model_call WHERE interaction_id = $1 ORDER BY at, id",
        )
        .bind(id);
        self.connection.all(query).await
    }

    pub async fn feedback_of(&self, id: Uuid) -> Result<Vec<PageFeedback>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT at, rating, comment FROM feedback WHERE interaction_id = $1 ORDER BY at",
        )
        .bind(id);
        self.connection.all(query).await
    }
}
