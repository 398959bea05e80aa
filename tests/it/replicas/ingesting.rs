//! A run is of one process; the others know of it, wait for it, and search what it has left.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{QUESTION, Replica, Shared, question};
use crate::binary::text;

/// Starts a run of the only source under a key, and waits until it embeds something.
async fn begun(shared: &Shared, replica: &Replica, admin: &str, name: &str) -> Value {
    let before = shared.model.embedding_requests();
    let order = Some(json!({ "sources": ["docs"], "key": name }));
    let (status, run) = replica.send("POST", "/v1/ingest/runs", admin, order).await;
    assert_eq!(status, 202, "{run}");
    for _ in 0..400 {
        if shared.model.embedding_requests() > before {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the run embeds nothing: {run}");
}

async fn ended(replica: &Replica, admin: &str, run: &Value) -> Value {
    let path = format!("/v1/ingest/runs/{}", run["id"].as_str().unwrap());
    for _ in 0..400 {
        let (_, run) = replica.send("GET", &path, admin, None).await;
        if !["queued", "running"].contains(&run["state"].as_str().unwrap()) {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the run does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_run_by_one_and_searched_by_the_other_as_soon_as_it_has_ended() {
    let shared = Shared::new("[access]\nanonymous = \"never\"\n").await;
    let admin = shared.key("airflow", "admin").await;
    let (one, two) = (shared.serve("one").await, shared.serve("two").await);
    // Nothing is ingested: the second one has nothing in memory when the first one begins.
    let (status, said) = two.ask(&admin, question(QUESTION)).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (503, Some("nothing_ingested"))
    );
    shared
        .model
        .change(|script| script.embedding_delay = Duration::from_secs(3));
    let run = begun(&shared, &one, &admin, "first").await;

    let order = |key: &str| Some(json!({ "sources": ["docs"], "key": key }));
    let (status, refused) = two
        .send("POST", "/v1/ingest/runs", &admin, order("other"))
        .await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (409, Some("source_busy"))
    );
    // The same key is the same run, wherever it is asked for.
    let (status, same) = two
        .send("POST", "/v1/ingest/runs", &admin, order("first"))
        .await;
    assert_eq!((status, &same["id"]), (202, &run["id"]));
    let command = shared.run("command", &["ingest"]).await;
    assert_eq!(command.status.code(), Some(2), "{command:?}");
    let said = text(&command.stderr);
    assert!(said.contains("process"), "it names the holder: {said}");

    shared
        .model
        .change(|script| script.embedding_delay = Duration::ZERO);
    assert_eq!(ended(&two, &admin, &run).await["state"], "done");
    let (status, answer) = two.ask(&admin, question(QUESTION)).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("answered")));
    let (_, here) = one.ask(&admin, question(QUESTION)).await;
    assert_eq!(
        here["citations"], answer["citations"],
        "both weigh the words alike"
    );
    let again = begun_again(&two, &admin).await;
    let done = ended(&one, &admin, &again).await;
    assert_eq!(
        done["report"]["sources"][0]["documents"]["unchanged"], 1,
        "{done}"
    );
}

async fn begun_again(replica: &Replica, admin: &str) -> Value {
    let order = Some(json!({ "sources": ["docs"] }));
    let (status, run) = replica.send("POST", "/v1/ingest/runs", admin, order).await;
    assert_eq!(status, 202, "{run}");
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_of_a_process_that_was_killed_is_taken_over() {
    let shared = Shared::new("[access]\nanonymous = \"never\"\n").await;
    let admin = shared.key("airflow", "admin").await;
    let (one, two) = (shared.serve("one").await, shared.serve("two").await);
    shared
        .model
        .change(|script| script.embedding_delay = Duration::from_mins(1));
    let run = begun(&shared, &one, &admin, "nightly").await;
    one.kill();
    // As if it had been on another machine, where nobody knows that it is dead: its time has to pass.
    let left = Duration::from_secs(3);
    let id = run["id"].as_str().unwrap();
    let elsewhere = format!(
        "UPDATE lease SET process = 'elsewhere pid:[1] 7 7',
             expires_at = clock_timestamp() + interval '3 seconds'
          WHERE run_id = '{id}' RETURNING name"
    );
    let held = shared.rows(&elsewhere).await;
    assert_eq!(held.len(), 2, "the source's and the collections': {held:?}");
    let since = Instant::now();
    shared
        .model
        .change(|script| script.embedding_delay = Duration::ZERO);
    let order = || Some(json!({ "sources": ["docs"], "key": "nightly" }));
    let other = Some(json!({ "sources": ["docs"] }));
    let (status, refused) = two.send("POST", "/v1/ingest/runs", &admin, other).await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (409, Some("source_busy"))
    );
    let path = format!("/v1/ingest/runs/{id}");
    loop {
        let (_, shown) = two.send("GET", &path, &admin, None).await;
        if shown["state"] == "interrupted" {
            break;
        }
        assert!(since.elapsed() < left * 3, "{shown}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(since.elapsed() >= left / 2, "its time had not passed");
    // The same key begins it again, under its id, and completes it.
    let (status, again) = two.send("POST", "/v1/ingest/runs", &admin, order()).await;
    assert_eq!((status, &again["id"]), (202, &run["id"]), "{again}");
    assert_eq!(ended(&two, &admin, &run).await["state"], "done");
    let (_, answer) = two.ask(&admin, question(QUESTION)).await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    let held = format!("SELECT name FROM lease WHERE run_id = '{id}'");
    assert!(shared.rows(&held).await.is_empty());
}
