//! What leaves for a model that is not local has no addresses, numbers and keys in it.

use docent_core::config::RerankKind;
use docent_core::index::Filter;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::json;

use crate::support::World;

const SECRETS: [&str; 3] = ["minsu@example.kr", "010-1234-5678", "hunter2x9"];

/// A world whose models are not local: the scripted server listens on loopback, which `everywhere`
/// makes as good as anywhere.
async fn world(model: &ScriptedOpenAi) -> World {
    let mut world = World::new().await;
    world.embed_with(model);
    world.chat_with(model);
    let rerank = &mut world.config.rerank;
    rerank.kind = RerankKind::Jina;
    rerank.base_url = model.base_url().to_owned();
    rerank.model = "scripted-rerank".to_owned();
    world.config.redaction.enabled = true;
    world.config.redaction.everywhere = true;
    world.write(
        "oncall.md",
        "# On call for fct_trips\n\nThe table fct_trips is watched by Minsu: minsu@example.kr or \
         010-1234-5678. Its loader has password: hunter2x9 in the vault.\n",
    );
    world.write(
        "trips.md",
        "# Who watches what\n\nEvery table such as fct_trips has somebody who watches it.\n",
    );
    world
}

fn sent(model: &ScriptedOpenAi) -> String {
    let mut all = model.embedded_texts().join("\n");
    for request in model.chat_requests().iter().chain(&model.rerank_requests()) {
        all.push_str(&request.to_string());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_sent_to_any_model_and_the_documents_stay_as_they_are() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text("The table fct_trips is watched by Minsu [1].".to_owned());
    });
    let world = world(&model).await;
    world.ingest().await;
    let server = world.serve().await;
    let question = "Who watches fct_trips, and is it minsu@example.kr?";
    let answer = server.ask(question).await;
    assert_eq!(answer["generator"], "model", "{answer}");
    let quote = answer["citations"][0]["quote"].as_str().unwrap();
    assert!(
        quote.contains("minsu@example.kr"),
        "quoted as it stands: {quote}"
    );

    let all = sent(&model);
    assert_eq!(
        (model.chat_requests().len(), model.rerank_requests().len()),
        (1, 1)
    );
    assert!(
        all.contains("[mail]") && all.contains("[phone]") && all.contains("[key]"),
        "{all}"
    );
    for secret in SECRETS {
        assert!(!all.contains(secret), "{secret} was sent: {all}");
    }
    let app = &server.service.app;
    let live = app.index.live().await.unwrap().unwrap();
    let points = app
        .index
        .points(&live, &Filter::default(), false)
        .await
        .unwrap();
    let stored: String = points
        .iter()
        .map(|point| point.payload.text.as_str())
        .collect();
    for secret in SECRETS {
        assert!(stored.contains(secret), "{stored}");
    }
    server.stop().await;
}

/// Name and embedding space of the live collection.
async fn live_collection(world: &World) -> (String, String) {
    let rows = world
        .database
        .rows("SELECT name, embedding FROM collection WHERE live")
        .await;
    (rows[0][0].clone().unwrap(), rows[0][1].clone().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn local_models_get_the_text_as_it_is_and_other_rules_are_another_embedding_space() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = world(&model).await;
    world.config.rerank.kind = RerankKind::None;
    // Loopback is local.
    world.config.redaction.everywhere = false;
    world.ingest().await;
    assert!(sent(&model).contains("minsu@example.kr"));
    let (plain, fingerprint) = live_collection(&world).await;
    assert!(!fingerprint.contains("redaction"), "{fingerprint}");

    world.config.redaction.everywhere = true;
    world.ingest().await;
    let (redacted, fingerprint) = live_collection(&world).await;
    assert!(
        redacted != plain && fingerprint.contains(" redaction="),
        "{fingerprint}"
    );
    let sent_last = |count: usize| {
        let texts = model.embedded_texts();
        texts[texts.len() - count..].join("\n")
    };
    assert!(sent_last(2).contains("[mail]"), "{}", sent_last(2));

    let pattern = "\\bfct_\\w+".to_owned();
    world
        .config
        .redaction
        .patterns
        .insert("table".to_owned(), pattern);
    world.ingest().await;
    assert_ne!(live_collection(&world).await.0, redacted);
    assert!(sent_last(2).contains("[table]"), "{}", sent_last(2));
    let server = world.serve().await;
    let body = json!({ "question": "Who watches the table fct_trips?" });
    assert_eq!(server.ask_body(&body).await["outcome"], "answered");
    server.stop().await;
}
