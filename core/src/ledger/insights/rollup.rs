//! Sums of days that are over. Migration 0060 says how they stay exact.

use chrono::NaiveDate;

use super::super::{Ledger, LedgerError};

/// What [`open_days`](../../../../../migrations/0060_sums.sql) locks shared.
const LOCK: i64 = 28_269_970_600_586_611;

/// Each table of sums with the function that sums it.
const SUMS: [&str; 6] = [
    "INSERT INTO use_day SELECT * FROM sum_use(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO latency_day SELECT * FROM sum_latency(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO person_day SELECT * FROM sum_people(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO conversation_day SELECT * FROM sum_conversations(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO document_day SELECT * FROM sum_documents(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO cost_day SELECT * FROM sum_cost(day_begins($1), day_begins($1 + 1))",
];

/// What documents that were cited on a day are called.
const NAMES: &str = "INSERT INTO cited_document AS c (document_id, path, title, owner, updated_at, fresh_at, seen_at)
     SELECT DISTINCT ON (p.document_id) p.document_id, p.path, p.title, p.owner, p.updated_at, p.fresh_at, i.at
       FROM interaction i JOIN passage p ON p.interaction_id = i.id
      WHERE p.cited_as IS NOT NULL AND i.origin = 'person'
        AND i.at >= day_begins($1) AND i.at < day_begins($1 + 1)
      ORDER BY p.document_id, i.at DESC, p.rank
     ON CONFLICT (document_id) DO UPDATE
     SET path = excluded.path, title = excluded.title, owner = excluded.owner,
         updated_at = excluded.updated_at, fresh_at = excluded.fresh_at, seen_at = excluded.seen_at
     WHERE excluded.seen_at >= c.seen_at";

impl Ledger {
    /// Sums the open days that are over, the newest first, at most `limit`. Answers how many.
    pub async fn sum_days(&self, limit: i64) -> Result<usize, LedgerError> {
        let pool = self.connection.pool().await?;
        // In its first hours a day still gets calls of questions from before midnight.
        let days: Vec<NaiveDate> = sqlx::query_scalar(
            "SELECT day FROM open_day
              WHERE day < ((now() - interval '2 hours') AT TIME ZONE 'UTC')::date
              ORDER BY day DESC LIMIT $1",
        )
        .bind(limit)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        for day in &days {
            self.sum_day(*day).await?;
        }
        Ok(days.len())
    }

    async fn sum_day(&self, day: NaiveDate) -> Result<(), LedgerError> {
        self.transaction(async |connection| {
            // Waits for whoever is writing; later writers find the day closed, and open it again.
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(LOCK)
                .execute(&mut *connection)
                .await?;
            let closed = sqlx::query("DELETE FROM open_day WHERE day = $1")
                .bind(day)
                .execute(&mut *connection)
                .await?;
            // Another process has summed it meanwhile.
            if closed.rows_affected() == 0 {
                return Ok(());
            }
            for sum in SUMS {
                sqlx::query(sum).bind(day).execute(&mut *connection).await?;
            }
            sqlx::query(NAMES)
                .bind(day)
                .execute(&mut *connection)
                .await?;
            Ok(())
        })
        .await
    }
}
