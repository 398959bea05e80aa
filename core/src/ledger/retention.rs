//! What expires: texts of questions, by channel, and counts of days that have passed. Of a question
//! that expires its lines in the sums of its day remain.

use chrono::{DateTime, Days, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use super::store::text_of;
use super::{Channel, Ledger, LedgerError};

/// Deletes the questions of a channel ($1) of a part of a day ($2 to $3), and adds them to the sums that
/// remain. The conversation of each comes back.
const EXPIRE: &str = "WITH gone AS (
         DELETE FROM interaction WHERE channel = $1 AND at >= $2 AND at < $3 RETURNING *),
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
             unverified = d.unverified + excluded.unverified),
     used AS (
         INSERT INTO use_day AS d (day, channel, source, asset, language, questions, answered, quoted,
             abstained, failed, cancelled, liked, disliked, checked, unverified, total_ms, calls,
             input_tokens, output_tokens, cost, unknown_price, expired)
         SELECT s.*, true FROM sum_use($2, $3) s WHERE s.channel = $1
         ON CONFLICT (day, channel, source, asset, language, expired) DO UPDATE
         SET questions = d.questions + excluded.questions, answered = d.answered + excluded.answered,
             quoted = d.quoted + excluded.quoted, abstained = d.abstained + excluded.abstained,
             failed = d.failed + excluded.failed, cancelled = d.cancelled + excluded.cancelled,
             liked = d.liked + excluded.liked, disliked = d.disliked + excluded.disliked,
             checked = d.checked + excluded.checked, unverified = d.unverified + excluded.unverified,
             total_ms = d.total_ms + excluded.total_ms, calls = d.calls + excluded.calls,
             input_tokens = d.input_tokens + excluded.input_tokens,
             output_tokens = d.output_tokens + excluded.output_tokens, cost = d.cost + excluded.cost,
             unknown_price = d.unknown_price + excluded.unknown_price),
     spread AS (
         INSERT INTO spread_day (day, channel, whole, source, kind, value, times, expired)
         SELECT s.*, true FROM sum_spread($2, $3) s WHERE s.channel = $1),
     seen AS (
         INSERT INTO person_month AS p (month, channel, whole, source, person, days, expired)
         SELECT s.*, true FROM sum_person_days($2, $3) s WHERE s.channel = $1
         ON CONFLICT (month, whole, source, channel, person, expired) DO UPDATE
         SET days = p.days | excluded.days),
     asked AS (
         INSERT INTO person_day AS d (day, channel, person, questions, expired)
         SELECT s.*, true FROM sum_people($2, $3) s WHERE s.channel = $1
         ON CONFLICT (day, person, channel, expired) DO UPDATE
         SET questions = d.questions + excluded.questions),
     cited AS (
         INSERT INTO document_day AS d (day, channel, source, asset, document_id, citations, liked,
             disliked, expired)
         SELECT s.*, true FROM sum_documents($2, $3) s WHERE s.channel = $1
         ON CONFLICT (day, channel, source, asset, document_id, expired) DO UPDATE
         SET citations = d.citations + excluded.citations, liked = d.liked + excluded.liked,
             disliked = d.disliked + excluded.disliked)
     SELECT conversation_id FROM gone";

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
        while let Some(day) = self.expire_a_day(expiry).await? {
            gone += day;
        }
        Ok(gone)
    }

    /// The oldest day that has something to expire, in one transaction. What was deleted is summed in
    /// the same statement, so both have seen the same rows.
    async fn expire_a_day(&self, expiry: Expiry) -> Result<Option<u64>, LedgerError> {
        let pool = self.connection.pool().await?;
        let channel = text_of(&expiry.channel);
        let expired = async {
            let mut transaction = pool.begin().await?;
            let oldest: Option<DateTime<Utc>> = sqlx::query_scalar(
                "SELECT at FROM interaction WHERE channel = $1 AND at < $2 ORDER BY at LIMIT 1",
            )
            .bind(&channel)
            .bind(expiry.before)
            .fetch_optional(&mut *transaction)
            .await?;
            let Some(oldest) = oldest else {
                return Ok(None);
            };
            let begin = oldest.date_naive().and_time(NaiveTime::MIN).and_utc();
            let end = (begin + Days::new(1)).min(expiry.before);
            sqlx::query(
                "UPDATE model_call c SET channel = i.channel, origin = i.origin, team = i.team
                   FROM interaction i
                  WHERE i.channel = $1 AND i.at >= $2 AND i.at < $3 AND c.interaction_id = i.id",
            )
            .bind(&channel)
            .bind(begin)
            .bind(end)
            .execute(&mut *transaction)
            .await?;
            let conversations: Vec<uuid::Uuid> = sqlx::query_scalar(EXPIRE)
                .bind(&channel)
                .bind(begin)
                .bind(end)
                .fetch_all(&mut *transaction)
                .await?;
            // Its title is a question. A tombstone has none, and stays.
            sqlx::query(
                "DELETE FROM conversation c WHERE id = ANY($1) AND deleted_at IS NULL
                    AND updated_at < $2
                    AND NOT EXISTS (SELECT FROM interaction i WHERE i.conversation_id = c.id)",
            )
            .bind(&conversations)
            .bind(expiry.before)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(Some(conversations.len() as u64))
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
