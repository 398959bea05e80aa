//! What readers think of answers. Written directly: whoever rates waits for the answer that it is kept.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::purge::PURGED_ANSWER;
use super::store::{text_of, without_nul};
use super::{Ledger, LedgerError};

/// A reader's judgement. As text in the table: `up`, `down`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    Up,
    Down,
}

/// What a reader thinks of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    pub interaction_id: Uuid,
    pub rating: Rating,
    pub comment: Option<String>,
}

impl Ledger {
    /// Keeps a caller's feedback in place of what the same caller said of the same answer before; a
    /// comment stays where the rating stays and no new one comes. Of an answer that is no more because a
    /// document was purged no words are kept: they may quote it. `false`: the caller has had no such answer.
    pub async fn rate(&self, caller: &str, feedback: &Feedback) -> Result<bool, LedgerError> {
        // The answer may still be queued.
        self.flush().await;
        let pool = self.connection.pool().await?;
        let kept = sqlx::query(
            "INSERT INTO feedback (interaction_id, caller, rating, comment)
             SELECT id, caller, $3, CASE WHEN answer <> $5 THEN $4 END
               FROM interaction WHERE id = $1 AND caller = $2
             ON CONFLICT (interaction_id, caller) DO UPDATE
             SET at = excluded.at, rating = excluded.rating, comment = CASE
                 WHEN feedback.rating = excluded.rating THEN coalesce(excluded.comment, feedback.comment)
                 ELSE excluded.comment END",
        )
        .bind(feedback.interaction_id)
        .bind(without_nul(caller))
        .bind(text_of(&feedback.rating))
        .bind(feedback.comment.as_deref().map(without_nul))
        .bind(PURGED_ANSWER)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(kept.rows_affected() > 0)
    }

    /// Keeps what anyone who sees an answer in Slack says of it: in a channel, that is not only its asker.
    /// `false`: there is no such answer in Slack.
    pub async fn rate_in_slack(
        &self,
        caller: &str,
        feedback: &Feedback,
    ) -> Result<bool, LedgerError> {
        self.flush().await;
        let pool = self.connection.pool().await?;
        let kept = sqlx::query(
            "INSERT INTO feedback (interaction_id, caller, rating, comment)
             SELECT id, $2, $3, CASE WHEN answer <> $5 THEN $4 END
               FROM interaction WHERE id = $1 AND channel = 'slack'
             ON CONFLICT (interaction_id, caller) DO UPDATE
             SET at = excluded.at, rating = excluded.rating, comment = CASE
                 WHEN feedback.rating = excluded.rating THEN coalesce(excluded.comment, feedback.comment)
                 ELSE excluded.comment END",
        )
        .bind(feedback.interaction_id)
        .bind(without_nul(caller))
        .bind(text_of(&feedback.rating))
        .bind(feedback.comment.as_deref().map(without_nul))
        .bind(PURGED_ANSWER)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(kept.rows_affected() > 0)
    }
}
