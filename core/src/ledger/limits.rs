//! What callers and channels have used of their limits. One statement admits a question or refuses
//! it; what its calls used is added where they are written ([`super::store`]), once each.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{Ledger, LedgerError};

/// How much somebody may ask; `None`: as much as they like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowance {
    pub questions_per_minute: Option<i64>,
    pub questions_per_day: Option<i64>,
    pub tokens_per_day: Option<i64>,
    /// US dollars.
    pub usd_per_day: Option<Decimal>,
}

/// Whose use is counted, and what it is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `channel/web`, `caller/key:etl`.
    pub subject: String,
    pub allowance: Allowance,
    /// Questions of today that were answered without being counted, while Postgres was away.
    pub owed: i64,
}

/// What was used, before the question that asked.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Used {
    pub subject: String,
    pub at: DateTime<Utc>,
    /// In the running minute.
    pub minute_questions: i64,
    /// Since midnight, UTC; so are the others.
    pub questions: i64,
    pub tokens: i64,
    pub cost: Decimal,
}

/// [`Used`], whether the day of every account has begun, and how many accounts the question was counted on.
type Row = (String, DateTime<Utc>, i64, i64, i64, Decimal, bool, i64);

/// How often a question whose day has not begun is asked about: midnight may pass in between.
const ATTEMPTS: usize = 3;

impl Ledger {
    /// Counts a question on each of some accounts, where all of them leave room for it; answers what
    /// each had used before, and whether the question was counted.
    pub async fn admit(&self, accounts: &[Account]) -> Result<(Vec<Used>, bool), LedgerError> {
        let mut rows = self.counted(accounts).await?;
        for _ in 1..ATTEMPTS {
            if rows.iter().all(|row| row.6) {
                break;
            }
            self.begin_day(accounts).await?;
            rows = self.counted(accounts).await?;
        }
        let counted = rows.first().map_or(0, |row| row.7);
        let used = rows
            .into_iter()
            .map(
                |(subject, at, minute_questions, questions, tokens, cost, ..)| Used {
                    subject,
                    at,
                    minute_questions,
                    questions,
                    tokens,
                    cost,
                },
            )
            .collect();
        Ok((used, counted == accounts.len() as i64))
    }

    /// The first question of an account's day has no row to lock: it makes one, with nothing on it.
    async fn begin_day(&self, accounts: &[Account]) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        let subjects: Vec<&str> = accounts.iter().map(|one| one.subject.as_str()).collect();
        sqlx::query(
            "INSERT INTO usage_count (subject, day, minute, minute_questions, questions)
             SELECT subject, (now() AT TIME ZONE 'UTC')::date, date_trunc('minute', now()), 0, 0
               FROM unnest($1::text[]) AS subject ORDER BY subject
             ON CONFLICT (subject, day) DO NOTHING",
        )
        .bind(subjects)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    async fn counted(&self, accounts: &[Account]) -> Result<Vec<Row>, LedgerError> {
        let pool = self.connection.pool().await?;
        let subjects: Vec<&str> = accounts.iter().map(|one| one.subject.as_str()).collect();
        let owed: Vec<i64> = accounts.iter().map(|one| one.owed).collect();
        let limit = |of: fn(&Allowance) -> Option<i64>| -> Vec<Option<i64>> {
            accounts.iter().map(|one| of(&one.allowance)).collect()
        };
        let dollars: Vec<Option<Decimal>> = accounts
            .iter()
            .map(|one| one.allowance.usd_per_day)
            .collect();
        // `held` locks the rows and reads them as they are then, whoever changed them meanwhile. Where one
        // is missing nothing is counted.
        sqlx::query_as(
            "WITH moment AS (SELECT now() AS at, date_trunc('minute', now()) AS minute,
                                    (now() AT TIME ZONE 'UTC')::date AS day),
             wanted AS (
                 SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[],
                     $5::bigint[], $6::numeric[])
                     AS w (subject, owed, per_minute, per_day, tokens_per_day, usd_per_day)),
             held AS MATERIALIZED (
                 SELECT u.* FROM usage_count u, wanted w, moment m
                  WHERE u.subject = w.subject AND u.day = m.day
                  ORDER BY u.subject FOR UPDATE OF u),
             used AS MATERIALIZED (
                 SELECT w.*, m.*,
                        CASE WHEN h.minute >= m.minute THEN h.minute_questions ELSE 0 END AS in_minute,
                        coalesce(h.questions, 0) + w.owed AS in_day,
                        coalesce(h.tokens, 0) AS tokens, coalesce(h.cost, 0) AS cost
                   FROM wanted w CROSS JOIN moment m LEFT JOIN held h USING (subject)),
             begun AS (SELECT (SELECT count(*) FROM held) = (SELECT count(*) FROM wanted) AS is_so),
             counted AS (
                 UPDATE usage_count u
                    SET questions = n.in_day + 1, minute_questions = n.in_minute + 1,
                        minute = greatest(u.minute, n.minute)
                   FROM used n, begun b
                  WHERE u.subject = n.subject AND u.day = n.day AND b.is_so
                    AND NOT EXISTS (SELECT FROM used
                        WHERE in_minute >= per_minute OR in_day >= per_day
                           OR tokens >= tokens_per_day OR cost >= usd_per_day)
                 RETURNING 1)
             SELECT subject, at, in_minute::bigint, in_day::bigint, tokens::bigint, cost,
                    (SELECT is_so FROM begun), (SELECT count(*) FROM counted) FROM used",
        )
        .bind(subjects)
        .bind(owed)
        .bind(limit(|allowed| allowed.questions_per_minute))
        .bind(limit(|allowed| allowed.questions_per_day))
        .bind(limit(|allowed| allowed.tokens_per_day))
        .bind(dollars)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }
}
