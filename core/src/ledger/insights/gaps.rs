//! The page of gaps, and asking them again.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::super::{Ledger, LedgerError};
use super::{Filter, months, of_filter};

/// A question, in the words it was asked with, that had no good answer.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Gap {
    pub question_key: Uuid,
    /// How often the documents did not answer it.
    pub abstained: i64,
    /// How often an answer to it was rated down.
    pub disliked: i64,
    /// Whoever asked, by numbers that stand for them.
    pub people: Vec<i64>,
    pub last_at: DateTime<Utc>,
    /// The newest of them, wherever it was asked.
    pub interaction_id: Uuid,
    pub question: String,
    pub embedding: Option<Vec<f32>>,
    pub source: Option<String>,
    pub asset: Option<String>,
    pub owner: Option<String>,
    /// When docent asked it again last.
    pub asked_again_at: Option<DateTime<Utc>>,
    /// When it was answered then; `None`: it is open.
    pub closed_at: Option<DateTime<Utc>>,
    /// The run after which it was.
    pub closed_run: Option<Uuid>,
}

/// A gap to ask again.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OpenGap {
    pub question_key: Uuid,
    pub question: String,
    /// Whether it had an answer, which somebody disliked: then another answer alone closes nothing.
    pub was_answered: bool,
}

/// What came of asking a gap again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AskedAgain {
    pub question_key: Uuid,
    /// The run whose documents may answer it.
    pub run_id: Uuid,
    /// The question as docent asked it.
    pub interaction_id: Uuid,
    pub answered: bool,
    /// As [`OpenGap::was_answered`].
    pub was_answered: bool,
}

impl Ledger {
    /// The questions of a filter that had no good answer, at most `limit`, those first that reached
    /// most people.
    pub async fn gaps(&self, filter: &Filter, limit: i64) -> Result<Vec<Gap>, LedgerError> {
        let query = sqlx::query_as(concat!(
            "WITH trouble AS (
                 SELECT question_key, person, abstained, disliked, last_at FROM gap_month
                  WHERE ", months!(), " AND ", of_filter!(), "
                 UNION ALL
                 SELECT t.question_key, t.person, t.abstained, t.disliked, t.at
                   FROM other_spans($1, $2) AS o
                  CROSS JOIN LATERAL troubles(day_begins(o.begins), day_begins(o.ends)) AS t
                  WHERE ", of_filter!(), "),
             asked AS (
                 SELECT * FROM (
                     SELECT question_key, sum(abstained)::bigint AS abstained,
                            sum(disliked)::bigint AS disliked, max(last_at) AS last_at,
                            array_agg(DISTINCT person) AS people
                       FROM trouble GROUP BY 1) AS each
                  ORDER BY cardinality(people) DESC, last_at DESC, 1 LIMIT $6),
             closed AS (
                 SELECT g.question_key, g.asked_again_at,
                        CASE WHEN g.closed_at IS NOT NULL AND NOT EXISTS (
                             SELECT FROM interaction x
                              WHERE x.question_key = g.question_key AND x.origin = 'person'
                                AND x.at > g.closed_at AND (x.outcome = 'abstained' OR EXISTS (
                                    SELECT FROM feedback f WHERE f.interaction_id = x.id AND f.rating = 'down')))
                             THEN g.closed_at END AS closed_at, g.closed_run
                   FROM gap g)
             SELECT a.question_key, a.abstained, a.disliked, a.people, a.last_at, n.id AS interaction_id,
                    n.standalone_question AS question, n.question_embedding AS embedding,
                    n.source, n.asset, n.owner, g.asked_again_at, g.closed_at,
                    CASE WHEN g.closed_at IS NOT NULL THEN g.closed_run END AS closed_run
               FROM asked a
              CROSS JOIN LATERAL (
                    SELECT * FROM interaction n
                     WHERE n.question_key = a.question_key AND n.origin = 'person' AND n.at = a.last_at
                       AND (n.outcome = 'abstained' OR EXISTS (
                            SELECT FROM feedback f WHERE f.interaction_id = n.id AND f.rating = 'down'))
                     ORDER BY n.id DESC LIMIT 1) AS n
               LEFT JOIN closed g ON g.question_key = a.question_key
              ORDER BY cardinality(a.people) DESC, a.last_at DESC, a.question_key"
        ))
        .bind(filter.from)
        .bind(filter.until)
        .bind(&filter.channel)
        .bind(&filter.source)
        .bind(&filter.asset)
        .bind(limit);
        self.connection.all(query).await
    }

    /// Gaps of the last `days` that are open and were not asked again since a run, those first of which
    /// somebody wants to be told, then those that reached most people; `limit` of them after each run.
    pub async fn gaps_to_ask_again(
        &self,
        run_id: Uuid,
        days: i32,
        limit: i64,
    ) -> Result<Vec<OpenGap>, LedgerError> {
        let query = sqlx::query_as(
            "WITH trouble AS (
                 SELECT question_key, max(at) AS last_at, count(DISTINCT caller) AS people,
                        (array_agg(outcome = 'answered' ORDER BY at DESC))[1] AS was_answered
                   FROM (SELECT question_key, at, caller, outcome FROM interaction i
                          WHERE origin = 'person' AND outcome = 'abstained'
                            AND at > now() - make_interval(days => $2)
                         UNION ALL
                         SELECT question_key, i.at, i.caller, outcome
                           FROM feedback f JOIN interaction i ON i.id = f.interaction_id
                          WHERE f.rating = 'down' AND i.origin = 'person' AND i.outcome <> 'abstained'
                            AND i.at > now() - make_interval(days => $2)) AS each
                  GROUP BY 1)
             SELECT t.question_key, n.standalone_question AS question, t.was_answered
               FROM trouble t LEFT JOIN gap g USING (question_key)
              CROSS JOIN LATERAL (SELECT standalone_question FROM interaction n
                                   WHERE n.question_key = t.question_key AND n.origin = 'person'
                                   ORDER BY n.at DESC LIMIT 1) AS n
              WHERE (g.question_key IS NULL OR (g.asked_again_run <> $1
                     AND (g.closed_at IS NULL OR g.closed_at < t.last_at)))
              -- Somebody waits for those first.
              ORDER BY EXISTS (SELECT FROM gap_asker w WHERE w.question_key = t.question_key
                                  AND w.wanted AND w.told_at IS NULL) DESC,
                       t.people DESC, t.last_at DESC, 1
              LIMIT $3 - (SELECT count(*) FROM gap WHERE asked_again_run = $1)",
        )
        .bind(run_id)
        .bind(days)
        .bind(limit);
        self.connection.all(query).await
    }

    /// Notes what came of it, and answers whether the gap is closed. One whose answer somebody disliked
    /// is closed only where the new answer cites a document that the run has changed.
    pub async fn note_asked_again(&self, asked: &AskedAgain) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "WITH closing AS (
                 SELECT $4 AND (NOT $5 OR EXISTS (
                        SELECT FROM passage p JOIN document d USING (document_id)
                          JOIN collection c ON c.name = d.collection AND c.live
                         WHERE p.interaction_id = $3 AND p.cited_as IS NOT NULL
                           AND d.run_id = $2 AND d.outcome = 'indexed')) AS closes)
             INSERT INTO gap AS g (question_key, asked_again_at, asked_again_run, times, closed_at, closed_run)
             SELECT $1, now(), $2, 1, CASE WHEN closes THEN now() END, CASE WHEN closes THEN $2 END FROM closing
             ON CONFLICT (question_key) DO UPDATE
             SET asked_again_at = excluded.asked_again_at, asked_again_run = excluded.asked_again_run,
                 times = g.times + 1, closed_at = excluded.closed_at, closed_run = excluded.closed_run,
                 told_at = NULL
             RETURNING closed_at IS NOT NULL",
        )
        .bind(asked.question_key)
        .bind(asked.run_id)
        .bind(asked.interaction_id)
        .bind(asked.answered)
        .bind(asked.was_answered)
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// The newest run that changed the index and has ended.
    pub async fn newest_change(&self) -> Result<Option<Uuid>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "SELECT id FROM ingest_run
              WHERE finished_at IS NOT NULL AND indexed + removed > 0
              ORDER BY finished_at DESC LIMIT 1",
        )
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Drops what is known of gaps whose questions are gone.
    pub async fn forget_gaps(&self) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "DELETE FROM gap g WHERE NOT EXISTS (
                 SELECT FROM interaction i WHERE i.question_key = g.question_key AND i.origin = 'person')",
        )
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }
}
