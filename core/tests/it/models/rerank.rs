//! What the reranker's client promises: the three forms, prices by token and by search, and an order
//! that is left alone when the server fails.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use docent_core::config::{Price, Rerank, RerankKind, Secret};
use docent_core::ledger::{CallOutcome, Purpose, UsageSource, Writer};
use docent_core::models::{CallFor, CostBook, ModelError, Reranker};
use docent_scripted::openai::{Fault, Route, Script, ScriptedOpenAi, Times};
use rust_decimal::Decimal;

use super::support::{Booked, INTERACTION, shown};

const KEY: &str = "sk-test-1234567890";

fn call() -> CallFor {
    CallFor::interaction(Purpose::Rerank, INTERACTION)
}

fn texts() -> Vec<String> {
    ["trips by day", "the wanted one", "stations", "riders"]
        .map(str::to_owned)
        .into()
}

fn settings(server: &ScriptedOpenAi, kind: RerankKind) -> Rerank {
    let base_url = match kind {
        RerankKind::Tei => server.base_url().trim_end_matches("/v1").to_owned(),
        _ => server.base_url().to_owned(),
    };
    Rerank {
        kind,
        base_url,
        api_key: Secret::new(KEY),
        api_key_file: PathBuf::new(),
        model: "reranker".to_owned(),
        candidates: 30,
        timeout_ms: 2_000,
    }
}

async fn server() -> ScriptedOpenAi {
    ScriptedOpenAi::start(Script {
        preferred: Some("wanted".to_owned()),
        ..Script::default()
    })
    .await
}

/// A reranker whose model costs 3 dollars for a million tokens and, if it bills them, 2 for a thousand
/// searches.
fn reranker(config: &Rerank) -> (Reranker, Booked) {
    let (writer, records) = Writer::channel();
    let by_search = config.kind == RerankKind::Cohere;
    let price = Price {
        input: (!by_search).then(|| Decimal::from(3)),
        cached_input: None,
        output: None,
        searches: by_search.then(|| Decimal::from(2)),
    };
    let book = CostBook::new([("reranker".to_owned(), price)].into(), writer);
    let reranker = Reranker::new(config, book).unwrap().unwrap();
    (reranker, Booked::new(records))
}

#[tokio::test]
async fn each_of_the_three_forms_is_spoken_and_priced() {
    for (kind, cost, source) in [
        (RerankKind::Tei, None, UsageSource::Estimated),
        (RerankKind::Jina, Some("0.000024"), UsageSource::Reported),
        (RerankKind::Cohere, Some("0.002"), UsageSource::Estimated),
    ] {
        let server = server().await;
        let (reranker, mut booked) = reranker(&settings(&server, kind));
        let reranked = reranker
            .rerank(&call(), "which one?", texts())
            .await
            .unwrap();
        let scores: Vec<f32> = reranked.scores.iter().map(|score| score.unwrap()).collect();
        assert!(scores[1] > 0.9 && scores[0] > scores[2] && scores[2] > scores[3]);
        let [request] = server.rerank_requests().try_into().unwrap();
        assert_eq!(request["query"], "which one?");
        let (sent, model) = match kind {
            RerankKind::Tei => (&request["texts"], None),
            _ => (&request["documents"], request["model"].as_str()),
        };
        assert_eq!(sent.as_array().unwrap().len(), 4, "{kind:?}");
        assert_eq!(model.is_some(), kind != RerankKind::Tei);
        assert_eq!(server.authorization(), Some(format!("Bearer {KEY}")));
        let calls = booked.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].purpose, Purpose::Rerank);
        assert_eq!(calls[0].usage_source, Some(source));
        assert_eq!(calls[0].cost, reranked.cost);
        if let Some(cost) = cost {
            assert_eq!(calls[0].cost, Some(cost.parse().unwrap()), "{kind:?}");
        } else {
            assert!(calls[0].cost > Some(Decimal::ZERO));
        }
    }
}

#[tokio::test]
async fn a_failed_request_is_repeated_and_every_attempt_is_booked() {
    for fault in [
        Fault::rate_limited(0),
        Fault::rate_limited_open(),
        Fault::status(500, "oops"),
        Fault::status(503, "overloaded"),
        Fault::Malformed,
        Fault::WrongIndex,
        Fault::NotANumber,
        Fault::MissingVectors(4),
    ] {
        let server = server().await;
        let (reranker, mut booked) = reranker(&settings(&server, RerankKind::Jina));
        server.fail(Route::Rerank, Times::Next(1), fault.clone());
        let reranked = reranker
            .rerank(&call(), "which one?", texts())
            .await
            .unwrap();
        assert!(reranked.scores.iter().all(Option::is_some), "{fault:?}");
        let calls = booked.calls();
        assert_eq!(calls.len(), 2, "{fault:?}");
        assert_ne!(calls[0].outcome, CallOutcome::Ok, "{fault:?}");
        assert_eq!(calls[1].outcome, CallOutcome::Ok, "{fault:?}");
    }
}

#[tokio::test]
async fn a_text_that_the_server_left_out_has_no_score() {
    let server = server().await;
    let (reranker, _) = reranker(&settings(&server, RerankKind::Cohere));
    server.fail(Route::Rerank, Times::Next(1), Fault::MissingVectors(2));
    let reranked = reranker
        .rerank(&call(), "which one?", texts())
        .await
        .unwrap();
    let scored: Vec<bool> = reranked.scores.iter().map(Option::is_some).collect();
    assert_eq!(scored, [true, true, false, false]);
}

#[tokio::test]
async fn raw_scores_become_probabilities_in_the_same_order() {
    let server = server().await;
    let (reranker, _) = reranker(&settings(&server, RerankKind::Tei));
    let body = r#"[{"index":2,"score":4.5},{"index":0,"score":0.0},{"index":1,"score":-7.25}]"#;
    let fault = Fault::Body {
        status: 200,
        body: body.to_owned(),
    };
    server.fail(Route::Rerank, Times::Next(1), fault);
    let reranked = reranker
        .rerank(&call(), "which one?", texts())
        .await
        .unwrap();
    let [a, b, c, d] = reranked.scores.try_into().unwrap();
    assert!(a == Some(0.5) && c > Some(0.98) && c < Some(1.0) && b < Some(0.01) && d.is_none());
}

#[tokio::test]
async fn a_hanging_server_costs_no_more_than_the_time_for_a_question_and_is_then_left_alone() {
    let server = server().await;
    let mut config = settings(&server, RerankKind::Jina);
    config.timeout_ms = 300;
    let (reranker, mut booked) = reranker(&config);
    server.fail(Route::Rerank, Times::Forever, Fault::Hang);
    let started = Instant::now();
    let first = reranker.try_rerank(&call(), "which one?", texts()).await;
    let waited = started.elapsed();
    assert!(first.is_none());
    assert!((300..2_000).contains(&waited.as_millis()), "{waited:?}");
    for _ in 0..5 {
        let further = reranker.try_rerank(&call(), "which one?", texts()).await;
        assert!(further.is_none());
    }
    assert_eq!(server.rerank_requests().len(), 1);
    let calls = booked.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].outcome, CallOutcome::Unavailable);
    // It may have done the work, and bill it.
    assert_eq!(calls[0].usage_source, Some(UsageSource::Estimated));
    assert!(calls[0].cost.is_some());
}

#[tokio::test]
async fn a_server_that_asks_to_wait_longer_than_there_is_time_is_given_up_at_once() {
    let server = server().await;
    let (reranker, _) = reranker(&settings(&server, RerankKind::Cohere));
    server.fail(Route::Rerank, Times::Forever, Fault::rate_limited(3_600));
    let started = Instant::now();
    let error = reranker
        .rerank(&call(), "which one?", texts())
        .await
        .unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(matches!(error, ModelError::RateLimited { .. }), "{error}");
    assert_eq!(server.rerank_requests().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_told_without_the_key_and_without_any_text() {
    let mut messages = Vec::new();
    for fault in [
        Fault::wrong_key(KEY),
        Fault::no_such_model("reranker"),
        Fault::status(422, "batch size 30 > maximum allowed batch size 8"),
        Fault::Malformed,
        Fault::WrongIndex,
        Fault::Body {
            status: 200,
            body: r#"{"scores": [0.1, 0.2]}"#.to_owned(),
        },
    ] {
        let server = server().await;
        let (reranker, _) = reranker(&settings(&server, RerankKind::Jina));
        server.fail(Route::Rerank, Times::Forever, fault);
        let error = reranker
            .rerank(&call(), "which one?", texts())
            .await
            .unwrap_err();
        let message = shown(&server, &error);
        assert!(
            !message.contains(KEY) && !message.contains("wanted"),
            "{message}"
        );
        messages.push(message);
    }
    insta::assert_snapshot!(messages.join("\n"));
}
