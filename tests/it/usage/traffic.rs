//! Questions and documents while the provider is not well.

use std::time::Duration;

use docent_scripted::openai::{Fault, Route, ScriptedOpenAi, Times};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::{TestServer, World, eventually};

/// Seventy pieces, so that a reader can leave in its middle.
pub(super) const ANSWER: &str = "The table fct_trips is loaded hourly, as its page says [1]. It is loaded by a \
    job that begins at twenty minutes past each hour and is done a few minutes later [1]. Whoever needs it \
    sooner may look at the staging table, which is loaded as the trips come in, and which has neither the \
    prices nor the cities that the finished table has [1].";

/// What the ledger must have by the end.
#[derive(Default)]
pub(super) struct Wanted {
    /// Chat calls that were refused.
    pub(super) refused_chat: usize,
    /// Streams whose reader left.
    pub(super) cancelled: usize,
}

/// Ingests about so many documents in a few runs, each of which meets refusals and broken answers.
pub(super) async fn ingest(world: &World, model: &ScriptedOpenAi, documents: usize) -> usize {
    const RUNS: usize = 4;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    let mut written = 1;
    for run in 0..RUNS {
        for number in 0..documents / RUNS {
            let path = format!("{run}/{number}.md");
            let text = format!(
                "# Station {run}-{number}\n\nThe station {number} of ring {run} has bikes.\n"
            );
            world.write(&path, &text);
            written += 1;
        }
        // One after the other, with good answers in between.
        let faults = [
            Fault::rate_limited(0),
            Fault::status(500, "broken"),
            Fault::Malformed,
            Fault::CutAfter(0),
            Fault::status(503, "busy"),
            Fault::rate_limited_open(),
        ];
        for fault in faults {
            model.fail(Route::Embeddings, Times::Next(1), fault);
            model.fail(Route::Embeddings, Times::Next(1), Fault::Reversed);
        }
        if run == 1 {
            model.change(|script| script.usage = false);
        }
        let report = world.ingest().await;
        model.heal();
        model.change(|script| script.usage = true);
        assert!(!report.has_failures(), "{:?}", report.sources[0].problems);
    }
    written
}

/// One question, or a question and its follow-up, in one of the ways that questions go wrong.
pub(super) async fn ask(
    server: &TestServer,
    model: &ScriptedOpenAi,
    number: usize,
    wanted: &mut Wanted,
) {
    let question = format!("How often is fct_trips loaded, asked for the time number {number}?");
    let chat = |fault: Fault| model.fail(Route::Chat, Times::Next(1), fault);
    let embeddings = |fault: Fault| model.fail(Route::Embeddings, Times::Next(1), fault);
    // Those that wait for a second are rare.
    match (number % 64, number % 16) {
        (15, _) => {
            chat(Fault::rate_limited(1));
            wanted.refused_chat += 1;
        }
        (31, _) => chat(Fault::StallAfter(30)),
        (47, _) => embeddings(Fault::Hang),
        (63, _) => embeddings(Fault::CutAfter(0)),
        (_, 1) => {
            chat(Fault::status(500, "broken"));
            wanted.refused_chat += 1;
        }
        (_, 2) => {
            chat(Fault::rate_limited(0));
            wanted.refused_chat += 1;
        }
        (_, 3) => {
            chat(Fault::rate_limited_open());
            wanted.refused_chat += 1;
        }
        (_, 4) => chat(Fault::CutAfter(20)),
        (_, 5) => chat(Fault::EndAfter(45)),
        (_, 6) => embeddings(Fault::status(503, "busy")),
        (_, 7) => embeddings(Fault::rate_limited(0)),
        (_, 8) => embeddings(Fault::Malformed),
        _ => {}
    }
    match number % 16 {
        9 => {
            model.change(|script| script.usage = false);
            answered(&server.ask(&question).await);
            model.change(|script| script.usage = true);
        }
        10 | 11 => {
            wanted.cancelled += 1;
            leave(server, model, &question, number % 16 == 10).await;
        }
        12 => {
            let first = server.ask(&question).await;
            answered(&first);
            // Condensing fails once, and the answer is cut.
            chat(Fault::status(502, "broken"));
            wanted.refused_chat += 1;
            follow_up(server, &first).await;
        }
        13 => {
            let first = server.ask(&question).await;
            chat(Fault::Malformed);
            follow_up(server, &first).await;
        }
        number if number % 2 == 0 => answered(&server.ask(&question).await),
        _ => {
            let events = server.stream(&json!({ "question": question })).await;
            let (last, answer) = events.last().unwrap();
            assert_eq!(last, "done", "{answer}");
            answered(answer);
        }
    }
}

fn answered(answer: &Value) {
    assert_eq!(answer["outcome"], "answered", "{answer}");
}

async fn follow_up(server: &TestServer, first: &Value) {
    let body = json!({
        "question": "And how often is it loaded at night?",
        "conversation_id": first["conversation_id"],
    });
    server.ask_body(&body).await;
}

/// Asks, and goes away in the middle: of a stream after its first words, of a whole answer at about the
/// same time.
async fn leave(server: &TestServer, model: &ScriptedOpenAi, question: &str, streamed: bool) {
    let before = (model.chat_count(), model.stopped_streams());
    model.change(|script| script.gap = Duration::from_millis(5));
    let body = json!({ "question": question, "stream": streamed }).to_string();
    let request = server.chat().body(body).send();
    if streamed {
        let mut stream = request.await.unwrap().bytes_stream();
        let mut seen = String::new();
        while !seen.contains("event: delta") && !seen.contains("event:delta") {
            let piece = stream.next().await.expect("words before the end").unwrap();
            seen.push_str(&String::from_utf8_lossy(&piece));
        }
    } else {
        let asking = tokio::spawn(request);
        eventually("the model is asked", || async {
            model.chat_count() > before.0
        })
        .await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        asking.abort();
    }
    eventually("the stream is stopped", || async {
        model.stopped_streams() > before.1
    })
    .await;
    model.change(|script| script.gap = Duration::ZERO);
}
