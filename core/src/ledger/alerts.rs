//! Alerts: what was found, whether its people know, what they did with it. One row lives from when its
//! cause begins until that is over; a unique index keeps two processes from making two of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::strip_nul;
use super::{Ledger, LedgerError};

/// Something that needs a person, as a rule sees it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: String,
    /// What it is about; of one rule and subject one alert is open.
    pub subject: String,
    /// An owner's name, or `fallback`.
    pub addressed_to: String,
    pub recipients: Vec<String>,
    pub since: DateTime<Utc>,
    /// One line.
    pub title: String,
    pub what: String,
    pub todo: String,
    /// Where to look.
    pub place: String,
    /// Documents that the texts name.
    pub documents: Vec<Uuid>,
}

/// Where an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum AlertState {
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// Nobody wants to hear of it.
    Muted,
    Resolved,
}

impl AlertState {
    /// As the ledger has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Muted => "muted",
            Self::Resolved => "resolved",
        }
    }
}

/// A row of `alert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Alert {
    pub id: Uuid,
    pub rule: String,
    pub subject: String,
    pub addressed_to: String,
    pub recipients: Vec<String>,
    pub state: AlertState,
    pub since: DateTime<Utc>,
    pub fired_at: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
    pub title: String,
    pub what: String,
    pub todo: String,
    pub place: String,
    /// `fired` or `resolved`.
    pub told: Option<String>,
    pub sent_via: Vec<String>,
    pub acted_by: Option<String>,
    pub acted_at: Option<DateTime<Utc>>,
}

/// The columns of [`Alert`].
macro_rules! select_alert {
    ($rest:literal) => {
        concat!(
            "SELECT id, rule, subject, addressed_to, recipients, state, since, fired_at, last_seen,
                    resolved_at, title, what, todo, place, told, sent_via, acted_by, acted_at
               FROM alert ",
            $rest
        )
    };
}

impl Ledger {
    /// Writes down what some rules found. What is new becomes an alert (muted, where that is wanted);
    /// what they found no more, and not since `gone_before`, is resolved.
    pub async fn observe(
        &self,
        rules: &[String],
        findings: &[Finding],
        now: DateTime<Utc>,
        gone_before: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let ids: Vec<Uuid> = findings.iter().map(|_| Uuid::now_v7()).collect();
        let mut rows = serde_json::to_value(findings).unwrap_or_default();
        strip_nul(&mut rows);
        self.transaction(async |connection| {
            sqlx::query(
                "INSERT INTO alert AS known (id, rule, subject, addressed_to, recipients, state, since,
                     fired_at, last_seen, title, what, todo, place, documents, told)
                 SELECT ($2::uuid[])[f.number], r.rule, r.subject, r.addressed_to, r.recipients,
                        CASE WHEN m.until IS NULL THEN 'open' ELSE 'muted' END, r.since, $3, $3,
                        r.title, r.what, r.todo, r.place, r.documents,
                        CASE WHEN m.until IS NULL THEN NULL ELSE 'resolved' END
                   FROM jsonb_array_elements($1) WITH ORDINALITY AS f (finding, number)
                  CROSS JOIN jsonb_to_record(f.finding) AS r (rule text, subject text,
                        addressed_to text, recipients text[], since timestamptz, title text,
                        what text, todo text, place text, documents uuid[])
                   LEFT JOIN alert_mute m
                     ON m.rule = r.rule AND m.subject = r.subject AND m.until > $3
                  ORDER BY r.rule, r.subject
                 ON CONFLICT (rule, subject) WHERE state <> 'resolved' DO UPDATE
                 SET last_seen = excluded.last_seen, title = excluded.title, what = excluded.what,
                     todo = excluded.todo, place = excluded.place, documents = excluded.documents",
            )
            .bind(Json(&rows))
            .bind(&ids)
            .bind(now)
            .execute(&mut *connection)
            .await?;
            sqlx::query(
                "UPDATE alert SET state = 'resolved', resolved_at = $2
                  WHERE state <> 'resolved' AND rule = ANY($1) AND last_seen < $2
                    AND last_seen <= $3",
            )
            .bind(rules)
            .bind(now)
            .bind(gone_before)
            .execute(connection)
            .await?;
            Ok(())
        })
        .await
    }

    /// Alerts whose recipients do not know yet that they have begun, or that they are over; the oldest
    /// first.
    pub async fn untold_alerts(&self) -> Result<Vec<Alert>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(select_alert!(
            "WHERE cardinality(recipients) > 0
               AND ((state = 'open' AND told IS NULL)
                    OR (state = 'resolved' AND told IS DISTINCT FROM 'resolved'))
             ORDER BY fired_at, id LIMIT 500"
        ))
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Alerts that nobody could be told of, because nothing is configured that could: marked as told.
    pub async fn silent_alerts(&self) -> Result<Vec<Alert>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "UPDATE alert SET told = CASE state WHEN 'resolved' THEN 'resolved' ELSE 'fired' END
              WHERE cardinality(recipients) = 0
                AND ((state = 'open' AND told IS NULL)
                     OR (state = 'resolved' AND told IS DISTINCT FROM 'resolved'))
             RETURNING *",
        )
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// An alert by its id.
    pub async fn alert(&self, id: Uuid) -> Result<Option<Alert>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(select_alert!("WHERE id = $1"))
            .bind(id)
            .fetch_optional(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Alerts that are not over, and those that fired since a moment; the newest first.
    pub async fn alerts_since(&self, since: DateTime<Utc>) -> Result<Vec<Alert>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(select_alert!(
            "WHERE fired_at >= $1 OR state <> 'resolved' ORDER BY fired_at DESC, id LIMIT 1000"
        ))
        .bind(since)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Notes that somebody looks after an alert; what is resolved stays so. `None`: there is none.
    pub async fn acknowledge_alert(
        &self,
        id: Uuid,
        who: &str,
    ) -> Result<Option<AlertState>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "UPDATE alert SET
                 told = coalesce(told, 'fired'),
                 acted_by = CASE state WHEN 'open' THEN $2 ELSE acted_by END,
                 acted_at = CASE state WHEN 'open' THEN now() ELSE acted_at END,
                 state = CASE state WHEN 'open' THEN 'acknowledged' ELSE state END
              WHERE id = $1 RETURNING state",
        )
        .bind(id)
        .bind(who)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Keeps an alert, and what fires anew of its rule and subject, quiet until a moment. `None`: there
    /// is no such alert.
    pub async fn mute_alert(
        &self,
        id: Uuid,
        who: &str,
        until: DateTime<Utc>,
    ) -> Result<Option<AlertState>, LedgerError> {
        self.transaction(async |connection| {
            sqlx::query(
                "INSERT INTO alert_mute (rule, subject, until, muted_by)
                 SELECT rule, subject, $2, $3 FROM alert WHERE id = $1
                 ON CONFLICT (rule, subject) DO UPDATE
                 SET until = excluded.until, muted_by = excluded.muted_by, muted_at = now()",
            )
            .bind(id)
            .bind(until)
            .bind(who)
            .execute(&mut *connection)
            .await?;
            sqlx::query_scalar(
                "UPDATE alert SET told = 'resolved', acted_by = $2, acted_at = now(),
                     state = CASE state WHEN 'resolved' THEN state ELSE 'muted' END
                  WHERE id = $1 RETURNING state",
            )
            .bind(id)
            .bind(who)
            .fetch_optional(connection)
            .await
        })
        .await
    }
}
