//! Questions handed to owners, and which replies they stand by.

use uuid::Uuid;

use super::{Ledger, LedgerError};

/// A question on its way to an owner and back. All ids are Slack's.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SlackHandoff {
    pub id: Uuid,
    pub interaction_id: Uuid,
    pub team: String,
    /// Who handed it over.
    pub asked_by: String,
    /// Where it was asked.
    pub channel: String,
    pub thread: String,
    /// Where the owner was asked.
    pub owner_channel: String,
    pub owner_ts: String,
    /// The newest reply, and whose it is.
    pub reply_ts: Option<String>,
    pub reply_by: Option<String>,
}

impl Ledger {
    /// Whether a question was handed over already.
    pub async fn is_handed_over(&self, interaction_id: Uuid) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM slack_handoff WHERE interaction_id = $1)")
            .bind(interaction_id)
            .fetch_one(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Notes that an owner was asked, once for each question.
    pub async fn hand_over(&self, handoff: &SlackHandoff) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "INSERT INTO slack_handoff (id, interaction_id, team, asked_by, channel, thread,
                 owner_channel, owner_ts)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(handoff.id)
        .bind(handoff.interaction_id)
        .bind(&handoff.team)
        .bind(&handoff.asked_by)
        .bind(&handoff.channel)
        .bind(&handoff.thread)
        .bind(&handoff.owner_channel)
        .bind(&handoff.owner_ts)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Takes a message for the reply to a question, where it is in a thread of one that waits for it.
    pub async fn reply_to_handoff(
        &self,
        team: &str,
        channel: &str,
        thread: &str,
        reply: (&str, &str),
    ) -> Result<Option<SlackHandoff>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "UPDATE slack_handoff SET reply_ts = $4, reply_by = $5
              WHERE team = $1 AND owner_channel = $2 AND owner_ts = $3 AND confirmed_at IS NULL
             RETURNING id, interaction_id, team, asked_by, channel, thread, owner_channel, owner_ts,
                 reply_ts, reply_by",
        )
        .bind(team)
        .bind(channel)
        .bind(thread)
        .bind(reply.0)
        .bind(reply.1)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// A question that was handed over.
    pub async fn handoff(&self, id: Uuid) -> Result<Option<SlackHandoff>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT id, interaction_id, team, asked_by, channel, thread, owner_channel, owner_ts,
                    reply_ts, reply_by
               FROM slack_handoff WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Closes a question: its owner stands by the reply. `false`: it was closed already.
    pub async fn confirm_handoff(&self, id: Uuid) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        let closed = sqlx::query(
            "UPDATE slack_handoff SET confirmed_at = now() WHERE id = $1 AND confirmed_at IS NULL",
        )
        .bind(id)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(closed.rows_affected() > 0)
    }
}
