//! Runs as a whole: who asked for them, how far they are, how they ended.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{strip_nul, text_of, without_nul};
use super::{Ledger, LedgerError, RunOutcome};
use crate::process;

/// Who asked for a run.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RunOrigin {
    /// Somebody at a terminal, or cron.
    #[default]
    Command,
    /// A program, over HTTP.
    Api,
    /// The source's own schedule.
    Schedule,
}

impl RunOrigin {
    /// In words for a person.
    pub fn described(self) -> &'static str {
        match self {
            Self::Command => "docent ingest",
            Self::Api => "a run asked for over HTTP",
            Self::Schedule => "a scheduled run",
        }
    }
}

/// A run that is about to begin.
#[derive(Debug, Clone)]
pub struct NewRequest {
    pub id: Uuid,
    /// The caller's own: a repeated request is the same run.
    pub key: Option<String>,
    pub origin: RunOrigin,
    /// Names, sorted.
    pub sources: Vec<String>,
}

/// A run as a whole.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct RunRequest {
    pub id: Uuid,
    pub key: Option<String>,
    pub origin: RunOrigin,
    pub sources: Vec<String>,
    pub requested_at: DateTime<Utc>,
    /// `None`: it waits for another run to end.
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub outcome: RunOutcome,
    pub progress: Value,
    pub report: Option<Value>,
    pub error: Option<String>,
    /// Processes that hold a lease for it.
    pub holders: Vec<String>,
}

impl RunRequest {
    /// Whether it was begun and can never end: its process is gone.
    pub fn is_interrupted(&self) -> bool {
        match self.outcome {
            RunOutcome::Interrupted => true,
            RunOutcome::Running => self.holders.iter().all(|holder| process::is_dead(holder)),
            RunOutcome::Done | RunOutcome::DoneWithFailures | RunOutcome::Failed => false,
        }
    }
}

/// The columns of [`RunRequest`].
macro_rules! select_request {
    ($condition:literal) => {
        concat!(
            "SELECT r.id, r.key, r.origin, r.sources, r.requested_at, r.started_at, r.finished_at,
                    r.outcome, r.progress, r.report, r.error,
                    array(SELECT process FROM lease
                           WHERE run_id = r.id AND expires_at > clock_timestamp()) AS holders
               FROM ingest_request r WHERE ",
            $condition
        )
    };
}

impl Ledger {
    /// A run by its id.
    pub async fn run_request(&self, id: Uuid) -> Result<Option<RunRequest>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(select_request!("r.id = $1"))
            .bind(id)
            .fetch_optional(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// A run by its caller's key.
    pub async fn run_request_by_key(&self, key: &str) -> Result<Option<RunRequest>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(select_request!("r.key = $1"))
            .bind(key)
            .fetch_optional(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Notes that a run's turn has come.
    pub async fn begin_request(&self, id: Uuid) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("UPDATE ingest_request SET started_at = clock_timestamp() WHERE id = $1")
            .bind(id)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Notes how far a run is.
    pub async fn note_progress(&self, id: Uuid, mut progress: Value) -> Result<(), LedgerError> {
        strip_nul(&mut progress);
        let pool = self.connection.pool().await?;
        sqlx::query("UPDATE ingest_request SET progress = $2 WHERE id = $1")
            .bind(id)
            .bind(progress)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Notes how a run ended, with its report or its error.
    pub async fn end_request(
        &self,
        id: Uuid,
        outcome: RunOutcome,
        mut report: Option<Value>,
        error: Option<&str>,
    ) -> Result<(), LedgerError> {
        if let Some(report) = &mut report {
            strip_nul(report);
        }
        let pool = self.connection.pool().await?;
        sqlx::query(
            "UPDATE ingest_request SET finished_at = clock_timestamp(), outcome = $2, report = $3,
                 error = $4
              WHERE id = $1",
        )
        .bind(id)
        .bind(text_of(&outcome))
        .bind(report)
        .bind(error.map(without_nul))
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// When each source was last begun to be run, by name.
    pub async fn last_runs(&self) -> Result<Vec<(String, DateTime<Utc>)>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as("SELECT name, last_run_at FROM source ORDER BY name")
            .fetch_all(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }
}

/// Writes a request down, or begins one of this id anew. Answers the id of another one that has its
/// key.
pub(super) async fn insert_request(
    connection: &mut PgConnection,
    request: &NewRequest,
) -> Result<Option<Uuid>, sqlx::Error> {
    let again = sqlx::query(
        "UPDATE ingest_request SET started_at = NULL, finished_at = NULL, outcome = 'running',
             report = NULL, error = NULL
          WHERE id = $1",
    )
    .bind(request.id)
    .execute(&mut *connection)
    .await?;
    if again.rows_affected() > 0 {
        return Ok(None);
    }
    let written = sqlx::query(
        "INSERT INTO ingest_request (id, key, origin, sources) VALUES ($1, $2, $3, $4)
         ON CONFLICT (key) DO NOTHING",
    )
    .bind(request.id)
    .bind(request.key.as_deref().map(without_nul))
    .bind(text_of(&request.origin))
    .bind(&request.sources)
    .execute(&mut *connection)
    .await?;
    if written.rows_affected() > 0 {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT id FROM ingest_request WHERE key = $1")
        .bind(&request.key)
        .fetch_optional(connection)
        .await
}
