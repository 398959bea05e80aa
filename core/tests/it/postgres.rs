//! The embedded Postgres: starts, stops, survives, and never outlives its process.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use docent_core::postgres::{Durability, EmbeddedPostgres, PostgresError};
use sqlx::{Connection, PgConnection};

async fn start(folder: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start_with(folder, None, Durability::ForTests)
        .await
        .unwrap()
}

async fn connect(postgres: &EmbeddedPostgres) -> PgConnection {
    PgConnection::connect_with(&postgres.connect_options())
        .await
        .unwrap()
}

fn server_pid(folder: &Path) -> u32 {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().trim().parse().unwrap()
}

fn runs(pid: u32) -> bool {
    // A zombie has no command line: it holds nothing any more.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

async fn ends(pid: u32) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if !runs(pid) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_stop_and_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("postgres");
    let postgres = start(&folder).await;
    let mut connection = connect(&postgres).await;
    sqlx::raw_sql("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('é 한국어')")
        .execute(&mut connection)
        .await
        .unwrap();
    let pid = server_pid(&folder);
    postgres.stop().await;
    assert!(!runs(pid), "stop() returns when the server has ended");

    let begun = Instant::now();
    let postgres = start(&folder).await;
    let warm = begun.elapsed();
    let word: String = sqlx::query_scalar("SELECT upper(word) FROM kept")
        .fetch_one(&mut connect(&postgres).await)
        .await
        .unwrap();
    assert_eq!(word, "É 한국어");
    assert!(warm < Duration::from_secs(5), "a warm start took {warm:?}");
}

#[tokio::test]
async fn nobody_else_reaches_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("postgres");
    let postgres = start(&folder).await;
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let addresses: String = sqlx::query_scalar("SHOW listen_addresses")
        .fetch_one(&mut connect(&postgres).await)
        .await
        .unwrap();
    assert_eq!(addresses, "");
}

#[tokio::test]
async fn dropping_it_stops_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("postgres");
    let postgres = start(&folder).await;
    let pid = server_pid(&folder);
    assert!(runs(pid));
    drop(postgres);
    assert!(!runs(pid));
}

#[tokio::test]
async fn a_second_start_says_that_the_folder_is_in_use_and_leaves_the_first_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("postgres");
    let postgres = start(&folder).await;
    let error = EmbeddedPostgres::start(&folder, None).await.unwrap_err();
    assert!(matches!(error, PostgresError::InUse { .. }), "{error}");
    connect(&postgres).await.ping().await.unwrap();
}

#[tokio::test]
async fn a_folder_with_a_path_too_long_for_a_socket_works() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder
        .path()
        .join("long".repeat(30))
        .join("with space, comma and \"quote\"");
    let postgres = start(&folder).await;
    connect(&postgres).await.ping().await.unwrap();
    let socket = postgres.connect_options().get_socket().unwrap().clone();
    assert_eq!(
        fs::metadata(&socket).unwrap().permissions().mode() & 0o777,
        0o700
    );
    postgres.stop().await;
    fs::remove_dir_all(socket).unwrap();
}

#[tokio::test]
async fn a_folder_with_commas_quotes_and_spaces_works() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("a, \"b\" 'c'");
    let postgres = start(&folder).await;
    connect(&postgres).await.ping().await.unwrap();
}

#[tokio::test]
async fn a_folder_open_to_other_users_is_run_by_one_of_them_when_docent_is_root() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let folder = folder.path().join("postgres");
    let postgres = start(&folder).await;
    connect(&postgres).await.ping().await.unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", server_pid(&folder))).unwrap();
    let uid = status
        .lines()
        .find(|line| line.starts_with("Uid:"))
        .unwrap();
    assert!(!uid.contains("\t0\t"), "{uid}");
}

#[tokio::test]
async fn a_stale_pid_file_that_names_another_program_does_not_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("postgres");
    start(&folder).await.stop().await;
    let mut stranger = Command::new("sleep").arg("60").spawn().unwrap();
    let stale = format!(
        "{}\n{}/data\n0\n5432\n\n\n",
        stranger.id(),
        folder.display()
    );
    fs::write(folder.join("data/postmaster.pid"), stale).unwrap();
    let postgres = start(&folder).await;
    connect(&postgres).await.ping().await.unwrap();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

/// Not a test of its own: the process that the next test kills.
#[tokio::test]
async fn helper_that_is_killed() {
    let Some(folder) = std::env::var_os("DOCENT_TEST_KILLED_FOLDER") else {
        return;
    };
    let _postgres = start(Path::new(&folder)).await;
    fs::write(Path::new(&folder).join("started"), "").unwrap();
    tokio::time::sleep(Duration::from_mins(2)).await;
}

#[tokio::test]
async fn the_server_dies_with_a_process_that_is_killed_and_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("postgres");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::helper_that_is_killed"])
        .env("DOCENT_TEST_KILLED_FOLDER", &folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !folder.join("started").exists() {
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "the child did not start"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let pid = server_pid(&folder);
    child.kill().unwrap();
    child.wait().unwrap();
    // At once, while the old server is still stopping.
    let postgres = start(&folder).await;
    connect(&postgres).await.ping().await.unwrap();
    assert!(ends(pid).await, "the killed process's server still runs");
}

#[tokio::test]
async fn a_killed_server_recovers_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("postgres");
    let postgres = start(&folder).await;
    let killed = Command::new("kill")
        .args(["-9", &server_pid(&folder).to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    drop(postgres);
    let postgres = start(&folder).await;
    connect(&postgres).await.ping().await.unwrap();
}

#[tokio::test]
async fn a_signal_to_docents_process_group_does_not_reach_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("postgres");
    let postgres = start(&folder).await;
    // The fields behind the name in parentheses: state, parent, group (proc(5)).
    let group = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().nth(2).unwrap().to_owned()
    };
    assert_ne!(group(server_pid(&folder)), group(std::process::id()));
    postgres.stop().await;
}
