//! Sums of days and months that are over. Migrations 0060, 0088 and 0098 say how they stay exact.

use chrono::NaiveDate;

use super::super::{Ledger, LedgerError};

/// What `open_days` of migration 0060 locks shared.
const LOCK: i64 = 28_269_970_600_586_611;

/// Sums a day ($1). Parts of what has expired of it, which come by the hour, become one.
const SUMS: [&str; 9] = [
    "INSERT INTO use_day SELECT * FROM sum_use(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO person_day SELECT * FROM sum_people(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO document_day SELECT * FROM sum_documents(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO question_day SELECT * FROM sum_wordings(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO cost_day SELECT * FROM sum_cost(day_begins($1), day_begins($1 + 1))",
    "INSERT INTO source_day
     SELECT day, channel, source, sum(questions), sum(answered), sum(quoted), sum(abstained), sum(failed),
            sum(cancelled), sum(liked), sum(disliked), sum(checked), sum(unverified), sum(calls), sum(cost),
            sum(unknown_price)
       FROM use_day WHERE day = $1 GROUP BY 1, 2, 3",
    "WITH parts AS (DELETE FROM spread_day WHERE day = $1 AND expired RETURNING *)
     INSERT INTO spread_day (day, channel, whole, source, kind, value, times, expired)
     SELECT day, channel, whole, source, kind, array_agg(each ORDER BY each), array_agg(often ORDER BY each), true
       FROM (SELECT p.day, p.channel, p.whole, p.source, p.kind, v.each, sum(v.often)::bigint AS often
               FROM parts p CROSS JOIN LATERAL unnest(p.value, p.times) AS v (each, often)
              GROUP BY 1, 2, 3, 4, 5, 6) AS together
      GROUP BY 1, 2, 3, 4, 5
     UNION ALL
     SELECT s.*, false FROM sum_spread(day_begins($1), day_begins($1 + 1)) AS s",
    "UPDATE person_month SET days = days & ~(1 << (extract(day FROM $1)::integer - 1))
      WHERE month = month_of($1) AND days & (1 << (extract(day FROM $1)::integer - 1)) <> 0 AND NOT expired",
    "INSERT INTO person_month AS p (month, channel, whole, source, person, days)
     SELECT * FROM sum_person_days(day_begins($1), day_begins($1 + 1))
     ON CONFLICT (month, whole, source, channel, person, expired) DO UPDATE SET days = p.days | excluded.days",
];

/// Sums a month ($1) whose days are closed.
const SUMS_OF_MONTH: [&str; 12] = [
    "DELETE FROM use_month WHERE month = $1",
    "INSERT INTO use_month
     SELECT $1, channel, source, asset, language, sum(questions), sum(answered), sum(quoted), sum(abstained),
            sum(failed), sum(cancelled), sum(liked), sum(disliked), sum(checked), sum(unverified), sum(total_ms),
            sum(calls), sum(input_tokens), sum(output_tokens), sum(cost), sum(unknown_price)
       FROM use_day WHERE day >= $1 AND day < month_after($1) GROUP BY 2, 3, 4, 5",
    "DELETE FROM question_month WHERE month = $1",
    "INSERT INTO question_month
     SELECT $1, channel, whole, source, asset, question_key, sum(questions), sum(abstained)
       FROM question_day WHERE day >= $1 AND day < month_after($1) GROUP BY 2, 3, 4, 5, 6",
    "DELETE FROM gap_month WHERE month = $1",
    "INSERT INTO gap_month
     SELECT $1, channel, source, asset, question_key, person, sum(abstained), sum(disliked), max(at)
       FROM troubles(day_begins($1), day_begins(month_after($1))) GROUP BY 2, 3, 4, 5, 6",
    "DELETE FROM document_month WHERE month = $1",
    "INSERT INTO document_month
     SELECT $1, channel, source, asset, document_id, sum(citations), sum(liked), sum(disliked)
       FROM document_day WHERE day >= $1 AND day < month_after($1) GROUP BY 2, 3, 4, 5",
    "DELETE FROM cost_month WHERE month = $1",
    "INSERT INTO cost_month
     SELECT $1, purpose, model, outcome, channel, origin, team, sum(calls), sum(estimated), sum(input_tokens),
            sum(cached_tokens), sum(output_tokens), sum(cost), sum(unknown_price)
       FROM cost_day WHERE day >= $1 AND day < month_after($1) GROUP BY 2, 3, 4, 5, 6, 7",
    "DELETE FROM spread_month WHERE month = $1",
    "INSERT INTO spread_month
     SELECT $1, channel, whole, source, kind, array_agg(each ORDER BY each), array_agg(often ORDER BY each)
       FROM (SELECT s.channel, s.whole, s.source, s.kind, v.each, sum(v.often)::bigint AS often
               FROM spread_day s CROSS JOIN LATERAL unnest(s.value, s.times) AS v (each, often)
              WHERE s.day >= $1 AND s.day < month_after($1) GROUP BY 1, 2, 3, 4, 5) AS together
      GROUP BY 2, 3, 4, 5",
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
    /// Sums the open days that are over, the newest first, at most `limit`, and months that are over and have
    /// no open day. Answers how many days.
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
        let months: Vec<NaiveDate> = sqlx::query_scalar(
            "SELECT month FROM open_month
              WHERE month_after(month) <= ((now() - interval '2 hours') AT TIME ZONE 'UTC')::date
                AND NOT EXISTS (SELECT FROM open_day WHERE day >= month AND day < month_after(month))
              ORDER BY month DESC",
        )
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        for month in &months {
            self.sum_month(*month).await?;
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

    async fn sum_month(&self, month: NaiveDate) -> Result<(), LedgerError> {
        self.transaction(async |connection| {
            // As for a day.
            sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(LOCK)
                .execute(&mut *connection)
                .await?;
            let closed = sqlx::query(
                "DELETE FROM open_month WHERE month = $1
                    AND NOT EXISTS (SELECT FROM open_day WHERE day >= $1 AND day < month_after($1))",
            )
            .bind(month)
            .execute(&mut *connection)
            .await?;
            if closed.rows_affected() == 0 {
                return Ok(());
            }
            for sum in SUMS_OF_MONTH {
                sqlx::query(sum)
                    .bind(month)
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
        .await
    }
}
