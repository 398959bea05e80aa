//! What a reranker and other wordings change in an answer, and what they do not when they fail.

use std::time::Duration;

use docent_core::config::{Expand, RerankKind};
use docent_scripted::openai::{Answer, Fault, Route, Script, ScriptedOpenAi, Times};
use serde_json::Value;

use crate::support::World;

const QUESTION: &str = "Which trips are counted by the trips report?";

async fn world() -> World {
    let mut world = World::new().await;
    // An abstention is asked again after a run, which is another call.
    world.config.insights.ask_again = 0;
    world.write(
        "report.md",
        "# Trips report\n\nThe trips report counted by day: trips of every city.\n",
    );
    world.write(
        "rules.md",
        "# Counting\n\nOnly trips longer than one minute are counted.\n",
    );
    world.write(
        "riders.md",
        "# Riders\n\nA rider who has taken no ride for ninety days has left us for good.\n",
    );
    world
}

async fn reranker() -> ScriptedOpenAi {
    ScriptedOpenAi::start(Script {
        preferred: Some("one minute".to_owned()),
        ..Script::default()
    })
    .await
}

fn rerank_with(world: &mut World, server: &ScriptedOpenAi) {
    let rerank = &mut world.config.rerank;
    rerank.kind = RerankKind::Jina;
    rerank.base_url = server.base_url().to_owned();
    rerank.model = "scripted-reranker".to_owned();
    rerank.timeout_ms = 500;
}

/// The paths of the last answer's passages, best first.
async fn found(world: &World, answer: &Value) -> Vec<String> {
    let id = answer["interaction_id"].as_str().unwrap();
    let query = format!("SELECT path FROM passage WHERE interaction_id = '{id}' ORDER BY rank");
    let rows = world.database.rows(&query).await;
    rows.into_iter()
        .filter_map(|mut row| row[0].take())
        .collect()
}

async fn ask(world: &World, question: &str) -> (Value, Vec<String>) {
    let server = world.serve().await;
    let answer = server.ask(question).await;
    server.stop().await;
    let found = found(world, &answer).await;
    (answer, found)
}

#[tokio::test]
async fn the_rerankers_order_decides_and_its_call_is_in_the_ledger() {
    let mut world = world().await;
    world.ingest().await;
    let (_, before) = ask(&world, QUESTION).await;
    assert_eq!(before[0], "report.md");
    let reranker = reranker().await;
    rerank_with(&mut world, &reranker);
    let (_, after) = ask(&world, QUESTION).await;
    assert_eq!(after[0], "rules.md");
    let calls = world
        .database
        .rows("SELECT model, outcome FROM model_call WHERE purpose = 'rerank'")
        .await;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0][0].as_deref(), Some("scripted-reranker"));
    assert_eq!(calls[0][1].as_deref(), Some("ok"));
    let [request] = reranker.rerank_requests().try_into().unwrap();
    assert_eq!(request["query"], QUESTION);
}

#[tokio::test]
async fn a_reranker_that_fails_leaves_the_order_and_the_answer() {
    let mut world = world().await;
    world.ingest().await;
    let (expected, order) = ask(&world, QUESTION).await;
    assert_eq!(expected["outcome"], "answered");
    for fault in [
        Fault::status(500, "oops"),
        Fault::rate_limited(60),
        Fault::wrong_key("k"),
        Fault::Hang,
        Fault::Malformed,
        Fault::WrongIndex,
    ] {
        let reranker = reranker().await;
        rerank_with(&mut world, &reranker);
        reranker.fail(Route::Rerank, Times::Forever, fault.clone());
        let (answer, found) = ask(&world, QUESTION).await;
        assert_eq!(answer["answer"], expected["answer"], "{fault:?}");
        assert_eq!(found, order, "{fault:?}");
        assert!(!reranker.rerank_requests().is_empty());
    }
}

const HARD: &str = "What is the churn definition?";

/// A chat model that knows another wording and answers from the passages.
async fn chat_model() -> ScriptedOpenAi {
    let answer = Answer::made(|request| {
        if request.to_string().contains("found little") {
            assert!(request.to_string().contains(HARD));
            "wording: when has a rider left us for good?\npassage: A rider left.".to_owned()
        } else {
            "After ninety days without a ride [1].".to_owned()
        }
    });
    ScriptedOpenAi::start(Script {
        answer,
        ..Script::default()
    })
    .await
}

async fn expanded(world: &World) -> usize {
    let calls = "SELECT outcome FROM model_call WHERE purpose = 'expand'";
    world.database.rows(calls).await.len()
}

#[tokio::test]
async fn a_question_that_finds_too_little_is_searched_in_other_words() {
    let model = chat_model().await;
    let mut world = world().await;
    world.chat_with(&model);
    world.ingest().await;
    let (without, _) = ask(&world, HARD).await;
    assert_eq!(without["outcome"], "abstained");
    assert_eq!(expanded(&world).await, 0, "it is not asked for by default");
    world.config.retrieval.expand = Expand::Hard;
    let (with, found) = ask(&world, HARD).await;
    assert_eq!(found[0], "riders.md");
    assert_eq!(with["outcome"], "answered", "{with}");
    assert_eq!(with["question"], HARD);
    assert_eq!(with["standalone_question"], HARD);
    assert_eq!(expanded(&world).await, 1);
    // One that finds enough by itself costs no further call.
    ask(&world, QUESTION).await;
    assert_eq!(expanded(&world).await, 1);
}

#[tokio::test]
async fn other_wordings_that_are_late_or_fail_are_done_without() {
    let model = chat_model().await;
    let mut world = world().await;
    world.chat_with(&model);
    world.config.chat.first_token_ms = 60_000;
    world.config.retrieval.expand = Expand::Hard;
    world.config.retrieval.expand_ms = 200;
    world.ingest().await;
    model.change(|script| script.first_token = Duration::from_secs(40));
    let started = std::time::Instant::now();
    let (late, _) = ask(&world, HARD).await;
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(late["outcome"], "abstained");
    model.change(|script| script.first_token = Duration::ZERO);
    model.fail(Route::Chat, Times::Forever, Fault::wrong_key("k"));
    let (failed, _) = ask(&world, HARD).await;
    assert_eq!(failed["outcome"], "abstained");
    let calls = world
        .database
        .rows("SELECT outcome FROM model_call WHERE purpose = 'expand' ORDER BY at")
        .await;
    let outcomes: Vec<&str> = calls.iter().filter_map(|row| row[0].as_deref()).collect();
    assert_eq!(outcomes, ["cancelled", "rejected"]);
}

#[tokio::test]
async fn doctor_tries_the_reranker() {
    let mut world = world().await;
    let reranker = reranker().await;
    rerank_with(&mut world, &reranker);
    let app = world.app().await;
    let said = async || {
        let findings = docent::commands::doctor::check_parts(&app).await;
        let findings = serde_json::to_value(findings).unwrap();
        let mut findings = findings.as_array().unwrap().iter();
        findings
            .find(|finding| finding["part"] == "rerank")
            .unwrap()
            .clone()
    };
    let works = said().await;
    assert_eq!(works["ok"], true, "{works}");
    reranker.fail(Route::Rerank, Times::Forever, Fault::status(500, "oops"));
    let broken = said().await;
    assert_eq!(broken["ok"], false);
    let text = broken["text"].as_str().unwrap();
    assert!(text.contains("scripted-reranker"), "{text}");
}
