//! The page of ingest: runs, sources, documents that failed, and those that are old and cited.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::{Ledger, LedgerError, RunProblem};
use super::Filter;

/// What a run did with a source.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Run {
    pub id: Uuid,
    pub source: String,
    pub origin: Option<String>,
    pub started_at: DateTime<Utc>,
    pub seconds: Option<f64>,
    pub outcome: String,
    pub indexed: i64,
    pub unchanged: i64,
    pub removed: i64,
    pub held_back: i64,
    pub skipped: i64,
    pub failed: i64,
    pub tokens: i64,
    pub cost: Option<Decimal>,
    #[sqlx(json)]
    pub problems: Vec<RunProblem>,
}

/// Runs of a day by how they ended, and what they did with documents.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DayRuns {
    pub day: NaiveDate,
    pub done: i64,
    pub with_failures: i64,
    pub failed_runs: i64,
    pub indexed: i64,
    pub removed: i64,
    pub skipped: i64,
    pub failed: i64,
}

/// A source that was ever ingested.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SourceState {
    pub source: String,
    pub kind: String,
    pub last_run_at: DateTime<Utc>,
    pub last_good_at: Option<DateTime<Utc>>,
    pub last_outcome: Option<String>,
    pub documents: i64,
    pub failed_documents: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FailedDocument {
    pub source: String,
    pub path: String,
    pub outcome: String,
    pub reason: String,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OldDocument {
    pub source: String,
    pub asset: String,
    pub path: String,
    pub title: String,
    pub owner: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
    pub fresh_at: Option<DateTime<Utc>>,
    pub citations: i64,
}

impl Ledger {
    /// The newest runs of a filter's days and source, at most 200.
    pub async fn runs_within(&self, filter: &Filter) -> Result<Vec<Run>, LedgerError> {
        let sql =
            "SELECT id, source, origin, started_at, seconds, outcome, indexed, unchanged, removed,
                          held_back, skipped, failed, tokens, cost, problems
                     FROM report_ingest
                    WHERE started_at >= $1 AND started_at < $2 AND ($4 = '' OR source = $4)
                    ORDER BY started_at DESC, source LIMIT 200";
        self.by_moment(filter, sql).await
    }

    pub async fn runs_by_day(&self, filter: &Filter) -> Result<Vec<DayRuns>, LedgerError> {
        let sql = "SELECT (started_at AT TIME ZONE 'UTC')::date AS day,
                          count(*) FILTER (WHERE outcome = 'done') AS done,
                          count(*) FILTER (WHERE outcome = 'done_with_failures') AS with_failures,
                          count(*) FILTER (WHERE outcome = 'failed') AS failed_runs,
                          sum(indexed)::bigint AS indexed, sum(removed)::bigint AS removed,
                          sum(skipped)::bigint AS skipped, sum(failed)::bigint AS failed
                     FROM report_ingest
                    WHERE started_at >= $1 AND started_at < $2 AND ($4 = '' OR source = $4)
                    GROUP BY 1 ORDER BY 1";
        self.by_moment(filter, sql).await
    }

    pub async fn source_states(&self) -> Result<Vec<SourceState>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT source, kind, last_run_at, last_good_at, last_outcome, documents, failed_documents
               FROM report_sources ORDER BY source",
        );
        self.connection.all(query).await
    }

    /// Documents of the live collection whose last attempt failed, or that were left out.
    pub async fn failed_documents(
        &self,
        filter: &Filter,
    ) -> Result<Vec<FailedDocument>, LedgerError> {
        let sql = "SELECT d.source, d.path, d.outcome, coalesce(d.reason, '') AS reason, d.updated_at AS at
                     FROM document d JOIN collection c ON c.name = d.collection AND c.live
                    WHERE d.outcome IN ('failed', 'skipped') AND ($4 = '' OR d.source = $4)
                    ORDER BY d.outcome, d.updated_at DESC, d.source, d.path LIMIT 200";
        self.by_moment(filter, sql).await
    }

    /// Documents that answers of the last 90 days cited and that were last changed before a moment, or
    /// describe data from before it; those cited most first.
    pub async fn old_documents(
        &self,
        filter: &Filter,
        before: DateTime<Utc>,
    ) -> Result<Vec<OldDocument>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT source, asset, path, title, owner, updated_at, fresh_at, citations
               FROM report_old_documents
              WHERE (updated_at < $3 OR fresh_at < $3) AND ($1 = '' OR source = $1)
                AND ($2 = '' OR asset = $2)
              ORDER BY citations DESC, source, path LIMIT 50",
        )
        .bind(&filter.source)
        .bind(&filter.asset)
        .bind(before);
        self.connection.all(query).await
    }
}
