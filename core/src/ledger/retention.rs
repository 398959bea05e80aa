//! What expires: texts of questions, by channel, and counts of days that have passed. Of a question
//! that expires its line in the day's sums remains.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::store::text_of;
use super::{Channel, Ledger, LedgerError};

/// Interactions deleted in one transaction.
const BATCH: i64 = 1000;

/// Texts of a channel that are to go: those from before a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    pub channel: Channel,
    pub before: DateTime<Utc>,
}

impl Ledger {
    /// Deletes the questions of a channel from before a moment, with answers, passages, quotes and
    /// what people said of them, and the conversations that are empty then. Answers how many
    /// questions went.
    pub async fn expire(&self, expiry: Expiry) -> Result<u64, LedgerError> {
        let mut gone = 0;
        loop {
            let batch = self.expire_some(expiry).await?;
            gone += batch;
            if batch < BATCH as u64 {
                return Ok(gone);
            }
        }
    }

    async fn expire_some(&self, expiry: Expiry) -> Result<u64, LedgerError> {
        let pool = self.connection.pool().await?;
        let expired = async {
            let mut transaction = pool.begin().await?;
            let conversations: Vec<(uuid::Uuid,)> = sqlx::query_as(
                "WITH gone AS (
                     DELETE FROM interaction WHERE id IN (
                         SELECT id FROM interaction WHERE channel = $1 AND at < $2
                          ORDER BY at LIMIT $3)
                     RETURNING *),
                 summed AS (
                     INSERT INTO interaction_day AS d (day, channel, origin, outcome, generator,
                         questions, total_ms, checked, unverified)
                     SELECT (at AT TIME ZONE 'UTC')::date, channel, origin, outcome,
                            coalesce(generator, ''), count(*), sum(total_ms),
                            sum(coalesce(checked, 0)), sum(coalesce(unverified, 0))
                       FROM gone GROUP BY 1, 2, 3, 4, 5
                     ON CONFLICT (day, channel, origin, outcome, generator) DO UPDATE
                     SET questions = d.questions + excluded.questions,
                         total_ms = d.total_ms + excluded.total_ms,
                         checked = d.checked + excluded.checked,
                         unverified = d.unverified + excluded.unverified)
                 SELECT conversation_id FROM gone",
            )
            .bind(text_of(&expiry.channel))
            .bind(expiry.before)
            .bind(BATCH)
            .fetch_all(&mut *transaction)
            .await?;
            let ids: Vec<uuid::Uuid> = conversations.iter().map(|row| row.0).collect();
            // Its title is a question. A tombstone has none, and stays.
            sqlx::query(
                "DELETE FROM conversation c WHERE id = ANY($1) AND deleted_at IS NULL
                    AND updated_at < $2
                    AND NOT EXISTS (SELECT FROM interaction i WHERE i.conversation_id = c.id)",
            )
            .bind(&ids)
            .bind(expiry.before)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(ids.len() as u64)
        };
        expired
            .await
            .map_err(|error: sqlx::Error| self.connection.failed(&error))
    }

    /// Deletes what limits were counted by, once its day has passed, and sign-ins that are over.
    pub async fn expire_counts(&self) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        for statement in [
            "DELETE FROM usage_count WHERE day < (now() AT TIME ZONE 'UTC')::date - 1",
            "DELETE FROM admission WHERE at < now() - interval '2 days'",
            "DELETE FROM login WHERE expires_at < now()",
        ] {
            sqlx::query(statement)
                .execute(pool)
                .await
                .map_err(|error| self.connection.failed(&error))?;
        }
        self.expire_slack().await
    }
}
