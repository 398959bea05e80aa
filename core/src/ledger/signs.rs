//! What alerts are made from: figures of the ledger as they stood at a moment. Every query takes that
//! moment, so that a past year can be watched as if it were now.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Ledger, LedgerError};

/// Runs of a source that are looked at.
const RUNS: i64 = 12;
/// Documents that are looked at for one rule.
const DOCUMENTS: i64 = 500;

/// Where a source is.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct RunState {
    pub source: String,
    /// Its last runs, the newest first: when they began.
    pub started: Vec<DateTime<Utc>>,
    /// Of the newest: `running` where it has not ended.
    pub outcome: String,
    /// It has not ended, and nobody holds a lease for it.
    pub is_dead: bool,
    /// Documents that it knew, and those of them that failed.
    pub documents: i64,
    pub failed: i64,
    pub held_back: i64,
    /// What went wrong first: of the source as a whole, if there is that.
    pub reason: Option<String>,
    /// When the first run failed after the last one that did not.
    pub failing_since: Option<DateTime<Utc>>,
}

/// [`DayCount`] of the questions about one data product.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AssetCount {
    pub asset: String,
    /// Who owned the nearest document last.
    pub owner: Option<String>,
    #[sqlx(flatten)]
    pub day: DayCount,
}

/// Questions of one day, counted back from a moment: 0 is the last 24 hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct DayCount {
    pub days_ago: i32,
    /// Of people, not cancelled.
    pub questions: i64,
    pub abstained: i64,
    pub failed: i64,
}

/// What readers think of the answers that cite a document.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct RatedDocument {
    pub document_id: Uuid,
    pub source: String,
    pub title: String,
    pub path: String,
    /// As it was last cited.
    pub owner: Option<String>,
    /// Different readers.
    pub recent_down: i64,
    pub recent_up: i64,
    pub past_down: i64,
    pub past_up: i64,
    pub first_down: DateTime<Utc>,
}

/// A document that answers cited.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct CitedDocument {
    pub document_id: Uuid,
    pub source: String,
    pub title: String,
    pub path: String,
    /// As it was last cited.
    pub owner: Option<String>,
    pub citations: i64,
}

/// How calls of a model went in the last day.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ModelState {
    pub model: String,
    /// Failed calls since the last one that went well, and when the first and last of them were.
    pub trailing: i64,
    pub failing_since: Option<DateTime<Utc>>,
    pub latest: Option<DateTime<Utc>>,
    /// Of the window that was asked for.
    pub calls: i64,
    pub failures: i64,
    /// The most frequent outcome of those that failed.
    pub how: Option<String>,
    pub purposes: Vec<String>,
}

impl Ledger {
    /// How some sources are, by name.
    pub async fn run_states(
        &self,
        sources: &[String],
        now: DateTime<Utc>,
    ) -> Result<Vec<RunState>, LedgerError> {
        let query = sqlx::query_as(
            "WITH run AS (
                 SELECT r.source, r.id, r.started_at, r.failed, r.held_back,
                        r.indexed + r.unchanged + r.failed + r.skipped AS documents, r.problems,
                        CASE WHEN r.finished_at <= $2 OR r.finished_at IS NULL THEN r.outcome
                             ELSE 'running' END AS outcome,
                        r.finished_at IS NULL AND r.started_at < $2 - interval '10 minutes'
                            AND NOT EXISTS (SELECT FROM lease l WHERE l.run_id = r.id
                                               AND l.expires_at > clock_timestamp()) AS is_dead
                   FROM ingest_run r WHERE r.source = ANY($1) AND r.started_at <= $2
                 UNION ALL
                 -- A run that failed before it came to its sources.
                 SELECT s.source, q.id, q.requested_at, 0, 0, 0,
                        jsonb_build_array(jsonb_build_object('reason', q.error)), 'failed', false
                   FROM ingest_request q CROSS JOIN unnest(q.sources) AS s (source)
                  WHERE q.outcome = 'failed' AND q.finished_at <= $2 AND s.source = ANY($1)
                    AND NOT EXISTS (SELECT FROM ingest_run r WHERE r.id = q.id)),
             numbered AS (
                 SELECT *, row_number() OVER (PARTITION BY source ORDER BY started_at DESC, id DESC) AS n
                   FROM run),
             good AS (
                 SELECT source, max(started_at) AS at FROM run
                  WHERE outcome IN ('done', 'done_with_failures') GROUP BY 1),
             bad AS (
                 SELECT r.source, min(r.started_at) AS since FROM run r LEFT JOIN good g USING (source)
                  WHERE (r.outcome = 'failed' OR r.is_dead) AND (g.at IS NULL OR r.started_at > g.at)
                  GROUP BY 1)
             SELECT l.source,
                    array(SELECT started_at FROM numbered n
                           WHERE n.source = l.source AND n.n <= $3 ORDER BY n.n) AS started,
                    l.outcome, l.is_dead, l.documents, l.failed, l.held_back,
                    (SELECT p ->> 'reason' FROM jsonb_array_elements(l.problems) WITH ORDINALITY AS e (p, i)
                      ORDER BY coalesce(p ->> 'path', '') <> '', i LIMIT 1) AS reason,
                    bad.since AS failing_since
               FROM numbered l LEFT JOIN bad USING (source)
              WHERE l.n = 1 ORDER BY l.source",
        )
        .bind(sources)
        .bind(now)
        .bind(RUNS);
        self.connection.all(query).await
    }

    /// What models cost from the beginning of a moment's month (UTC) to that moment: for ingest, and in
    /// all. US dollars of calls whose price is known.
    pub async fn month_cost(&self, now: DateTime<Utc>) -> Result<(Decimal, Decimal), LedgerError> {
        let query = sqlx::query_as(
            "SELECT coalesce(sum(cost) FILTER (WHERE purpose IN ('embed_passages', 'clean')), 0),
                    coalesce(sum(cost), 0)
               FROM model_call
              WHERE at <= $1 AND at >= date_trunc('month', $1 AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'",
        )
        .bind(now);
        self.connection.one(query).await
    }

    /// What models cost on each of the last `days` days, counted back from a moment.
    pub async fn day_costs(
        &self,
        now: DateTime<Utc>,
        days: i32,
    ) -> Result<Vec<(i32, Decimal)>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT floor(extract(epoch FROM $1 - at) / 86400)::integer AS days_ago, sum(cost)
               FROM model_call
              WHERE at <= $1 AND at > $1 - make_interval(days => $2) AND cost IS NOT NULL
              GROUP BY 1 ORDER BY 1",
        )
        .bind(now)
        .bind(days);
        self.connection.all(query).await
    }

    /// What cost most in the 24 hours before a moment: purpose, model, US dollars.
    pub async fn dearest(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, String, Decimal)>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT purpose, model, sum(cost) FROM model_call
              WHERE at <= $1 AND at > $1 - interval '1 day' AND cost > 0
              GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 3",
        )
        .bind(now);
        self.connection.all(query).await
    }

    /// Questions of people on each of the last `days` days, counted back from a moment.
    pub async fn day_counts(
        &self,
        now: DateTime<Utc>,
        days: i32,
    ) -> Result<Vec<DayCount>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT floor(extract(epoch FROM $1 - at) / 86400)::integer AS days_ago,
                    count(*) AS questions,
                    count(*) FILTER (WHERE outcome = 'abstained') AS abstained,
                    count(*) FILTER (WHERE outcome = 'failed') AS failed
               FROM interaction
              WHERE at <= $1 AND at > $1 - make_interval(days => $2)
                AND origin = 'person' AND outcome <> 'cancelled'
              GROUP BY 1 ORDER BY 1",
        )
        .bind(now)
        .bind(days);
        self.connection.all(query).await
    }

    /// The same for each data product that at least `least` questions were about in the last seven days.
    pub async fn asset_counts(
        &self,
        now: DateTime<Utc>,
        days: i32,
        least: i64,
    ) -> Result<Vec<AssetCount>, LedgerError> {
        let query = sqlx::query_as(
            "WITH asked AS (
                 SELECT asset, owner, at, outcome,
                        floor(extract(epoch FROM $1 - at) / 86400)::integer AS days_ago
                   FROM interaction
                  WHERE at <= $1 AND at > $1 - make_interval(days => $2)
                    AND origin = 'person' AND outcome <> 'cancelled' AND asset <> ''),
             busy AS (
                 SELECT asset, (array_agg(owner ORDER BY at DESC) FILTER (WHERE owner <> ''))[1] AS owner
                   FROM asked WHERE days_ago < 7 GROUP BY 1 HAVING count(*) >= $3)
             SELECT asset, busy.owner, days_ago, count(*) AS questions,
                    count(*) FILTER (WHERE outcome = 'abstained') AS abstained,
                    count(*) FILTER (WHERE outcome = 'failed') AS failed
               FROM asked JOIN busy USING (asset)
              GROUP BY asset, busy.owner, days_ago ORDER BY asset, days_ago",
        )
        .bind(now)
        .bind(days)
        .bind(least);
        self.connection.all(query).await
    }

    /// Questions of people in the hour before a moment, those that failed, and the first of these.
    pub async fn hour_failures(
        &self,
        now: DateTime<Utc>,
    ) -> Result<(i64, i64, Option<DateTime<Utc>>), LedgerError> {
        let query = sqlx::query_as(
            "SELECT count(*), count(*) FILTER (WHERE outcome = 'failed'),
                    min(at) FILTER (WHERE outcome = 'failed')
               FROM interaction
              WHERE at <= $1 AND at > $1 - interval '1 hour'
                AND origin = 'person' AND outcome <> 'cancelled'",
        )
        .bind(now);
        self.connection.one(query).await
    }

    /// Documents whose answers at least `least` different readers rated down within `recent` before a
    /// moment, with what was thought of them in the half year before that; and all ratings of that time
    /// (down, up). Readers who share a name count by their conversation.
    pub async fn rated_documents(
        &self,
        now: DateTime<Utc>,
        recent: TimeDelta,
        least: i64,
    ) -> Result<(Vec<RatedDocument>, (i64, i64)), LedgerError> {
        let rated = sqlx::query_as(
            "WITH rated AS (
                 SELECT p.document_id, p.source, p.title, p.path, p.owner, f.rating, f.at, f.at > $2 AS recent,
                        CASE WHEN f.caller = 'anonymous' OR f.caller LIKE 'widget:%'
                             THEN i.conversation_id::text ELSE f.caller END AS reader
                   FROM feedback f JOIN interaction i ON i.id = f.interaction_id
                   JOIN passage p ON p.interaction_id = i.id AND p.cited_as IS NOT NULL
                  WHERE f.at <= $1 AND f.at > $2 - interval '180 days' AND i.origin = 'person')
             SELECT document_id, (array_agg(source ORDER BY at DESC))[1] AS source,
                    (array_agg(title ORDER BY at DESC))[1] AS title,
                    (array_agg(path ORDER BY at DESC))[1] AS path,
                    (array_agg(owner ORDER BY at DESC))[1] AS owner,
                    count(DISTINCT reader) FILTER (WHERE recent AND rating = 'down') AS recent_down,
                    count(DISTINCT reader) FILTER (WHERE recent AND rating = 'up') AS recent_up,
                    count(DISTINCT reader) FILTER (WHERE NOT recent AND rating = 'down') AS past_down,
                    count(DISTINCT reader) FILTER (WHERE NOT recent AND rating = 'up') AS past_up,
                    min(at) FILTER (WHERE recent AND rating = 'down') AS first_down
               FROM rated GROUP BY document_id
             HAVING count(DISTINCT reader) FILTER (WHERE recent AND rating = 'down') >= $3
              ORDER BY recent_down DESC, document_id LIMIT $4",
        )
        .bind(now)
        .bind(now - recent)
        .bind(least)
        .bind(DOCUMENTS);
        let all = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE rating = 'down'), count(*) FILTER (WHERE rating = 'up')
               FROM feedback f JOIN interaction i ON i.id = f.interaction_id
              WHERE f.at <= $1 AND f.at > $1 - interval '180 days' AND i.origin = 'person'",
        )
        .bind(now - recent);
        Ok((
            self.connection.all(rated).await?,
            self.connection.one(all).await?,
        ))
    }

    /// Documents of some sources that at least `least` answers to people cited in the 30 days before a
    /// moment, the most cited first.
    pub async fn cited_documents(
        &self,
        sources: &[String],
        now: DateTime<Utc>,
        least: i64,
    ) -> Result<Vec<CitedDocument>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT p.document_id, (array_agg(p.source ORDER BY i.at DESC))[1] AS source,
                    (array_agg(p.title ORDER BY i.at DESC))[1] AS title,
                    (array_agg(p.path ORDER BY i.at DESC))[1] AS path,
                    (array_agg(p.owner ORDER BY i.at DESC))[1] AS owner,
                    count(DISTINCT i.id) AS citations
               FROM interaction i JOIN passage p ON p.interaction_id = i.id AND p.cited_as IS NOT NULL
              WHERE i.at <= $2 AND i.at > $2 - interval '30 days' AND i.origin = 'person'
                AND p.source = ANY($1)
              GROUP BY p.document_id HAVING count(DISTINCT i.id) >= $3
              ORDER BY citations DESC, p.document_id LIMIT $4",
        )
        .bind(sources)
        .bind(now)
        .bind(least)
        .bind(DOCUMENTS);
        self.connection.all(query).await
    }

    /// How the calls of each model went in the day before a moment, and in `window` before it. Calls
    /// whose reader went away say nothing of the provider.
    pub async fn model_states(
        &self,
        now: DateTime<Utc>,
        window: TimeDelta,
    ) -> Result<Vec<ModelState>, LedgerError> {
        let query = sqlx::query_as(
            "WITH call AS (
                 SELECT model, at, purpose, outcome, outcome = 'ok' AS ok FROM model_call
                  WHERE at <= $1 AND at > $1 - interval '1 day' AND outcome <> 'cancelled'),
             good AS (SELECT model, max(at) AS at FROM call WHERE ok GROUP BY 1)
             SELECT c.model,
                    count(*) FILTER (WHERE NOT ok AND (g.at IS NULL OR c.at > g.at)) AS trailing,
                    min(c.at) FILTER (WHERE NOT ok AND (g.at IS NULL OR c.at > g.at)) AS failing_since,
                    max(c.at) FILTER (WHERE NOT ok) AS latest,
                    count(*) FILTER (WHERE c.at > $2) AS calls,
                    count(*) FILTER (WHERE c.at > $2 AND NOT ok) AS failures,
                    mode() WITHIN GROUP (ORDER BY outcome) FILTER (WHERE NOT ok) AS how,
                    coalesce(array_agg(DISTINCT purpose) FILTER (WHERE NOT ok), '{}') AS purposes
               FROM call c LEFT JOIN good g USING (model)
              GROUP BY c.model HAVING bool_or(NOT ok) ORDER BY c.model",
        )
        .bind(now)
        .bind(now - window);
        self.connection.all(query).await
    }
}
