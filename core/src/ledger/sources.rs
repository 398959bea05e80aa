//! Sources: which of them a collection was built from.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Ledger, LedgerError, RunOutcome};

/// A source, as a run names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    pub name: String,
    pub kind: String,
    /// The folder of a folder source.
    pub location: String,
}

/// When a source was run last, and how that ended. How many documents the run saw is not told: it saw
/// those as well that a reader may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct LastRun {
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub outcome: RunOutcome,
}

#[derive(sqlx::FromRow)]
struct LastRunRow {
    source: String,
    kind: String,
    #[sqlx(flatten)]
    run: LastRun,
}

impl Ledger {
    /// Kind and last run of each of these sources; what was never run is missing.
    pub async fn last_runs_of(
        &self,
        sources: &[String],
    ) -> Result<HashMap<String, (String, LastRun)>, LedgerError> {
        let pool = self.connection.pool().await?;
        let rows: Vec<LastRunRow> = sqlx::query_as(
            "SELECT DISTINCT ON (r.source) r.source, s.kind, r.started_at, r.finished_at, r.outcome
               FROM ingest_run r JOIN source s ON s.name = r.source
              WHERE r.source = ANY($1)
              ORDER BY r.source, r.started_at DESC",
        )
        .bind(sources)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        let runs = rows
            .into_iter()
            .map(|row| (row.source, (row.kind, row.run)));
        Ok(runs.collect())
    }

    /// The sources that a collection holds documents of, by name.
    pub async fn sources(&self, collection: &str) -> Result<Vec<SourceRow>, LedgerError> {
        let pool = self.connection.pool().await?;
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT name, kind, location FROM source s
              WHERE EXISTS (SELECT 1 FROM document d
                             WHERE d.collection = $1 AND d.source = s.name)
              ORDER BY name",
        )
        .bind(collection)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(rows
            .into_iter()
            .map(|(name, kind, location)| SourceRow {
                name,
                kind,
                location,
            })
            .collect())
    }
}
