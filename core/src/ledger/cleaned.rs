//! What a chat model tidied, so that no run pays for it again.

use uuid::Uuid;

use super::store::without_nul;
use super::{Ledger, LedgerError};

/// A part of a document as a chat model tidied it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanedPart {
    /// Hash of the part, its title, the prompt and the model.
    pub key: String,
    pub document_id: Uuid,
    /// Why it did not pass the check, where it did not.
    pub result: Result<String, String>,
    pub run_id: Uuid,
}

impl Ledger {
    /// What became of a part, where it was tidied before.
    pub async fn cleaned(&self, key: &str) -> Result<Option<Result<String, String>>, LedgerError> {
        let pool = self.connection.pool().await?;
        let row: Option<(Option<String>, Option<String>)> =
            sqlx::query_as("SELECT result, reason FROM cleaned WHERE key = $1")
                .bind(key)
                .fetch_optional(pool)
                .await
                .map_err(|error| self.connection.failed(&error))?;
        Ok(row.map(|(result, reason)| result.ok_or_else(|| reason.unwrap_or_default())))
    }

    /// Keeps what became of a part.
    pub async fn keep_cleaned(&self, part: &CleanedPart) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        let (result, reason) = match &part.result {
            Ok(text) => (Some(without_nul(text)), None),
            Err(reason) => (None, Some(without_nul(reason))),
        };
        sqlx::query(
            "INSERT INTO cleaned (key, document_id, result, reason, run_id)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING",
        )
        .bind(&part.key)
        .bind(part.document_id)
        .bind(result)
        .bind(reason)
        .bind(part.run_id)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Forgets what was tidied of a document.
    pub async fn forget_cleaned(&self, document_id: Uuid) -> Result<u64, LedgerError> {
        let pool = self.connection.pool().await?;
        let gone = sqlx::query("DELETE FROM cleaned WHERE document_id = $1")
            .bind(document_id)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(gone.rows_affected())
    }
}
