//! What an ingest run reads and commits: collections and documents.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::store::{text_of, without_nul};
use super::terms::{TermDeltas, add_terms};
use super::{Ledger, LedgerError};
use crate::document::Outcome;

/// A collection of the index, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct CollectionRow {
    pub name: String,
    /// Fingerprint of the embedding space.
    pub embedding: String,
    /// Fingerprint of the layout.
    pub layout: String,
    pub dimensions: i32,
    /// Kept in the index as well; when they differ, the next run compares everything.
    pub generation: Uuid,
    /// The average chunk length, in terms, of the BM25 weights in the index.
    pub average_length: f64,
    pub live: bool,
}

/// How the last run that touched a document left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DocumentOutcome {
    Indexed,
    Unchanged,
    Removed,
    Skipped,
    Failed,
}

/// What a collection holds of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct DocumentRow {
    pub document_id: Uuid,
    /// Relative to the source's root.
    pub path: String,
    pub source: String,
    /// Of the bytes as they were read.
    pub raw_hash: String,
    /// Of the cleaned text.
    pub content_hash: String,
    pub metadata_hash: String,
    pub title: String,
    pub chunks: i32,
    /// Terms of all its chunks together.
    pub lexical_length: i64,
    /// Whether the collection holds its points.
    pub indexed: bool,
    pub outcome: DocumentOutcome,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
}

/// What one commit of a run changes.
#[derive(Debug, Clone, Default)]
pub struct DocumentBatch {
    /// New or changed documents, whole rows.
    pub upserted: Vec<DocumentRow>,
    pub removed: Vec<Uuid>,
    /// Only outcome and reason are written, where there is a row already: hashes and counts keep
    /// describing what the index still holds. Where there is none, the whole row is.
    pub outcomes: Vec<DocumentRow>,
    pub terms: TermDeltas,
}

/// An outcome and its reason as the columns hold them.
pub fn outcome_text(outcome: &Outcome) -> (DocumentOutcome, Option<&str>) {
    match outcome {
        Outcome::Indexed => (DocumentOutcome::Indexed, None),
        Outcome::Unchanged => (DocumentOutcome::Unchanged, None),
        Outcome::Removed => (DocumentOutcome::Removed, None),
        Outcome::Skipped(reason) => (DocumentOutcome::Skipped, Some(reason)),
        Outcome::Failed(reason) => (DocumentOutcome::Failed, Some(reason)),
    }
}

impl Ledger {
    /// Every collection, oldest first.
    pub async fn collections(&self) -> Result<Vec<CollectionRow>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as("SELECT * FROM collection ORDER BY created_at, name")
            .fetch_all(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Writes a collection's row, or changes it.
    pub async fn save_collection(&self, row: &CollectionRow) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "INSERT INTO collection (name, embedding, layout, dimensions, generation, average_length, live)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (name) DO UPDATE SET embedding = excluded.embedding, layout = excluded.layout,
                 dimensions = excluded.dimensions, generation = excluded.generation,
                 average_length = excluded.average_length, live = excluded.live",
        )
        .bind(&row.name)
        .bind(&row.embedding)
        .bind(&row.layout)
        .bind(row.dimensions)
        .bind(row.generation)
        .bind(row.average_length)
        .bind(row.live)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Forgets a collection with its documents and terms.
    pub async fn delete_collection(&self, name: &str) -> Result<(), LedgerError> {
        self.transaction(async |connection| {
            for statement in [
                "DELETE FROM document WHERE collection = $1",
                "DELETE FROM term WHERE collection = $1",
                "DELETE FROM collection WHERE name = $1",
            ] {
                sqlx::query(statement)
                    .bind(name)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
        .await
    }

    /// What a collection holds of a source, by path.
    pub async fn documents(
        &self,
        collection: &str,
        source: &str,
    ) -> Result<HashMap<String, DocumentRow>, LedgerError> {
        let pool = self.connection.pool().await?;
        let rows: Vec<DocumentRow> =
            sqlx::query_as("SELECT * FROM document WHERE collection = $1 AND source = $2")
                .bind(collection)
                .bind(source)
                .fetch_all(pool)
                .await
                .map_err(|error| self.connection.failed(&error))?;
        Ok(rows
            .into_iter()
            .map(|row| (row.path.clone(), row))
            .collect())
    }

    /// What a collection holds of a document.
    pub async fn document_of(
        &self,
        collection: &str,
        document_id: Uuid,
    ) -> Result<Option<DocumentRow>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as("SELECT * FROM document WHERE collection = $1 AND document_id = $2")
            .bind(collection)
            .bind(document_id)
            .fetch_optional(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Commits a part of a run: all of the batch or none of it.
    pub async fn commit_documents(
        &self,
        collection: &str,
        run_id: Uuid,
        batch: &DocumentBatch,
    ) -> Result<(), LedgerError> {
        self.transaction(async |connection| {
            write_documents(connection, collection, run_id, &batch.upserted, true).await?;
            write_documents(connection, collection, run_id, &batch.outcomes, false).await?;
            if !batch.removed.is_empty() {
                sqlx::query("DELETE FROM document WHERE collection = $1 AND document_id = ANY($2)")
                    .bind(collection)
                    .bind(&batch.removed)
                    .execute(&mut *connection)
                    .await?;
            }
            add_terms(connection, collection, &batch.terms).await
        })
        .await
    }

    /// Forgets what a collection holds of a source. Its terms are the caller's to take back.
    pub async fn forget_source(&self, collection: &str, source: &str) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("DELETE FROM document WHERE collection = $1 AND source = $2")
            .bind(collection)
            .bind(source)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Runs some statements in one transaction.
    pub(super) async fn transaction<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, LedgerError> {
        let pool = self.connection.pool().await?;
        let done = async {
            let mut transaction = pool.begin().await?;
            let done = work(&mut transaction).await?;
            transaction.commit().await?;
            Ok(done)
        };
        done.await
            .map_err(|error: sqlx::Error| self.connection.failed(&error))
    }
}

/// Inserts rows; of those that are there already, changes all columns or only the outcome.
async fn write_documents(
    connection: &mut PgConnection,
    collection: &str,
    run_id: Uuid,
    rows: &[DocumentRow],
    whole: bool,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let texts = |of: fn(&DocumentRow) -> &str| -> Vec<String> {
        rows.iter().map(|row| without_nul(of(row))).collect()
    };
    sqlx::query(
        "INSERT INTO document AS held (collection, run_id, document_id, path, source, raw_hash,
             content_hash, metadata_hash, title, chunks, lexical_length, indexed, outcome, reason)
         SELECT $1, $2, given.* FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
             $8::text[], $9::text[], $10::int[], $11::bigint[], $12::bool[], $13::text[], $14::text[]) AS given
         ON CONFLICT (collection, source, document_id) DO UPDATE SET
             path = excluded.path, outcome = excluded.outcome, reason = excluded.reason,
             run_id = excluded.run_id, updated_at = now(),
             raw_hash = CASE WHEN $15 THEN excluded.raw_hash ELSE held.raw_hash END,
             content_hash = CASE WHEN $15 THEN excluded.content_hash ELSE held.content_hash END,
             metadata_hash = CASE WHEN $15 THEN excluded.metadata_hash ELSE held.metadata_hash END,
             title = CASE WHEN $15 THEN excluded.title ELSE held.title END,
             chunks = CASE WHEN $15 THEN excluded.chunks ELSE held.chunks END,
             lexical_length = CASE WHEN $15 THEN excluded.lexical_length ELSE held.lexical_length END,
             indexed = CASE WHEN $15 THEN excluded.indexed ELSE held.indexed END",
    )
    .bind(collection)
    .bind(run_id)
    .bind(rows.iter().map(|row| row.document_id).collect::<Vec<_>>())
    .bind(texts(|row| &row.path))
    .bind(texts(|row| &row.source))
    .bind(texts(|row| &row.raw_hash))
    .bind(texts(|row| &row.content_hash))
    .bind(texts(|row| &row.metadata_hash))
    .bind(texts(|row| &row.title))
    .bind(rows.iter().map(|row| row.chunks).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.lexical_length).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.indexed).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| text_of(&row.outcome)).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.reason.as_deref().map(without_nul)).collect::<Vec<_>>())
    .bind(whole)
    .execute(connection)
    .await?;
    Ok(())
}
