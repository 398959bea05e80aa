//! The page of use: how much is asked, by whom, when, about what, and how well it is answered.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, Months, NaiveDate};
use uuid::Uuid;

use super::super::{Ledger, LedgerError};
use super::{Filter, asked_within, closed, days, months, of_filter, of_source, open};

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

/// Questions by day and channel, by language, and by what they are about, the most asked first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UseFigures {
    pub days: Vec<DayUse>,
    pub languages: Vec<LanguageUse>,
    /// At most 200.
    pub assets: Vec<AssetUse>,
}

/// Distributions, the smallest values first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    pub hours: Vec<HourUse>,
    pub conversations: Vec<Conversations>,
    pub waits: Vec<Wait>,
}

/// A row of a day and channel, of a language, or of a source and asset.
#[derive(sqlx::FromRow)]
struct UseRow {
    day: Option<NaiveDate>,
    channel: Option<String>,
    language: Option<String>,
    source: Option<String>,
    asset: Option<String>,
    questions: i64,
    answered: i64,
    quoted: i64,
    abstained: i64,
    failed: i64,
    cancelled: i64,
    liked: i64,
    disliked: i64,
    checked: i64,
    unverified: i64,
}

/// How often a value came; migration 0088 says what they are of each kind.
#[derive(sqlx::FromRow)]
struct Often {
    kind: String,
    value: i64,
    times: i64,
}

/// What can be chosen in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub channels: Vec<String>,
    pub sources: Vec<String>,
    pub assets: Vec<String>,
}

impl UseFigures {
    fn of(rows: Vec<UseRow>) -> Self {
        let mut figures = Self::default();
        for row in rows {
            match (row.day, row.channel, row.language, row.source, row.asset) {
                (Some(day), Some(channel), ..) => figures.days.push(DayUse {
                    day,
                    channel,
                    questions: row.questions,
                    answered: row.answered,
                    quoted: row.quoted,
                    abstained: row.abstained,
                    failed: row.failed,
                    cancelled: row.cancelled,
                    liked: row.liked,
                    disliked: row.disliked,
                    checked: row.checked,
                    unverified: row.unverified,
                }),
                (_, _, Some(language), ..) => figures.languages.push(LanguageUse {
                    language,
                    questions: row.questions,
                    answered: row.answered,
                }),
                (_, _, _, Some(source), Some(asset)) => figures.assets.push(AssetUse {
                    source,
                    asset,
                    questions: row.questions,
                    answered: row.answered,
                    abstained: row.abstained,
                    liked: row.liked,
                    disliked: row.disliked,
                }),
                _ => {}
            }
        }
        let key = |day: &DayUse| (day.day, day.channel.clone());
        figures.days.sort_by_cached_key(key);
        figures.languages.sort_by(|one, other| {
            (other.questions, &one.language).cmp(&(one.questions, &other.language))
        });
        figures.assets.sort_by(|one, other| {
            (other.questions, &one.source, &one.asset).cmp(&(
                one.questions,
                &other.source,
                &other.asset,
            ))
        });
        figures.assets.truncate(200);
        figures
    }
}

impl Spread {
    fn of(rows: Vec<Often>) -> Self {
        let mut spread = Self::default();
        for row in rows {
            let small = i32::try_from(row.value).unwrap_or(i32::MAX);
            match row.kind.as_str() {
                "hour" => spread.hours.push(HourUse {
                    weekday: small / 100,
                    hour: small % 100,
                    questions: row.times,
                }),
                "conversation" => spread.conversations.push(Conversations {
                    questions: small,
                    conversations: row.times,
                }),
                _ => spread.waits.push(Wait {
                    kind: row.kind,
                    ms: row.value,
                    questions: row.times,
                }),
            }
        }
        spread
    }
}

impl Ledger {
    /// What is shown of questions by day, language and subject, in one reading: the day that is not over
    /// is summed once.
    pub async fn use_figures(&self, filter: &Filter) -> Result<UseFigures, LedgerError> {
        macro_rules! sums {
            () => {
                "sum(questions)::bigint AS questions, sum(answered)::bigint AS answered,
                 sum(quoted)::bigint AS quoted, sum(abstained)::bigint AS abstained,
                 sum(failed)::bigint AS failed, sum(cancelled)::bigint AS cancelled,
                 sum(liked)::bigint AS liked, sum(disliked)::bigint AS disliked,
                 sum(checked)::bigint AS checked, sum(unverified)::bigint AS unverified"
            };
        }
        macro_rules! counts {
            () => {
                " questions, answered, quoted, abstained, failed, cancelled, liked, disliked, checked, unverified "
            };
        }
        // Which table has the days depends on whether assets are told apart.
        macro_rules! figures {
            ($days:literal, $wanted:expr) => {
                concat!(
                    "WITH open AS MATERIALIZED (
                         SELECT day, channel, source, asset, language,", counts!(),
                    "      FROM report_use WHERE ", open!(), " AND ", of_filter!(), ")
                     SELECT day, channel, NULL AS language, NULL AS source, NULL AS asset,", sums!(),
                    "  FROM (SELECT day, channel,", counts!(), "FROM ", $days,
                    "         WHERE day BETWEEN $1 AND $2 AND ", $wanted, " AND ", closed!(),
                    "        UNION ALL SELECT day, channel,", counts!(), "FROM open) AS by_day
                      GROUP BY day, channel
                     UNION ALL
                     SELECT NULL, NULL, language, source, asset,", sums!(),
                    "  FROM (SELECT language, source, asset,", counts!(), "FROM use_month
                              WHERE ", months!(), " AND ", of_filter!(),
                    "        UNION ALL SELECT language, source, asset,", counts!(), "FROM use_day
                              WHERE ", days!(), " AND ", closed!(), " AND ", of_filter!(),
                    "        UNION ALL SELECT language, source, asset,", counts!(), "FROM open) AS about
                      GROUP BY GROUPING SETS ((language), (source, asset))"
                )
            };
        }
        let sql: &'static str = if filter.asset.is_empty() {
            figures!("source_day", of_source!())
        } else {
            figures!("use_day", of_filter!())
        };
        Ok(UseFigures::of(self.by_day(filter, sql).await?))
    }

    /// How questions spread over hours, waits and lengths of conversations.
    pub async fn spread(&self, filter: &Filter) -> Result<Spread, LedgerError> {
        // Of an asset there are no sums; an index has all that is read.
        let rows: Vec<Often> = if filter.asset.is_empty() {
            let sql = concat!(
                "SELECT s.kind, v.value, sum(v.times)::bigint AS times
                   FROM (SELECT channel, whole, source, kind, value, times FROM spread_month WHERE ", months!(),
                "        UNION ALL
                         SELECT channel, whole, source, kind, value, times FROM day_spread WHERE ", days!(), ") AS s
                  CROSS JOIN LATERAL unnest(s.value, s.times) AS v (value, times)
                  WHERE ($3 = '' OR s.channel = $3) AND s.whole = ($4 = '') AND s.source = $4 AND $5 = ''
                  GROUP BY 1, 2 ORDER BY 1, 2"
            );
            self.by_day(filter, sql).await?
        } else {
            let sql = concat!(
                "WITH asked AS MATERIALIZED (
                     SELECT i.channel, (i.at AT TIME ZONE 'UTC')::date AS day, i.conversation_id,
                            (extract(isodow FROM i.at AT TIME ZONE 'UTC') * 100
                             + extract(hour FROM i.at AT TIME ZONE 'UTC'))::bigint AS hour, i.outcome,
                            i.first_token_ms, i.total_ms
                       FROM interaction i WHERE ", asked_within!(), ")
                 SELECT 'hour' AS kind, hour AS value, count(*) AS times FROM asked GROUP BY 2
                 UNION ALL
                 SELECT 'conversation', n, count(*)
                   FROM (SELECT count(*) AS n FROM asked GROUP BY conversation_id, channel, day) AS each
                  GROUP BY n
                 UNION ALL
                 SELECT 'first_token', two_digits(first_token_ms), count(*) FROM asked
                  WHERE outcome = 'answered' AND first_token_ms IS NOT NULL GROUP BY 2
                 UNION ALL
                 SELECT 'total', two_digits(total_ms), count(*) FROM asked
                  WHERE outcome = 'answered' GROUP BY 2
                  ORDER BY 1, 2"
            );
            self.by_moment(filter, sql).await?
        };
        Ok(Spread::of(rows))
    }

    /// The days on which each person asked, from the first day of the month before the filter on.
    pub async fn days_of_people(
        &self,
        filter: &Filter,
    ) -> Result<Vec<Vec<NaiveDate>>, LedgerError> {
        let mut filter = filter.clone();
        let month = filter.from.with_day(1).unwrap_or(filter.from);
        filter.from = month - Months::new(1);
        let rows: Vec<(Vec<NaiveDate>, Vec<i32>)> = if filter.asset.is_empty() {
            // A list of months, so that the index is read at each of them.
            let sql = "SELECT array_agg(month), array_agg(days) FROM person_days
                        WHERE month = ANY(ARRAY(SELECT generate_series($1::timestamp, $2::timestamp, '1 month')::date))
                          AND ($3 = '' OR channel = $3) AND whole = ($4 = '') AND source = $4 AND $5 = ''
                          AND days <> 0
                        GROUP BY person";
            self.by_day(&filter, sql).await?
        } else {
            let sql = concat!(
                "SELECT array_agg(month), array_agg(days) FROM (
                     SELECT i.caller, month_of((i.at AT TIME ZONE 'UTC')::date) AS month,
                            bit_or(1 << (extract(day FROM i.at AT TIME ZONE 'UTC')::integer - 1)) AS days
                       FROM interaction i WHERE ",
                asked_within!(),
                "GROUP BY 1, 2) AS each GROUP BY caller"
            );
            self.by_moment(&filter, sql).await?
        };
        let people = rows.into_iter().map(|(months, days)| {
            let mut all: Vec<NaiveDate> = months
                .into_iter()
                .zip(days)
                .flat_map(|(month, days)| {
                    let is_set = move |day: &u64| days >> day & 1 == 1;
                    (0..31)
                        .filter(is_set)
                        .map(move |day| month + Days::new(day))
                })
                .filter(|day| *day <= filter.until)
                .collect();
            all.sort_unstable();
            all.dedup();
            all
        });
        Ok(people.filter(|days| !days.is_empty()).collect())
    }

    /// The documents cited most.
    pub async fn documents_cited(&self, filter: &Filter) -> Result<Vec<DocumentUse>, LedgerError> {
        let sql = concat!(
            "WITH top AS (
                 SELECT document_id, source, max(asset) AS asset, sum(citations)::bigint AS citations,
                        sum(liked)::bigint AS liked, sum(disliked)::bigint AS disliked
                   FROM (SELECT document_id, source, asset, citations, liked, disliked FROM document_month
                          WHERE ", months!(), " AND ", of_filter!(),
            "            UNION ALL
                         SELECT document_id, source, asset, citations, liked, disliked FROM report_documents
                          WHERE ", days!(), " AND ", of_filter!(), ") AS cited
                  GROUP BY document_id, source ORDER BY 4 DESC, 2, 1 LIMIT 100)
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
        // With all channels together there are fewer rows.
        macro_rules! of_whole {
            () => {
                " whole = ($3 = '') AND channel = $3 AND ($4 = '' OR source = $4) AND ($5 = '' OR asset = $5) "
            };
        }
        let sql = concat!(
            "WITH asked AS (
                 SELECT question_key, sum(questions)::bigint AS questions, sum(abstained)::bigint AS abstained
                   FROM (SELECT question_key, questions, abstained FROM question_month
                          WHERE ", months!(), " AND ", of_whole!(),
            "            UNION ALL
                         SELECT question_key, questions, abstained FROM day_questions
                          WHERE ", days!(), " AND ", of_whole!(), ") AS each
                  GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $6)
             SELECT a.question_key, a.questions, a.abstained, n.id AS interaction_id,
                    n.standalone_question AS question, n.question_embedding AS embedding
               FROM asked a CROSS JOIN LATERAL (
                    SELECT id, standalone_question, question_embedding FROM interaction n
                     WHERE n.question_key = a.question_key AND n.origin = 'person'
                     ORDER BY n.at DESC LIMIT 1) AS n
              ORDER BY a.questions DESC, a.question_key"
        );
        let query = sqlx::query_as(sql)
            .bind(filter.from)
            .bind(filter.until)
            .bind(&filter.channel)
            .bind(&filter.source)
            .bind(&filter.asset)
            .bind(limit);
        self.connection.all(query).await
    }

    /// Channels, sources and data products that were ever asked in or about.
    pub async fn known(&self) -> Result<Known, LedgerError> {
        let query = sqlx::query_as(
            "SELECT channel, source, asset FROM use_month
              WHERE month NOT IN (SELECT month FROM open_month)
             UNION
             SELECT u.channel, u.source, u.asset
               FROM open_month o JOIN use_day u ON u.day >= o.month AND u.day < month_after(o.month)
             UNION
             SELECT i.channel, coalesce(i.source, ''), coalesce(i.asset, '')
               FROM open_day o
               JOIN interaction i ON i.at >= day_begins(o.day) AND i.at < day_begins(o.day + 1)
              WHERE i.origin = 'person'
             UNION
             SELECT '', name, '' FROM source",
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
