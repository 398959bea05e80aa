//! What the pages of the data team read, one file a page, and [`rollup`], which keeps it quick.
//!
//! Everything comes from sums of months and days that are over and from rows of those that are not
//! (migrations 0060, 0061, 0088 and 0098), as in the `report_*` views; only a question's own page, gaps, and
//! figures of one asset that no sum has, read the rows themselves.

mod cost;
mod gaps;
mod ingest;
mod interaction;
mod program;
mod rollup;
mod usage;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
pub use cost::{
    AssetCost, CostFigures, DayCost, ModelCost, MonthCost, RunCost, ShareCost, SourceCost,
};
pub use gaps::{AskedAgain, Gap, OpenGap};
pub use ingest::{DayRuns, FailedDocument, OldDocument, Run, SourceState};
pub use interaction::{InteractionPage, PageCall, PageFeedback, PagePassage};
pub use program::{PageView, PageViews};
use sqlx::SqlSafeStr;
pub use usage::{
    AssetUse, Conversations, DayUse, DocumentUse, HourUse, Known, LanguageUse, Spread, UseFigures,
    Wait, Wording,
};

use super::connection::Row;
use super::{Ledger, LedgerError};

/// What a page is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub from: NaiveDate,
    /// The last day, included.
    pub until: NaiveDate,
    /// Empty: all. So are the other two.
    pub channel: String,
    pub source: String,
    pub asset: String,
}

impl Filter {
    /// Whether only one source or asset is looked at.
    pub fn is_narrow(&self) -> bool {
        !self.source.is_empty() || !self.asset.is_empty()
    }

    fn begin(&self) -> DateTime<Utc> {
        self.from.and_time(NaiveTime::MIN).and_utc()
    }

    fn end(&self) -> DateTime<Utc> {
        (self.until + Days::new(1))
            .and_time(NaiveTime::MIN)
            .and_utc()
    }
}

/// Columns of a table that has all of a filter's.
macro_rules! of_filter {
    () => {
        " ($3 = '' OR channel = $3) AND ($4 = '' OR source = $4) AND ($5 = '' OR asset = $5) "
    };
}
/// Those of a table that knows no asset, where the filter names none.
macro_rules! of_source {
    () => {
        " ($3 = '' OR channel = $3) AND ($4 = '' OR source = $4) AND $5 = '' "
    };
}
/// Closed months in a filter's days; what is in none of them, [`days`] has.
macro_rules! months {
    () => {
        " month = ANY(ARRAY(SELECT whole_months($1, $2))) "
    };
}
macro_rules! days {
    () => {
        " day = ANY(ARRAY(SELECT other_days($1, $2))) "
    };
}
/// Days of a filter whose rows are not summed, and the others.
macro_rules! open {
    () => {
        " day = ANY(ARRAY(SELECT day FROM open_day WHERE day BETWEEN $1 AND $2)) "
    };
}
macro_rules! closed {
    () => {
        " day <> ALL(ARRAY(SELECT day FROM open_day WHERE day BETWEEN $1 AND $2)) "
    };
}
/// The same of `interaction i`; `$1` and `$2` are moments.
macro_rules! asked_within {
    () => {
        " i.origin = 'person' AND i.at >= $1 AND i.at < $2 AND ($3 = '' OR i.channel = $3)
          AND ($4 = '' OR i.source = $4) AND ($5 = '' OR i.asset = $5) "
    };
}
use {asked_within, closed, days, months, of_filter, of_source, open};

impl Ledger {
    /// Rows of a query that takes the filter's days and columns as $1 to $5.
    async fn by_day<T: Row>(
        &self,
        filter: &Filter,
        sql: impl SqlSafeStr,
    ) -> Result<Vec<T>, LedgerError> {
        let query = sqlx::query_as(sql)
            .bind(filter.from)
            .bind(filter.until)
            .bind(&filter.channel)
            .bind(&filter.source)
            .bind(&filter.asset);
        self.connection.all(query).await
    }

    /// Rows of a query that takes moments instead of days.
    async fn by_moment<T: Row>(
        &self,
        filter: &Filter,
        sql: impl SqlSafeStr,
    ) -> Result<Vec<T>, LedgerError> {
        let query = sqlx::query_as(sql)
            .bind(filter.begin())
            .bind(filter.end())
            .bind(&filter.channel)
            .bind(&filter.source)
            .bind(&filter.asset);
        self.connection.all(query).await
    }
}
