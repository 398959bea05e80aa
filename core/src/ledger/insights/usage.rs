//! The page of use: how much is asked, by whom, when, about what, and how well it is answered.

use chrono::NaiveDate;
use uuid::Uuid;

use super::super::{Ledger, LedgerError};
use super::{Filter, asked_within, within};

/// Questions of a day and a channel.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DayUse {
    pub day: NaiveDate,
    pub channel: String,
    pub questions: i64,
    pub answered: i64,
    pub quoted: i64,
    pub abstained: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub liked: i64,
    pub disliked: i64,
    pub checked: i64,
    pub unverified: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LanguageUse {
    pub language: String,
    pub questions: i64,
    pub answered: i64,
}

/// Questions about a data product, or about documents of a source that describe none.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AssetUse {
    pub source: String,
    pub asset: String,
    pub questions: i64,
    pub answered: i64,
    pub abstained: i64,
    pub liked: i64,
    pub disliked: i64,
}

/// Questions of a weekday (Monday is 1) by hour (UTC).
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Hours {
    pub weekday: i32,
    pub hours: Vec<i64>,
}

/// People of a day, week or month.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Active {
    pub period: String,
    pub begins: NaiveDate,
    pub people: i64,
    /// Those who had asked in the period before, too.
    pub returned: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Conversations {
    pub questions: i32,
    pub conversations: i64,
}

/// So many answered questions took so long.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Wait {
    pub kind: String,
    pub ms: i64,
    pub questions: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DocumentUse {
    pub document_id: Uuid,
    pub source: String,
    pub asset: String,
    pub path: Option<String>,
    pub title: Option<String>,
    pub owner: Option<String>,
    pub citations: i64,
    pub liked: i64,
    pub disliked: i64,
}

/// A question in the words it was asked with, however often.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Wording {
    pub question_key: Uuid,
    pub questions: i64,
    pub abstained: i64,
    /// The newest of them.
    pub interaction_id: Uuid,
    pub question: String,
    pub embedding: Option<Vec<f32>>,
}

/// What can be chosen in a filter.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Known {
    pub channels: Vec<String>,
    pub sources: Vec<String>,
    pub assets: Vec<String>,
}

impl Ledger {
    pub async fn use_by_day(&self, filter: &Filter) -> Result<Vec<DayUse>, LedgerError> {
        let sql = concat!(
            "SELECT day, channel, sum(questions)::bigint AS questions, sum(answered)::bigint AS answered,
                    sum(quoted)::bigint AS quoted, sum(abstained)::bigint AS abstained,
                    sum(failed)::bigint AS failed, sum(cancelled)::bigint AS cancelled,
                    sum(liked)::bigint AS liked, sum(disliked)::bigint AS disliked,
                    sum(checked)::bigint AS checked, sum(unverified)::bigint AS unverified
               FROM report_use WHERE ",
            within!(),
            "GROUP BY day, channel ORDER BY day, channel"
        );
        self.by_day(filter, sql).await
    }

    pub async fn use_by_language(&self, filter: &Filter) -> Result<Vec<LanguageUse>, LedgerError> {
        let sql = concat!(
            "SELECT language, sum(questions)::bigint AS questions, sum(answered)::bigint AS answered
               FROM report_use WHERE ",
            within!(),
            "GROUP BY language ORDER BY 2 DESC, 1"
        );
        self.by_day(filter, sql).await
    }

    /// The data products asked about most.
    pub async fn use_by_asset(&self, filter: &Filter) -> Result<Vec<AssetUse>, LedgerError> {
        let sql = concat!(
            "SELECT source, asset, sum(questions)::bigint AS questions, sum(answered)::bigint AS answered,
                    sum(abstained)::bigint AS abstained, sum(liked)::bigint AS liked,
                    sum(disliked)::bigint AS disliked
               FROM report_use WHERE ",
            within!(),
            "GROUP BY source, asset ORDER BY 3 DESC, 1, 2 LIMIT 200"
        );
        self.by_day(filter, sql).await
    }

    pub async fn use_by_hour(&self, filter: &Filter) -> Result<Vec<Hours>, LedgerError> {
        let sql = concat!(
            "SELECT extract(isodow FROM day)::integer AS weekday, ARRAY[
                    sum(hours[1]), sum(hours[2]), sum(hours[3]), sum(hours[4]), sum(hours[5]), sum(hours[6]),
                    sum(hours[7]), sum(hours[8]), sum(hours[9]), sum(hours[10]), sum(hours[11]),
                    sum(hours[12]), sum(hours[13]), sum(hours[14]), sum(hours[15]), sum(hours[16]),
                    sum(hours[17]), sum(hours[18]), sum(hours[19]), sum(hours[20]), sum(hours[21]),
                    sum(hours[22]), sum(hours[23]), sum(hours[24])]::bigint[] AS hours
               FROM report_use WHERE ",
            within!(),
            "GROUP BY 1 ORDER BY 1"
        );
        self.by_day(filter, sql).await
    }

    /// People by day (`days`), week and month, oldest first.
    pub async fn active_people(
        &self,
        filter: &Filter,
        period: &'static str,
    ) -> Result<Vec<Active>, LedgerError> {
        let pool = self.connection.pool().await?;
        // The period before the first one tells who returns; it is not shown itself.
        let sql = if filter.is_narrow() {
            "WITH seen AS (
                 SELECT DISTINCT date_trunc($6, i.at AT TIME ZONE 'UTC')::date AS begins, i.caller AS person
                   FROM interaction i
                  WHERE i.origin = 'person'
                    AND i.at >= (date_trunc($6, $1::timestamp) - ('1 ' || $6)::interval) AT TIME ZONE 'UTC'
                    AND i.at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC' AND ($3 = '' OR i.channel = $3)
                    AND ($4 = '' OR i.source = $4) AND ($5 = '' OR i.asset = $5)),
             before AS (SELECT begins, person, lag(begins) OVER (PARTITION BY person ORDER BY begins) AS last FROM seen)
             SELECT $6 AS period, begins, count(*) AS people,
                    count(*) FILTER (WHERE last = (begins - ('1 ' || $6)::interval)::date) AS returned
               FROM before WHERE begins >= date_trunc($6, $1::timestamp)::date GROUP BY begins ORDER BY begins"
        } else {
            "WITH seen AS (
                 SELECT DISTINCT date_trunc($6, r.day::timestamp)::date AS begins, r.person
                   FROM report_people r
                  WHERE r.day >= (date_trunc($6, $1::timestamp) - ('1 ' || $6)::interval)::date
                    AND r.day <= $2 AND ($3 = '' OR r.channel = $3)),
             before AS (SELECT begins, person, lag(begins) OVER (PARTITION BY person ORDER BY begins) AS last FROM seen)
             SELECT $6 AS period, begins, count(*) AS people,
                    count(*) FILTER (WHERE last = (begins - ('1 ' || $6)::interval)::date) AS returned
               FROM before WHERE begins >= date_trunc($6, $1::timestamp)::date GROUP BY begins ORDER BY begins"
        };
        sqlx::query_as(sql)
            .bind(filter.from)
            .bind(filter.until)
            .bind(&filter.channel)
            .bind(&filter.source)
            .bind(&filter.asset)
            .bind(period)
            .fetch_all(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Everyone who asked at all, and those of them who asked on more than one day.
    pub async fn people(&self, filter: &Filter) -> Result<(i64, i64), LedgerError> {
        let rows = if filter.is_narrow() {
            self.by_moment(
                filter,
                concat!(
                    "SELECT count(*), count(*) FILTER (WHERE last > first) FROM (
                         SELECT i.caller, min((i.at AT TIME ZONE 'UTC')::date) AS first,
                                max((i.at AT TIME ZONE 'UTC')::date) AS last
                           FROM interaction i WHERE ",
                    asked_within!(),
                    "GROUP BY 1) AS each"
                ),
            )
            .await?
        } else {
            self.by_day(
                filter,
                "SELECT count(*), count(*) FILTER (WHERE last > first) FROM (
                     SELECT person, min(day) AS first, max(day) AS last FROM report_people
                      WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3) GROUP BY 1) AS each",
            )
            .await?
        };
        Ok(rows.first().copied().unwrap_or_default())
    }

    pub async fn conversations_by_length(
        &self,
        filter: &Filter,
    ) -> Result<Vec<Conversations>, LedgerError> {
        if filter.is_narrow() {
            let sql = concat!(
                "SELECT n::integer AS questions, count(*) AS conversations FROM (
                     SELECT count(*) AS n FROM interaction i WHERE ",
                asked_within!(),
                "GROUP BY i.conversation_id, i.channel, (i.at AT TIME ZONE 'UTC')::date) AS each
                  GROUP BY 1 ORDER BY 1"
            );
            return self.by_moment(filter, sql).await;
        }
        let sql = "SELECT questions, sum(conversations)::bigint AS conversations
                     FROM report_conversations
                    WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3)
                    GROUP BY 1 ORDER BY 1";
        self.by_day(filter, sql).await
    }

    /// Durations of answers with how often each came, shortest first.
    pub async fn waits(&self, filter: &Filter) -> Result<Vec<Wait>, LedgerError> {
        if filter.is_narrow() {
            let sql = concat!(
                "SELECT k.kind, two_digits(k.ms) AS ms, count(*) AS questions FROM interaction i
                  CROSS JOIN LATERAL (VALUES ('total', i.total_ms), ('first_token', i.first_token_ms)) AS k (kind, ms)
                  WHERE i.outcome = 'answered' AND k.ms IS NOT NULL AND ",
                asked_within!(),
                "GROUP BY 1, 2 ORDER BY 1, 2"
            );
            return self.by_moment(filter, sql).await;
        }
        let sql = "SELECT kind, ms, sum(questions)::bigint AS questions FROM report_latency
                    WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3)
                    GROUP BY 1, 2 ORDER BY 1, 2";
        self.by_day(filter, sql).await
    }

    /// The documents cited most.
    pub async fn documents_cited(&self, filter: &Filter) -> Result<Vec<DocumentUse>, LedgerError> {
        let sql = concat!(
            "SELECT document_id, source, max(asset) AS asset, max(path) AS path, max(title) AS title,
                    max(owner) AS owner, sum(citations)::bigint AS citations,
                    sum(liked)::bigint AS liked, sum(disliked)::bigint AS disliked
               FROM report_documents WHERE ",
            within!(),
            "GROUP BY document_id, source ORDER BY 7 DESC, 2, 4 LIMIT 100"
        );
        self.by_day(filter, sql).await
    }

    /// The wordings asked most, at most `limit`.
    pub async fn wordings(
        &self,
        filter: &Filter,
        limit: i64,
    ) -> Result<Vec<Wording>, LedgerError> {
        let pool = self.connection.pool().await?;
        let sql = concat!(
            "WITH asked AS (
                 SELECT i.question_key, count(*) AS questions,
                        count(*) FILTER (WHERE i.outcome = 'abstained') AS abstained
                   FROM interaction i WHERE ",
            asked_within!(),
            "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $6)
             SELECT a.question_key, a.questions, a.abstained, n.id AS interaction_id,
                    n.standalone_question AS question, n.question_embedding AS embedding
               FROM asked a CROSS JOIN LATERAL (
                    SELECT id, standalone_question, question_embedding FROM interaction n
                     WHERE n.question_key = a.question_key AND n.origin = 'person'
                     ORDER BY n.at DESC LIMIT 1) AS n
              ORDER BY a.questions DESC, a.question_key"
        );
        sqlx::query_as(sql)
            .bind(filter.begin())
            .bind(filter.end())
            .bind(&filter.channel)
            .bind(&filter.source)
            .bind(&filter.asset)
            .bind(limit)
            .fetch_all(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Channels, sources and data products that were ever asked in or about.
    pub async fn known(&self) -> Result<Known, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT ARRAY(SELECT DISTINCT channel FROM report_use ORDER BY 1) AS channels,
                    ARRAY(SELECT DISTINCT source FROM report_use WHERE source <> ''
                          UNION SELECT name FROM source ORDER BY 1) AS sources,
                    ARRAY(SELECT DISTINCT asset FROM report_use WHERE asset <> '' ORDER BY 1) AS assets",
        )
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }
}
