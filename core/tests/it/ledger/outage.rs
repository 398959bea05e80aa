//! Postgres goes away and comes back: nothing is lost, nothing doubles, nobody waits.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use docent_core::ledger::{Ledger, LedgerError, Record, Writer};
use docent_core::postgres::{Durability, EmbeddedPostgres};
use docent_scripted::database::TestDatabase;
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use super::{call, count, deletion, interaction, options, turn};

/// Nobody listens there.
fn nowhere(folder: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(folder)
        .username("ana")
        .password("s3cret")
        .database("docent")
}

fn lines(spool: &Path) -> usize {
    fs::read_to_string(spool.join("records.jsonl"))
        .unwrap_or_default()
        .lines()
        .count()
}

async fn arrives(database: &TestDatabase, table: &'static str, wanted: i64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if count(database, table).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(count(database, table).await, wanted);
}

/// Writes until told to stop; answers how many interactions (and as many calls) it wrote.
async fn load(writer: Writer, stop: tokio::sync::watch::Receiver<bool>) -> i64 {
    let mut written = 0;
    while !*stop.borrow() {
        for _ in 0..4 {
            writer.write(turn(interaction(Uuid::now_v7(), "Under load?")));
            writer.write(Record::ModelCall(call("m")));
            written += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    written
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_is_there_once_after_postgres_stopped_and_started_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("postgres");
    let start = async || {
        EmbeddedPostgres::start_with(&data, None, Durability::ForTests)
            .await
            .unwrap()
    };
    let mut postgres = start().await;
    let spool = folder.path().join("spool");
    let ledger = Ledger::open(options(postgres.connect_options(), &spool))
        .await
        .unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load = tokio::spawn(load(ledger.writer(), stopped));
    let mut most_spooled = 0;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        postgres.stop().await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        most_spooled = most_spooled.max(lines(&spool));
        postgres = start().await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.send(true).unwrap();
    let written = load.await.unwrap();
    ledger.flush().await;
    let begun = Instant::now();
    while fs::metadata(spool.join("records.jsonl")).unwrap().len() > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the spool is not replayed"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(most_spooled > 0, "the outage was not felt");
    let counts: (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM interaction), (SELECT count(*) FROM model_call),
                (SELECT count(*) FROM passage), (SELECT count(*) FROM conversation)",
    )
    .fetch_one(
        &mut <sqlx::PgConnection as sqlx::Connection>::connect_with(&postgres.connect_options())
            .await
            .unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(counts, (written, written, 2 * written, written));
    println!("{written} interactions, at most {most_spooled} records in the spool");
}

#[tokio::test]
async fn what_waits_in_the_spool_survives_the_process_and_keeps_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let conversation = Uuid::now_v7();
    {
        let ledger = Ledger::open_lazy(options(nowhere(folder.path()), &spool));
        for question in ["one", "two", "three"] {
            ledger
                .writer()
                .write(turn(interaction(conversation, question)));
        }
        ledger.flush().await;
        assert_eq!(lines(&spool), 3);
    }
    let mode = fs::metadata(spool.join("records.jsonl"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // The task that held the spool ends with its ledger; another process waits for its lock.
    tokio::time::sleep(Duration::from_millis(200)).await;

    let database = TestDatabase::create().await;
    let ledger = Ledger::open(options(database.options(), &spool))
        .await
        .unwrap();
    arrives(&database, "interaction", 3).await;
    let history = ledger
        .history(conversation, "ana", 10)
        .await
        .unwrap()
        .unwrap();
    let questions: Vec<&str> = history.iter().map(|turn| turn.question.as_str()).collect();
    assert_eq!(questions, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_last_line_that_a_kill_cut_short_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path();
    let whole = serde_json::to_string(&Record::ModelCall(call("m"))).unwrap();
    let mut file = fs::File::create(spool.join("records.jsonl")).unwrap();
    write!(file, "{whole}\nnot a record\n{}", &whole[..40]).unwrap();
    let database = TestDatabase::create().await;
    let ledger = Ledger::open(options(database.options(), spool))
        .await
        .unwrap();
    ledger.writer().write(Record::ModelCall(call("m")));
    arrives(&database, "model_call", 2).await;
    let set_aside = fs::read_to_string(spool.join("rejected.jsonl")).unwrap();
    assert_eq!(set_aside, "not a record\n");
}

#[tokio::test]
async fn a_full_spool_keeps_the_oldest_records_and_stays_within_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(nowhere(folder.path()), folder.path());
    options.spool_max_bytes = 20_000;
    let ledger = Ledger::open_lazy(options);
    let first = call("first");
    ledger.writer().write(Record::ModelCall(first.clone()));
    for _ in 0..200 {
        ledger.writer().write(Record::ModelCall(call("m")));
    }
    ledger.flush().await;
    let spooled = fs::read_to_string(folder.path().join("records.jsonl")).unwrap();
    assert!(
        spooled.len() <= 20_000 && spooled.len() > 19_000,
        "{}",
        spooled.len()
    );
    assert!(
        spooled
            .lines()
            .next()
            .unwrap()
            .contains(&first.id.to_string())
    );
    assert!(
        spooled
            .lines()
            .all(|line| serde_json::from_str::<Record>(line).is_ok())
    );
}

#[tokio::test]
async fn a_late_record_does_not_bring_a_deleted_conversation_back() {
    let database = TestDatabase::create().await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(database.options(), folder.path()))
        .await
        .unwrap();
    let conversation = Uuid::now_v7();
    ledger
        .writer()
        .write(turn(interaction(conversation, "secret one")));
    ledger.flush().await;
    ledger.writer().write(deletion(conversation));
    ledger
        .writer()
        .write(turn(interaction(conversation, "secret two")));
    ledger.flush().await;
    // As from another replica's spool.
    ledger
        .writer()
        .write(turn(interaction(conversation, "secret three")));
    ledger.writer().write(deletion(conversation));
    ledger.flush().await;
    assert_eq!(count(&database, "interaction").await, 0);
    assert_eq!(count(&database, "passage").await, 0);
    assert_eq!(
        ledger.conversation(conversation, "ana").await.unwrap(),
        None
    );
    let (title, caller): (String, String) =
        sqlx::query_as("SELECT title, caller FROM conversation")
            .fetch_one(&mut database.connect().await)
            .await
            .unwrap();
    assert_eq!((title.as_str(), caller.as_str()), ("", ""));
}

#[tokio::test]
async fn two_ledgers_with_one_folder_keep_their_spools_apart() {
    let folder = tempfile::tempdir().unwrap();
    let one = Ledger::open_lazy(options(nowhere(folder.path()), folder.path()));
    one.writer().write(Record::ModelCall(call("one")));
    one.flush().await;
    let two = Ledger::open_lazy(options(nowhere(folder.path()), folder.path()));
    two.writer().write(Record::ModelCall(call("two")));
    two.flush().await;
    assert_eq!(lines(folder.path()), 1);
    drop((one, two));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let database = TestDatabase::create().await;
    let _ledger = Ledger::open(options(database.options(), folder.path()))
        .await
        .unwrap();
    arrives(&database, "model_call", 2).await;
}

#[tokio::test]
async fn an_absent_postgres_is_told_apart_without_its_password_and_soon_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Ledger::open(options(nowhere(folder.path()), folder.path())).await;
    let error = opened.err().unwrap();
    assert!(matches!(error, LedgerError::Unavailable { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));

    let ledger = Ledger::open_lazy(options(nowhere(folder.path()), folder.path()));
    assert!(ledger.collections().await.is_err());
    let begun = Instant::now();
    for _ in 0..20 {
        assert!(ledger.history(Uuid::now_v7(), "ana", 3).await.is_err());
    }
    assert!(
        begun.elapsed() < Duration::from_millis(200),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lazily_opened_ledger_builds_its_tables_when_postgres_comes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("postgres");
    let postgres = EmbeddedPostgres::start_with(&data, None, Durability::ForTests)
        .await
        .unwrap();
    let connect = postgres.connect_options();
    postgres.stop().await;
    let ledger = Ledger::open_lazy(options(connect, &folder.path().join("spool")));
    ledger.writer().write(Record::ModelCall(call("early")));
    ledger.flush().await;
    let _postgres = EmbeddedPostgres::start_with(&data, None, Durability::ForTests)
        .await
        .unwrap();
    let begun = Instant::now();
    while ledger.collections().await.is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "reads do not recover"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
