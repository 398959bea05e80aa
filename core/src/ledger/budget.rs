//! What ingest may spend: a run reserves its estimate in one statement, and is settled with its cost.
//!
//! Reservations of a month meet at its row in `budget_month`. The statement that reserves locks that
//! row, and its condition is looked at again when a run that came first has committed; so two runs
//! cannot both take the last money. What runs cost that reserved nothing (no budget was set then)
//! counts as well.

use std::time::Duration;

use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Ledger, LedgerError};

/// What a run wants to spend.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservation {
    pub run_id: Uuid,
    /// US dollars.
    pub estimate: Decimal,
    /// Machine and data folder: reservations of another process of the same place are a dead run's,
    /// where only one process may own it.
    pub place: String,
    /// This process.
    pub process: Uuid,
}

impl Ledger {
    /// Reserves an estimate where the month's `limit` leaves room for it; `None`: no limit. Answers
    /// whether it did.
    pub async fn reserve_budget(
        &self,
        wanted: &Reservation,
        limit: Option<Decimal>,
    ) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        let reserved = sqlx::query(
            "WITH this AS (SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date AS month),
             unreserved AS (
                 SELECT coalesce(sum(c.cost), 0) AS cost
                   FROM model_call c, this
                  WHERE c.at >= this.month::timestamp AT TIME ZONE 'UTC'
                    AND c.purpose = ANY($6)
                    AND NOT EXISTS (SELECT 1 FROM budget_reservation r WHERE r.run_id = c.run_id)
             ),
             taken AS (
                 INSERT INTO budget_month AS held (month, committed)
                 SELECT this.month, $2 FROM this, unreserved
                  WHERE $5::numeric IS NULL OR $2 + unreserved.cost <= $5
                 ON CONFLICT (month) DO UPDATE SET committed = held.committed + excluded.committed
                  WHERE $5::numeric IS NULL
                     OR held.committed + excluded.committed + (SELECT cost FROM unreserved) <= $5
                 RETURNING month
             )
             INSERT INTO budget_reservation (run_id, month, estimate, place, process)
             SELECT $1, taken.month, $2, $3, $4 FROM taken",
        )
        .bind(wanted.run_id)
        .bind(wanted.estimate)
        .bind(&wanted.place)
        .bind(wanted.process)
        .bind(limit)
        .bind(PURPOSES.as_slice())
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(reserved.rows_affected() == 1)
    }

    /// What ingest has spent and reserved in this month (UTC).
    pub async fn budget_used(&self) -> Result<Decimal, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_scalar(
            "WITH this AS (SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date AS month)
             SELECT coalesce((SELECT committed FROM budget_month m, this WHERE m.month = this.month), 0)
                  + coalesce((SELECT sum(c.cost) FROM model_call c, this
                               WHERE c.at >= this.month::timestamp AT TIME ZONE 'UTC'
                                 AND c.purpose = ANY($1)
                                 AND NOT EXISTS (SELECT 1 FROM budget_reservation r
                                                  WHERE r.run_id = c.run_id)), 0)",
        )
        .bind(PURPOSES.as_slice())
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Notes that a run with a reservation goes on.
    pub async fn keep_budget(&self, run_id: Uuid) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("UPDATE budget_reservation SET alive_at = now() WHERE run_id = $1")
            .bind(run_id)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Puts what a run cost in the place of what it reserved. Its calls have to be written before
    /// ([`Ledger::flush`]).
    pub async fn settle_budget(&self, run_id: Uuid) -> Result<(), LedgerError> {
        self.settle(Some(run_id), None, None).await
    }

    /// Settles the reservations of runs that died: those that nobody kept for so long, and, where only
    /// one process at a time may own the `place`, those of its other processes.
    pub async fn release_dead_budgets(
        &self,
        silent_for: Duration,
        place: Option<(&str, Uuid)>,
    ) -> Result<(), LedgerError> {
        self.settle(None, Some(silent_for), place).await
    }

    async fn settle(
        &self,
        run_id: Option<Uuid>,
        silent_for: Option<Duration>,
        place: Option<(&str, Uuid)>,
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "WITH settled AS (
                 UPDATE budget_reservation r
                    SET settled_at = now(),
                        cost = coalesce((SELECT sum(c.cost) FROM model_call c
                                          WHERE c.run_id = r.run_id), 0)
                  WHERE r.settled_at IS NULL
                    AND (r.run_id = $1
                         OR r.alive_at < now() - make_interval(secs => $2)
                         OR (r.place = $3 AND r.process <> $4))
                 RETURNING r.month, r.cost - r.estimate AS more
             )
             UPDATE budget_month m SET committed = m.committed + s.more
               FROM (SELECT month, sum(more) AS more FROM settled GROUP BY month) s
              WHERE m.month = s.month",
        )
        .bind(run_id)
        .bind(silent_for.map(|silent| silent.as_secs_f64()))
        .bind(place.map(|(place, _)| place))
        .bind(place.map(|(_, process)| process))
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }
}

/// What ingest calls models for, as `model_call.purpose` names it.
const PURPOSES: [&str; 2] = ["embed_passages", "clean"];
