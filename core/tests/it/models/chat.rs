//! What the chat model's generator promises while all goes well.

use std::time::{Duration, Instant};

use docent_core::config::ChatKind;
use docent_core::index::{Question, TermFrequencies};
use docent_core::ledger::Purpose;
use docent_core::models::{CallFor, FinishReason, GenerateRequest, Generated, Generator, Passage};
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::Value;

use super::support::{INTERACTION, book, chat, for_answer, generator, read, request};

#[tokio::test]
async fn an_answer_streams_word_by_word_and_is_booked_as_reported() {
    let (server, generator, mut booked) = generator(|_| {}).await;
    server.change(|script| {
        script.gap = Duration::from_millis(300);
        script.cached_tokens = 4;
    });
    let started = Instant::now();
    let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
    let first = generation.next().await.unwrap().unwrap();
    assert!(
        started.elapsed() < Duration::from_millis(600),
        "the first word does not wait for the last"
    );
    assert_eq!(first, Generated::Text("A ".to_owned()));
    let (rest, done) = read(&mut generation).await;
    assert_eq!(rest, "scripted answer [1].");
    let Generated::Done {
        finish_reason,
        usage,
        cost,
    } = done.unwrap()
    else {
        panic!("the last piece is not Done");
    };
    assert_eq!(finish_reason, FinishReason::Stop);
    assert_eq!(
        (usage.input_tokens, usage.cached_tokens, usage.output_tokens),
        (8, 4, 4)
    );
    // 4 fresh at 10, 4 cached at 1, 4 out at 40 dollars a million.
    assert_eq!(cost.unwrap().to_string(), "0.000204");
    insta::assert_snapshot!(booked.table(), @"Answer priced-chat 8/4/4 Reported 0.000204 Ok");
}

#[tokio::test]
async fn the_request_says_what_it_must_and_no_more() {
    let (server, generator, _) = generator(|_| {}).await;
    let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
    read(&mut generation).await.1.unwrap();
    let sent = serde_json::to_string_pretty(&server.chat_requests()).unwrap();
    insta::assert_snapshot!(sent, @r#"
    [
      {
        "model": "priced-chat",
        "messages": [
          {
            "role": "system",
            "content": "answer from the passages"
          },
          {
            "role": "user",
            "content": "what is a trip?"
          }
        ],
        "stream": true,
        "stream_options": {
          "include_usage": true
        },
        "max_tokens": 100,
        "temperature": 0.0
      }
    ]
    "#);
}

#[tokio::test]
async fn tokens_are_counted_and_marked_estimated_where_none_are_reported() {
    let (server, generator, mut booked) = generator(|_| {}).await;
    server.change(|script| script.usage = false);
    let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
    read(&mut generation).await.1.unwrap();
    // 24 + 15 and 22 bytes, a quarter of them each.
    insta::assert_snapshot!(booked.table(), @"Answer priced-chat 10/0/6 Estimated 0.00034 Ok");
}

#[tokio::test]
async fn a_model_without_a_price_costs_null_not_zero() {
    let (_server, generator, mut booked) =
        generator(|config| config.model = "unknown".to_owned()).await;
    let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
    let (_, done) = read(&mut generation).await;
    assert!(matches!(done.unwrap(), Generated::Done { cost: None, .. }));
    assert_eq!(booked.calls()[0].cost, None);
}

#[tokio::test]
async fn dropping_an_answer_stops_the_request_and_books_it_as_cancelled() {
    let (server, generator, mut booked) = generator(|_| {}).await;
    server.change(|script| {
        script.gap = Duration::from_millis(50);
        script.answer = Answer::Text("word ".repeat(200));
    });
    let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
    for _ in 0..4 {
        generation.next().await.unwrap().unwrap();
    }
    drop(generation);
    // 4 words are 20 bytes, 5 tokens.
    insta::assert_snapshot!(booked.table(), @"Answer priced-chat 10/0/5 Estimated 0.0003 Cancelled");
    let started = Instant::now();
    while server.stopped_streams() == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "the server still streams"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_reader_that_leaves_before_the_first_word_is_booked_too() {
    let (server, generator, mut booked) = generator(|config| config.first_token_ms = 10_000).await;
    server.change(|script| script.first_token = Duration::from_secs(5));
    let (call, request) = (for_answer(), request());
    let work = generator.generate(&call, &request);
    assert!(
        tokio::time::timeout(Duration::from_millis(150), work)
            .await
            .is_err()
    );
    insta::assert_snapshot!(booked.table(), @"Answer priced-chat 10/0/0 Estimated 0.0001 Cancelled");
}

#[tokio::test]
async fn an_answer_that_reached_its_length_says_so() {
    let (server, generator, _) = generator(|_| {}).await;
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"Half an\"}}]}\n\n\
                data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
    server.change(|script| script.answer = Answer::Raw(body.to_owned()));
    let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
    let (text, done) = read(&mut generation).await;
    assert_eq!(text, "Half an");
    assert!(matches!(
        done.unwrap(),
        Generated::Done {
            finish_reason: FinishReason::Length,
            ..
        }
    ));
}

#[tokio::test]
async fn streams_of_strange_servers_are_understood() {
    let text = r#"{"choices":[{"delta":{"content":"Yes [1]."}}]}"#;
    let stop = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    for (name, body) in [
        (
            "CRLF",
            format!("data: {text}\r\n\r\ndata: {stop}\r\n\r\ndata: [DONE]\r\n\r\n"),
        ),
        (
            "no space",
            format!("data:{text}\n\ndata:{stop}\n\ndata:[DONE]\n\n"),
        ),
        ("no [DONE]", format!("data: {text}\n\ndata: {stop}\n\n")),
        (
            "comments",
            format!(": hello\n\ndata: {text}\n\n: ping\n\ndata: {stop}\n\ndata: [DONE]\n\n"),
        ),
        (
            "keepalive",
            format!("event: keepalive\ndata: {{}}\n\ndata: {text}\n\ndata: {stop}\n\n"),
        ),
        (
            "null fields",
            format!(
                "data: {{\"choices\":[{{\"delta\":{{\"role\":\"assistant\",\"content\":null,\"tool_calls\":null}},\
                 \"finish_reason\":null,\"logprobs\":null}}],\"usage\":null,\"error\":null}}\n\ndata: {text}\n\ndata: {stop}\n\n"
            ),
        ),
        (
            "reasoning and tools",
            format!(
                "data: {{\"choices\":[{{\"delta\":{{\"reasoning_content\":\"hmm\",\"reasoning\":\"hmm\"}}}}]}}\n\n\
                 data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":0}}]}}}}]}}\n\n\
                 data: {text}\n\ndata: {stop}\n\ndata: [DONE]\n\n"
            ),
        ),
        (
            "no finish reason but usage",
            format!(
                "data: {text}\n\ndata: {{\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":2}}}}\n\ndata: [DONE]\n\n"
            ),
        ),
        (
            "Azure's first chunk",
            format!(
                "data: {{\"choices\":[],\"prompt_filter_results\":[{{}}]}}\n\ndata: {text}\n\ndata: {stop}\n\n"
            ),
        ),
    ] {
        let (server, generator, _) = generator(|_| {}).await;
        server.change(|script| script.answer = Answer::Raw(body.clone()));
        let mut generation = generator
            .generate(&for_answer(), &request())
            .await
            .expect(name);
        let (text, done) = read(&mut generation).await;
        assert_eq!(text, "Yes [1].", "{name}");
        assert!(
            matches!(done, Ok(Generated::Done { .. })),
            "{name}: {done:?}"
        );
    }
}

#[tokio::test]
async fn parameters_that_a_model_refuses_are_sent_otherwise_and_that_is_remembered() {
    let (server, generator, _) = generator(|config| config.retries = 0).await;
    server.change(|script| {
        script.refused_parameters = ["max_tokens", "temperature", "stream_options"]
            .map(str::to_owned)
            .to_vec();
    });
    for _ in 0..2 {
        let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
        read(&mut generation).await.1.unwrap();
    }
    let requests = server.chat_requests();
    assert_eq!(
        requests.len(),
        5,
        "three lessons, then one request an answer"
    );
    assert_eq!(requests[4]["max_completion_tokens"], 100);
    assert_eq!(requests[4].get("temperature"), None);
}

#[tokio::test]
async fn without_a_model_name_the_server_is_asked_once_for_one_that_chats() {
    let (server, generator, mut booked) = generator(|config| config.model = String::new()).await;
    server.change(|script| {
        script.models = ["nomic-embed-text", "bge-m3", "qwen3:8b", "llama"]
            .map(str::to_owned)
            .to_vec();
    });
    for _ in 0..2 {
        let mut generation = generator.generate(&for_answer(), &request()).await.unwrap();
        read(&mut generation).await.1.unwrap();
    }
    assert_eq!(server.model_requests(), 1);
    assert!(booked.calls().iter().all(|call| call.model == "qwen3:8b"));
    assert_eq!(generator.list_models().await.unwrap().len(), 4);
}

#[tokio::test]
async fn at_openai_itself_the_default_model_needs_no_call() {
    let server = ScriptedOpenAi::start(Script::default()).await;
    let mut config = chat(&server);
    config.base_url = String::new();
    config.model = String::new();
    let generator = Generator::new(&config, book().0).unwrap();
    assert_eq!(generator.model().await.unwrap(), "gpt-4.1-mini");
}

#[tokio::test]
async fn a_short_text_is_completed_in_one_piece() {
    let (server, generator, mut booked) = generator(|_| {}).await;
    server.change(|script| {
        script.answer = Answer::made(|request: &Value| {
            format!(
                " standalone: {} ",
                request["messages"][1]["content"].as_str().unwrap()
            )
        });
    });
    let call = CallFor::interaction(Purpose::Condense, INTERACTION);
    let text = generator
        .complete(&call, &request().messages, 64)
        .await
        .unwrap();
    assert_eq!(text.text, "standalone: what is a trip?");
    assert_eq!(server.chat_requests()[0]["stream"], false);
    insta::assert_snapshot!(booked.table(), @"Condense priced-chat 8/0/6 Reported 0.00032 Ok");
}

#[tokio::test]
async fn quoting_needs_no_model_books_nothing_and_streams_quote_by_quote() {
    let server = ScriptedOpenAi::start(Script::default()).await;
    let mut config = chat(&server);
    config.kind = ChatKind::Extractive;
    let (book, mut booked) = book();
    let generator = Generator::new(&config, book).unwrap();
    assert!(!generator.is_model());
    let request = GenerateRequest {
        question: "what is a trip?".to_owned(),
        passages: vec![Passage {
            number: 3,
            text: "A trip is a ride. Trips have a surcharge.".to_owned(),
            title: "Trips".to_owned(),
            heading: vec![],
            cosine: Some(0.4),
            score: 1.0,
            ..Passage::default()
        }],
        terms: Question::new("what is a trip?", &TermFrequencies::default()),
        ..GenerateRequest::default()
    };
    let mut generation = generator.generate(&for_answer(), &request).await.unwrap();
    let (text, done) = read(&mut generation).await;
    assert!(text.contains("A trip is a ride. [3]"), "{text}");
    let Generated::Done { cost, usage, .. } = done.unwrap() else {
        panic!()
    };
    assert_eq!(
        (usage.input_tokens, cost.unwrap().to_string().as_str()),
        (0, "0")
    );
    assert!(booked.calls().is_empty());
    let error = generator
        .complete(&for_answer(), &request.messages, 5)
        .await
        .unwrap_err();
    insta::assert_snapshot!(error, @"docent refused extractive: no chat model is configured; set chat.base_url or chat.api_key");
}
