//! What an ingest run reads and commits: collections, documents, terms, and the run itself.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
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
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
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

/// A source, as a run names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    pub name: String,
    pub kind: String,
    /// The folder of a folder source.
    pub location: String,
}

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

    /// Writes a collection's terms anew, as after a rebuild.
    pub async fn replace_terms(
        &self,
        collection: &str,
        terms: &TermDeltas,
    ) -> Result<(), LedgerError> {
        self.transaction(async |connection| {
            sqlx::query("DELETE FROM term WHERE collection = $1")
                .bind(collection)
                .execute(&mut *connection)
                .await?;
            add_terms(connection, collection, terms).await
        })
        .await
    }

    /// How many chunks hold each term, whoever may read them.
    pub async fn term_frequencies(
        &self,
        collection: &str,
    ) -> Result<Vec<(String, i64)>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT term, sum(frequency)::bigint FROM term WHERE collection = $1 GROUP BY term",
        )
        .bind(collection)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Chunks in a collection, and terms in all of them: their quotient is the average length.
    pub async fn lexical_totals(&self, collection: &str) -> Result<(i64, i64), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT coalesce(sum(chunks), 0)::bigint, coalesce(sum(lexical_length), 0)::bigint
               FROM document WHERE collection = $1 AND indexed",
        )
        .bind(collection)
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

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
                 VALUES ($1, $2, $3, now()) ON CONFLICT DO NOTHING",
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
                 tokens = $11, cost = $12, problems = $13
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
    async fn transaction(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<(), sqlx::Error>,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        let done = async {
            let mut transaction = pool.begin().await?;
            work(&mut transaction).await?;
            transaction.commit().await
        };
        done.await.map_err(|error| self.connection.failed(&error))
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
