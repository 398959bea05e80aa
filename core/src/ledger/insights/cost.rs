//! The page of cost. A price that nobody has configured is unknown, never zero: such calls are counted.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::{Ledger, LedgerError};
use super::{Filter, closed, days, months, of_filter, of_source, open};

/// What a day's calls of one purpose cost.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct DayCost {
    pub day: NaiveDate,
    pub purpose: String,
    /// US dollars of the calls whose price is known; `None`: of none.
    pub cost: Option<Decimal>,
    pub calls: i64,
    pub unknown_price: i64,
}

#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ModelCost {
    pub model: String,
    pub purpose: String,
    pub calls: i64,
    /// Calls that did not end well.
    pub failed: i64,
    pub estimated: i64,
    pub input_tokens: i64,
    pub cached_tokens: i64,
    pub output_tokens: i64,
    pub cost: Option<Decimal>,
    pub unknown_price: i64,
}

/// What a channel, a team or an origin cost.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ShareCost {
    pub name: String,
    pub calls: i64,
    pub tokens: i64,
    pub cost: Option<Decimal>,
    pub unknown_price: i64,
}

/// What questions about a data product cost.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct AssetCost {
    pub source: String,
    pub asset: String,
    pub questions: i64,
    pub answered: i64,
    pub tokens: i64,
    pub cost: Decimal,
    pub unknown_price: i64,
}

/// What ingesting a source cost.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct SourceCost {
    pub source: String,
    pub runs: i64,
    pub tokens: i64,
    pub cost: Option<Decimal>,
    pub unknown: i64,
}

#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct RunCost {
    pub id: Uuid,
    pub source: String,
    pub started_at: DateTime<Utc>,
    pub indexed: i64,
    pub tokens: i64,
    pub cost: Option<Decimal>,
}

/// Dollars of a day, ingest and everything.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct MonthCost {
    pub day: NaiveDate,
    pub ingest: Decimal,
    pub total: Decimal,
    pub unknown_price: i64,
}

/// Costs of model calls, told apart in four ways.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CostFigures {
    pub days: Vec<DayCost>,
    /// The dearest first; so are the next two.
    pub models: Vec<ModelCost>,
    /// Where questions came in, and ingest; those that people did not ask with their origin.
    pub channels: Vec<ShareCost>,
    /// Of people's questions.
    pub teams: Vec<ShareCost>,
}

#[derive(sqlx::FromRow)]
struct CostRow {
    day: Option<NaiveDate>,
    purpose: Option<String>,
    model: Option<String>,
    channel: Option<String>,
    team: Option<String>,
    calls: i64,
    failed: i64,
    estimated: i64,
    input_tokens: i64,
    cached_tokens: i64,
    output_tokens: i64,
    cost: Option<Decimal>,
    unknown_price: i64,
}

#[derive(sqlx::FromRow)]
struct QuestionCostRow {
    day: Option<NaiveDate>,
    source: Option<String>,
    asset: Option<String>,
    questions: Option<i64>,
    answered: Option<i64>,
    calls: Option<i64>,
    tokens: Option<i64>,
    cost: Decimal,
    unknown_price: i64,
}

impl CostFigures {
    fn of(rows: Vec<CostRow>) -> Self {
        let mut figures = Self::default();
        for row in rows {
            let share = |name: String| ShareCost {
                name,
                calls: row.calls,
                tokens: row.input_tokens + row.output_tokens,
                cost: row.cost,
                unknown_price: row.unknown_price,
            };
            match (&row.day, &row.purpose, &row.model, &row.channel, &row.team) {
                (Some(day), Some(purpose), ..) => figures.days.push(DayCost {
                    day: *day,
                    purpose: purpose.clone(),
                    cost: row.cost,
                    calls: row.calls,
                    unknown_price: row.unknown_price,
                }),
                (_, Some(purpose), Some(model), ..) => figures.models.push(ModelCost {
                    model: model.clone(),
                    purpose: purpose.clone(),
                    calls: row.calls,
                    failed: row.failed,
                    estimated: row.estimated,
                    input_tokens: row.input_tokens,
                    cached_tokens: row.cached_tokens,
                    output_tokens: row.output_tokens,
                    cost: row.cost,
                    unknown_price: row.unknown_price,
                }),
                (_, _, _, Some(channel), _) => figures.channels.push(share(channel.clone())),
                (_, _, _, _, Some(team)) => figures.teams.push(share(team.clone())),
                // What nobody asked has no team.
                _ => {}
            }
        }
        figures
            .days
            .sort_by(|one, other| (one.day, &one.purpose).cmp(&(other.day, &other.purpose)));
        figures
    }
}

impl Ledger {
    /// What every kind of call cost, by whatever it can be told apart by, in one reading.
    pub async fn cost_figures(&self, filter: &Filter) -> Result<CostFigures, LedgerError> {
        macro_rules! sums {
            () => {
                "sum(calls)::bigint AS calls,
                 coalesce(sum(calls) FILTER (WHERE outcome <> 'ok'), 0)::bigint AS failed,
                 sum(estimated)::bigint AS estimated, coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
                 coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
                 coalesce(sum(output_tokens), 0)::bigint AS output_tokens, sum(cost) AS cost,
                 sum(unknown_price)::bigint AS unknown_price"
            };
        }
        macro_rules! counts {
            () => {
                " purpose, model, outcome, channel, origin, team, calls, estimated, input_tokens,
                  cached_tokens, output_tokens, cost, unknown_price "
            };
        }
        let sql = concat!(
            "WITH open AS MATERIALIZED (
                 SELECT day,", counts!(), "FROM report_spending WHERE ", open!(), " AND ($3 = '' OR channel = $3))
             SELECT day, purpose, NULL AS model, NULL AS channel, NULL AS team,", sums!(),
            "  FROM (SELECT day, purpose, outcome, calls, estimated, input_tokens, cached_tokens, output_tokens,
                            cost, unknown_price
                       FROM cost_day
                      WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3) AND ", closed!(),
            "        UNION ALL
                     SELECT day, purpose, outcome, calls, estimated, input_tokens, cached_tokens, output_tokens,
                            cost, unknown_price
                       FROM open) AS by_day
              GROUP BY day, purpose
             UNION ALL
             SELECT NULL, purpose, model, channel, team,", sums!(),
            "  FROM (SELECT purpose, model, outcome, calls, estimated, input_tokens, cached_tokens, output_tokens,
                            cost, unknown_price,
                            CASE WHEN channel = '' THEN 'ingest' ELSE channel END
                            || CASE WHEN origin IN ('', 'person') THEN '' ELSE ' (' || origin || ')' END AS channel,
                            CASE WHEN origin = 'person' THEN team END AS team
                       FROM (SELECT", counts!(), "FROM cost_month
                              WHERE ", months!(), " AND ($3 = '' OR channel = $3)
                             UNION ALL SELECT", counts!(), "FROM cost_day
                              WHERE ", days!(), " AND ", closed!(), " AND ($3 = '' OR channel = $3)
                             UNION ALL SELECT", counts!(), "FROM open) AS each) AS spent
              GROUP BY GROUPING SETS ((model, purpose), (channel), (team))
              ORDER BY day, cost DESC NULLS LAST, model, purpose, channel, team"
        );
        Ok(CostFigures::of(self.by_day(filter, sql).await?))
    }

    /// What questions cost: by what they are about, and by day (their purpose is `questions`).
    pub async fn question_costs(
        &self,
        filter: &Filter,
    ) -> Result<(Vec<AssetCost>, Vec<DayCost>), LedgerError> {
        macro_rules! costs {
            ($days:literal, $wanted:expr) => {
                concat!(
                    "WITH open AS MATERIALIZED (
                         SELECT day, source, asset, questions, answered, calls, input_tokens, output_tokens,
                                cost, unknown_price
                           FROM report_use WHERE ", open!(), " AND ", of_filter!(), ")
                     SELECT NULL AS day, source, asset, sum(questions)::bigint AS questions,
                            sum(answered)::bigint AS answered, NULL AS calls,
                            (sum(input_tokens) + sum(output_tokens))::bigint AS tokens, sum(cost) AS cost,
                            sum(unknown_price)::bigint AS unknown_price
                       FROM (SELECT source, asset, questions, answered, input_tokens, output_tokens, cost, unknown_price
                               FROM use_month WHERE ", months!(), " AND ", of_filter!(),
                    "        UNION ALL
                             SELECT source, asset, questions, answered, input_tokens, output_tokens, cost, unknown_price
                               FROM use_day WHERE ", days!(), " AND ", closed!(), " AND ", of_filter!(),
                    "        UNION ALL
                             SELECT source, asset, questions, answered, input_tokens, output_tokens, cost, unknown_price
                               FROM open) AS about
                      GROUP BY source, asset
                     UNION ALL
                     SELECT day, NULL, NULL, NULL, NULL, sum(calls)::bigint, NULL, sum(cost),
                            sum(unknown_price)::bigint
                       FROM (SELECT day, calls, cost, unknown_price FROM ", $days,
                    "         WHERE day BETWEEN $1 AND $2 AND ", $wanted, " AND ", closed!(),
                    "        UNION ALL SELECT day, calls, cost, unknown_price FROM open) AS by_day
                      GROUP BY day
                      ORDER BY day, cost DESC, source, asset"
                )
            };
        }
        let sql: &'static str = if filter.asset.is_empty() {
            costs!("source_day", of_source!())
        } else {
            costs!("use_day", of_filter!())
        };
        let rows: Vec<QuestionCostRow> = self.by_day(filter, sql).await?;
        let (mut assets, mut days) = (Vec::new(), Vec::new());
        for row in rows {
            if let Some(day) = row.day {
                days.push(DayCost {
                    day,
                    purpose: "questions".to_owned(),
                    cost: Some(row.cost),
                    calls: row.calls.unwrap_or_default(),
                    unknown_price: row.unknown_price,
                });
            } else {
                assets.push(AssetCost {
                    source: row.source.unwrap_or_default(),
                    asset: row.asset.unwrap_or_default(),
                    questions: row.questions.unwrap_or_default(),
                    answered: row.answered.unwrap_or_default(),
                    tokens: row.tokens.unwrap_or_default(),
                    cost: row.cost,
                    unknown_price: row.unknown_price,
                });
            }
        }
        Ok((assets, days))
    }

    /// What ingest cost, by source.
    pub async fn cost_by_source(&self, filter: &Filter) -> Result<Vec<SourceCost>, LedgerError> {
        let sql =
            "SELECT source, count(*) AS runs, sum(tokens)::bigint AS tokens, sum(cost) AS cost,
                          count(*) FILTER (WHERE cost IS NULL AND tokens > 0) AS unknown
                     FROM ingest_run
                    WHERE started_at >= $1 AND started_at < $2 AND ($4 = '' OR source = $4)
                    GROUP BY 1 ORDER BY 4 DESC NULLS LAST, 1";
        self.by_moment(filter, sql).await
    }

    /// The runs that cost most.
    pub async fn dearest_runs(&self, filter: &Filter) -> Result<Vec<RunCost>, LedgerError> {
        let sql = "SELECT id, source, started_at, indexed, tokens, cost FROM ingest_run
                    WHERE started_at >= $1 AND started_at < $2 AND ($4 = '' OR source = $4)
                      AND (cost > 0 OR (cost IS NULL AND tokens > 0))
                    ORDER BY cost DESC NULLS LAST, started_at DESC LIMIT 20";
        self.by_moment(filter, sql).await
    }

    /// Dollars of each day since a day, whatever for: what a forecast is made from.
    pub async fn cost_since(&self, day: NaiveDate) -> Result<Vec<MonthCost>, LedgerError> {
        let query = sqlx::query_as(
            "SELECT day, coalesce(sum(cost) FILTER (WHERE purpose IN ('embed_passages', 'clean')), 0) AS ingest,
                    coalesce(sum(cost), 0) AS total, sum(unknown_price)::bigint AS unknown_price
               FROM report_spending WHERE day >= $1 GROUP BY day ORDER BY day",
        )
        .bind(day);
        self.connection.all(query).await
    }
}
