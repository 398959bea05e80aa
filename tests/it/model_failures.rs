//! A model server that misbehaves: a clear message, nothing lost, nothing paid twice.

use std::time::Duration;

use docent_scripted::openai::{Answer, Fault, Route, Script, ScriptedOpenAi, Times};
use serde_json::{Value, json};

use crate::support::{World, eventually};

const QUESTION: &str = "How often is fct_trips loaded?";

async fn world(model: &ScriptedOpenAi) -> World {
    let mut world = World::new().await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.chat_with(model);
    world.ingest().await;
    world
}

/// Asks while the chat endpoint has a fault, and answers what came back.
async fn ask_with(fault: Fault) -> Value {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer =
            Answer::Text("The table is loaded hourly, as its page says [1].".to_owned());
    });
    let world = world(&model).await;
    model.fail(Route::Chat, Times::Forever, fault);
    let server = world.serve().await;
    let answer = server.ask(QUESTION).await;
    server.stop().await;
    assert_eq!(world.database.count("interaction").await, 1);
    assert_eq!(answer["outcome"], "answered", "{answer}");
    assert_eq!(answer["generator"], "extractive");
    assert!(answer["answer"].as_str().unwrap().contains("loaded hourly"));
    answer
}

#[tokio::test]
async fn a_chat_model_that_fails_is_replaced_by_quotes_and_the_answer_says_why() {
    let cases = [
        (Fault::status(500, "broken"), "unavailable"),
        (Fault::rate_limited(120), "rate limited"),
        (Fault::Hang, "unavailable"),
        (Fault::CutAfter(3), "unavailable"),
        (Fault::Malformed, "cannot be read"),
        (Fault::wrong_key("sk-secret"), "refused"),
        (Fault::no_such_model("scripted-chat"), "refused"),
    ];
    for (fault, expected) in cases {
        let name = format!("{fault:?}");
        let answer = Box::pin(ask_with(fault)).await;
        let reason = answer["fallback_reason"].as_str().unwrap();
        assert!(reason.contains(expected), "{name}: {reason}");
        assert!(reason.contains("scripted-chat"), "{name}: {reason}");
    }
}

#[tokio::test]
async fn an_embedder_that_fails_leaves_the_words_to_search_with() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = World::new().await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.embed_with(&model);
    world.config.embedding.retries = 0;
    world.ingest().await;
    model.fail(
        Route::Embeddings,
        Times::Forever,
        Fault::status(500, "broken"),
    );
    let server = world.serve().await;
    let answer = server.ask(QUESTION).await;
    assert_eq!(answer["citations"][0]["path"], "fct_trips.md");
    server.stop().await;
}

#[tokio::test]
async fn an_embedding_that_was_received_is_not_asked_for_again() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = World::new().await;
    world.embed_with(&model);
    for number in 0..8 {
        let section = format!("The table number {number} has its own words. ").repeat(20);
        let last = if number == 3 {
            "It has a cursed word."
        } else {
            "It is plain."
        };
        world.write(
            &format!("{number}.md"),
            &format!("# Table {number}\n\n## First\n\n{section}\n\n## Second\n\n{section}{last}\n"),
        );
    }
    model.change(|script| script.refused_word = Some("cursed".to_owned()));
    let first = world.ingest().await;
    assert_eq!(first.sources[0].documents.indexed, 7, "{first:?}");
    let problem = &first.sources[0].problems[0];
    assert_eq!(problem.path, "3.md");
    assert!(
        problem.reason.contains("refused scripted-embedding"),
        "{problem:?}"
    );

    model.change(|script| script.refused_word = None);
    let second = world.ingest().await;
    assert_eq!(second.sources[0].documents.indexed, 1, "{second:?}");
    assert_eq!(second.sources[0].chunks.embedded, 1);
    assert!(second.sources[0].chunks.reused >= 1);
    let mut texts = model.embedded_texts();
    let answered = texts.len();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), answered, "a text was embedded twice");
}

#[tokio::test]
async fn a_reader_that_goes_away_stops_the_model_and_what_it_used_is_recorded() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text("word ".repeat(400));
        script.first_token = Duration::from_millis(20);
        script.gap = Duration::from_millis(50);
    });
    let world = world(&model).await;
    let server = world.serve().await;
    let mut response = server
        .chat()
        .header("accept", "text/event-stream")
        .body(json!({ "question": QUESTION }).to_string())
        .send()
        .await
        .unwrap();
    let mut read = String::new();
    while !read.contains("event: delta") {
        read.push_str(&String::from_utf8_lossy(
            &response.chunk().await.unwrap().unwrap(),
        ));
    }
    drop(response);
    eventually("the cancelled call and its turn are recorded", || async {
        server.service.app.ledger.flush().await;
        let calls = world
            .database
            .rows("SELECT outcome, usage_source, output_tokens::text FROM model_call WHERE purpose = 'answer'")
            .await;
        let turns = world.database.rows("SELECT outcome FROM interaction").await;
        calls.len() == 1
            && calls[0][0].as_deref() == Some("cancelled")
            && calls[0][1].as_deref() == Some("estimated")
            && calls[0][2].as_deref() != Some("0")
            && turns == vec![vec![Some("cancelled".to_owned())]]
    })
    .await;
    server.stop().await;
}
