//! Traces as a collector receives them from the real program.

mod collector_away;
mod support;

use docent_scripted::otlp::Mood;

use self::support::{Scene, Spans};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const QUESTION: &str = "How often is fct_trips loaded?";

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_one_trace_in_that_of_its_request() {
    let scene = Scene::new(Mood::Takes).await;
    scene.ingest().await;
    let serving = scene.serve().await;
    let request = serving
        .ask(QUESTION)
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let answer = request.send().await.unwrap().text().await.unwrap();
    assert!(answer.contains(r#""outcome":"answered""#), "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let spans = scene.spans_of(TRACE, "request").await;

    let request = spans.one("POST /v1/chat");
    assert_eq!((request.parent.as_str(), request.kind), (CALLER, 2));
    assert_eq!(request.attribute("http.response.status_code"), "200");
    let question = spans.one("question");
    assert_eq!(question.parent, request.id);
    assert_eq!(question.attribute("docent.outcome"), "answered");
    assert_eq!(question.attribute("docent.generator"), "model");
    assert_eq!(
        question.attribute("docent.interaction_id"),
        answer["interaction_id"].as_str().unwrap()
    );
    assert_eq!(
        question.attribute("gen_ai.conversation.id"),
        answer["conversation_id"].as_str().unwrap()
    );
    for step in ["condense", "retrieve", "generate", "check"] {
        assert_eq!(spans.one(step).parent, question.id, "{step}");
    }
    assert_eq!(spans.one("embed").parent, spans.one("retrieve").id);

    let embedding = spans.one("embeddings scripted-embedding");
    assert_eq!(embedding.parent, spans.one("embed").id);
    let call = spans.one("chat scripted-chat");
    assert_eq!(call.parent, spans.one("generate").id);
    assert_eq!(call.kind, 3);
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "scripted-chat"),
        ("gen_ai.usage.cache_read.input_tokens", "0"),
        ("docent.purpose", "answer"),
        ("docent.usage_source", "reported"),
    ] {
        assert_eq!(call.attribute(name), value, "{name}");
    }
    // To the token what the ledger has.
    let id = answer["interaction_id"].as_str().unwrap();
    let query = format!(
        "SELECT purpose, input_tokens::text, output_tokens::text FROM model_call
          WHERE interaction_id = '{id}' ORDER BY purpose"
    );
    let booked = scene.rows(&query, 2).await;
    for (span, row) in [call, embedding].iter().zip(booked) {
        let told = [
            span.attribute("docent.purpose"),
            span.attribute("gen_ai.usage.input_tokens"),
            span.attribute("gen_ai.usage.output_tokens"),
        ];
        let row: Vec<&str> = row.iter().flatten().map(String::as_str).collect();
        assert_eq!(told[..], row[..]);
    }
    for span in &spans.0 {
        assert!(!span.is_error, "{span:?}");
        assert!(span.ended >= span.begun);
        assert_eq!(span.resource["service.name"], "docent");
    }
    scene.holds_no_text();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_failed_is_a_span_of_its_own() {
    use docent_scripted::openai::{Fault, Route, Times};
    let scene = Scene::new(Mood::Takes).await;
    scene.ingest().await;
    let serving = scene.serve().await;
    let failure = Fault::status(500, "broken by SECRET WORDS of the provider");
    scene.model.fail(Route::Chat, Times::Next(1), failure);
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let request = serving.ask(QUESTION).header("traceparent", traceparent);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let spans = scene.spans_of(TRACE, "request").await;
    let calls = spans.all("chat scripted-chat");
    let errors: Vec<&str> = calls
        .iter()
        .map(|call| call.attribute("error.type"))
        .collect();
    assert_eq!(errors, ["unavailable", ""]);
    assert!(calls[0].is_error && !calls[1].is_error);
    assert_eq!(calls[0].attribute("gen_ai.usage.input_tokens"), "");
    scene.holds_no_text();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_makes_one_trace_for_each_document_that_it_looked_into() {
    let scene = Scene::new(Mood::Takes).await;
    scene.write("empty.md", "");
    scene.ingest().await;
    let all = Spans(scene.collector.spans());
    let documents = all.all("document");
    assert_eq!(documents.len(), 3, "{documents:?}");
    let run = all.one("ingest");
    assert!(run.parent.is_empty());
    assert_eq!(run.attribute("docent.documents.indexed"), "2");
    assert_eq!(run.attribute("docent.documents.skipped"), "1");
    let batch = all.one("embed_batch");
    assert_eq!((&batch.trace, &batch.parent), (&run.trace, &run.id));
    let call = all.one("embeddings scripted-embedding");
    assert_eq!((&call.trace, &call.parent), (&run.trace, &batch.id));
    assert_eq!(call.attribute("docent.purpose"), "embed_passages");

    let mut tokens = 0;
    for document in documents {
        assert!(document.parent.is_empty());
        assert_ne!(document.trace, run.trace);
        let own = Spans(scene.collector.spans()).of(&document.trace);
        if document.attribute("docent.path") == "empty.md" {
            assert_eq!(document.attribute("docent.outcome"), "skipped");
            continue;
        }
        assert_eq!(document.attribute("docent.outcome"), "indexed");
        assert_eq!(document.attribute("docent.chunks.total"), "1");
        assert_eq!(document.attribute("docent.chunks.embedded"), "1");
        for step in ["extract", "clean", "chunk", "embed", "index"] {
            assert_eq!(own.one(step).parent, document.id, "{step}");
        }
        assert_eq!(own.one("embed").links, vec![batch.id.clone()]);
        tokens += document
            .attribute("docent.tokens")
            .parse::<usize>()
            .unwrap();
    }
    assert_eq!(
        tokens.to_string(),
        call.attribute("gen_ai.usage.input_tokens"),
        "each document has its share"
    );
    scene.holds_no_text();

    // What did not change is no trace.
    let before = scene.collector.spans().len();
    scene.ingest().await;
    let later = Spans(scene.collector.spans().split_off(before));
    assert_eq!(later.all("document").len(), 1, "the empty one, again");
    assert_eq!(
        later.one("ingest").attribute("docent.documents.unchanged"),
        "2"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_a_trace_decides_whether_it_is_kept() {
    let mut scene = Scene::new(Mood::Takes).await;
    scene
        .environment
        .push(("DOCENT_TRACES__SAMPLE", "0".to_owned()));
    scene.ingest().await;
    assert_eq!(scene.collector.spans().len(), 0);
    let serving = scene.serve().await;
    let other = "0af7651916cd43dd8448eb211c80319c";
    for (trace, kept) in [(other, "00"), (TRACE, "01")] {
        let traceparent = format!("00-{trace}-{CALLER}-{kept}");
        let request = serving.ask(QUESTION).header("traceparent", traceparent);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    serving.ask(QUESTION).send().await.unwrap();
    scene.spans_of(TRACE, "request").await;
    drop(serving);
    let traces: Vec<String> = scene
        .collector
        .spans()
        .into_iter()
        .map(|span| span.trace)
        .collect();
    assert!(traces.iter().all(|trace| trace == TRACE), "{traces:?}");
}
