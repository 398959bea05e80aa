//! Messages to people and programs: written down before they are sent, so that a channel that fails
//! loses nothing.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::store::{strip_nul, without_nul};
use super::{Alert, Ledger, LedgerError};

/// A message that is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNotice {
    pub id: Uuid,
    /// `alert` or `digest`.
    pub kind: &'static str,
    /// `mail:ADDRESS`, `slack:CHANNEL`, `webhook`.
    pub recipient: String,
    pub alerts: Vec<Uuid>,
    pub content: Value,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Notice {
    pub id: Uuid,
    pub kind: String,
    pub made_at: DateTime<Utc>,
    pub recipient: String,
    pub alerts: Vec<Uuid>,
    pub content: Value,
    /// Attempts so far, this one included.
    pub attempts: i32,
}

/// What a digest was of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestRow {
    /// Empty: of everything.
    pub owner: String,
    pub from_at: DateTime<Utc>,
    pub until_at: DateTime<Utc>,
    pub recipients: Vec<String>,
    pub questions: i64,
    pub gaps: i64,
}

impl Ledger {
    /// Writes messages down, and that the alerts in them are told.
    pub async fn make_notices(
        &self,
        notices: &[NewNotice],
        alerts: &[Alert],
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let told: Vec<Uuid> = alerts.iter().map(|alert| alert.id).collect();
        let told_as: Vec<&str> = alerts
            .iter()
            .map(|alert| match alert.state {
                super::AlertState::Resolved => "resolved",
                _ => "fired",
            })
            .collect();
        self.transaction(async |connection| {
            for notice in notices {
                insert_notice(connection, notice, now).await?;
            }
            sqlx::query(
                "UPDATE alert SET told = t.told_as
                   FROM unnest($1::uuid[], $2::text[]) AS t (id, told_as) WHERE alert.id = t.id",
            )
            .bind(&told)
            .bind(&told_as)
            .execute(connection)
            .await?;
            Ok(())
        })
        .await
    }

    /// Writes a digest down with its messages, once for its owner and end; `false`: it was made before.
    pub async fn make_digest(
        &self,
        digest: &DigestRow,
        notices: &[NewNotice],
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        self.transaction(async |connection| {
            let made = sqlx::query(
                "INSERT INTO digest (id, owner, from_at, until_at, made_at, recipients, questions, gaps)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            )
            .bind(Uuid::now_v7())
            .bind(without_nul(&digest.owner))
            .bind(digest.from_at)
            .bind(digest.until_at)
            .bind(now)
            .bind(&digest.recipients)
            .bind(digest.questions)
            .bind(digest.gaps)
            .execute(&mut *connection)
            .await?;
            if made.rows_affected() == 0 {
                return Ok(false);
            }
            for notice in notices {
                insert_notice(connection, notice, now).await?;
            }
            Ok(true)
        })
        .await
    }

    /// When the last digest of everything ended: it is the last one that is made of its week.
    pub async fn last_digest(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar("SELECT max(until_at) FROM digest WHERE owner = ''")
            .fetch_one(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// When each recipient was last sent alerts, since a moment.
    pub async fn last_alert_notices(
        &self,
        since: DateTime<Utc>,
    ) -> Result<Vec<(String, DateTime<Utc>)>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT recipient, max(made_at) FROM notice
              WHERE kind = 'alert' AND made_at > $1 GROUP BY 1",
        )
        .bind(since)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Takes messages whose time has come, and moves their next attempt to `again_at`, so that one that
    /// is never heard of again (the process dies) is tried then.
    pub async fn take_notices(
        &self,
        now: DateTime<Utc>,
        again_at: DateTime<Utc>,
    ) -> Result<Vec<Notice>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "UPDATE notice SET attempts = attempts + 1, next_at = $2
              WHERE id IN (SELECT id FROM notice WHERE state = 'waiting' AND next_at <= $1
                            ORDER BY next_at, id LIMIT 50 FOR UPDATE SKIP LOCKED)
             RETURNING id, kind, made_at, recipient, alerts, coalesce(content, '{}') AS content, attempts",
        )
        .bind(now)
        .bind(again_at)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Notes that a message was delivered. Its text is not kept.
    pub async fn notice_sent(&self, notice: &Notice, channel: &str) -> Result<(), LedgerError> {
        self.transaction(async |connection| {
            sqlx::query(
                "UPDATE notice SET state = 'sent', sent_at = now(), content = NULL, error = NULL
                  WHERE id = $1",
            )
            .bind(notice.id)
            .execute(&mut *connection)
            .await?;
            sqlx::query(
                "UPDATE alert SET sent_via = array_append(sent_via, $2)
                  WHERE id = ANY($1) AND NOT $2 = ANY(sent_via)",
            )
            .bind(&notice.alerts)
            .bind(channel)
            .execute(connection)
            .await?;
            Ok(())
        })
        .await
    }

    /// Notes that a message could not be delivered, and when it is tried again.
    pub async fn notice_delayed(
        &self,
        notice: &Notice,
        error: &str,
        again_at: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("UPDATE notice SET error = $2, next_at = $3 WHERE id = $1")
            .bind(notice.id)
            .bind(without_nul(error))
            .bind(again_at)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Notes that a message is given up, and sends what it told to others instead.
    pub async fn notice_failed(
        &self,
        notice: &Notice,
        error: &str,
        instead: &[NewNotice],
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        self.transaction(async |connection| {
            sqlx::query(
                "UPDATE notice SET state = 'failed', error = $2, content = NULL WHERE id = $1",
            )
            .bind(notice.id)
            .bind(without_nul(error))
            .execute(&mut *connection)
            .await?;
            for notice in instead {
                insert_notice(connection, notice, now).await?;
            }
            Ok(())
        })
        .await
    }
}

async fn insert_notice(
    connection: &mut sqlx::PgConnection,
    notice: &NewNotice,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let mut content = notice.content.clone();
    strip_nul(&mut content);
    sqlx::query(
        "INSERT INTO notice (id, kind, made_at, recipient, alerts, content, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, $3)",
    )
    .bind(notice.id)
    .bind(notice.kind)
    .bind(now)
    .bind(without_nul(&notice.recipient))
    .bind(&notice.alerts)
    .bind(Json(content))
    .execute(connection)
    .await?;
    Ok(())
}
