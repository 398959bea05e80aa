//! Texts that expire are gone: from the tables, from the spool, from what was set aside. Their sums
//! remain.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use docent::retention::sweep;
use docent_core::config::Secret;
use docent_core::ledger::Channel;
use docent_core::postgres::EmbeddedPostgres;
use docent_scripted::database::rows;
use serde_json::json;
use uuid::Uuid;

use crate::support::{World, eventually, ingest};

const QUESTION: &str = "How often is fct_trips loaded?";

/// A line of the spool: a question of so many days ago.
fn line(channel: &str, days: i64, question: &str) -> String {
    let interaction = json!({
        "id": Uuid::now_v7(), "at": Utc::now() - TimeDelta::days(days),
        "conversation_id": Uuid::new_v4(), "message_id": null, "channel": channel,
        "caller": "anonymous", "origin": "person", "question": question,
        "question_embedding": null, "standalone_question": question, "answer": "hourly",
        "outcome": "answered", "generator": "extractive", "fallback_reason": null,
        "retrieve_ms": 1, "first_token_ms": null, "total_ms": 10,
        "passages": [{
            "rank": 1, "point_id": Uuid::new_v4(), "document_id": Uuid::new_v4(),
            "source": "docs", "path": "a.md", "title": "A", "score": 1.0, "cosine": null,
            "coverage": null, "cited_as": 1, "quote": format!("quote of {question}"),
        }],
    });
    format!("{}\n", json!({ "interaction": interaction }))
}

#[tokio::test]
async fn what_a_reader_wrote_of_an_answer_goes_with_it() {
    let mut world = World::of_trips().await;
    world.config.retention.days = 30;
    let server = world.serve().await;
    let answer = server.ask(QUESTION).await;
    let rated = json!({ "interaction_id": answer["interaction_id"], "rating": "down",
        "comment": "Every two hours since June." });
    let (status, _) = server.send("POST", "/v1/feedback", "", Some(rated)).await;
    assert_eq!(status, 204);
    sweep(&server.service).await.unwrap();
    assert_eq!(world.database.count("feedback").await, 1);
    let aged = "UPDATE interaction SET at = at - interval '40 days' RETURNING question";
    assert_eq!(world.database.rows(aged).await.len(), 1);
    assert_eq!(sweep(&server.service).await.unwrap(), 1);
    assert_eq!(world.database.count("feedback").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn old_texts_are_deleted_by_channel_and_their_sums_remain() {
    let mut world = World::new().await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.ingest().await;
    world.config.retention.days = 30;
    world.config.retention.channels.insert(Channel::Api, 5);
    let spool = world.config.data.join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    let lines: String = [
        line("web", 40, "old of the web"),
        line("web", 10, "young of the web"),
        line("api", 10, "old of the api"),
        line("api", 11, "older of the api"),
    ]
    .concat();
    std::fs::write(spool.join("records.jsonl"), lines).unwrap();
    let server = world.serve().await;
    let today = server.ask(QUESTION).await;
    eventually("the spool was replayed", || async {
        world.database.count("interaction").await == 5
            || world.database.count("interaction_day").await > 0
    })
    .await;
    // The service looks once when it starts; what was replayed since goes with the next look.
    eventually("what is old has gone", || async {
        sweep(&server.service).await.unwrap();
        world.database.count("interaction").await == 2
    })
    .await;
    server.stop().await;
    let left = world
        .database
        .rows("SELECT question FROM interaction ORDER BY at")
        .await;
    let left: Vec<String> = left.into_iter().flatten().flatten().collect();
    assert_eq!(left, ["young of the web", QUESTION]);
    // Nowhere in any table, and no conversation has them as its title.
    for table in [
        "interaction",
        "passage",
        "conversation",
        "interaction_day",
        "audit",
    ] {
        let all = world
            .database
            .rows(&format!("SELECT to_jsonb(t)::text FROM {table} t"))
            .await;
        for text in all.into_iter().flatten().flatten() {
            assert!(
                !text.contains("old of") && !text.contains("older of"),
                "{table}: {text}"
            );
        }
    }
    let sums = world
        .database
        .rows(
            "SELECT channel, sum(questions)::text, sum(total_ms)::text FROM report_questions
              WHERE origin = 'person' GROUP BY 1 ORDER BY 1",
        )
        .await;
    let questions: Vec<String> = sums
        .iter()
        .map(|row| {
            format!(
                "{} {}",
                row[0].as_deref().unwrap(),
                row[1].as_deref().unwrap()
            )
        })
        .collect();
    assert_eq!(questions, ["api 3", "web 2"]);
    let acts = world
        .database
        .rows("SELECT DISTINCT who FROM audit WHERE act = 'texts_expired'")
        .await;
    assert_eq!(acts[0][0].as_deref(), Some("retention"));
    assert!(today["interaction_id"].is_string());
    // The lease was given back.
    assert_eq!(world.database.count("lease").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_expire_in_the_spool_while_postgres_is_away() {
    let mut world = World::new().await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    let folder = world.folder.path().join("postgres");
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    world.config.ledger.database_url = Secret::new(postgres.url());
    {
        let app = Arc::new(world.app().await);
        ingest(&app).await;
        crate::support::closed(app).await;
    }
    world.config.retention.days = 30;
    let server = world.serve().await;
    postgres.stop().await;
    let spool = world.config.data.join("spool");
    // As an earlier process left it there, and one that Postgres refused.
    let waiting = spool.join("records.jsonl");
    server.ask(QUESTION).await;
    server.service.app.ledger.flush().await;
    let ledger = &server.service.app.ledger;
    for (days, question) in [(40, "an old one"), (3, "a young one")] {
        let record = serde_json::from_str(&line("api", days, question)).unwrap();
        ledger.writer().write(record);
    }
    ledger.flush().await;
    std::fs::write(
        spool.join("rejected.jsonl"),
        line("web", 40, "an old one") + &line("web", 3, "a young one"),
    )
    .unwrap();
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    assert!(read(&waiting).contains("an old one"));
    assert!(sweep(&server.service).await.is_err());
    eventually("the old ones have gone from the disk", || async {
        !read(&waiting).contains("an old one")
            && !read(&spool.join("rejected.jsonl")).contains("an old one")
    })
    .await;
    assert!(read(&waiting).contains("a young one"));
    assert!(read(&spool.join("rejected.jsonl")).contains("a young one"));
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    eventually("the rest was replayed", || async {
        rows(&postgres.url(), "SELECT question FROM interaction")
            .await
            .len()
            == 2
    })
    .await;
    server.stop().await;
    postgres.stop().await;
}
