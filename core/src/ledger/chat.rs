//! What a conversation reads.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::without_nul;
use super::{Interaction, InteractionOutcome, Ledger, LedgerError};

/// An earlier turn of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PastTurn {
    pub id: Uuid,
    pub question: String,
    pub standalone_question: String,
    pub answer: String,
    pub outcome: InteractionOutcome,
    pub at: DateTime<Utc>,
    /// What the answer cites, or names as looked at: whoever may not read these may not read it.
    pub documents: Vec<Uuid>,
}

/// A line of the list of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct ConversationSummary {
    pub id: Uuid,
    /// The first question, cut to 80 characters.
    pub title: String,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub questions: i64,
}

/// A conversation to be read again.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Conversation {
    pub id: Uuid,
    pub title: String,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Oldest first, with the passages that were cited, or that an abstention looked at, and without
    /// embeddings.
    pub interactions: Vec<Interaction>,
}

#[derive(sqlx::FromRow)]
struct PastRow {
    id: Uuid,
    question: String,
    standalone_question: String,
    answer: String,
    outcome: String,
    at: DateTime<Utc>,
    documents: Vec<Uuid>,
}

impl Ledger {
    /// The last turns of a caller's conversation that were answered or refused, oldest first; none
    /// of anyone else's. Without a caller: those of a thread of Slack, whoever asked. `None`: the
    /// conversation was deleted.
    pub async fn history(
        &self,
        conversation_id: Uuid,
        caller: impl Into<Option<&str>>,
        limit: i64,
    ) -> Result<Option<Vec<PastTurn>>, LedgerError> {
        let caller: Option<&str> = caller.into();
        let pool = self.connection.pool().await?;
        let rows: Vec<PastRow> = sqlx::query_as(
            "SELECT i.id, question, standalone_question, answer, outcome, at,
                    ARRAY(SELECT DISTINCT document_id FROM passage p WHERE p.interaction_id = i.id
                             AND (p.cited_as IS NOT NULL OR i.outcome <> 'answered')) AS documents
               FROM interaction i
              WHERE conversation_id = $1
                AND (caller = $2 OR ($2 IS NULL AND channel = 'slack'))
                AND outcome IN ('answered', 'abstained')
              ORDER BY at DESC, id DESC LIMIT $3",
        )
        .bind(conversation_id)
        .bind(caller)
        .bind(limit)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        if rows.is_empty() && self.is_deleted(conversation_id).await? {
            return Ok(None);
        }
        rows.into_iter()
            .rev()
            .map(|row| {
                Ok(PastTurn {
                    id: row.id,
                    question: row.question,
                    standalone_question: row.standalone_question,
                    answer: row.answer,
                    outcome: self.read(Value::String(row.outcome))?,
                    at: row.at,
                    documents: row.documents,
                })
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    async fn is_deleted(&self, conversation_id: Uuid) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM conversation WHERE id = $1 AND deleted_at IS NOT NULL)",
        )
        .bind(conversation_id)
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// The turn of a client's message, with all its passages; a repeated message is the same turn.
    pub async fn interaction_by_message(
        &self,
        conversation_id: Uuid,
        message_id: &str,
    ) -> Result<Option<Interaction>, LedgerError> {
        let pool = self.connection.pool().await?;
        let found: Option<Value> = sqlx::query_scalar(
            "SELECT to_jsonb(i) - 'question_embedding' || jsonb_build_object('passages', (
                        SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY p.rank), '[]')
                          FROM passage p WHERE p.interaction_id = i.id))
               FROM interaction i WHERE conversation_id = $1 AND message_id = $2
              ORDER BY at LIMIT 1",
        )
        .bind(conversation_id)
        .bind(message_id)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        found.map(|row| self.read(row)).transpose()
    }

    /// A caller's conversations, the one that was used last first.
    pub async fn conversations(
        &self,
        caller: &str,
        limit: i64,
    ) -> Result<Vec<ConversationSummary>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT id, title, started_at, updated_at,
                    (SELECT count(*) FROM interaction i WHERE i.conversation_id = c.id) AS questions
               FROM conversation c WHERE caller = $1 AND deleted_at IS NULL
              ORDER BY updated_at DESC, id DESC LIMIT $2",
        )
        .bind(caller)
        .bind(limit)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// A conversation of a caller; `None` where there is none, or it is someone else's.
    pub async fn conversation(
        &self,
        id: Uuid,
        caller: &str,
    ) -> Result<Option<Conversation>, LedgerError> {
        let pool = self.connection.pool().await?;
        let found: Option<(String, DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
            "SELECT title, started_at, updated_at FROM conversation
              WHERE id = $1 AND caller = $2 AND deleted_at IS NULL",
        )
        .bind(id)
        .bind(caller)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        let Some((title, started_at, updated_at)) = found else {
            return Ok(None);
        };
        let rows: Vec<Value> = sqlx::query_scalar(
            "SELECT to_jsonb(i) - 'question_embedding' || jsonb_build_object('passages', (
                        SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY p.cited_as, p.rank), '[]')
                          FROM passage p
                         WHERE p.interaction_id = i.id
                           AND (p.cited_as IS NOT NULL OR i.outcome <> 'answered')))
               FROM interaction i WHERE conversation_id = $1 AND caller = $2 ORDER BY at, id",
        )
        .bind(id)
        .bind(caller)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        let interactions: Result<Vec<Interaction>, LedgerError> =
            rows.into_iter().map(|row| self.read(row)).collect();
        Ok(Some(Conversation {
            id,
            title,
            started_at,
            updated_at,
            interactions: interactions?,
        }))
    }

    /// Whether a caller has a conversation.
    pub async fn has_conversation(&self, id: Uuid, caller: &str) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM conversation
                             WHERE id = $1 AND caller = $2 AND deleted_at IS NULL)",
        )
        .bind(id)
        .bind(caller)
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Gives a caller's conversation another title; `false`: the caller has no such conversation.
    pub async fn retitle(&self, id: Uuid, caller: &str, title: &str) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        let changed = sqlx::query(
            "UPDATE conversation SET title = $3
              WHERE id = $1 AND caller = $2 AND deleted_at IS NULL",
        )
        .bind(id)
        .bind(caller)
        .bind(without_nul(title))
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(changed.rows_affected() == 1)
    }

    /// A row as the record that was written.
    pub(super) fn read<T: DeserializeOwned>(&self, row: Value) -> Result<T, LedgerError> {
        serde_json::from_value(row).map_err(|error| {
            self.connection.rejected(format!(
                "a row that this docent cannot read ({error}); a newer one may have written it"
            ))
        })
    }
}
