//! Which sources a collection was built from, and which of its runs never ended.

use uuid::Uuid;

use super::{Ledger, LedgerError, SourceRow};

impl Ledger {
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
