//! Curated answers: what people answered themselves. Written directly: whoever answers waits for it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::store::without_nul;
use super::{Ledger, LedgerError};

/// An answer that somebody gave.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CuratedAnswer {
    pub id: Uuid,
    pub question: String,
    /// Markdown.
    pub answer: String,
    /// Who wrote it last, as callers are named.
    pub author: String,
    /// Who answers for it, where that is not the author.
    pub owner: Option<String>,
    pub at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// Who may read it at the most.
    pub groups: Vec<String>,
    /// The documents that it rests on.
    pub evidence: Vec<Uuid>,
    /// The content hash of each as it was then; empty where none was known.
    pub evidence_hashes: Vec<String>,
    /// The answer of docent's that it was written for.
    pub interaction_id: Option<Uuid>,
}

/// What was asked in an interaction, and which documents its answer cited.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Asked {
    pub question: String,
    pub documents: Vec<Uuid>,
}

/// The columns of [`CuratedAnswer`].
macro_rules! select_answers {
    ($rest:literal) => {
        concat!(
            "SELECT id, question, answer, author, owner, at, updated_at, expires_at, groups, evidence,
                    evidence_hashes, interaction_id
               FROM curated_answer WHERE deleted_at IS NULL ",
            $rest
        )
    };
}

impl Ledger {
    /// Writes an answer, or changes one that was not deleted; `false`: it was.
    pub async fn save_answer(&self, answer: &CuratedAnswer) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        let saved = sqlx::query(
            "INSERT INTO curated_answer (id, question, answer, author, owner, at, updated_at, expires_at,
                 groups, evidence, evidence_hashes, interaction_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (id) DO UPDATE SET question = excluded.question, answer = excluded.answer,
                 author = excluded.author, owner = excluded.owner, updated_at = excluded.updated_at,
                 expires_at = excluded.expires_at, groups = excluded.groups,
                 evidence = excluded.evidence, evidence_hashes = excluded.evidence_hashes
             WHERE curated_answer.deleted_at IS NULL",
        )
        .bind(answer.id)
        .bind(without_nul(&answer.question))
        .bind(without_nul(&answer.answer))
        .bind(without_nul(&answer.author))
        .bind(answer.owner.as_deref().map(without_nul))
        .bind(answer.at)
        .bind(answer.updated_at)
        .bind(answer.expires_at)
        .bind(&answer.groups)
        .bind(&answer.evidence)
        .bind(&answer.evidence_hashes)
        .bind(answer.interaction_id)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(saved.rows_affected() == 1)
    }

    /// Deletes an answer with its texts; `false`: there is none.
    pub async fn delete_answer(&self, id: Uuid) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        let deleted = sqlx::query(
            "UPDATE curated_answer SET deleted_at = now(), question = '', answer = '', owner = NULL
              WHERE id = $1 AND deleted_at IS NULL",
        )
        .bind(id)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(deleted.rows_affected() == 1)
    }

    /// One answer, also where it has expired.
    pub async fn answer(&self, id: Uuid) -> Result<Option<CuratedAnswer>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(select_answers!("AND id = $1"))
            .bind(id)
            .fetch_optional(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Answers that one of these groups may read at the most, the newest first, those after `before`.
    pub async fn answers(
        &self,
        groups: &[String],
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<CuratedAnswer>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(select_answers!(
            "AND groups && $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"
        ))
        .bind(groups)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Every answer that has not expired, by id.
    pub async fn standing_answers(&self) -> Result<Vec<CuratedAnswer>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(select_answers!(
            "AND (expires_at IS NULL OR expires_at > now()) ORDER BY id"
        ))
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Whether a run has to do with answers: there are some, or a collection holds documents of theirs.
    pub async fn has_answers(&self, source: &str) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM curated_answer WHERE deleted_at IS NULL)
                 OR EXISTS (SELECT FROM document WHERE source = $1)",
        )
        .bind(source)
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Whether a collection holds one that has expired or was deleted. `source` and path as runs make
    /// them: `ID.md`.
    pub async fn has_spent_answers(
        &self,
        collection: &str,
        source: &str,
    ) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM document d
                             WHERE d.collection = $1 AND d.source = $2 AND NOT EXISTS (
                                 SELECT FROM curated_answer a
                                  WHERE a.id::text || '.md' = d.path AND a.deleted_at IS NULL
                                    AND (a.expires_at IS NULL OR a.expires_at > now())))",
        )
        .bind(collection)
        .bind(source)
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// What a collection's documents say now: the content hash of each that it holds.
    pub async fn content_hashes(
        &self,
        collection: &str,
        documents: &[Uuid],
    ) -> Result<HashMap<Uuid, String>, LedgerError> {
        let pool = self.connection.pool().await?;
        let rows: Vec<(Uuid, String)> = sqlx::query_as(
            "SELECT document_id, content_hash FROM document
              WHERE collection = $1 AND document_id = ANY($2) AND indexed",
        )
        .bind(collection)
        .bind(documents)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(rows.into_iter().collect())
    }

    /// What was asked in an interaction, in words that stand alone, and what its answer cited.
    pub async fn asked(&self, interaction_id: Uuid) -> Result<Option<Asked>, LedgerError> {
        // It may still be queued.
        self.flush().await;
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT i.standalone_question AS question,
                    ARRAY(SELECT DISTINCT document_id FROM passage p
                           WHERE p.interaction_id = i.id AND p.cited_as IS NOT NULL) AS documents
               FROM interaction i WHERE i.id = $1",
        )
        .bind(interaction_id)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Takes the rows of an answer out, and of every one that rests on a document. Answers their ids.
    pub async fn erase_answers(
        &self,
        id: Option<Uuid>,
        document_id: Uuid,
    ) -> Result<Vec<Uuid>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "DELETE FROM curated_answer WHERE id = $1 OR evidence @> ARRAY[$2] RETURNING id",
        )
        .bind(id)
        .bind(document_id)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }
}
