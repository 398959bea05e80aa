//! What the OpenAI-compatible embedder promises when something fails: a clear message, nothing lost,
//! and no embedding that was received asked for again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use docent_core::config::Secret;
use docent_core::models::{Embedded, ModelError};
use docent_scripted::openai::{Fault, Route, Script, ScriptedOpenAi, Times};

use super::support::{book, embedder, embedding, for_run, shown, texts};

fn all(embedded: Vec<Result<Embedded, ModelError>>) -> Vec<Embedded> {
    embedded.into_iter().map(Result::unwrap).collect()
}

/// Each text was embedded, and none twice.
fn each_once(server: &ScriptedOpenAi, texts: &[String]) {
    let mut embedded = server.embedded_texts();
    embedded.sort_unstable();
    let mut expected = texts.to_vec();
    expected.sort_unstable();
    assert_eq!(embedded, expected);
}

#[tokio::test]
async fn no_embedding_that_was_received_is_asked_for_again() {
    for fault in [
        Fault::rate_limited(0),
        Fault::rate_limited_open(),
        Fault::status(500, "oops"),
        Fault::status(503, "overloaded"),
        Fault::status(408, "slow"),
        Fault::status(409, "conflict"),
        Fault::Hang,
        Fault::Malformed,
        Fault::CutAfter(0),
        Fault::MissingVectors(3),
    ] {
        let (server, embedder, mut booked) = embedder(|_| {}).await;
        server.fail(Route::Embeddings, Times::Next(1), fault.clone());
        let texts = texts(20);
        assert_eq!(
            all(embedder.embed_passages(&for_run(), &texts).await).len(),
            20,
            "{fault:?}"
        );
        each_once(&server, &texts);
        assert_eq!(
            server.embedding_requests(),
            4,
            "{fault:?}: three batches, one of them twice"
        );
        assert_eq!(
            booked.calls().len(),
            4,
            "{fault:?}: every attempt is booked"
        );
    }
}

#[tokio::test]
async fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    // A date has no fractions of a second.
    for (date, least) in [(false, 1_000), (true, 950)] {
        let (server, embedder, _) = embedder(|_| {}).await;
        let fault = if date {
            Fault::rate_limited_until(2)
        } else {
            Fault::rate_limited(1)
        };
        server.fail(Route::Embeddings, Times::Next(1), fault);
        let started = Instant::now();
        all(embedder.embed_passages(&for_run(), &texts(1)).await);
        let waited = started.elapsed().as_millis();
        assert!((least..4_000).contains(&waited), "{waited} ms");
    }
}

#[tokio::test]
async fn a_server_that_asks_to_wait_too_long_is_given_up_at_once() {
    let (server, embedder, mut booked) = embedder(|_| {}).await;
    server.fail(
        Route::Embeddings,
        Times::Forever,
        Fault::rate_limited(3_600),
    );
    let error = embedder
        .embed_passages(&for_run(), &texts(1))
        .await
        .remove(0)
        .unwrap_err();
    insta::assert_snapshot!(shown(&server, &error), @"priced-embedding at http://server/v1 is rate limited; it asks to wait 3600 s");
    assert_eq!(server.embedding_requests(), 1);
    insta::assert_snapshot!(booked.table(), @"EmbedPassages priced-embedding -/-/- - NULL RateLimited");
}

#[tokio::test]
async fn a_question_waits_less_than_a_run() {
    let (server, embedder, _) = embedder(|_| {}).await;
    server.fail(Route::Embeddings, Times::Forever, Fault::rate_limited(5));
    let started = Instant::now();
    embedder
        .embed_question(&for_run(), "what?")
        .await
        .unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn each_failure_has_its_message_and_only_what_may_pass_is_tried_again() {
    let mut messages = String::new();
    for (fault, requests) in [
        (Fault::status(500, "internal error"), 3),
        (Fault::status(503, "overloaded"), 3),
        (
            Fault::Body {
                status: 502,
                body: "<html>bad gateway</html>".to_owned(),
            },
            3,
        ),
        (Fault::Hang, 3),
        (Fault::CutAfter(0), 3),
        (Fault::Malformed, 2),
        (
            Fault::Body {
                status: 200,
                body: "{\"object\":\"list\"}".to_owned(),
            },
            2,
        ),
        (Fault::wrong_key("sk-test-1234567890"), 1),
        (Fault::no_such_model("priced-embedding"), 1),
        (Fault::status(403, "not in your region"), 1),
        (Fault::status(400, "no"), 1),
        (
            Fault::Body {
                status: 422,
                body: "{\"detail\": \"unprocessable\"}".to_owned(),
            },
            1,
        ),
        (
            Fault::Status {
                status: 429,
                retry_after: None,
                code: "insufficient_quota".to_owned(),
                message: "You exceeded your current quota.".to_owned(),
            },
            1,
        ),
        (Fault::WrongIndex, 1),
        (Fault::Zeros, 1),
        (Fault::NotANumber, 1),
        (Fault::WrongLength(63), 1),
    ] {
        let (server, embedder, mut booked) = embedder(|config| {
            config.dimensions = 64;
            config.timeout_ms = 400;
        })
        .await;
        server.fail(Route::Embeddings, Times::Forever, fault.clone());
        let text = if fault == Fault::WrongIndex { 2 } else { 1 };
        let error = embedder
            .embed_passages(&for_run(), &texts(text))
            .await
            .remove(0)
            .unwrap_err();
        messages.push_str(&shown(&server, &error));
        messages.push('\n');
        assert_eq!(server.embedding_requests(), requests, "{fault:?}");
        assert_eq!(
            booked.calls().len(),
            requests,
            "{fault:?}: every attempt is booked"
        );
    }
    insta::assert_snapshot!(messages, @r"
    priced-embedding at http://server/v1 is unavailable: status 500: internal error
    priced-embedding at http://server/v1 is unavailable: status 503: overloaded
    priced-embedding at http://server/v1 is unavailable: status 502: (an HTML page)
    priced-embedding at http://server/v1 is unavailable: no embeddings within 400 ms
    priced-embedding at http://server/v1 is unavailable: the connection broke: connection closed before message completed
    priced-embedding at http://server/v1 gave an answer that cannot be read: EOF while parsing a string at line 1 column 245
    priced-embedding at http://server/v1 gave an answer that cannot be read: missing field `data` at line 1 column 17
    http://server/v1 refused priced-embedding: status 401, the key is not accepted; check embedding.api_key: Incorrect API key provided: [key]
    http://server/v1 refused priced-embedding: status 404; check embedding.model and embedding.base_url: The model `priced-embedding` does not exist or you do not have access to it
    http://server/v1 refused priced-embedding: status 403, not allowed with the key in embedding.api_key: not in your region
    http://server/v1 refused priced-embedding: status 400: no
    http://server/v1 refused priced-embedding: status 422: unprocessable
    http://server/v1 refused priced-embedding: the quota of the account behind embedding.api_key is used up: You exceeded your current quota
    priced-embedding at http://server/v1 gave an answer that cannot be read: two vectors have the index 0
    priced-embedding at http://server/v1 gave an answer that cannot be read: a vector is all zeros
    priced-embedding at http://server/v1 gave an answer that cannot be read: a vector holds NaN or infinity
    priced-embedding at http://server/v1 gave an answer that cannot be read: a vector has 63 numbers, embedding.dimensions is 64
    ");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let server = ScriptedOpenAi::start(Script::default()).await;
    let mut config = embedding(&server);
    config.base_url = "http://127.0.0.1:1/v1".to_owned();
    config.retries = 0;
    let embedder = docent_core::models::Embedder::new(&config, book().0).unwrap();
    insta::assert_snapshot!(embedder.space().await.unwrap_err(), @"priced-embedding at http://127.0.0.1:1/v1 is unavailable: cannot connect: connection refused (os error 111)");
}

#[tokio::test]
async fn one_refused_text_does_not_take_its_batch_with_it() {
    let (server, embedder, _) = embedder(|_| {}).await;
    server.change(|script| script.refused_word = Some("number 5".to_owned()));
    let texts = texts(8);
    let embedded = embedder.embed_passages(&for_run(), &texts).await;
    for (number, embedded) in embedded.iter().enumerate() {
        assert_eq!(embedded.is_err(), number == 5, "{number}: {embedded:?}");
    }
    let good: Vec<_> = texts
        .into_iter()
        .filter(|text| !text.contains("number 5"))
        .collect();
    each_once(&server, &good);
    assert!(
        server.embedding_requests() <= 7,
        "{}",
        server.embedding_requests()
    );
}

#[tokio::test]
async fn many_refused_texts_at_the_start_do_not_condemn_the_others() {
    let (server, embedder, _) = embedder(|config| config.batch_texts = 16).await;
    server.change(|script| script.refused_word = Some("bad".to_owned()));
    let texts: Vec<_> = (0..16)
        .map(|n| format!("{} text {n}", if n < 6 { "bad" } else { "good" }))
        .collect();
    let embedded = embedder.embed_passages(&for_run(), &texts).await;
    assert_eq!(
        embedded.iter().filter(|embedded| embedded.is_ok()).count(),
        10
    );
}

#[tokio::test]
async fn a_request_that_is_refused_whatever_it_holds_is_not_tried_text_by_text() {
    let (server, embedder, _) = embedder(|config| config.batch_texts = 64).await;
    server.fail(
        Route::Embeddings,
        Times::Forever,
        Fault::status(400, "unknown model family"),
    );
    let embedded = embedder.embed_passages(&for_run(), &texts(64)).await;
    assert!(embedded.iter().all(Result::is_err));
    assert!(
        server.embedding_requests() < 15,
        "{}",
        server.embedding_requests()
    );
}

#[tokio::test]
async fn a_text_refused_as_too_long_is_split_and_nothing_of_it_is_dropped() {
    let (server, embedder, _) = embedder(|_| {}).await;
    server.change(|script| script.max_input_words = Some(7));
    let long: Vec<_> = (0..40).map(|n| format!("word{n}")).collect();
    let texts = [
        "short one".to_owned(),
        long.join(" "),
        "short two".to_owned(),
    ];
    let embedded = all(embedder.embed_passages(&for_run(), &texts).await);
    assert!((embedded[1].vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
    assert_eq!(embedded[1].tokens, 40);
    let sent: Vec<_> = server.embedded_texts();
    let words: Vec<_> = sent
        .iter()
        .flat_map(|text| text.split_whitespace())
        .collect();
    let unique: BTreeSet<_> = words
        .iter()
        .filter(|word| word.starts_with("word"))
        .collect();
    assert_eq!(unique.len(), 40);
    assert_eq!(words.len(), 44, "nothing twice: {words:?}");
}

#[tokio::test]
async fn a_vector_of_another_length_is_refused_alone() {
    let (server, embedder, _) = embedder(|_| {}).await;
    all(embedder.embed_passages(&for_run(), &texts(1)).await);
    server.fail(Route::Embeddings, Times::Next(1), Fault::WrongLength(63));
    let error = embedder
        .embed_passages(&for_run(), &texts(1))
        .await
        .remove(0)
        .unwrap_err();
    insta::assert_snapshot!(shown(&server, &error), @"priced-embedding at http://server/v1 gave an answer that cannot be read: a vector has 63 numbers, the first one had 64");
    all(embedder.embed_passages(&for_run(), &texts(1)).await);
}

#[tokio::test]
async fn an_embedding_call_that_is_dropped_is_booked_as_cancelled() {
    let (server, embedder, mut booked) = embedder(|config| config.timeout_ms = 10_000).await;
    server.fail(Route::Embeddings, Times::Forever, Fault::Hang);
    let (call, texts) = (for_run(), ["12345678".to_owned()]);
    let work = embedder.embed_passages(&call, &texts);
    assert!(
        tokio::time::timeout(Duration::from_millis(150), work)
            .await
            .is_err()
    );
    insta::assert_snapshot!(booked.table(), @"EmbedPassages priced-embedding 2/0/0 Estimated 0.000004 Cancelled");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_without_any_network() {
    let server = ScriptedOpenAi::start(Script::default()).await;
    let mut messages = String::new();
    for change in 0..3 {
        let mut config = embedding(&server);
        match change {
            0 => config.base_url = "localhost:8000".to_owned(),
            1 => config.tokenizer = "no/such/tokenizer.json".to_owned(),
            _ => config.api_key = Secret::new("two\nlines"),
        }
        match docent_core::models::Embedder::new(&config, book().0) {
            Ok(_) => messages.push_str("accepted\n"),
            Err(error) => {
                messages.push_str(&error.to_string());
                messages.push('\n');
            }
        }
    }
    insta::assert_snapshot!(messages, @r#"
    embedding.base_url = "localhost:8000" must begin with http:// or https://
    embedding.tokenizer = "no/such/tokenizer.json": No such file or directory (os error 2); it must be "cl100k_base", "bytes" or the path of a tokenizer.json
    embedding.api_key holds characters that a header cannot carry
    "#);
}
