//! A real Postgres for tests: one private server a process, one database a test.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

use docent_core::postgres::{Durability, EmbeddedPostgres};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::sync::OnceCell;
use uuid::Uuid;

static SERVER: OnceCell<Server> = OnceCell::const_new();

/// The clusters are kept in the temp folder and used again: a warm start takes 0.2 s, not 3. Each
/// test process takes the first that no other one holds.
struct Server {
    postgres: EmbeddedPostgres,
    _slot: File,
}

/// An empty database of its own. The server dies with the process.
pub struct TestDatabase {
    name: String,
    options: PgConnectOptions,
    url: String,
}

impl TestDatabase {
    /// # Panics
    /// When no Postgres can be started: the tests need one.
    pub async fn create() -> Self {
        let server = SERVER.get_or_init(Server::start).await;
        let name = format!("test_{}", Uuid::now_v7().simple());
        let options = server.postgres.connect_options();
        let mut connection = PgConnection::connect_with(&options)
            .await
            .expect("the test server answers");
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut connection)
            .await
            .expect("a database can be created");
        let url = server.postgres.url_of(&name);
        let options = options.database(&name);
        Self { name, options, url }
    }

    /// How to connect to it.
    pub fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// Its address, as `DATABASE_URL` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The rows of a query whose columns are all text; `None`: NULL.
    ///
    /// # Panics
    /// When the server refuses the query.
    pub async fn rows(&self, query: &str) -> Vec<Vec<Option<String>>> {
        rows(&self.url, query).await
    }

    /// The number of rows of a table.
    ///
    /// # Panics
    /// When there is no such table.
    pub async fn count(&self, table: &str) -> usize {
        let count = format!("SELECT count(*)::text FROM {table}");
        let rows = self.rows(&count).await;
        rows[0][0]
            .as_deref()
            .unwrap_or_default()
            .parse()
            .expect("a number")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection of its own, to look at what was written.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options)
            .await
            .expect("the test database answers")
    }
}

/// [`TestDatabase::rows`] of any Postgres.
///
/// # Panics
/// When it does not answer, or refuses the query.
pub async fn rows(url: &str, query: &str) -> Vec<Vec<Option<String>>> {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    sqlx::query(AssertSqlSafe(query.to_owned()))
        .fetch_all(&mut connection)
        .await
        .expect("the query runs")
        .iter()
        .map(|row| (0..row.len()).map(|column| row.get(column)).collect())
        .collect()
}

impl Server {
    async fn start() -> Self {
        let uid = fs::metadata("/proc/self").expect("/proc is there").uid();
        for slot in 0..64 {
            let folder = env::temp_dir().join(format!("docent-tests-{uid}-{slot}"));
            let file =
                File::create(folder.with_extension("slot")).expect("the temp folder is writable");
            if file.try_lock().is_err() {
                continue;
            }
            let mut started =
                EmbeddedPostgres::start_with(&folder, None, Durability::ForTests).await;
            if started.is_err() {
                // Without fsync a cluster does not survive a crash of the machine.
                let _ = fs::remove_dir_all(&folder);
                started = EmbeddedPostgres::start_with(&folder, None, Durability::ForTests).await;
            }
            let postgres = started.expect("a private Postgres starts");
            drop_old_databases(&postgres).await;
            return Self {
                postgres,
                _slot: file,
            };
        }
        panic!("64 test processes run already");
    }
}

/// Databases of the process that had the cluster before.
async fn drop_old_databases(postgres: &EmbeddedPostgres) {
    let mut connection = PgConnection::connect_with(&postgres.connect_options())
        .await
        .expect("the test server answers");
    let old: Vec<String> = sqlx::query_scalar(
        "SELECT datname::text FROM pg_database WHERE starts_with(datname, 'test_')",
    )
    .fetch_all(&mut connection)
    .await
    .expect("databases can be listed");
    for name in old {
        sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {name}")))
            .execute(&mut connection)
            .await
            .expect("an old test database can be dropped");
    }
}
