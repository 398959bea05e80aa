//! A turn's identity, its end, and what is counted and said of it.

use docent_core::config::Anonymous;
use docent_scripted::openai::{Answer, Fault, Route, Script, ScriptedOpenAi, Times};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

use crate::support::{TestServer, World, ingest};

const QUESTION: &str = "How often is fct_trips loaded?";

/// The world with a chat model that answers with a text.
async fn answering(text: &str) -> (World, ScriptedOpenAi) {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.answer = Answer::Text(text.to_owned()));
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    (world, model)
}

async fn ask_from(server: &TestServer, address: &str, body: &Value) -> Value {
    let request = server.chat().header("x-forwarded-for", address);
    let response = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_message_that_failed_runs_again_when_it_is_sent_again() {
    let world = World::new().await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    let server = world.serve().await;
    let body = json!({ "question": QUESTION, "message_id": Uuid::new_v4() });
    let failed = server.chat().body(body.to_string()).send().await.unwrap();
    assert_eq!(failed.status(), 503);
    ingest(&server.service.app).await;
    assert_eq!(server.ask_body(&body).await["outcome"], "answered");
    server.stop().await;
}

#[tokio::test]
async fn strangers_who_choose_the_same_message_id_do_not_get_each_others_turn() {
    let mut world = World::of_trips().await;
    // Behind a proxy nobody counts as being on this machine.
    world.config.access.anonymous = Anonymous::Anywhere;
    let server = world.serve().await;
    let body = json!({ "question": QUESTION, "message_id": "1" });
    let mine = ask_from(&server, "10.0.0.1", &body).await;
    let theirs = ask_from(&server, "10.0.0.2", &body).await;
    assert_ne!(mine["conversation_id"], theirs["conversation_id"]);
    let again = ask_from(&server, "10.0.0.1", &body).await;
    assert_eq!(mine["interaction_id"], again["interaction_id"]);
    // A UUID is its client's own, wherever the client has gone.
    let body = json!({ "question": QUESTION, "message_id": Uuid::new_v4() });
    let first = ask_from(&server, "10.0.0.1", &body).await;
    let again = ask_from(&server, "10.0.0.9", &body).await;
    assert_eq!(first["interaction_id"], again["interaction_id"]);
    server.stop().await;
}

#[tokio::test]
async fn a_message_is_the_same_turn_in_its_own_conversation_only() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let id = Uuid::new_v4();
    let first = server
        .ask_body(&json!({ "question": QUESTION, "message_id": id }))
        .await;
    let within = |conversation: &Value| json!({ "question": QUESTION, "message_id": id, "conversation_id": conversation });
    // As a page asks that was loaded again in the middle of an answer.
    let resumed = server.ask_body(&within(&first["conversation_id"])).await;
    assert_eq!(resumed["interaction_id"], first["interaction_id"]);
    let elsewhere = server.ask_body(&within(&json!(Uuid::new_v4()))).await;
    assert_ne!(elsewhere["interaction_id"], first["interaction_id"]);
    server.stop().await;
}

#[tokio::test]
async fn whoever_wants_the_whole_answer_has_it_whatever_event_was_seen_last() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let mut body = json!({ "question": QUESTION, "message_id": Uuid::new_v4() });
    let first = server.ask_body(&body).await;
    for seen in ["3", "9223372036854775806", "18446744073709551615", "x"] {
        let request = server.chat().header("last-event-id", seen);
        let response = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{seen}");
        let again: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(again["interaction_id"], first["interaction_id"], "{seen}");
    }
    // A stream has nothing after its last event.
    body["stream"] = json!(true);
    let request = server.chat().header("last-event-id", usize::MAX);
    let response = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "");
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_quoted_instead_and_what_it_used_is_counted() {
    let (mut world, model) = answering(&"word ".repeat(400)).await;
    model.change(|script| script.gap = Duration::from_millis(100));
    world.config.server.answer_seconds = 10;
    let server = world.serve().await;
    let answer = server.ask(QUESTION).await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    assert_eq!(answer["generator"], "extractive");
    let reason = answer["fallback_reason"].as_str().unwrap();
    assert!(reason.contains("server.answer_seconds"), "{reason}");
    assert!(answer["usage"]["output_tokens"].as_u64().unwrap() > 0);
    server.stop().await;
}

#[tokio::test]
async fn the_tokens_of_a_broken_answer_are_in_the_sum() {
    let (world, model) = answering("The table is loaded hourly, as its page says [1].").await;
    model.fail(Route::Chat, Times::Forever, Fault::CutAfter(3));
    let server = world.serve().await;
    let answer = server.ask(QUESTION).await;
    assert_eq!(answer["generator"], "extractive");
    server.stop().await;
    let booked = world
        .database
        .rows("SELECT sum(output_tokens)::bigint::text FROM model_call WHERE purpose = 'answer'")
        .await;
    let booked: u64 = booked[0][0].as_deref().unwrap().parse().unwrap();
    assert!(booked > 0);
    assert_eq!(answer["usage"]["output_tokens"], booked);
}

#[tokio::test]
async fn a_follow_up_that_could_not_be_condensed_is_no_fallback_of_its_answer() {
    let (world, model) = answering("Hourly [1].").await;
    let server = world.serve().await;
    let first = server.ask(QUESTION).await;
    model.fail(Route::Chat, Times::Next(1), Fault::wrong_key("sk-secret"));
    let body = json!({ "question": "Is fct_trips loaded hourly?", "conversation_id": first["conversation_id"] });
    let second = server.ask_body(&body).await;
    assert_eq!(second["generator"], "model");
    assert!(second["fallback_reason"].is_null(), "{second}");
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_was_cut_off_says_so() {
    let (world, model) = answering("").await;
    let chunk = |content: &str, end: Value| {
        let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": content }, "finish_reason": end }] });
        format!("data: {chunk}\n\n")
    };
    let body = [
        chunk("Hourly [1]:\n\n```sql\nSELECT", Value::Null),
        chunk("", json!("length")),
        "data: [DONE]\n\n".to_owned(),
    ];
    model.change(|script| script.answer = Answer::Raw(body.concat()));
    let server = world.serve().await;
    let answer = server.ask(QUESTION).await;
    assert_eq!(
        answer["answer"],
        "Hourly [1]:\n\n```sql\nSELECT\n```\n\n*The answer was cut off: it reached its longest length.*"
    );
    server.stop().await;
}

#[tokio::test]
async fn what_did_not_fit_the_prompt_cannot_be_cited() {
    let (mut world, model) = answering("Hourly [1], from the locks [2].").await;
    world.write(
        "locks.md",
        "# Locks\n\nLocks send what fct_trips is loaded from.\n",
    );
    world.ingest().await;
    world.config.chat.window_tokens = 1;
    let server = world.serve().await;
    let answer = server.ask(QUESTION).await;
    assert_eq!(model.chat_requests().len(), 1);
    assert_eq!(answer["answer"], "Hourly [1], from the locks.");
    server.stop().await;
}

#[tokio::test]
async fn code_in_an_answer_keeps_its_brackets() {
    let (world, _model) =
        answering("`rows[0]`, loaded hourly [1]:\n\n```sql\nSELECT a[9]\n```\n").await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly into `rows[0]`.\n",
    );
    world.ingest().await;
    let server = world.serve().await;
    let answer = server.ask(QUESTION).await;
    assert_eq!(answer["generator"], "model", "{answer}");
    assert_eq!(
        answer["answer"],
        "`rows[0]`, loaded hourly [1]:\n\n```sql\nSELECT a[9]\n```"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_marker_of_no_answer_is_known_in_its_dress() {
    for text in [
        "`NO_ANSWER`",
        "**NO_ANSWER**\nI looked at [1].",
        "Sorry.\nNO_ANSWER.",
    ] {
        let (world, _model) = answering(text).await;
        let server = world.serve().await;
        let answer = server.ask(QUESTION).await;
        assert_eq!(answer["outcome"], "abstained", "{text}: {answer}");
        server.stop().await;
    }
}
