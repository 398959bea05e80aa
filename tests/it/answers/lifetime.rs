//! What becomes of an answer when it is edited, deleted or expires, when its evidence changes, and with the
//! runs after it.

use std::sync::Arc;
use std::time::Duration;

use docent::commands::purge::{Done, PurgeRequest, Task, run};
use docent_core::config::ANSWERS;
use serde_json::{Value, json};

use super::{ANSWER, QUESTION, about_mondays, answer, cites_it, indexed, path, settled, world};
use crate::support::ingest;

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_answer_answers_anew_and_a_deleted_one_no_more() {
    let world = world().await;
    let server = world.serve().await;
    let kept = about_mondays(&server, "").await;
    let change = json!({ "answer": "The loader pauses on Sundays.", "owner": "Trips team" });
    let (status, edited) = server.send("PATCH", &path(&kept), "", Some(change)).await;
    assert_eq!(status, 200, "{edited}");
    let edited = settled(&server, "", edited).await;
    assert_eq!(
        (&edited["owner"], &edited["at"]),
        (&json!("Trips team"), &kept["at"])
    );
    assert!(edited["updated_at"].as_str() > kept["updated_at"].as_str());
    let answer = server.ask(QUESTION).await;
    assert_eq!(answer["answer"], "The loader pauses on Sundays. [1]");
    assert_eq!(answer["citations"][0]["owner"], "Trips team");
    let (_, edited) = server
        .send("PATCH", &path(&kept), "", Some(json!({ "owner": null })))
        .await;
    assert_eq!(
        (&edited["owner"], &edited["question"]),
        (&Value::Null, &json!(QUESTION))
    );

    let (_, listed) = server.send("GET", "/v1/answers", "", None).await;
    assert_eq!(
        listed["answers"][0]["answer"],
        "The loader pauses on Sundays."
    );
    let (status, _) = server.send("DELETE", &path(&kept), "", None).await;
    assert_eq!(status, 204);
    assert_eq!(indexed(&server).await, 0);
    let answer = server.ask(QUESTION).await;
    assert!(!answer.to_string().contains("loader"), "{answer}");
    let (_, listed) = server.send("GET", "/v1/answers", "", None).await;
    assert_eq!(listed, json!({ "answers": [], "next_cursor": null }));
    for (method, body) in [("GET", None), ("DELETE", None), ("PATCH", Some(json!({})))] {
        let (status, problem) = server.send(method, &path(&kept), "", body).await;
        assert_eq!((status, &problem["code"]), (404, &json!("answer_unknown")));
    }
    let left = world
        .database
        .rows("SELECT question || answer FROM curated_answer")
        .await;
    assert_eq!(left[0][0].as_deref(), Some(""));

    server.service.app.ledger.flush().await;
    let acts = world
        .database
        .rows("SELECT who, act, target FROM audit WHERE act LIKE 'answer%' ORDER BY at")
        .await;
    let id = kept["id"].as_str().unwrap();
    let acts: Vec<String> = acts
        .into_iter()
        .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" "))
        .collect();
    let expected = [
        "answer_created",
        "answer_changed",
        "answer_changed",
        "answer_deleted",
    ]
    .map(|act| format!("operator {act} {id}"));
    assert_eq!(acts, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_answer_is_not_found_and_the_next_run_removes_it() {
    let world = world().await;
    let server = world.serve().await;
    let end = chrono::Utc::now() + chrono::Duration::seconds(6);
    let body = json!({
        "question": QUESTION, "answer": ANSWER, "groups": ["everyone"], "expires_at": end,
    });
    let kept = answer(&server, "", body).await;
    let found = server.ask(QUESTION).await;
    assert!(cites_it(&found), "{found}");
    let left = (end - chrono::Utc::now()).to_std().unwrap_or_default();
    tokio::time::sleep(left + Duration::from_millis(50)).await;
    // No run has been there yet.
    assert_eq!(indexed(&server).await, 1);
    let gone = server.ask(QUESTION).await;
    assert!(!gone.to_string().contains("depots"), "{gone}");
    let (_, listed) = server.send("GET", &path(&kept), "", None).await;
    assert_eq!(
        (&listed["expired"], &listed["indexed"]),
        (&json!(true), &json!(false))
    );
    ingest(&server.service.app).await;
    assert_eq!(indexed(&server).await, 0);

    // Extended, it holds again.
    let change = json!({ "expires_at": null });
    let (_, edited) = server.send("PATCH", &path(&kept), "", Some(change)).await;
    let edited = settled(&server, "", edited).await;
    assert_eq!(edited["expired"], false);
    assert!(cites_it(&server.ask(QUESTION).await));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_evidence_changes_is_stale_and_one_whose_evidence_is_gone_is_not_given() {
    let world = world().await;
    let server = world.serve().await;
    let kept = about_mondays(&server, "").await;
    let state = async || {
        let (_, shown) = server.send("GET", &path(&kept), "", None).await;
        let evidence = shown["evidence"][0]["state"].as_str().unwrap().to_owned();
        (shown["stale"].as_bool().unwrap(), evidence)
    };
    world.write(
        "trips.md",
        "---\nuri: https://docs.example/trips\n---\n# fct_trips\n\nThe table fct_trips is loaded nightly.\n",
    );
    ingest(&server.service.app).await;
    assert_eq!(state().await, (true, "changed".to_owned()));
    assert!(cites_it(&server.ask(QUESTION).await));
    // Whoever edits it has looked at it.
    let (_, edited) = server
        .send("PATCH", &path(&kept), "", Some(json!({ "answer": ANSWER })))
        .await;
    assert_eq!(edited["stale"], false);

    std::fs::remove_file(world.docs().join("trips.md")).unwrap();
    ingest(&server.service.app).await;
    assert_eq!(state().await, (true, "gone".to_owned()));
    let answer = server.ask(QUESTION).await;
    assert!(!answer.to_string().contains("depots"), "{answer}");
    let (status, problem) = server
        .send("PATCH", &path(&kept), "", Some(json!({})))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (400, &json!("evidence_unknown"))
    );
    let change = json!({ "evidence": [], "groups": ["everyone"] });
    let (status, edited) = server.send("PATCH", &path(&kept), "", Some(change)).await;
    assert_eq!((status, &edited["stale"]), (200, &json!(false)), "{edited}");
    assert!(cites_it(&server.ask(QUESTION).await));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_survives_restarts_full_runs_and_new_collections() {
    let mut world = world().await;
    let server = world.serve().await;
    about_mondays(&server, "").await;
    server.stop().await;

    // Another layout is another collection.
    world.config.chunk.max_tokens = 200;
    let report = world.ingest().await;
    let own = report.sources.last().unwrap();
    assert_eq!((own.name.as_str(), own.documents.indexed), (ANSWERS, 1));
    let server = world.serve().await;
    assert!(cites_it(&server.ask(QUESTION).await));
    // A run has nothing to do with it, and a configured source that is left out does not take it along.
    let report = ingest(&server.service.app).await;
    let own = report.sources.last().unwrap();
    assert_eq!((own.documents.unchanged, own.documents.removed), (1, 0));
    server.stop().await;
    let report = world
        .ingest_with(docent::owner::IngestRequest {
            full: true,
            ..docent::owner::IngestRequest::default()
        })
        .await;
    assert!(!report.has_failures());
    let server = world.serve().await;
    assert!(cites_it(&server.ask(QUESTION).await));
    assert_eq!(indexed(&server).await, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_but_a_whole_run_would_do_an_answer_waits_for_it() {
    let mut world = world().await;
    world.config.chunk.max_tokens = 200;
    let server = world.serve().await;
    let body = json!({ "question": QUESTION, "answer": ANSWER, "groups": ["everyone"] });
    let (status, kept) = server.send("POST", "/v1/answers", "", Some(body)).await;
    assert_eq!((status, &kept["indexed"]), (201, &json!(false)), "{kept}");
    let waits = kept["waits_for"].as_str().unwrap();
    assert!(waits.contains("docent ingest"), "{waits}");
    ingest(&server.service.app).await;
    assert!(cites_it(&server.ask(QUESTION).await));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_of_the_evidence_takes_the_answer_along() {
    let world = world().await;
    let server = world.serve().await;
    let kept = about_mondays(&server, "").await;
    assert!(cites_it(&server.ask(QUESTION).await));
    let app = Arc::clone(&server.service.app);
    let request = PurgeRequest {
        task: Task::Purge("trips.md".to_owned()),
        configured: None,
    };
    let Done::Purged(_, report) = run(&app, &request).await.unwrap() else {
        panic!("it is known by its path");
    };
    assert_eq!((report.curated, report.chunks), (1, 2));
    let (status, _) = server.send("GET", &path(&kept), "", None).await;
    assert_eq!(status, 404);
    assert_eq!(world.database.count("curated_answer").await, 0);
    assert_eq!(indexed(&server).await, 0);
    // What the conversation quoted of it is gone as well.
    let said = world.database.rows("SELECT answer FROM interaction").await;
    assert!(!said[0][0].as_deref().unwrap().contains("depots"));
    ingest(&app).await;
    assert_eq!(indexed(&server).await, 0);
    server.stop().await;
}
