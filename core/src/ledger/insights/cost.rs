//! The page of cost. A price that nobody has configured is unknown, never zero: such calls are counted.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::{Ledger, LedgerError};
use super::{Filter, within};

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

impl Ledger {
    /// By day and purpose; of one source or asset, the questions about it, whose purpose is `questions`.
    pub async fn cost_by_day(&self, filter: &Filter) -> Result<Vec<DayCost>, LedgerError> {
        if filter.is_narrow() {
            let sql = concat!(
                "SELECT day, 'questions' AS purpose, sum(cost) AS cost, sum(calls)::bigint AS calls,
                        sum(unknown_price)::bigint AS unknown_price
                   FROM report_use WHERE ",
                within!(),
                "GROUP BY day ORDER BY day"
            );
            return self.by_day(filter, sql).await;
        }
        let sql = "SELECT day, purpose, sum(cost) AS cost, sum(calls)::bigint AS calls,
                          sum(unknown_price)::bigint AS unknown_price
                     FROM report_spending
                    WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3)
                    GROUP BY day, purpose ORDER BY day, purpose";
        self.by_day(filter, sql).await
    }

    pub async fn cost_by_model(&self, filter: &Filter) -> Result<Vec<ModelCost>, LedgerError> {
        let sql = "SELECT model, purpose, sum(calls)::bigint AS calls,
                          coalesce(sum(calls) FILTER (WHERE outcome <> 'ok'), 0)::bigint AS failed,
                          sum(estimated)::bigint AS estimated,
                          coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
                          coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
                          coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
                          sum(cost) AS cost, sum(unknown_price)::bigint AS unknown_price
                     FROM report_spending
                    WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3)
                    GROUP BY model, purpose ORDER BY 9 DESC NULLS LAST, 1, 2";
        self.by_day(filter, sql).await
    }

    pub async fn cost_by_channel(&self, filter: &Filter) -> Result<Vec<ShareCost>, LedgerError> {
        let sql = "SELECT CASE WHEN channel = '' THEN 'ingest' ELSE channel END
                          || CASE WHEN origin IN ('', 'person') THEN '' ELSE ' (' || origin || ')' END AS name,
                          sum(calls)::bigint AS calls,
                          (coalesce(sum(input_tokens), 0) + coalesce(sum(output_tokens), 0))::bigint AS tokens,
                          sum(cost) AS cost, sum(unknown_price)::bigint AS unknown_price
                     FROM report_spending
                    WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3)
                    GROUP BY 1 ORDER BY 4 DESC NULLS LAST, 1";
        self.by_day(filter, sql).await
    }

    pub async fn cost_by_team(&self, filter: &Filter) -> Result<Vec<ShareCost>, LedgerError> {
        let sql = "SELECT team AS name, sum(calls)::bigint AS calls,
                          (coalesce(sum(input_tokens), 0) + coalesce(sum(output_tokens), 0))::bigint AS tokens,
                          sum(cost) AS cost, sum(unknown_price)::bigint AS unknown_price
                     FROM report_spending
                    WHERE day BETWEEN $1 AND $2 AND ($3 = '' OR channel = $3) AND origin = 'person'
                    GROUP BY 1 ORDER BY 4 DESC NULLS LAST, 1";
        self.by_day(filter, sql).await
    }

    /// What questions cost, by what they are about.
    pub async fn cost_by_asset(&self, filter: &Filter) -> Result<Vec<AssetCost>, LedgerError> {
        let sql = concat!(
            "SELECT source, asset, sum(questions)::bigint AS questions, sum(answered)::bigint AS answered,
                    (sum(input_tokens) + sum(output_tokens))::bigint AS tokens, sum(cost) AS cost,
                    sum(unknown_price)::bigint AS unknown_price
               FROM report_use WHERE ",
            within!(),
            "GROUP BY source, asset ORDER BY 6 DESC, 1, 2"
        );
        self.by_day(filter, sql).await
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
