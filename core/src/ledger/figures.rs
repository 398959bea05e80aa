//! What `docent report` and the digests say, read from the `report_*` views: of everything, or of what
//! concerns one owner's documents. Days are days of UTC, from one up to before another.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Ledger, LedgerError};

/// A span of days, and whose documents it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub from: NaiveDate,
    pub until: NaiveDate,
    /// `None`: everything.
    pub owner: Option<String>,
}

/// What people asked, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Totals {
    pub questions: i64,
    pub people: i64,
    pub conversations: i64,
    pub answered: i64,
    /// Of the answered ones: without a model.
    pub quoted: i64,
    pub abstained: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub liked: i64,
    pub disliked: i64,
    /// US dollars of the calls for these questions whose price is known.
    pub cost: Decimal,
    pub unknown_price: i64,
    /// Milliseconds to the end of an answer, cut to two digits; `None`: of an owner, or of no answers.
    pub median_ms: Option<i64>,
    pub p95_ms: Option<i64>,
}

/// A question that was asked several times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct AskedQuestion {
    pub question: String,
    pub times: i64,
    pub people: i64,
}

/// A question that the documents did not answer, or not well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct GapFigure {
    pub interaction_id: Uuid,
    pub question: String,
    #[serde(skip)]
    pub embedding: Option<Vec<f32>>,
    pub abstained: i64,
    pub disliked: i64,
    /// Whom it reached, as `report_people.person` has them.
    #[serde(skip)]
    pub persons: Vec<Uuid>,
    pub first_at: DateTime<Utc>,
    pub source: Option<String>,
    pub asset: Option<String>,
    pub owner: Option<String>,
    pub state: String,
    pub closed_at: Option<DateTime<Utc>>,
}

/// What models cost, by purpose and model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct CostFigure {
    pub purpose: String,
    pub model: String,
    pub calls: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// US dollars; `None`: no price is known.
    pub cost: Option<Decimal>,
    pub unknown_price: i64,
}

/// Runs over a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct SourceFigure {
    pub source: String,
    pub runs: i64,
    pub failed_runs: i64,
    pub indexed: i64,
    pub removed: i64,
    /// Documents of the last run that failed.
    pub failed_documents: i64,
    pub last_run_at: DateTime<Utc>,
    pub last_outcome: String,
    pub cost: Option<Decimal>,
}

/// A document and how often it was cited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct CitedFigure {
    pub source: String,
    pub path: Option<String>,
    pub title: Option<String>,
    pub citations: i64,
    pub liked: i64,
    pub disliked: i64,
}

impl Ledger {
    /// What people asked.
    pub async fn totals(&self, span: &Span) -> Result<Totals, LedgerError> {
        let query = if let Some(owner) = &span.owner {
            sqlx::query_as(
                "WITH asked AS (
                     SELECT * FROM report_interactions
                      WHERE at >= day_begins($1) AND at < day_begins($2) AND owner = $3),
                 rated AS (
                     SELECT count(*) FILTER (WHERE rating = 'up') AS liked,
                            count(*) FILTER (WHERE rating = 'down') AS disliked
                       FROM report_feedback
                      WHERE asked_at >= day_begins($1) AND asked_at < day_begins($2) AND owner = $3),
                 spent AS (
                     SELECT coalesce(sum(cost), 0) AS cost,
                            count(*) FILTER (WHERE cost IS NULL AND input_tokens IS NOT NULL) AS unknown_price
                       FROM model_call WHERE interaction_id IN (SELECT id FROM asked))
                 SELECT count(*) AS questions, count(DISTINCT person) AS people,
                        count(DISTINCT conversation_id) AS conversations,
                        count(*) FILTER (WHERE outcome = 'answered') AS answered,
                        count(*) FILTER (WHERE outcome = 'answered' AND generator = 'extractive') AS quoted,
                        count(*) FILTER (WHERE outcome = 'abstained') AS abstained,
                        count(*) FILTER (WHERE outcome = 'failed') AS failed,
                        count(*) FILTER (WHERE outcome = 'cancelled') AS cancelled,
                        (SELECT liked FROM rated) AS liked, (SELECT disliked FROM rated) AS disliked,
                        (SELECT cost FROM spent) AS cost, (SELECT unknown_price FROM spent) AS unknown_price,
                        NULL::bigint AS median_ms, NULL::bigint AS p95_ms
                   FROM asked",
            )
            .bind(span.from)
            .bind(span.until)
            .bind(owner)
        } else {
            sqlx::query_as(
                "WITH waited AS (
                     SELECT ms, sum(sum(questions)) OVER (ORDER BY ms) AS until_here,
                            sum(sum(questions)) OVER () AS all_of_them
                       FROM report_latency WHERE kind = 'total' AND day >= $1 AND day < $2 GROUP BY ms)
                 SELECT coalesce(sum(questions), 0)::bigint AS questions,
                        (SELECT count(DISTINCT person) FROM report_people
                          WHERE day >= $1 AND day < $2) AS people,
                        (SELECT coalesce(sum(conversations), 0)::bigint FROM report_conversations
                          WHERE day >= $1 AND day < $2) AS conversations,
                        coalesce(sum(answered), 0)::bigint AS answered,
                        coalesce(sum(quoted), 0)::bigint AS quoted,
                        coalesce(sum(abstained), 0)::bigint AS abstained,
                        coalesce(sum(failed), 0)::bigint AS failed,
                        coalesce(sum(cancelled), 0)::bigint AS cancelled,
                        coalesce(sum(liked), 0)::bigint AS liked,
                        coalesce(sum(disliked), 0)::bigint AS disliked,
                        coalesce(sum(cost), 0) AS cost,
                        coalesce(sum(unknown_price), 0)::bigint AS unknown_price,
                        (SELECT min(ms) FROM waited WHERE until_here >= all_of_them * 0.5) AS median_ms,
                        (SELECT min(ms) FROM waited WHERE until_here >= all_of_them * 0.95) AS p95_ms
                   FROM report_use WHERE day >= $1 AND day < $2",
            )
            .bind(span.from)
            .bind(span.until)
        };
        self.connection.one(query).await
    }

    /// Questions by channel, the most first.
    pub async fn by_channel(&self, span: &Span) -> Result<Vec<(String, i64)>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT channel, count(*) FROM report_interactions
              WHERE at >= day_begins($1) AND at < day_begins($2) AND ($3::text IS NULL OR owner = $3)
              GROUP BY 1 ORDER BY 2 DESC, 1",
        )
        .bind(span.from)
        .bind(span.until)
        .bind(&span.owner);
        self.connection.all(query).await
    }

    /// What was asked most, by people and then by times. Texts: only for whoever may read them.
    pub async fn most_asked(
        &self,
        span: &Span,
        limit: i64,
    ) -> Result<Vec<AskedQuestion>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT (array_agg(standalone_question ORDER BY at DESC))[1] AS question,
                    count(*) AS times, count(DISTINCT caller) AS people
               FROM interaction
              WHERE origin = 'person' AND at >= day_begins($1) AND at < day_begins($2)
                AND ($3::text IS NULL OR owner = $3)
              GROUP BY question_key ORDER BY people DESC, times DESC, question LIMIT $4",
        )
        .bind(span.from)
        .bind(span.until)
        .bind(&span.owner)
        .bind(limit);
        self.connection.all(query).await
    }

    /// Gaps that were met in the span, or closed in it; those that reached most people first.
    pub async fn gaps_of(&self, span: &Span, limit: i64) -> Result<Vec<GapFigure>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT g.interaction_id, i.standalone_question AS question,
                    i.question_embedding AS embedding, g.abstained, g.disliked,
                    array(SELECT DISTINCT md5(q.caller)::uuid FROM interaction q
                           WHERE q.question_key = g.question_key AND q.origin = 'person'
                             AND (q.outcome = 'abstained' OR EXISTS (SELECT FROM feedback f
                                   WHERE f.interaction_id = q.id AND f.rating = 'down'))) AS persons,
                    g.first_at, g.source, g.asset, g.owner, g.state, g.closed_at
               FROM report_gaps g JOIN interaction i ON i.id = g.interaction_id
              WHERE ((g.last_at >= day_begins($1) AND g.last_at < day_begins($2))
                     OR (g.closed_at >= day_begins($1) AND g.closed_at < day_begins($2)))
                AND ($3::text IS NULL OR g.owner = $3)
              ORDER BY g.people DESC, g.abstained + g.disliked DESC, g.interaction_id LIMIT $4",
        )
        .bind(span.from)
        .bind(span.until)
        .bind(&span.owner)
        .bind(limit);
        self.connection.all(query).await
    }

    /// What models cost, whatever for; the dearest first.
    pub async fn costs_of(&self, span: &Span) -> Result<Vec<CostFigure>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT purpose, model, sum(calls)::bigint AS calls,
                    coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
                    coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
                    sum(cost) AS cost, sum(unknown_price)::bigint AS unknown_price
               FROM report_spending WHERE day >= $1 AND day < $2
              GROUP BY 1, 2 ORDER BY cost DESC NULLS LAST, calls DESC, purpose, model",
        )
        .bind(span.from)
        .bind(span.until);
        self.connection.all(query).await
    }

    /// Runs over sources, by name; of some sources, or of all.
    pub async fn runs_of(
        &self,
        span: &Span,
        sources: Option<&[String]>,
    ) -> Result<Vec<SourceFigure>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT source, count(*) AS runs, count(*) FILTER (WHERE outcome = 'failed') AS failed_runs,
                    sum(indexed)::bigint AS indexed, sum(removed)::bigint AS removed,
                    (array_agg(failed ORDER BY started_at DESC))[1] AS failed_documents,
                    max(started_at) AS last_run_at,
                    (array_agg(outcome ORDER BY started_at DESC))[1] AS last_outcome, sum(cost) AS cost
               FROM report_ingest
              WHERE started_at >= day_begins($1) AND started_at < day_begins($2)
                AND ($3::text[] IS NULL OR source = ANY($3))
              GROUP BY source ORDER BY source",
        )
        .bind(span.from)
        .bind(span.until)
        .bind(sources);
        self.connection.all(query).await
    }

    /// Documents that answers cited most.
    pub async fn most_cited(
        &self,
        span: &Span,
        limit: i64,
    ) -> Result<Vec<CitedFigure>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT (array_agg(source))[1] AS source, max(path) AS path, max(title) AS title,
                    sum(citations)::bigint AS citations, sum(liked)::bigint AS liked,
                    sum(disliked)::bigint AS disliked
               FROM report_documents
              WHERE day >= $1 AND day < $2 AND ($3::text IS NULL OR owner = $3)
              GROUP BY document_id ORDER BY citations DESC, document_id LIMIT $4",
        )
        .bind(span.from)
        .bind(span.until)
        .bind(&span.owner)
        .bind(limit);
        self.connection.all(query).await
    }

    /// Alerts that fired in the span, and those that are not over: rule, addressed to, title, state.
    pub async fn alerts_of(
        &self,
        span: &Span,
    ) -> Result<Vec<(String, String, String, String)>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT rule, addressed_to, title, state FROM report_alerts
              WHERE ((fired_at >= day_begins($1) AND fired_at < day_begins($2)) OR state <> 'resolved')
                AND ($3::text IS NULL OR addressed_to = $3)
              ORDER BY state = 'resolved', fired_at DESC LIMIT 50",
        )
        .bind(span.from)
        .bind(span.until)
        .bind(&span.owner);
        self.connection.all(query).await
    }

    /// Owners of documents that questions of the span were about, with one of their documents each.
    pub async fn owners_of(&self, span: &Span) -> Result<Vec<(String, Option<Uuid>)>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT o.owner, (SELECT p.document_id FROM passage p
                               WHERE p.interaction_id = o.interaction AND p.owner = o.owner LIMIT 1)
               FROM (SELECT owner, (array_agg(id ORDER BY at DESC))[1] AS interaction
                       FROM report_interactions
                      WHERE at >= day_begins($1) AND at < day_begins($2) AND owner <> ''
                      GROUP BY owner) AS o
              ORDER BY o.owner",
        )
        .bind(span.from)
        .bind(span.until);
        self.connection.all(query).await
    }
}
