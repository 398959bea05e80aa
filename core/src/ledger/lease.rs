//! Leases: who is ingesting what, so that two runs of one source never overlap, in however many
//! processes. A lease is a row that its holder moves on; time is the database's.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::requests::{NewRequest, insert_request};
use super::{Ledger, LedgerError};
use crate::process;

/// How long a lease holds after a heartbeat. A holder on this machine that died is known at once;
/// one elsewhere, after this.
const LEASE_SECONDS: f64 = 60.0;

/// How often leases are moved on.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// A lease, and who holds it since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Lease {
    pub name: String,
    pub run_id: Uuid,
    /// In words for a person.
    pub holder: String,
    /// Its [`process::identity`].
    pub process: String,
    pub taken_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Whoever wants leases.
#[derive(Debug, Clone)]
pub struct Claimant {
    pub run_id: Uuid,
    /// In words for a person.
    pub holder: String,
    /// Its [`process::identity`].
    pub process: String,
}

/// What became of asking for leases.
#[derive(Debug, Clone, PartialEq)]
pub enum Claimed {
    /// All of them are held now.
    Taken,
    /// None is: one of them is somebody else's.
    Held(Box<Lease>),
    /// None is: a request with this key is there already, and this is its id.
    KeyInUse(Uuid),
}

impl Ledger {
    /// Takes all of `names` or none, and with them writes down the request that they are for.
    pub async fn claim(
        &self,
        names: &[String],
        claimant: &Claimant,
        request: Option<&NewRequest>,
    ) -> Result<Claimed, LedgerError> {
        let pool = self.connection.pool().await?;
        let claimed = async {
            let mut transaction = pool.begin().await?;
            let holders: Vec<String> =
                sqlx::query_scalar("SELECT DISTINCT process FROM lease WHERE name = ANY($1)")
                    .bind(names)
                    .fetch_all(&mut *transaction)
                    .await?;
            let dead: Vec<String> = holders
                .into_iter()
                .filter(|holder| process::is_dead(holder))
                .collect();
            let taken = take(&mut transaction, names, claimant, &dead).await?;
            if taken.len() < names.len() {
                let held = sqlx::query_as(
                    "SELECT name, run_id, holder, process, taken_at, expires_at FROM lease
                      WHERE name = ANY($1) AND run_id <> $2 ORDER BY name LIMIT 1",
                )
                .bind(names)
                .bind(claimant.run_id)
                .fetch_optional(&mut *transaction)
                .await?;
                // Gone again between the two statements: asking once more is for the caller.
                return Ok(held.map(|lease| Claimed::Held(Box::new(lease))));
            }
            if let Some(request) = request
                && let Some(id) = insert_request(&mut transaction, request).await?
            {
                return Ok(Some(Claimed::KeyInUse(id)));
            }
            transaction.commit().await?;
            Ok(Some(Claimed::Taken))
        };
        let claimed: Result<Option<Claimed>, sqlx::Error> = claimed.await;
        match claimed.map_err(|error| self.connection.failed(&error))? {
            Some(claimed) => Ok(claimed),
            None => Box::pin(self.claim(names, claimant, request)).await,
        }
    }

    /// Moves the leases of a run on; answers how many it still holds.
    pub async fn keep_leases(&self, run_id: Uuid) -> Result<u64, LedgerError> {
        let pool = self.connection.pool().await?;
        let kept = sqlx::query(
            "UPDATE lease SET heartbeat_at = clock_timestamp(),
                 expires_at = clock_timestamp() + make_interval(secs => $2)
              WHERE run_id = $1",
        )
        .bind(run_id)
        .bind(LEASE_SECONDS)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(kept.rows_affected())
    }

    /// Moves the leases of a run on for as long as it is awaited. Returns when one of them was lost:
    /// somebody else may be at work now. `held` is how many there are, which may become more meanwhile.
    /// A ledger that is away is no loss before the leases' time is over.
    pub async fn keep_until_lost(&self, run_id: Uuid, held: &AtomicU64) {
        let mut kept_at = Instant::now();
        loop {
            sleep(HEARTBEAT).await;
            // Read first: one that is taken in between is not missing.
            let expected = held.load(Ordering::Relaxed);
            match self.keep_leases(run_id).await {
                Ok(kept) if kept >= expected => kept_at = Instant::now(),
                Ok(_) => return,
                Err(error) => {
                    if kept_at.elapsed().as_secs_f64() > LEASE_SECONDS {
                        tracing::warn!(%error, %run_id, "leases could not be kept");
                        return;
                    }
                }
            }
        }
    }

    /// Gives the leases of a run back.
    pub async fn release_leases(&self, run_id: Uuid) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("DELETE FROM lease WHERE run_id = $1")
            .bind(run_id)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }
}

impl Ledger {
    /// Gives all leases of a process back ([`process::identity`]).
    pub async fn release_leases_of(&self, process: &str) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("DELETE FROM lease WHERE process = $1")
            .bind(process)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }
}

/// Takes what is free: never taken, expired, or of a holder that is known to be dead. Answers the
/// names that were taken.
async fn take(
    connection: &mut PgConnection,
    names: &[String],
    claimant: &Claimant,
    dead: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    // In one order everywhere, so that two claimants cannot wait for each other.
    sqlx::query_scalar(
        "INSERT INTO lease AS held (name, run_id, holder, process, taken_at, heartbeat_at, expires_at)
         SELECT name, $2, $3, $4, clock_timestamp(), clock_timestamp(),
                clock_timestamp() + make_interval(secs => $5)
           FROM unnest($1::text[]) AS name ORDER BY name
         ON CONFLICT (name) DO UPDATE SET run_id = excluded.run_id, holder = excluded.holder,
             process = excluded.process, taken_at = excluded.taken_at,
             heartbeat_at = excluded.heartbeat_at, expires_at = excluded.expires_at
          WHERE held.expires_at <= clock_timestamp() OR held.process = ANY($6)
         RETURNING name",
    )
    .bind(names)
    .bind(claimant.run_id)
    .bind(&claimant.holder)
    .bind(&claimant.process)
    .bind(LEASE_SECONDS)
    .bind(dead)
    .fetch_all(connection)
    .await
}
