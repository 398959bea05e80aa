//! Several processes of `serve` over one Postgres agree: on limits, sessions and conversations. Each
//! has an index of its own here, with the same documents; what they share is the ledger.

use docent_core::config::Anonymous;
use docent_core::ledger::Role;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::{Value, json};

use crate::support::{TestServer, World};

const QUESTION: &str = "How often is fct_trips loaded?";
const WIKI: &str = "https://wiki.example.com";

/// Two services over the ledger of one world.
async fn two(world: &mut World) -> (TestServer, TestServer) {
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.ingest().await;
    let one = world.serve().await;
    world.config.data = world.folder.path().join("data-2");
    world.ingest().await;
    let two = world.serve().await;
    (one, two)
}

async fn ask(server: &TestServer, token: &str, body: Value) -> (u16, Value) {
    server.send("POST", "/v1/chat", token, Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_on_wherever_it_is_asked_and_is_deleted_everywhere() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.answer = Answer::Text("It is loaded hourly [1].".to_owned()));
    let mut world = World::new().await;
    world.chat_with(&model);
    let (one, two) = two(&mut world).await;
    let key = one.key("ana", &["everyone"], Role::User).await;
    let (_, first) = ask(&one, &key, json!({ "question": QUESTION })).await;
    one.service.app.ledger.flush().await;
    let conversation = first["conversation_id"].clone();
    let follow_up = |words: &str| json!({ "question": words, "conversation_id": conversation });
    // The second turn is answered elsewhere, with the first one in mind; the third one here again, with
    // both.
    let history_of = |number: usize| {
        let requests = model.chat_requests();
        requests[requests.len() - number].to_string()
    };
    ask(&two, &key, follow_up("Who loads it in the night?")).await;
    assert!(history_of(1).contains(QUESTION) || history_of(2).contains(QUESTION));
    two.service.app.ledger.flush().await;
    ask(&one, &key, follow_up("And in the morning?")).await;
    // The last question is rewritten with both earlier turns before it.
    let seen = history_of(2);
    assert!(seen.contains(QUESTION), "{seen}");
    assert_eq!(seen.matches("\\nAnswer: ").count(), 2, "{seen}");

    let path = format!("/v1/conversations/{}", conversation.as_str().unwrap());
    one.service.app.ledger.flush().await;
    let (_, read) = two.send("GET", &path, &key, None).await;
    assert_eq!(read["interactions"].as_array().unwrap().len(), 3);
    assert_eq!(two.send("DELETE", &path, &key, None).await.0, 204);
    two.service.app.ledger.flush().await;
    assert_eq!(one.send("GET", &path, &key, None).await.0, 404);
    // What the first one still remembered of it is not used any more.
    let before = model.chat_requests().len();
    ask(&one, &key, follow_up("And at noon?")).await;
    for request in model.chat_requests().into_iter().skip(before) {
        assert!(!request.to_string().contains(QUESTION), "{request}");
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_keys_and_sessions_are_the_same_in_both_and_either_may_go() {
    let mut world = World::new().await;
    world.config.access.anonymous = Anonymous::Never;
    world.config.widget.allowed_origins = vec![WIKI.to_owned()];
    world.config.limits.caller.questions_per_day = 4;
    let (one, two) = two(&mut world).await;
    let key = one.key("etl", &["everyone"], Role::User).await;
    let question = || json!({ "question": QUESTION });
    for server in [&one, &two, &one] {
        assert_eq!(ask(server, &key, question()).await.0, 200);
    }
    let begun = one
        .http
        .post(format!("{}/v1/widget/sessions", one.url))
        .header("origin", WIKI)
        .send()
        .await
        .unwrap();
    let begun: Value = serde_json::from_str(&begun.text().await.unwrap()).unwrap();
    // The first process goes; the second one knows its key, its session and its sums.
    one.stop().await;
    let with_session = two
        .chat()
        .header("origin", WIKI)
        .header(
            "authorization",
            format!("Bearer {}", begun["token"].as_str().unwrap()),
        )
        .body(question().to_string());
    assert_eq!(with_session.send().await.unwrap().status(), 200);
    assert_eq!(ask(&two, &key, question()).await.0, 200);
    assert_eq!(ask(&two, &key, question()).await.0, 429);
    two.stop().await;
}
