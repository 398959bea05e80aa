//! The pool, the migrations, and how long an absent Postgres is believed to stay away.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::QueryAs;
use sqlx::{AssertSqlSafe, Connection as _, FromRow, PgConnection, Postgres};
use tokio::sync::OnceCell;

use super::LedgerError;
use super::error::{is_away, without_values};
use crate::config::Migrate;

/// Longest wait for a connection. Answers go on without Postgres, so it is short.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// After a failure nobody waits for a connection again for this long.
const BELIEVED_AWAY: Duration = Duration::from_secs(1);
/// Key of the lock under which tables are changed: "docent" in ASCII.
const MIGRATION_LOCK: i64 = 0x646f_6365_6e74;
/// Of our own, so that another program in the same database may use sqlx's default.
pub(super) const MIGRATION_TABLE: &str = "docent_migration";

/// A query with its parameters, ready to be sent.
type Query<'q, T> = QueryAs<'q, Postgres, T, PgArguments>;

/// What a row can be read as.
pub(super) trait Row: for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T: for<'r> FromRow<'r, PgRow> + Send + Unpin> Row for T {}

pub(super) struct Connection {
    pool: PgPool,
    options: PgConnectOptions,
    migrate: Migrate,
    /// Where it is, without the password.
    pub(super) place: String,
    ready: OnceCell<()>,
    failed_at: Mutex<Option<Instant>>,
}

impl Connection {
    pub(super) fn new(options: PgConnectOptions, max_connections: u32, migrate: Migrate) -> Self {
        let place = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!(
                "{}:{}/{}",
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
        };
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(CONNECT_LIMIT)
            .connect_lazy_with(options.clone());
        Self {
            pool,
            options,
            migrate,
            place,
            ready: OnceCell::new(),
            failed_at: Mutex::new(None),
        }
    }

    /// The pool, with the tables in it. Fails at once while Postgres is believed to be away.
    pub(super) async fn pool(&self) -> Result<&PgPool, LedgerError> {
        self.believed_here()?;
        self.pool_now().await
    }

    /// [`Connection::pool`] for the writer, whose own waits say when to try again.
    pub(super) async fn pool_now(&self) -> Result<&PgPool, LedgerError> {
        if !self.ready.initialized() {
            self.ready
                .get_or_try_init(|| async {
                    match self.migrate {
                        Migrate::Auto => self.migrate().await,
                        Migrate::Check => self.check().await,
                    }
                })
                .await?;
        }
        Ok(&self.pool)
    }

    /// Every row of a query over many rows: of pages, reports and alerts. It is planned each time, for its
    /// own days and filters; of a statement that is kept, Postgres has one plan for all from the sixth time on.
    pub(super) async fn all<T: Row>(&self, query: Query<'_, T>) -> Result<Vec<T>, LedgerError> {
        let query = query.persistent(false);
        let rows = query.fetch_all(self.pool().await?).await;
        rows.map_err(|error| self.failed(&error))
    }

    /// The row of such a query that always has one.
    pub(super) async fn one<T: Row>(&self, query: Query<'_, T>) -> Result<T, LedgerError> {
        let query = query.persistent(false);
        let row = query.fetch_one(self.pool().await?).await;
        row.map_err(|error| self.failed(&error))
    }

    /// The row of a query that may have one.
    pub(super) async fn maybe<T: Row>(
        &self,
        query: Query<'_, T>,
    ) -> Result<Option<T>, LedgerError> {
        let row = query.fetch_optional(self.pool().await?).await;
        row.map_err(|error| self.failed(&error))
    }

    /// Runs every migration that is missing.
    pub(super) async fn migrate(&self) -> Result<(), LedgerError> {
        self.migrate_to(None).await
    }

    /// Runs the missing migrations up to and including `target`. Replicas that start together wait
    /// for each other: the lock belongs to a transaction, because one of a session would not
    /// survive a connection pooler in between.
    pub(super) async fn migrate_to(&self, target: Option<i64>) -> Result<(), LedgerError> {
        let mut guard = self.connect().await?;
        let mut lock = guard.begin().await.map_err(|error| self.failed(&error))?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut *lock)
            .await
            .map_err(|error| self.failed(&error))?;
        let mut connection = self.connect().await?;
        // `run` asks for a trait whose lifetimes do not fit a spawned task; this is what it calls.
        let done = migrator().run_direct(target, &mut connection, false).await;
        done.map_err(|error| match error {
            MigrateError::ExecuteMigration(error, version) if !is_away(&error) => {
                self.rejected(format!("migration {version}: {error}"))
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                self.failed(&error)
            }
            other => self.rejected(other.to_string()),
        })
        // Dropping the transaction gives up the lock.
    }

    /// The newest migration in the database; 0: none.
    pub(super) async fn version(&self) -> Result<i64, LedgerError> {
        let mut connection = self.connect().await?;
        let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(MIGRATION_TABLE)
            .fetch_one(&mut connection)
            .await
            .map_err(|error| self.failed(&error))?;
        if !exists {
            return Ok(0);
        }
        let newest =
            format!("SELECT coalesce(max(version), 0) FROM {MIGRATION_TABLE} WHERE success");
        sqlx::query_scalar(AssertSqlSafe(newest))
            .fetch_one(&mut connection)
            .await
            .map_err(|error| self.failed(&error))
    }

    /// A connection outside the pool.
    pub(super) async fn connect(&self) -> Result<PgConnection, LedgerError> {
        match tokio::time::timeout(CONNECT_LIMIT, PgConnection::connect_with(&self.options)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(self.failed(&sqlx::Error::PoolTimedOut)),
        }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// What a failed call means for its caller.
    pub(super) fn failed(&self, error: &sqlx::Error) -> LedgerError {
        if is_away(error) {
            *self.failed_at.lock() = Some(Instant::now());
            return LedgerError::Unavailable {
                place: self.place.clone(),
                reason: match error {
                    sqlx::Error::PoolTimedOut => "no connection in time".to_owned(),
                    other => other.to_string(),
                },
            };
        }
        self.rejected(without_values(error))
    }

    pub(super) fn rejected(&self, reason: impl Into<String>) -> LedgerError {
        LedgerError::Rejected {
            place: self.place.clone(),
            reason: reason.into(),
        }
    }

    fn believed_here(&self) -> Result<(), LedgerError> {
        match *self.failed_at.lock() {
            Some(failed) if failed.elapsed() < BELIEVED_AWAY => Err(LedgerError::Unavailable {
                place: self.place.clone(),
                reason: "it did not answer a moment ago".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    async fn check(&self) -> Result<(), LedgerError> {
        let need = newest_migration();
        let have = self.version().await?;
        if have < need {
            return Err(LedgerError::Outdated {
                place: self.place.clone(),
                have,
                need,
            });
        }
        Ok(())
    }
}

/// The migrations of this docent. A database that a newer docent has migrated is fine: migrations
/// first expand and only later contract.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../migrations");
    migrator.set_ignore_missing(true);
    migrator.set_locking(false);
    migrator.dangerous_set_table_name(MIGRATION_TABLE);
    migrator
}

/// The version of the newest migration in this docent.
pub(super) fn newest_migration() -> i64 {
    migrator()
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}
