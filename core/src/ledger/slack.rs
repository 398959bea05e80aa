//! What Slack has told, each thing once: received, claimed by one process at a time, done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::store::{strip_nul, text_of, without_nul};
use super::{Interaction, Ledger, LedgerError};
use crate::process;

/// How long a claim holds after its holder has last said that it lives. A holder on this machine that
/// died is known at once.
pub const CLAIM_SECONDS: f64 = 60.0;

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackKind {
    /// Answer a message.
    Question,
    /// Greet somebody who has opened the app.
    Home,
    /// Do what a button or a form says.
    Action,
}

/// Something that Slack has told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlackEvent {
    pub event_id: String,
    pub kind: SlackKind,
    pub team: String,
    #[serde(default)]
    pub channel: Option<String>,
    /// The message's own; a question is one of its (team, channel, ts).
    #[serde(default)]
    pub ts: Option<String>,
    /// The first message of its thread, or itself.
    #[serde(default)]
    pub thread: Option<String>,
    /// Slack's id of whoever did it.
    #[serde(default)]
    pub asker: Option<String>,
    /// Questions of one conversation are answered in their order.
    #[serde(default)]
    pub conversation_id: Option<Uuid>,
    /// All of it, for whoever works on it.
    pub payload: Value,
}

/// An event that this process works on now.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ClaimedSlackEvent {
    pub event_id: String,
    #[sqlx(json)]
    pub payload: Value,
    /// 1: nobody has worked on it before.
    pub attempts: i32,
    pub stop_requested: bool,
    /// What somebody has begun to show for it in Slack.
    pub messages: Vec<String>,
}

/// Who claims.
#[derive(Debug, Clone)]
pub struct SlackClaimant {
    /// Of this service.
    pub claim: Uuid,
    /// Its [`process::identity`].
    pub process: String,
}

/// What became of an event that was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackOutcome {
    Done,
    Failed,
}

/// Where a question was asked, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AskedInSlack {
    pub event_id: String,
    pub team: String,
    pub channel: String,
    pub ts: String,
    pub thread: String,
    pub asker: String,
}

impl Ledger {
    /// Keeps events that are new; one that is known, by its id or by its message, is passed over.
    pub async fn receive_slack(&self, events: &[SlackEvent]) -> Result<u64, LedgerError> {
        let pool = self.connection.pool().await?;
        let mut rows = serde_json::to_value(events).unwrap_or_default();
        strip_nul(&mut rows);
        let new = sqlx::query(
            "INSERT INTO slack_event (event_id, kind, team, channel, ts, thread, asker,
                 conversation_id, payload)
             SELECT event_id, kind, team, channel, ts, thread, asker, conversation_id, payload
               FROM jsonb_to_recordset($1) AS e (event_id text, kind text, team text, channel text,
                   ts text, thread text, asker text, conversation_id uuid, payload jsonb)
             ON CONFLICT DO NOTHING",
        )
        .bind(Json(rows))
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(new.rows_affected())
    }

    /// Claims what waits, oldest first: what nobody works on, and what somebody has begun who is gone.
    /// A question waits for the earlier ones of its conversation.
    pub async fn claim_slack(
        &self,
        claimant: &SlackClaimant,
        limit: i64,
    ) -> Result<Vec<ClaimedSlackEvent>, LedgerError> {
        let pool = self.connection.pool().await?;
        let claimed = async {
            let holders: Vec<String> = sqlx::query_scalar(
                "SELECT DISTINCT claimed_by FROM slack_event WHERE state = 'claimed'",
            )
            .fetch_all(pool)
            .await?;
            let dead: Vec<String> = holders
                .into_iter()
                .filter(|holder| process::is_dead(holder))
                .collect();
            // An array, so that the rows are looked for once: a join might look, and lock, again.
            sqlx::query_as(
                "UPDATE slack_event SET state = 'claimed', claim = $1, claimed_by = $2,
                     claimed_at = clock_timestamp(), attempts = attempts + 1
                  WHERE event_id = ANY(ARRAY(
                      SELECT event_id FROM slack_event e
                       WHERE ((state = 'received' AND not_before <= clock_timestamp())
                              OR (state = 'claimed'
                                  AND (claimed_at < clock_timestamp() - make_interval(secs => $4)
                                       OR claimed_by = ANY($3))))
                         AND (kind <> 'question' OR NOT EXISTS (
                              SELECT FROM slack_event o
                               WHERE o.kind = 'question' AND o.state IN ('received', 'claimed')
                                 AND o.conversation_id = e.conversation_id
                                 AND (o.received_at, o.event_id) < (e.received_at, e.event_id)))
                       ORDER BY received_at LIMIT $5 FOR UPDATE SKIP LOCKED))
                 RETURNING event_id, payload, attempts, stop_requested, messages",
            )
            .bind(claimant.claim)
            .bind(&claimant.process)
            .bind(&dead)
            .bind(CLAIM_SECONDS)
            .bind(limit)
            .fetch_all(pool)
            .await
        };
        claimed
            .await
            .map_err(|error: sqlx::Error| self.connection.failed(&error))
    }

    /// Says that a claimant lives. Answers the events that it still holds, and whether somebody wants
    /// each of them to stop.
    pub async fn keep_slack(&self, claim: Uuid) -> Result<Vec<(String, bool)>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "UPDATE slack_event SET claimed_at = clock_timestamp()
              WHERE claim = $1 AND state = 'claimed' RETURNING event_id, stop_requested",
        )
        .bind(claim)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Notes a message that is begun in Slack for an event.
    pub async fn note_slack_message(&self, event_id: &str, ts: &str) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("UPDATE slack_event SET messages = messages || $2 WHERE event_id = $1")
            .bind(event_id)
            .bind(ts)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Ends an event, with the interaction that answers it; its texts go.
    pub async fn finish_slack(
        &self,
        event_id: &str,
        outcome: SlackOutcome,
        interaction_id: Option<Uuid>,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "UPDATE slack_event SET state = $2, payload = NULL, finished_at = clock_timestamp(),
                 interaction_id = coalesce($3, interaction_id)
              WHERE event_id = $1",
        )
        .bind(event_id)
        .bind(text_of(&outcome))
        .bind(interaction_id)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Gives an event back, to be claimed by anyone after so many seconds.
    pub async fn return_slack(
        &self,
        event_id: &str,
        claim: Uuid,
        seconds: f64,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "UPDATE slack_event SET state = 'received', claim = NULL, claimed_by = NULL,
                 not_before = clock_timestamp() + make_interval(secs => $3)
              WHERE event_id = $1 AND claim = $2 AND state = 'claimed'",
        )
        .bind(event_id)
        .bind(claim)
        .bind(seconds)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Gives everything that a claimant holds back, at once: it stops.
    pub async fn release_slack(&self, claim: Uuid) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "UPDATE slack_event SET state = 'received', claim = NULL, claimed_by = NULL
              WHERE claim = $1 AND state = 'claimed'",
        )
        .bind(claim)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Asks for the answers of a thread to stop, whichever process gives them.
    pub async fn stop_slack(
        &self,
        team: &str,
        channel: &str,
        thread: &str,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "UPDATE slack_event SET stop_requested = true
              WHERE team = $1 AND channel = $2 AND thread = $3 AND kind = 'question'
                AND state IN ('received', 'claimed')",
        )
        .bind(team)
        .bind(channel)
        .bind(thread)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Whether docent has answered in a thread before.
    pub async fn is_slack_thread(
        &self,
        team: &str,
        channel: &str,
        thread: &str,
    ) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM slack_event WHERE team = $1 AND channel = $2
                 AND thread = $3 AND kind = 'question' AND interaction_id IS NOT NULL)",
        )
        .bind(team)
        .bind(channel)
        .bind(thread)
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Where the question of an answer was asked, and by whom.
    pub async fn asked_in_slack(
        &self,
        interaction_id: Uuid,
    ) -> Result<Option<AskedInSlack>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT event_id, team, channel, ts, thread, asker FROM slack_event
              WHERE interaction_id = $1 AND channel IS NOT NULL AND ts IS NOT NULL
                AND thread IS NOT NULL AND asker IS NOT NULL",
        )
        .bind(interaction_id)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// A question of Slack, or one of a caller's, its answer and all its passages.
    pub async fn interaction(
        &self,
        id: Uuid,
        caller: Option<&str>,
    ) -> Result<Option<Interaction>, LedgerError> {
        let pool = self.connection.pool().await?;
        let found: Option<Value> = sqlx::query_scalar(
            "SELECT to_jsonb(i) - 'question_embedding' || jsonb_build_object('passages', (
                        SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY p.rank), '[]')
                          FROM passage p WHERE p.interaction_id = i.id))
               FROM interaction i
              WHERE id = $1 AND CASE WHEN $2::text IS NULL THEN channel = 'slack' ELSE caller = $2 END",
        )
        .bind(id)
        .bind(caller.map(without_nul))
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        found.map(|row| self.read(row)).transpose()
    }

    /// When Slack has last told anything; `None`: never.
    pub async fn last_slack_event(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar("SELECT max(received_at) FROM slack_event")
            .fetch_one(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Deletes what ended more than 90 days ago: nobody delivers it again, and its buttons are old. Whose
    /// questions were handed over is forgotten when no limit counts them any more.
    pub async fn expire_slack(&self) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        for statement in [
            "DELETE FROM slack_event WHERE finished_at < now() - interval '90 days'",
            "UPDATE slack_handoff SET caller = NULL
              WHERE caller IS NOT NULL AND at < now() - interval '2 days'",
        ] {
            sqlx::query(statement)
                .execute(pool)
                .await
                .map_err(|error| self.connection.failed(&error))?;
        }
        Ok(())
    }
}
