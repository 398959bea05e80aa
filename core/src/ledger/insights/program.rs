//! The page about these pages themselves: who looks at them.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::super::{Ledger, LedgerError};
use super::Filter;

/// A look at a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageView {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub page: String,
    pub caller: String,
    /// How long making it took.
    pub ms: i64,
}

/// Looks at a page on a day.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PageViews {
    pub day: NaiveDate,
    pub page: String,
    pub views: i64,
    pub people: i64,
    pub slowest_ms: i64,
}

impl Ledger {
    pub async fn note_page_view(&self, view: &PageView) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "INSERT INTO page_view (id, at, page, caller, ms) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(view.id)
        .bind(view.at)
        .bind(&view.page)
        .bind(&view.caller)
        .bind(view.ms)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    pub async fn page_views(&self, filter: &Filter) -> Result<Vec<PageViews>, LedgerError> {
        let sql = "SELECT day, page, views, people, slowest_ms FROM report_page_views
                    WHERE day BETWEEN $1 AND $2 ORDER BY day, page";
        self.by_day(filter, sql).await
    }
}
