//! What the OpenAI-compatible embedder promises while all goes well.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use docent_core::config::Secret;
use docent_core::ledger::Purpose;
use docent_core::models::{CallFor, Embedder};
use docent_scripted::openai::{Fault, Route, Script, ScriptedOpenAi, Times, vector};

use super::support::{INTERACTION, book, embedder, embedding, for_run, texts};

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts_and_have_length_1() {
    let (server, embedder, _) = embedder(|_| {}).await;
    server.fail(Route::Embeddings, Times::Forever, Fault::Reversed);
    let texts = texts(30);
    let embedded = embedder.embed_passages(&for_run(), &texts).await;
    assert_eq!(server.embedding_requests(), 4, "30 texts in batches of 8");
    for (text, embedded) in texts.iter().zip(embedded) {
        let got = embedded.unwrap().vector;
        assert!((cosine(&got, &got) - 1.0).abs() < 1e-5);
        assert!(cosine(&got, &vector(text, 64)) > 0.9999, "{text}");
    }
}

#[tokio::test]
async fn a_batch_never_holds_more_tokens_than_configured() {
    let (server, embedder, _) = embedder(|config| config.batch_tokens = 30).await;
    let texts = texts(8);
    let tokens = embedder.counter().count(&texts[0]);
    assert_eq!(tokens, 8);
    for embedded in embedder.embed_passages(&for_run(), &texts).await {
        embedded.unwrap();
    }
    assert_eq!(
        server.embedding_requests(),
        3,
        "at most 3 texts of 8 tokens in 30"
    );
}

#[tokio::test]
async fn base64_is_asked_for_and_given_up_where_the_server_does_not_know_it() {
    let (server, embedder, mut booked) = embedder(|_| {}).await;
    server.change(|script| script.base64 = false);
    for _ in 0..2 {
        let embedded = embedder.embed_passages(&for_run(), &texts(3)).await;
        assert!(embedded.iter().all(Result::is_ok), "{embedded:?}");
    }
    let formats: Vec<_> = server
        .embedding_bodies()
        .into_iter()
        .map(|body| body["encoding_format"].clone())
        .collect();
    assert_eq!(
        formats,
        [
            serde_json::json!("base64"),
            serde_json::Value::Null,
            serde_json::Value::Null
        ]
    );
    insta::assert_snapshot!(booked.table(), @r"
    EmbedPassages priced-embedding -/-/- - NULL Rejected
    EmbedPassages priced-embedding 18/0/0 Reported 0.000036 Ok
    EmbedPassages priced-embedding 18/0/0 Reported 0.000036 Ok
    ");
}

#[tokio::test]
async fn the_dimensions_are_asked_once_whoever_asks() {
    let (server, embedder, _) =
        embedder(|config| config.passage_prefix = "passage: ".to_owned()).await;
    let (one, two) = tokio::join!(embedder.space(), embedder.space());
    let space = one.unwrap();
    assert_eq!(space, two.unwrap());
    assert_eq!(space.dimensions, 64);
    assert_eq!(
        space.fingerprint(),
        embedder.space().await.unwrap().fingerprint()
    );
    assert_eq!(server.embedding_requests(), 1);
    assert_eq!(server.embedded_texts(), ["passage: docent"]);
}

#[tokio::test]
async fn configured_dimensions_cost_no_call_and_are_sent_where_wanted() {
    let (server, embedder, _) = embedder(|config| {
        config.dimensions = 32;
        config.send_dimensions = true;
    })
    .await;
    assert_eq!(embedder.space().await.unwrap().dimensions, 32);
    assert_eq!(server.embedding_requests(), 0);
    let embedded = embedder
        .embed_passages(&for_run(), &texts(1))
        .await
        .remove(0)
        .unwrap();
    assert_eq!(embedded.vector.len(), 32);
    assert_eq!(server.embedding_bodies()[0]["dimensions"], 32);
}

#[tokio::test]
async fn another_model_dimension_or_passage_prefix_is_another_space_but_a_question_prefix_is_not() {
    let server = ScriptedOpenAi::start(Script::default()).await;
    let mut prints = BTreeSet::new();
    for change in 0..6 {
        let mut config = embedding(&server);
        config.dimensions = 64;
        match change {
            1 => config.model = "other".to_owned(),
            2 => config.dimensions = 65,
            3 => config.passage_prefix = "passage: ".to_owned(),
            4 => config.question_prefix = "query: ".to_owned(),
            5 => config.question_model = "other".to_owned(),
            _ => {}
        }
        let embedder = Embedder::new(&config, book().0).unwrap();
        prints.insert(embedder.space().await.unwrap().fingerprint());
    }
    assert_eq!(prints.len(), 4);
}

#[tokio::test]
async fn questions_and_passages_have_prefixes_and_models_of_their_own() {
    let (server, embedder, mut booked) = embedder(|config| {
        config.passage_prefix = "passage: ".to_owned();
        config.question_prefix = "query: ".to_owned();
        config.question_model = "e5-query".to_owned();
    })
    .await;
    let call = CallFor::interaction(Purpose::EmbedQuestion, INTERACTION);
    embedder
        .embed_question(&call, "what is a trip?")
        .await
        .unwrap();
    embedder
        .embed_passages(&for_run(), &["a trip".to_owned()])
        .await
        .remove(0)
        .unwrap();
    assert_eq!(
        server.embedded_texts(),
        ["query: what is a trip?", "passage: a trip"]
    );
    let calls = booked.calls();
    assert_eq!(
        (calls[0].interaction_id, calls[0].run_id),
        (Some(INTERACTION), None)
    );
    assert_eq!(
        (calls[0].model.as_str(), calls[0].cost),
        ("e5-query", None),
        "no price is known"
    );
    assert_eq!(calls[1].model, "priced-embedding");
}

#[tokio::test]
async fn reported_tokens_and_cost_are_shared_out_and_add_up() {
    let (_server, embedder, mut booked) = embedder(|_| {}).await;
    let texts = [
        "one".to_owned(),
        "one two three four five six seven".to_owned(),
    ];
    let embedded = embedder.embed_passages(&for_run(), &texts).await;
    let embedded: Vec<_> = embedded.into_iter().map(Result::unwrap).collect();
    let calls = booked.calls();
    assert_eq!(calls[0].input_tokens, Some(8));
    assert_eq!(embedded.iter().map(|e| e.tokens).sum::<u64>(), 8);
    assert!(embedded[1].tokens > embedded[0].tokens);
    let cost = embedded.iter().map(|e| e.cost.unwrap()).sum();
    assert_eq!(calls[0].cost, Some(cost));
}

#[tokio::test]
async fn tokens_are_counted_and_marked_estimated_where_the_server_reports_none() {
    let (server, embedder, mut booked) = embedder(|_| {}).await;
    server.change(|script| script.usage = false);
    embedder
        .embed_passages(&for_run(), &["12345678".to_owned()])
        .await
        .remove(0)
        .unwrap();
    insta::assert_snapshot!(booked.table(), @"EmbedPassages priced-embedding 2/0/0 Estimated 0.000004 Ok");
}

#[tokio::test]
async fn a_text_over_the_limit_is_embedded_in_parts_that_are_averaged() {
    let (server, embedder, _) = embedder(|config| {
        config.max_input_tokens = 10;
        config.passage_prefix = "p: ".to_owned();
    })
    .await;
    let text = "trips are rides on a bicycle of the company from one station to another one";
    let embedded = embedder
        .embed_passages(&for_run(), &[text.to_owned()])
        .await
        .remove(0)
        .unwrap();
    let parts = server.embedded_texts();
    assert!(parts.len() > 1);
    for part in &parts {
        assert!(embedder.counter().count(part) <= 10, "{part:?}");
    }
    let joined: String = parts
        .iter()
        .map(|part| part.strip_prefix("p: ").unwrap())
        .collect();
    assert_eq!(joined, text);
    assert!(cosine(&embedded.vector, &vector(text, 64)) > 0.8);
    assert!((cosine(&embedded.vector, &embedded.vector) - 1.0).abs() < 1e-5);
}

#[tokio::test]
async fn concurrency_is_shared_by_all_callers() {
    let (server, embedder, _) = embedder(|config| {
        config.concurrency = 2;
        config.max_concurrency = 2;
        config.batch_texts = 1;
        config.timeout_ms = 5_000;
    })
    .await;
    server.change(|script| script.embedding_delay = Duration::from_millis(200));
    let started = Instant::now();
    let (three, call) = (texts(3), for_run());
    tokio::join!(
        embedder.embed_passages(&call, &three),
        embedder.embed_passages(&call, &three)
    );
    assert!(
        started.elapsed() >= Duration::from_millis(600),
        "six requests, two at once"
    );
    assert!(
        started.elapsed() < Duration::from_millis(1_150),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn the_key_is_sent_and_nothing_is_taken_from_the_environment() {
    let (server, with_key, _) = embedder(|_| {}).await;
    with_key.space().await.unwrap();
    assert_eq!(
        server.authorization().as_deref(),
        Some("Bearer sk-test-1234567890")
    );
    let (server, without_key, _) = embedder(|config| config.api_key = Secret::default()).await;
    without_key.space().await.unwrap();
    assert_eq!(server.authorization(), None);
}

#[tokio::test]
async fn an_empty_text_is_refused_here_and_costs_nothing() {
    let (server, embedder, _) = embedder(|_| {}).await;
    let texts = ["a".to_owned(), " \n".to_owned()];
    let embedded = embedder.embed_passages(&for_run(), &texts).await;
    assert!(embedded[0].is_ok());
    assert!(
        embedded[1]
            .as_ref()
            .unwrap_err()
            .to_string()
            .ends_with("the text is empty")
    );
    assert_eq!(server.embedded_texts(), ["a"]);
}
