//! The page of use: how much is asked, by whom, when, about what, and how well it is answered.

use std::collections::BTreeSet;

use chrono::{Datelike, Months, NaiveDate};
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

/// Questions of a weekday (Monday is 1) in an hour (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct HourUse {
    pub weekday: i32,
    pub hour: i32,
    pub questions: i64,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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

    pub async fn use_by_hour(&self, filter: &Filter) -> Result<Vec<HourUse>, LedgerError> {
        if filter.is_narrow() {
            let sql = concat!(
                "SELECT extract(isodow FROM i.at AT TIME ZONE 'UTC')::integer AS weekday,
                        extract(hour FROM i.at AT TIME ZONE 'UTC')::integer AS hour, count(*) AS questions
                   FROM interaction i WHERE ",
                asked_within!(),
                "GROUP BY 1, 2"
            );
            return self.by_moment(filter, sql).await;
        }
        let sql = "SELECT extract(isodow FROM day)::integer AS weekday, hour,
                          sum(questions)::bigint AS questions
                     FROM report_hours
                    WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3) GROUP BY 1, 2";
        self.by_day(filter, sql).await
    }

    /// The days on which each person asked, from the first day of the month before the filter on.
    pub async fn days_of_people(
        &self,
        filter: &Filter,
    ) -> Result<Vec<Vec<NaiveDate>>, LedgerError> {
        let mut filter = filter.clone();
        let month = filter.from.with_day(1).unwrap_or(filter.from);
        filter.from = month - Months::new(1);
        let rows: Vec<(Vec<NaiveDate>,)> = if filter.is_narrow() {
            let sql = concat!(
                "SELECT array_agg(day) FROM (
                     SELECT DISTINCT i.caller, (i.at AT TIME ZONE 'UTC')::date AS day
                       FROM interaction i WHERE ",
                asked_within!(),
                ") AS each GROUP BY caller"
            );
            self.by_moment(&filter, sql).await?
        } else {
            // A day comes once for each channel.
            let sql = "SELECT array_agg(day) FROM report_people
                        WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3) GROUP BY person";
            self.by_day(&filter, sql).await?
        };
        Ok(rows.into_iter().map(|row| row.0).collect())
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
            "WITH top AS (
                 SELECT document_id, source, max(asset) AS asset, sum(citations)::bigint AS citations,
                        sum(liked)::bigint AS liked, sum(disliked)::bigint AS disliked
                   FROM report_documents WHERE ",
            within!(),
            "GROUP BY document_id, source ORDER BY 4 DESC, 2, 1 LIMIT 100)
             SELECT t.*, coalesce(c.path, n.path) AS path, coalesce(c.title, n.title) AS title,
                    coalesce(c.owner, n.owner) AS owner
               FROM top t LEFT JOIN cited_document c USING (document_id)
               LEFT JOIN LATERAL (SELECT path, title, owner FROM passage p WHERE p.document_id = t.document_id
                                   ORDER BY p.interaction_id DESC LIMIT 1) AS n ON true
              ORDER BY t.citations DESC, t.source, t.document_id"
        );
        self.by_day(filter, sql).await
    }

    /// The wordings asked most, at most `limit`.
    pub async fn wordings(&self, filter: &Filter, limit: i64) -> Result<Vec<Wording>, LedgerError> {
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
        let query = sqlx::query_as(sql)
            .bind(filter.begin())
            .bind(filter.end())
            .bind(&filter.channel)
            .bind(&filter.source)
            .bind(&filter.asset)
            .bind(limit);
        self.connection.all(query).await
    }

    /// Channels, sources and data products that were ever asked in or about.
    pub async fn known(&self) -> Result<Known, LedgerError> {
        let query = sqlx::query_as(
            "SELECT channel, source, asset FROM report_use GROUP BY 1, 2, 3
             UNION SELECT '', name, '' FROM source",
        );
        let rows: Vec<(String, String, String)> = self.connection.all(query).await?;
        let mut all: [BTreeSet<String>; 3] = Default::default();
        for (channel, source, asset) in rows {
            for (known, name) in all.iter_mut().zip([channel, source, asset]) {
                known.insert(name);
            }
        }
        let [channels, sources, assets] =
            all.map(|names| names.into_iter().filter(|name| !name.is_empty()).collect());
        Ok(Known {
            channels,
            sources,
            assets,
        })
    }
}
