//! Purging: a document's traces in the ledger, and the list of what must not come back.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Ledger, LedgerError};

/// What stands in place of an answer that quoted a purged document.
pub const PURGED_ANSWER: &str = "(This answer cited a document that was purged since.)";

/// A document that the ledger knows of: from a collection, or only from answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::FromRow)]
pub struct KnownDocument {
    pub document_id: Uuid,
    pub source: String,
    pub path: String,
}

/// A document that runs leave out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct PurgedDocument {
    pub document_id: Uuid,
    pub source: String,
    pub path: String,
    pub purged_at: DateTime<Utc>,
}

/// What was removed of a document's traces in conversations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgedTraces {
    /// Passages with their quotes.
    pub passages: u64,
    /// Answers that cited it.
    pub answers: u64,
}

impl Ledger {
    /// Every document that is known from a collection or from an answer, by source and path.
    pub async fn known_documents(&self) -> Result<Vec<KnownDocument>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT document_id, source, path FROM document
             UNION SELECT document_id, source, path FROM passage
             ORDER BY source, path, document_id",
        )
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Writes down that a document must not come back. From here on nothing of it is recorded.
    pub async fn mark_purged(&self, document: &KnownDocument) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "INSERT INTO purged (document_id, source, path) VALUES ($1, $2, $3)
             ON CONFLICT (document_id) DO UPDATE SET purged_at = now()",
        )
        .bind(document.document_id)
        .bind(&document.source)
        .bind(&document.path)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Lets a document come back; answers whether it was purged.
    pub async fn allow_purged(&self, document_id: Uuid) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        let gone = sqlx::query("DELETE FROM purged WHERE document_id = $1")
            .bind(document_id)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(gone.rows_affected() > 0)
    }

    /// What was purged, the newest first.
    pub async fn purged(&self) -> Result<Vec<PurgedDocument>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as("SELECT * FROM purged ORDER BY purged_at DESC, document_id")
            .fetch_all(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// The ids of a source's purged documents.
    pub async fn purged_of(&self, source: &str) -> Result<HashSet<Uuid>, LedgerError> {
        let pool = self.connection.pool().await?;
        let ids: Vec<Uuid> = sqlx::query_scalar("SELECT document_id FROM purged WHERE source = $1")
            .bind(source)
            .fetch_all(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(ids.into_iter().collect())
    }

    /// Takes what is recorded of purged documents out of all conversations.
    pub async fn sweep_purged(&self) -> Result<PurgedTraces, LedgerError> {
        let pool = self.connection.pool().await?;
        let swept = async {
            let mut transaction = pool.begin().await?;
            let traces = sweep(&mut transaction, None).await?;
            sweep_alerts(&mut transaction).await?;
            transaction.commit().await?;
            Ok(traces)
        };
        swept
            .await
            .map_err(|error: sqlx::Error| self.connection.failed(&error))
    }
}

/// Takes what is recorded of purged documents out of conversations: passages and quotes, the text of
/// answers that cited them, and what readers wrote of these. `of`: these interactions only, which were just recorded.
pub(super) async fn sweep(
    connection: &mut PgConnection,
    of: Option<&[Uuid]>,
) -> Result<PurgedTraces, sqlx::Error> {
    let answers = sqlx::query(
        "UPDATE interaction SET answer = $1
          WHERE answer <> $1 AND ($2::uuid[] IS NULL OR id = ANY($2))
            AND EXISTS (SELECT 1 FROM passage JOIN purged USING (document_id)
                         WHERE passage.interaction_id = interaction.id
                           AND passage.cited_as IS NOT NULL)",
    )
    .bind(PURGED_ANSWER)
    .bind(of)
    .execute(&mut *connection)
    .await?;
    // Readers quote in their comments what they have read.
    sqlx::query(
        "UPDATE feedback SET comment = NULL
          WHERE comment IS NOT NULL AND ($1::uuid[] IS NULL OR interaction_id = ANY($1))
            AND EXISTS (SELECT 1 FROM passage JOIN purged USING (document_id)
                         WHERE passage.interaction_id = feedback.interaction_id
                           AND passage.cited_as IS NOT NULL)",
    )
    .bind(of)
    .execute(&mut *connection)
    .await?;
    // What was summed of documents on these days counts no longer.
    sqlx::query(
        "SELECT open_days(ARRAY(
             SELECT DISTINCT (i.at AT TIME ZONE 'UTC')::date
               FROM interaction i JOIN passage p ON p.interaction_id = i.id
               JOIN purged ON purged.document_id = p.document_id
              WHERE $1::uuid[] IS NULL OR i.id = ANY($1)))",
    )
    .bind(of)
    .execute(&mut *connection)
    .await?;
    if of.is_none() {
        sqlx::query(
            "DELETE FROM cited_document c USING purged WHERE c.document_id = purged.document_id",
        )
        .execute(&mut *connection)
        .await?;
    }
    let passages = sqlx::query(
        "DELETE FROM passage USING purged
          WHERE passage.document_id = purged.document_id
            AND ($1::uuid[] IS NULL OR passage.interaction_id = ANY($1))",
    )
    .bind(of)
    .execute(connection)
    .await?;
    Ok(PurgedTraces {
        passages: passages.rows_affected(),
        answers: answers.rows_affected(),
    })
}

/// Takes alerts away that name purged documents, and what waits to be sent of them.
async fn sweep_alerts(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH gone AS (
             DELETE FROM alert WHERE EXISTS (
                 SELECT 1 FROM purged WHERE document_id = ANY(alert.documents))
             RETURNING id)
         UPDATE notice SET state = 'failed', content = NULL, error = 'it named a purged document'
          WHERE state = 'waiting' AND alerts && (SELECT coalesce(array_agg(id), '{}') FROM gone)",
    )
    .execute(connection)
    .await?;
    Ok(())
}
