//! What the chat model's generator promises when something fails: a clear message, no retry once
//! words have been shown, and a line in the cost book for every attempt.

use std::time::{Duration, Instant};

use docent_core::models::ModelError;
use docent_scripted::openai::{Answer, Fault, Route, Times};

use super::support::{for_answer, generator, read, request, shown};

#[tokio::test]
async fn a_failure_before_the_first_word_is_tried_again() {
    for fault in [
        Fault::rate_limited(0),
        Fault::status(500, "oops"),
        Fault::status(503, "overloaded"),
        Fault::CutAfter(0),
        Fault::EndAfter(0),
        Fault::Malformed,
    ] {
        // Malformed events come after the first word.
        let words = usize::from(fault == Fault::Malformed);
        let (server, generator, mut booked) = generator(|_| {}).await;
        server.fail(Route::Chat, Times::Next(1), fault.clone());
        let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
        let (_, end) = read(&mut generation).await;
        assert_eq!(end.is_err(), words == 1, "{fault:?}");
        assert_eq!(server.chat_requests().len(), 2 - words, "{fault:?}");
        assert_eq!(
            booked.calls().len(),
            2 - words,
            "{fault:?}: every attempt is booked"
        );
    }
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for_and_a_long_one_is_not() {
    let (server, generator, _) = generator(|_| {}).await;
    server.fail(Route::Chat, Times::Next(1), Fault::rate_limited(1));
    let started = Instant::now();
    generator.generate(&for_answer(), &request()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));

    server.fail(Route::Chat, Times::Next(1), Fault::rate_limited(20));
    let started = Instant::now();
    let error = generator
        .generate(&for_answer(), &request())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, ModelError::RateLimited { .. }));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn each_failure_has_its_message_and_only_what_may_pass_is_tried_again() {
    let mut messages = String::new();
    for (fault, requests) in [
        (Fault::rate_limited(0), 3),
        (Fault::status(500, "internal error"), 3),
        (Fault::CutAfter(0), 3),
        (Fault::EndAfter(0), 3),
        (Fault::Hang, 1),
        (Fault::StallAfter(0), 1),
        (
            Fault::Body {
                status: 200,
                body: "data: {\"error\":{\"message\":\"out of memory\"}}\n\n".to_owned(),
            },
            3,
        ),
        (
            Fault::Body {
                status: 200,
                body: "data: {oops}\n\n".to_owned(),
            },
            2,
        ),
        (
            Fault::Body {
                status: 200,
                body: "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
                    .to_owned(),
            },
            1,
        ),
        (
            Fault::Body {
                status: 200,
                body: "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"
                    .to_owned(),
            },
            1,
        ),
        (Fault::wrong_key("sk-test-1234567890"), 1),
        (Fault::no_such_model("priced-chat"), 1),
        (
            Fault::status(400, "This model's maximum context length is 8192 tokens"),
            1,
        ),
        (
            Fault::Body {
                status: 404,
                body: "x".repeat(5_000),
            },
            1,
        ),
    ] {
        let (server, generator, mut booked) = generator(|config| config.first_token_ms = 400).await;
        server.fail(Route::Chat, Times::Forever, fault.clone());
        let error = generator
            .generate(&for_answer(), &request())
            .await
            .err()
            .unwrap();
        messages.push_str(&shown(&server, &error));
        messages.push('\n');
        assert_eq!(server.chat_requests().len(), requests, "{fault:?}");
        assert_eq!(booked.calls().len(), requests, "{fault:?}");
    }
    insta::assert_snapshot!(messages, @r"
    priced-chat at http://server/v1 is rate limited; it asks to wait 0 s
    priced-chat at http://server/v1 is unavailable: status 500: internal error
    priced-chat at http://server/v1 is unavailable: the connection broke in the middle of the answer
    priced-chat at http://server/v1 is unavailable: the stream ended before the answer did
    priced-chat at http://server/v1 is unavailable: no first token within 400 ms
    priced-chat at http://server/v1 is unavailable: no first token within 400 ms
    priced-chat at http://server/v1 is unavailable: it broke the answer off: out of memory
    priced-chat at http://server/v1 gave an answer that cannot be read: key must be a string at line 1 column 2
    priced-chat at http://server/v1 gave an answer that cannot be read: the answer is empty
    priced-chat at http://server/v1 gave an answer that cannot be read: it reached max_output_tokens before its first word
    http://server/v1 refused priced-chat: status 401, the key is not accepted; check chat.api_key: Incorrect API key provided: [key]
    http://server/v1 refused priced-chat: status 404; check chat.model and chat.base_url: The model `priced-chat` does not exist or you do not have access to it
    http://server/v1 refused priced-chat: status 400: This model's maximum context length is 8192 tokens
    http://server/v1 refused priced-chat: status 404; check chat.model and chat.base_url: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx …
    ");
}

#[tokio::test]
async fn a_stream_that_breaks_keeps_its_words_and_is_booked_with_estimated_tokens() {
    let mut seen = String::new();
    for fault in [
        Fault::CutAfter(2),
        Fault::EndAfter(2),
        Fault::StallAfter(2),
        Fault::Malformed,
    ] {
        let (server, generator, mut booked) = generator(|config| config.stall_ms = 300).await;
        // With a pause, or else the break may overtake the words.
        server.change(|script| script.gap = Duration::from_millis(40));
        server.fail(Route::Chat, Times::Next(1), fault);
        let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
        let (text, end) = read(&mut generation).await;
        let error = end.unwrap_err();
        seen.push_str(&format!(
            "{text:?}\n{}\n{}",
            shown(&server, &error),
            booked.table()
        ));
        assert_eq!(
            server.chat_requests().len(),
            1,
            "no second try once words are out"
        );
    }
    insta::assert_snapshot!(seen, @r#"
    "A scripted "
    priced-chat at http://server/v1 is unavailable: the connection broke in the middle of the answer
    Answer priced-chat 10/0/3 Estimated 0.00022 Unavailable
    "A scripted "
    priced-chat at http://server/v1 is unavailable: the stream ended before the answer did
    Answer priced-chat 10/0/3 Estimated 0.00022 Unavailable
    "A scripted "
    priced-chat at http://server/v1 is unavailable: nothing further within 300 ms
    Answer priced-chat 10/0/3 Estimated 0.00022 Unavailable
    "A "
    priced-chat at http://server/v1 gave an answer that cannot be read: EOF while parsing an object at line 1 column 14
    Answer priced-chat 10/0/1 Estimated 0.00014 BadResponse
    "#);
}

#[tokio::test]
async fn a_model_that_says_nothing_is_given_up_in_time() {
    let (server, generator, mut booked) = generator(|config| config.first_token_ms = 200).await;
    server.change(|script| script.first_token = Duration::from_secs(3));
    let started = Instant::now();
    let error = generator
        .generate(&for_answer(), &request())
        .await
        .err()
        .unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    insta::assert_snapshot!(shown(&server, &error), @"priced-chat at http://server/v1 is unavailable: no first token within 200 ms");
    insta::assert_snapshot!(booked.table(), @"Answer priced-chat 10/0/0 Estimated 0.0001 Unavailable");
}

#[tokio::test]
async fn a_server_without_a_chat_model_says_so() {
    let (server, generator, _) = generator(|config| config.model = String::new()).await;
    server.change(|script| script.models = vec!["nomic-embed-text".to_owned()]);
    let error = generator
        .generate(&for_answer(), &request())
        .await
        .err()
        .unwrap();
    insta::assert_snapshot!(shown(&server, &error), @"http://server/v1 refused a chat model: it lists none; load one there or set chat.model");
    // Loaded later, it is found without a restart.
    server.change(|script| script.models.push("llama".to_owned()));
    generator.generate(&for_answer(), &request()).await.unwrap();
    assert_eq!(generator.model().await.unwrap(), "llama");
}

#[tokio::test]
async fn an_empty_completion_is_tried_once_more_and_then_refused() {
    let (server, generator, mut booked) = generator(|_| {}).await;
    server.change(|script| script.answer = Answer::Text("  ".to_owned()));
    let error = generator
        .complete(&for_answer(), &request().messages, 10)
        .await
        .unwrap_err();
    insta::assert_snapshot!(shown(&server, &error), @"priced-chat at http://server/v1 gave an answer that cannot be read: the answer is empty");
    assert_eq!(server.chat_requests().len(), 2);
    assert_eq!(booked.calls().len(), 2);
}
