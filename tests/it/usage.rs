//! The cost book says what the provider bills: over mixed calls with failures, retries and cancelled
//! streams, what was reported to the token, and what could not be reported within five percent.
//!
//! `USAGE_CALLS` is how many calls are made; `make bench` makes 10,000.

use std::time::Duration;

use docent_core::models::TokenCounter;
use docent_scripted::openai::{Answer, Fault, Made, Route, Script, ScriptedOpenAi, Times};
use futures::StreamExt;
use serde_json::json;

use crate::support::{TestServer, World, eventually};

const CALLS: usize = 240;
/// A cancelled estimate may be off by this share, in sum.
const OFF: f64 = 0.05;

const ANSWER: &str = "The table fct_trips is loaded hourly, as its page says [1]. It is loaded by a job that \
    begins at twenty minutes past each hour and is done a few minutes later [1]. Whoever needs it sooner \
    may look at the staging table, which is loaded as the trips come in, and which has neither the prices \
    nor the cities that the finished table has [1].";

fn text_of(number: usize) -> String {
    format!("How often is fct_trips loaded, asked for the time number {number}?")
}

/// Asks, and goes away after the first words.
async fn leave_early(server: &TestServer, question: &str) {
    let body = json!({ "question": question }).to_string();
    let request = server
        .chat()
        .header("accept", "text/event-stream")
        .body(body);
    let mut stream = request.send().await.unwrap().bytes_stream();
    let mut seen = String::new();
    while let Some(piece) = stream.next().await {
        seen.push_str(&String::from_utf8_lossy(&piece.unwrap()));
        if seen.contains("event: delta") || seen.contains("event:delta") {
            return;
        }
    }
    panic!("the answer ended before its reader could go away: {seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_bills_is_what_the_ledger_has() {
    let calls = std::env::var("USAGE_CALLS").map_or(CALLS, |calls| calls.parse().unwrap());
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text(ANSWER.to_owned());
        script.tokenizer = Some(TokenCounter::named("cl100k_base").unwrap());
        script.cached_tokens = 7;
        script.keep = false;
    });
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    world.config.chat.first_token_ms = 5000;
    let server = world.serve().await;
    let mut failing = 0;
    for number in 0..calls {
        let question = text_of(number);
        match number % 8 {
            3 => model.fail(Route::Chat, Times::Next(1), Fault::status(500, "broken")),
            5 => model.fail(Route::Chat, Times::Next(1), Fault::rate_limited_open()),
            6 => model.fail(Route::Chat, Times::Next(1), Fault::CutAfter(20)),
            _ => {}
        }
        failing += usize::from(matches!(number % 8, 3 | 5));
        if number % 8 == 7 {
            let before = model.stopped_streams();
            model.change(|script| script.gap = Duration::from_millis(3));
            leave_early(&server, &question).await;
            eventually("the stream is stopped", || async {
                model.stopped_streams() > before
            })
            .await;
            model.change(|script| script.gap = Duration::ZERO);
        } else {
            let answer = server.ask(&question).await;
            assert_eq!(answer["outcome"], "answered", "{answer}");
        }
    }
    server.stop().await;

    let made = model.made();
    let sums = |reported: bool| {
        let of_kind = made.iter().filter(|one| one.reported == reported);
        of_kind.fold(Made::default(), |sum, one| Made {
            prompt: sum.prompt + one.prompt,
            output: sum.output + one.output,
            reported,
        })
    };
    let ledger = |condition: &str| {
        let query = format!(
            "SELECT count(*)::text, coalesce(sum(input_tokens), 0)::text,
                    coalesce(sum(output_tokens), 0)::text, coalesce(sum(cached_tokens), 0)::text
               FROM model_call WHERE model = 'scripted-chat' AND {condition}"
        );
        let database = &world.database;
        async move {
            let rows = database.rows(&query).await;
            let number = |at: usize| rows[0][at].as_deref().unwrap().parse::<usize>().unwrap();
            (number(0), number(1), number(2), number(3))
        }
    };
    let told = made.iter().filter(|one| one.reported).count();
    let (rows, input, output, cached) = ledger("usage_source = 'reported'").await;
    assert_eq!(
        (rows, input, output),
        (told, sums(true).prompt, sums(true).output)
    );
    assert_eq!(cached, told * 7);

    let (rows, input, output, _) = ledger("usage_source = 'estimated'").await;
    assert_eq!(
        rows,
        made.len() - told,
        "each stream that was cut or left is there, as estimated"
    );
    assert!(rows >= calls / 8 * 2);
    let near = |estimated: usize, real: usize| {
        let off = (estimated as f64 / real as f64 - 1.0).abs();
        assert!(
            off < OFF,
            "{estimated} estimated, {real} made: {:.1}% off",
            off * 100.0
        );
    };
    near(input, sums(false).prompt);
    near(input + output, sums(false).prompt + sums(false).output);
    let (cancelled, ..) = ledger("outcome = 'cancelled' AND usage_source = 'estimated'").await;
    assert_eq!(cancelled, calls / 8);
    let (failed, ..) =
        ledger("usage_source IS NULL AND outcome IN ('unavailable', 'rate_limited')").await;
    assert_eq!(
        failed, failing,
        "attempts that cost nothing are there without tokens"
    );
}
