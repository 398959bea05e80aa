//! Runs over sources: their rows, and which of them never ended.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::store::without_nul;
use super::{DocumentOutcome, Ledger, LedgerError, SourceRow};

/// How a run over a source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RunOutcome {
    /// Not finished; long after its start: the process was killed.
    Running,
    Done,
    DoneWithFailures,
    Failed,
    /// Of a run as a whole: it was stopped, and the next one completes it.
    Interrupted,
}

/// A document that a run could not index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProblem {
    pub path: String,
    pub outcome: DocumentOutcome,
    pub reason: String,
}

/// What a run did with a source.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct RunReport {
    pub outcome: RunOutcome,
    pub indexed: i64,
    pub unchanged: i64,
    pub removed: i64,
    pub skipped: i64,
    pub failed: i64,
    /// Gone from the source and not removed, because that looks like a fault.
    pub held_back: i64,
    /// Documents that a model tidied.
    pub cleaned: i64,
    /// Documents with a part whose tidied text did not pass the check.
    pub clean_refused: i64,
    /// Documents that the model could not be asked about.
    pub clean_failed: i64,
    pub chunks_embedded: i64,
    pub chunks_reused: i64,
    pub tokens: i64,
    /// US dollars; `None`: no price is configured for the model.
    pub cost: Option<Decimal>,
    /// The first of them.
    #[sqlx(json)]
    pub problems: Vec<RunProblem>,
}

/// A row of `ingest_run`.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct RunRow {
    pub id: Uuid,
    pub source: String,
    pub collection: String,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    #[sqlx(flatten)]
    pub report: RunReport,
}

impl Ledger {
    /// Notes that a run over a source begins.
    pub async fn start_run(
        &self,
        run_id: Uuid,
        collection: &str,
        source: &SourceRow,
    ) -> Result<(), LedgerError> {
        self.transaction(async |connection| {
            sqlx::query(
                "INSERT INTO source (name, kind, location, first_run_at, last_run_at)
                 VALUES ($1, $2, $3, now(), now())
                 ON CONFLICT (name) DO UPDATE SET kind = excluded.kind,
                     location = excluded.location, last_run_at = excluded.last_run_at",
            )
            .bind(&source.name)
            .bind(&source.kind)
            .bind(without_nul(&source.location))
            .execute(&mut *connection)
            .await?;
            sqlx::query(
                "INSERT INTO ingest_run (id, source, collection, started_at)
                 VALUES ($1, $2, $3, now())
                 ON CONFLICT (id, source) DO UPDATE SET started_at = excluded.started_at,
                     finished_at = NULL, outcome = 'running'",
            )
            .bind(run_id)
            .bind(&source.name)
            .bind(collection)
            .execute(connection)
            .await?;
            Ok(())
        })
        .await
    }

    /// Notes how a run over a source ended.
    pub async fn finish_run(
        &self,
        run_id: Uuid,
        source: &str,
        report: &RunReport,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        let problems: Vec<RunProblem> = report
            .problems
            .iter()
            .map(|problem| RunProblem {
                path: without_nul(&problem.path),
                reason: without_nul(&problem.reason),
                outcome: problem.outcome,
            })
            .collect();
        sqlx::query(
            "UPDATE ingest_run SET finished_at = now(), outcome = $3, indexed = $4, unchanged = $5,
                 removed = $6, skipped = $7, failed = $8, chunks_embedded = $9, chunks_reused = $10,
                 tokens = $11, cost = $12, problems = $13, held_back = $14,
                 cleaned = $15, clean_refused = $16, clean_failed = $17
              WHERE id = $1 AND source = $2",
        )
        .bind(run_id)
        .bind(source)
        .bind(report.outcome)
        .bind(report.indexed)
        .bind(report.unchanged)
        .bind(report.removed)
        .bind(report.skipped)
        .bind(report.failed)
        .bind(report.chunks_embedded)
        .bind(report.chunks_reused)
        .bind(report.tokens)
        .bind(report.cost)
        .bind(Json(problems))
        .bind(report.held_back)
        .bind(report.cleaned)
        .bind(report.clean_refused)
        .bind(report.clean_failed)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// The newest runs, newest first; a run over three sources is three rows.
    pub async fn runs(&self, limit: i64) -> Result<Vec<RunRow>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as("SELECT * FROM ingest_run ORDER BY started_at DESC, id, source LIMIT $1")
            .bind(limit)
            .fetch_all(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Whether a run into the collection was begun and never ended: it was killed.
    pub async fn has_interrupted_run(&self, collection: &str) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM ingest_run
                             WHERE collection = $1 AND outcome = 'running')",
        )
        .bind(collection)
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Notes that earlier runs which never ended have failed: a later one has put things right.
    pub async fn close_interrupted_runs(
        &self,
        collection: &str,
        but: Uuid,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "UPDATE ingest_run SET outcome = 'failed'
              WHERE collection = $1 AND outcome = 'running' AND id <> $2",
        )
        .bind(collection)
        .bind(but)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }
}
