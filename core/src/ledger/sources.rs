//! Sources: which of them a collection was built from.

use super::{Ledger, LedgerError};

/// A source, as a run names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    pub name: String,
    pub kind: String,
    /// The folder of a folder source.
    pub location: String,
}

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
}
