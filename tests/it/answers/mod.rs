//! `/v1/answers`: what people answered themselves is found by who may read what it rests on, comes first
//! where it answers the question, and is gone when it has expired or was deleted.

mod access;
mod lifetime;

use std::time::Duration;

use docent_core::config::ANSWERS;
use docent_core::index::Filter;
use docent_core::ledger::Role;
use serde_json::{Value, json};

use crate::support::{TestServer, World};

const QUESTION: &str = "Why does fct_trips have fewer rows on Mondays?";
const ANSWER: &str = "The vendor closes its depots on Sundays, so Monday's file holds half a day.";

/// Documents about trips, and one about payroll for finance alone.
async fn world() -> World {
    let mut world = World::new().await;
    world.config.answers.groups = vec!["data-team".to_owned()];
    world.write(
        "trips.md",
        "---\nuri: https://docs.example/trips\n---\n# fct_trips\n\nThe table fct_trips is loaded hourly. It has one \
         row for each trip.\n",
    );
    world.write(
        "weekdays.md",
        "# Weekdays\n\nOn Mondays the table fct_trips is checked by hand for missing rows.\n",
    );
    world.write("payroll.md", &payroll("[finance]"));
    world.ingest().await;
    world
}

fn payroll(groups: &str) -> String {
    format!(
        "---\ngroups: {groups}\nuri: https://docs.example/payroll\n---\n# Payroll\n\nThe table payroll_runs is loaded \
         every fortnight.\n"
    )
}

/// Answers as somebody; the answer as it was kept, and is indexed.
async fn answer(server: &TestServer, token: &str, body: Value) -> Value {
    let (status, kept) = server.send("POST", "/v1/answers", token, Some(body)).await;
    assert_eq!(status, 201, "{kept}");
    settled(server, token, kept).await
}

/// The answer once it is indexed, which on a busy machine may take longer than a request waits.
async fn settled(server: &TestServer, token: &str, mut kept: Value) -> Value {
    for _ in 0..240 {
        if kept["indexed"] == true {
            return kept;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        kept = server.send("GET", &path(&kept), token, None).await.1;
    }
    panic!("it was never indexed: {kept}");
}

async fn about_mondays(server: &TestServer, token: &str) -> Value {
    let evidence = ["https://docs.example/trips"];
    let body = json!({ "question": QUESTION, "answer": ANSWER, "evidence": evidence });
    answer(server, token, body).await
}

async fn ask_as(server: &TestServer, token: &str, question: &str) -> Value {
    let body = json!({ "question": question });
    let (status, answer) = server.send("POST", "/v1/chat", token, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn path(answer: &Value) -> String {
    format!("/v1/answers/{}", answer["id"].as_str().unwrap())
}

fn cites_it(answer: &Value) -> bool {
    let citations = answer["citations"].as_array().unwrap();
    citations
        .iter()
        .any(|citation| citation["author"].is_string())
}

/// Points of curated answers in the live collection.
async fn indexed(server: &TestServer) -> u64 {
    let index = &server.service.app.index;
    let live = index.live().await.unwrap().unwrap();
    let filter = Filter {
        source: Some(ANSWERS.to_owned()),
        ..Filter::default()
    };
    index.count(&live, &filter).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_first_where_it_answers_the_question_and_only_there() {
    let world = world().await;
    let server = world.serve().await;
    let before = server.ask(QUESTION).await;
    assert!(!before["answer"].as_str().unwrap().contains("depots"));

    let ana = server
        .key("ana", &["everyone", "data-team"], Role::User)
        .await;
    let kept = about_mondays(&server, &ana).await;
    assert_eq!(
        (&kept["author"], &kept["owner"]),
        (&json!("key:ana"), &Value::Null)
    );
    assert_eq!(
        (&kept["stale"], &kept["expired"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(kept["groups"], json!(["everyone"]));
    assert_eq!(kept["evidence"][0]["state"], "current");

    for asked in [
        QUESTION,
        "Why are there fewer rows in fct_trips on Mondays?",
    ] {
        let answer = server.ask(asked).await;
        assert_eq!(answer["outcome"], "answered", "{answer}");
        assert_eq!(answer["answer"], format!("{ANSWER} [1]"), "{asked}");
        let citation = &answer["citations"][0];
        assert_eq!(
            (&citation["author"], &citation["owner"]),
            (&json!("ana"), &json!("ana"))
        );
        assert_eq!(citation["title"], QUESTION);
        let day = chrono::Utc::now().format("%Y-%m-%d").to_string();
        assert_eq!(citation["heading"], format!("answered by: ana, {day}"));
        assert!(citation["updated_at"].as_str().unwrap().starts_with(&day));
    }
    // Another question about the same table is answered from the documents.
    let answer = server.ask("How often is fct_trips loaded?").await;
    assert!(
        answer["answer"].as_str().unwrap().contains("hourly"),
        "{answer}"
    );
    assert!(
        !answer["answer"].as_str().unwrap().contains("depots"),
        "{answer}"
    );

    let (_, known) = server.send("GET", "/v1/sources", "", None).await;
    let own = &known["sources"][0];
    assert_eq!(
        (&own["name"], &own["kind"]),
        (&json!(ANSWERS), &json!("answers"))
    );
    assert_eq!(
        (&own["documents"], &own["owners"][0]["name"]),
        (&json!(1), &json!("ana"))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn korean_questions_find_korean_answers() {
    let world = world().await;
    let server = world.serve().await;
    let body = json!({
        "question": "월요일에 fct_trips 행이 왜 적은가요?", "answer": "공급사가 일요일에 쉬기 때문입니다.",
        "groups": ["everyone"],
    });
    answer(&server, "", body).await;
    let answer = server.ask("fct_trips 행이 월요일에 왜 적은가요?").await;
    assert_eq!(
        answer["answer"], "공급사가 일요일에 쉬기 때문입니다. [1]",
        "{answer}"
    );
    server.stop().await;
}
