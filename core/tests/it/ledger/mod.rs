//! The ledger against a real Postgres.

mod backup;
mod budget;
mod chat;
mod connection;
mod ingest;
mod lease;
mod outage;
mod purge;
mod slack;
mod writer;

use std::path::Path;

use chrono::{DateTime, SubsecRound, Utc};
use docent_core::config::Migrate;
use docent_core::ledger::{
    CallOutcome, Channel, Deletion, GeneratorKind, Interaction, InteractionOutcome, Ledger,
    LedgerOptions, ModelCall, Origin, Purpose, Record, RetrievedPassage, UsageSource,
};
use docent_scripted::database::TestDatabase;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use uuid::Uuid;

fn options(connect: PgConnectOptions, spool: &Path) -> LedgerOptions {
    LedgerOptions {
        connect,
        max_connections: 4,
        migrate: Migrate::Auto,
        spool: spool.to_owned(),
        spool_max_bytes: 1 << 28,
    }
}

/// A ledger in a database of its own, with its spool's folder.
async fn ledger() -> (Ledger, TestDatabase, TempDir) {
    let database = TestDatabase::create().await;
    let spool = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(options(database.options(), spool.path()))
        .await
        .unwrap();
    (ledger, database, spool)
}

/// Postgres keeps microseconds.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

fn call(model: &str) -> ModelCall {
    ModelCall {
        id: Uuid::now_v7(),
        at: now(),
        purpose: Purpose::Answer,
        model: model.to_owned(),
        input_tokens: Some(1200),
        cached_tokens: Some(200),
        output_tokens: Some(40),
        usage_source: Some(UsageSource::Reported),
        cost: Some("0.00123".parse().unwrap()),
        latency_ms: 700,
        outcome: CallOutcome::Ok,
        run_id: None,
        interaction_id: Some(Uuid::now_v7()),
    }
}

fn interaction(conversation_id: Uuid, question: &str) -> Interaction {
    Interaction {
        id: Uuid::now_v7(),
        at: now(),
        conversation_id,
        message_id: Some(format!("message of {question}")),
        channel: Channel::Web,
        caller: "ana".to_owned(),
        origin: Origin::Person,
        question: question.to_owned(),
        question_embedding: None,
        standalone_question: format!("{question} (standalone)"),
        answer: "It is \"quoted\" \\ and é 한국어 [1].".to_owned(),
        outcome: InteractionOutcome::Answered,
        generator: Some(GeneratorKind::Extractive),
        fallback_reason: Some("no model".to_owned()),
        retrieve_ms: 3,
        first_token_ms: Some(4),
        total_ms: 9,
        checked: Some(2),
        unverified: Some(1),
        language: Some("en".to_owned()),
        team: None,
        passages: vec![passage(1, Some(1)), passage(2, None)],
    }
}

fn passage(rank: i32, cited_as: Option<i32>) -> RetrievedPassage {
    RetrievedPassage {
        rank,
        point_id: Uuid::now_v7(),
        document_id: Uuid::now_v7(),
        source: "docs".to_owned(),
        path: "a b/ü.md".to_owned(),
        title: "Title".to_owned(),
        score: 0.1 + 0.2,
        cosine: Some(0.333_333_34),
        coverage: None,
        cited_as,
        quote: cited_as.map(|_| "a quote".to_owned()),
        asset: Some("fct_trips".to_owned()),
        owner: Some("Mobility Data".to_owned()),
        updated_at: None,
        fresh_at: None,
    }
}

fn turn(interaction: Interaction) -> Record {
    Record::Interaction(Box::new(interaction))
}

/// Its caller takes a conversation back.
fn deletion(conversation_id: Uuid) -> Record {
    Record::DeleteConversation(Deletion {
        conversation_id,
        caller: Some("ana".to_owned()),
    })
}

async fn count(database: &TestDatabase, table: &'static str) -> i64 {
    let statement = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap()
}
