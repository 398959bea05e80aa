//! Migrations.

use docent_core::config::Migrate;
use docent_core::ledger::{Ledger, LedgerError};
use docent_scripted::database::TestDatabase;
use futures::future::join_all;
use sqlx::migrate::Migrator;

use super::{count, ledger, options};

/// The project's migrations, up to one of them.
pub(super) async fn migrate_to(database: &TestDatabase, version: i64) {
    let mut migrator: Migrator = sqlx::migrate!("../migrations");
    migrator.dangerous_set_table_name("docent_migration");
    migrator
        .run_to(version, &mut database.connect().await)
        .await
        .unwrap();
}

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let database = TestDatabase::create().await;
    let folder = tempfile::tempdir().unwrap();
    let opened = join_all((0..4).map(|replica| {
        Ledger::open(options(
            database.options(),
            &folder.path().join(replica.to_string()),
        ))
    }))
    .await;
    for ledger in opened {
        ledger.unwrap().collections().await.unwrap();
    }
}

#[tokio::test]
async fn checking_names_the_command_that_brings_old_tables_up_to_date() {
    let database = TestDatabase::create().await;
    migrate_to(&database, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(database.options(), folder.path());
    options.migrate = Migrate::Check;
    let error = Ledger::open(options.clone()).await.err().unwrap();
    assert!(
        matches!(error, LedgerError::Outdated { have: 1, .. }),
        "{error}"
    );
    assert!(
        error.to_string().ends_with("run `docent migrate`"),
        "{error}"
    );

    Ledger::open_lazy(options.clone()).migrate().await.unwrap();
    Ledger::open(options).await.unwrap();
    assert_eq!(count(&database, "report_cost").await, 0);
}

#[tokio::test]
async fn every_table_and_view_says_what_it_is() {
    let (_ledger, database, _spool) = ledger().await;
    let silent: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
          WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
            AND relname <> 'docent_migration' AND obj_description(oid, 'pg_class') IS NULL",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    assert!(silent.is_empty(), "{silent:?}");
}

#[tokio::test]
async fn asking_whether_postgres_answers_opens_no_connection() {
    let (ledger, database, _spool) = ledger().await;
    let sessions = async || -> i64 {
        sqlx::query_scalar(
            "SELECT sessions FROM pg_stat_database WHERE datname = current_database()",
        )
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap()
    };
    ledger.ping().await.unwrap();
    let before = sessions().await;
    for _ in 0..30 {
        ledger.ping().await.unwrap();
    }
    // Postgres counts a session when it ends.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let opened = sessions().await - before;
    assert!(opened < 10, "{opened} connections for 30 pings");
}
