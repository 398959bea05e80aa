//! What an answer looks like: whole, streamed, and whoever wrote it.

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::{Value, json};

use super::{
    ANSWER, QUESTION, answering, asking, chunks, complete, content, post, said, streaming,
};
use crate::support::World;

#[tokio::test]
async fn an_answer_has_footnotes_and_the_citations_of_docents_own_api() {
    let (world, model) = answering(ANSWER).await;
    model.change(|script| script.cached_tokens = 3);
    let server = world.serve().await;
    let own = server.ask(QUESTION).await;
    // What clients always send besides.
    let mut body = asking(QUESTION);
    for (key, value) in [
        ("temperature", json!(0.2)),
        ("max_tokens", json!(5)),
        ("max_completion_tokens", json!(5)),
        ("top_p", json!(1)),
        ("n", json!(1)),
        ("seed", json!(7)),
        ("user", json!("ana")),
        ("stop", json!(["hourly"])),
        ("tools", json!([])),
        ("response_format", json!({ "type": "text" })),
    ] {
        body[key] = value;
    }
    body["messages"][0]["content"] = json!([
        { "type": "text", "text": "How often is" },
        { "type": "text", "text": "fct_trips loaded?" },
    ]);
    let completion = complete(&server, "", body).await;
    assert_eq!(completion["object"], "chat.completion");
    assert_eq!(completion["model"], "docent");
    let choice = &completion["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["citations"], own["citations"]);
    let (text, definition) = content(&completion).split_once("\n\n").unwrap();
    assert_eq!(text, "The table fct_trips is loaded hourly [^1].");
    let uri = own["citations"][0]["uri"].as_str().unwrap();
    assert!(
        definition.starts_with(&format!("[^1]: [fct_trips]({uri}) — "))
            && definition.contains("updated 20"),
        "{definition}"
    );
    let usage = &completion["usage"];
    let number = |value: &Value| value.as_u64().unwrap();
    assert_eq!(usage["completion_tokens"], own["usage"]["output_tokens"]);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 3);
    assert!(number(&usage["prompt_tokens"]) > 3);
    assert_eq!(
        number(&usage["total_tokens"]),
        number(&usage["prompt_tokens"]) + number(&usage["completion_tokens"])
    );
    assert_eq!(completion["docent"]["outcome"], "answered");
    let id = completion["docent"]["interaction_id"].as_str().unwrap();
    assert_eq!(completion["id"], format!("chatcmpl-{id}"));
    server.stop().await;
    let channels = world
        .database
        .rows(&format!(
            "SELECT channel, origin FROM interaction WHERE id = '{id}'"
        ))
        .await;
    assert_eq!(
        channels,
        [[Some("api".to_owned()), Some("person".to_owned())]]
    );
}

#[tokio::test]
async fn a_stream_says_the_same_and_ends_with_citations_and_usage() {
    let (world, _model) = answering(ANSWER).await;
    let server = world.serve().await;
    let whole = complete(&server, "", asking(QUESTION)).await;
    let response = post(&server, "", &streaming(asking(QUESTION))).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let chunks = chunks(&response.text().await.unwrap());
    assert_eq!(said(&chunks), content(&whole));
    let deltas = chunks
        .iter()
        .filter(|chunk| chunk["choices"][0]["delta"]["content"] != json!(null));
    assert!(deltas.count() > 3, "words come as they are written");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let [.., last, usage] = chunks.as_slice() else {
        panic!("too few chunks: {chunks:?}")
    };
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        last["citations"],
        whole["choices"][0]["message"]["citations"]
    );
    assert_eq!(last["docent"]["outcome"], "answered");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(
        usage["usage"]["completion_tokens"],
        whole["usage"]["completion_tokens"]
    );
    for chunk in &chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["id"], last["id"]);
    }
    // Nobody asked for it.
    let mut body = asking(QUESTION);
    body["stream"] = json!(true);
    let stream = post(&server, "", &body).await.text().await.unwrap();
    assert!(!stream.contains("usage"), "{stream}");
    server.stop().await;
}

#[tokio::test]
async fn without_a_model_and_without_an_answer_it_is_the_same() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    for question in [QUESTION, "What is the CEO's salary?"] {
        let whole = complete(&server, "", asking(question)).await;
        let response = post(&server, "", &streaming(asking(question))).await;
        let chunks = chunks(&response.text().await.unwrap());
        assert_eq!(said(&chunks), content(&whole));
        let last = &chunks[chunks.len() - 2];
        assert_eq!(last["choices"][0]["finish_reason"], "stop");
        assert_eq!(last["docent"]["outcome"], whole["docent"]["outcome"]);
    }
    let declined = complete(&server, "", asking("What is the CEO's salary?")).await;
    assert_eq!(declined["docent"]["outcome"], "abstained");
    assert_eq!(declined["choices"][0]["message"]["citations"], json!([]));
    assert!(content(&declined).starts_with("I found no answer"));
    server.stop().await;
}

#[tokio::test]
async fn words_that_nothing_holds_are_withdrawn_where_they_went_out_already() {
    let (world, _model) = answering("```sql\nSELECT 1;\n```\nThe table is loaded by magic.").await;
    let server = world.serve().await;
    let stream = post(&server, "", &streaming(asking(QUESTION))).await;
    let chunks = chunks(&stream.text().await.unwrap());
    let text = said(&chunks);
    let (before, after) = text
        .split_once("*Please disregard what stands above.")
        .unwrap();
    assert!(before.contains("by magic"), "{text}");
    assert!(
        after.contains("hourly") && after.contains("[^1]: "),
        "{text}"
    );
    let whole = complete(&server, "", asking(QUESTION)).await;
    assert!(!content(&whole).contains("magic"));
    server.stop().await;
}

#[tokio::test]
async fn what_a_document_calls_itself_is_inert_in_a_footnote() {
    let world = World::new().await;
    world.write(
        "trips.md",
        "---\ntitle: \"![x](https://evil.example/p.png) <img src=x> [a](https://evil.example)\"\n\
         owner: \"[^2]: <b>Eve</b>\"\nuri: \"javascript:alert(1)\"\n---\n\
         # ](https://evil.example)\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.ingest().await;
    let server = world.serve().await;
    let answer = complete(&server, "", asking(QUESTION)).await;
    assert_eq!(answer["docent"]["outcome"], "answered", "{answer}");
    let text = content(&answer);
    for event in Parser::new_ext(text, Options::all()) {
        let is_active = matches!(
            event,
            Event::Html(_)
                | Event::InlineHtml(_)
                | Event::Start(Tag::Image { .. } | Tag::Link { .. })
        );
        assert!(!is_active, "{event:?} in {text}");
    }
    assert!(!text.contains("javascript"), "{text}");
    server.stop().await;
}
