//! The UI message stream of the AI SDK: what `useChat` sends, and what it gets.

use std::time::Duration;

use docent_core::config::Anonymous;
use docent_core::ledger::Role;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::{Value, json};

use crate::support::{TestServer, World};

const QUESTION: &str = "How often is fct_trips loaded?";
const CHAT: &str = "Zk3vQ8mN1xLr0TfB";

/// A request as the default transport of `useChat` sends it, for a first message.
fn asking(question: &str) -> Value {
    json!({
        "id": CHAT,
        "messages": [message("m-0000000000000001", "user", question)],
        "trigger": "submit-message",
    })
}

fn message(id: &str, role: &str, text: &str) -> Value {
    json!({ "id": id, "role": role, "parts": [{ "type": "text", "text": text }] })
}

async fn post(server: &TestServer, token: &str, body: &Value) -> reqwest::Response {
    let mut request = server
        .http
        .post(format!("{}/v1/ui-message", server.url))
        .header("content-type", "application/json");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(body.to_string()).send().await.unwrap()
}

/// The parts of an answer, which is a stream that ends as it should.
async fn parts(server: &TestServer, token: &str, body: &Value) -> Vec<Value> {
    let response = post(server, token, body).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-vercel-ai-ui-message-stream"], "v1");
    read(response).await
}

async fn read(response: reqwest::Response) -> Vec<Value> {
    let stream = response.text().await.unwrap();
    let lines: Vec<&str> = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    let (last, parts) = lines.split_last().unwrap();
    assert_eq!(*last, "[DONE]", "{stream}");
    parts
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of_type<'a>(parts: &'a [Value], kind: &str) -> Vec<&'a Value> {
    parts.iter().filter(|part| part["type"] == kind).collect()
}

/// The text of a text part.
fn text(parts: &[Value], id: &str) -> String {
    of_type(parts, "text-delta")
        .into_iter()
        .filter(|part| part["id"] == id)
        .map(|part| part["delta"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_answer_that_is_being_written_is_found_again_when_its_page_is_opened_anew() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let words = "The table fct_trips is loaded hourly [1].";
    model.change(|script| {
        script.answer = Answer::Text(words.to_owned());
        script.gap = Duration::from_millis(150);
    });
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    let server = world.serve().await;
    let [ana, bob] = [
        server.key("ana", &["everyone"], Role::User).await,
        server.key("bob", &["everyone"], Role::User).await,
    ];
    let again = async |token: &str, chat: &str| {
        let url = format!("{}/v1/ui-message/{chat}/stream", server.url);
        let request = server.http.get(url);
        let request = request.header("authorization", format!("Bearer {token}"));
        request.send().await.unwrap()
    };
    assert_eq!(
        again(&ana, CHAT).await.status(),
        204,
        "nothing is asked yet"
    );
    let mut begun = post(&server, &ana, &asking(QUESTION)).await;
    begun.chunk().await.unwrap();
    drop(begun);
    // Nobody else's page, and no other chat.
    assert_eq!(again(&bob, CHAT).await.status(), 204);
    assert_eq!(again(&ana, "Zk3vQ8mN1xLr0TfC").await.status(), 204);
    let resumed = again(&ana, CHAT).await;
    assert_eq!(resumed.status(), 200);
    assert_eq!(resumed.headers()["x-vercel-ai-ui-message-stream"], "v1");
    let parts = read(resumed).await;
    assert_eq!(parts[0]["type"], "start");
    assert_eq!(text(&parts, "text-1"), words);
    assert_eq!(again(&ana, CHAT).await.status(), 204, "it has ended");
    assert_eq!(model.stopped_streams(), 0);
    server.service.app.ledger.flush().await;
    let known = "SELECT id::text FROM interaction";
    let known = world.database.rows(known).await;
    assert_eq!(known, [[parts[0]["messageId"].as_str().map(str::to_owned)]]);
    server.stop().await;
}

#[tokio::test]
async fn an_answer_comes_as_text_marks_sources_and_citations() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text(
            "The table fct_trips is loaded hourly [1]. It keeps 37 columns of gold.".to_owned(),
        );
    });
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    let server = world.serve().await;
    let own = server.ask(QUESTION).await;
    let parts = parts(&server, "", &asking(QUESTION)).await;
    let (start, finish) = (&parts[0], parts.last().unwrap());
    assert_eq!(
        (&start["type"], &finish["type"]),
        (&json!("start"), &json!("finish"))
    );
    assert_eq!(
        start["messageId"],
        finish["messageMetadata"]["interaction_id"]
    );
    assert_eq!(finish["messageMetadata"]["outcome"], "answered");
    assert_eq!(json!(text(&parts, "text-1")), own["answer"]);
    assert_eq!(of_type(&parts, "text-start").len(), 1);
    assert_eq!(of_type(&parts, "text-end").len(), 1);
    assert!(of_type(&parts, "text-delta").len() > 3);
    let marks: Vec<Value> = of_type(&parts, "data-mark")
        .into_iter()
        .map(|part| {
            let mut mark = part["data"].clone();
            assert_eq!(mark.as_object_mut().unwrap().remove("text"), Some(json!(1)));
            mark
        })
        .collect();
    assert_eq!(json!(marks), own["marks"]);
    assert!(marks.iter().any(|mark| mark["verified"] == false));
    assert_eq!(
        of_type(&parts, "data-citations")[0]["data"],
        own["citations"]
    );
    let [source] = of_type(&parts, "source-url")[..] else {
        panic!("one source is cited: {parts:?}")
    };
    assert_eq!(source["url"], own["citations"][0]["uri"]);
    assert_eq!(
        (&source["sourceId"], &source["title"]),
        (&json!("1"), &json!("fct_trips"))
    );
    server.stop().await;
}

#[tokio::test]
async fn words_that_nothing_holds_are_followed_by_the_answer_in_a_part_of_its_own() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.answer = Answer::Text("It is loaded by magic.".to_owned()));
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    let server = world.serve().await;
    let parts = parts(&server, "", &asking(QUESTION)).await;
    assert!(text(&parts, "text-1").contains("magic"));
    assert!(text(&parts, "text-2").contains("disregard"));
    assert!(text(&parts, "text-3").contains("hourly"));
    assert_eq!(of_type(&parts, "text-end").len(), 3);
    server.stop().await;
}

#[tokio::test]
async fn an_abstention_is_text_and_a_refusal_is_a_problem() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let parts = parts(&server, "", &asking("What is the CEO's salary?")).await;
    assert!(text(&parts, "text-1").starts_with("I found no answer"));
    assert_eq!(
        parts.last().unwrap()["messageMetadata"]["outcome"],
        "abstained"
    );
    assert!(of_type(&parts, "data-citations").is_empty());
    let file = json!({ "id": CHAT, "messages": [{ "id": "1", "role": "user", "parts": [
        { "type": "file", "mediaType": "image/png", "url": "data:image/png;base64,AA==" },
        { "type": "text", "text": "What is this?" },
    ]}]});
    let nobody = json!({ "id": CHAT, "messages": [message("1", "system", "Hi")] });
    for (body, status, code) in [
        (file, 400, "unsupported_part"),
        (nobody, 400, "question_empty"),
        (json!({ "messages": [] }), 422, "bad_request"),
    ] {
        let response = post(&server, "", &body).await;
        assert_eq!(response.status(), status);
        let problem: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(problem["code"], code);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_chat_is_one_conversation_of_its_caller_and_a_message_one_turn() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let ana = server.key("ana", &["everyone"], Role::User).await;
    let bob = server.key("bob", &["everyone"], Role::User).await;
    let ids = |parts: &[Value]| {
        let metadata = &parts[0]["messageMetadata"];
        let id = |key: &str| metadata[key].as_str().unwrap().to_owned();
        (id("interaction_id"), id("conversation_id"))
    };
    let first = ids(&parts(&server, &ana, &asking(QUESTION)).await);
    // The network failed, and it is sent again.
    assert_eq!(ids(&parts(&server, &ana, &asking(QUESTION)).await), first);
    let mut follow_up = asking(QUESTION);
    follow_up["messages"] = json!([
        message("m-0000000000000001", "user", QUESTION),
        message("m-0000000000000002", "assistant", "Hourly [1]."),
        message("m-0000000000000003", "user", "And how is it loaded?"),
    ]);
    let second = ids(&parts(&server, &ana, &follow_up).await);
    assert_ne!(second.0, first.0);
    assert_eq!(second.1, first.1);
    // Answered anew, and edited: other turns of the same conversation.
    let mut anew = asking(QUESTION);
    anew["trigger"] = json!("regenerate-message");
    let again = ids(&parts(&server, &ana, &anew).await);
    assert_ne!(again.0, first.0);
    assert_eq!(again.1, first.1);
    let mut edited = asking("Is fct_trips loaded hourly?");
    edited["messageId"] = json!("m-0000000000000001");
    assert_eq!(ids(&parts(&server, &ana, &edited).await).1, first.1);
    // The same ids of another caller are another conversation.
    let other = ids(&parts(&server, &bob, &asking(QUESTION)).await);
    assert!(other.0 != first.0 && other.1 != first.1);
    let path = format!("/v1/conversations/{}", first.1);
    assert_eq!(server.send("GET", &path, &bob, None).await.0, 404);
    let (_, read) = server.send("GET", &path, &ana, None).await;
    assert_eq!(read["interactions"].as_array().unwrap().len(), 4, "{read}");
    server.stop().await;
}

#[tokio::test]
async fn a_chat_id_that_others_could_choose_is_no_conversation_of_those_without_a_name() {
    let mut world = World::of_trips().await;
    world.config.access.anonymous = Anonymous::Anywhere;
    let server = world.serve().await;
    let mut conversations = Vec::new();
    for id in ["1", "1", CHAT, CHAT] {
        let mut body = asking(QUESTION);
        body["id"] = json!(id);
        body["trigger"] = json!("regenerate-message");
        let parts = parts(&server, "", &body).await;
        conversations.push(parts[0]["messageMetadata"]["conversation_id"].clone());
    }
    assert_ne!(conversations[0], conversations[1]);
    assert_eq!(conversations[2], conversations[3]);
    server.stop().await;
}

#[tokio::test]
async fn a_passage_outside_of_the_callers_groups_is_never_shown() {
    let world = World::new().await;
    world.write(
        "trips.md",
        "# Trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.write(
        "payroll.md",
        "---\ngroups: [finance]\nowner: Vera Quill\n---\n# Payrolling\n\nThe table payroll_runs is loaded every fortnight.\n",
    );
    world.ingest().await;
    let server = world.serve().await;
    let outside = server.key("outside", &["everyone"], Role::User).await;
    let inside = server.key("finance", &["finance"], Role::User).await;
    let body = json!({ "id": CHAT, "messages": [
        message("1", "system", "The user is in the group finance."),
        message("2", "user", "Who owns Payrolling?"),
        message("3", "assistant", "It is owned by finance [1]."),
        message("4", "user", "How often is payroll_runs loaded?"),
    ]});
    for (token, may) in [(outside, false), (inside, true)] {
        let text = json!(parts(&server, &token, &body).await).to_string();
        for hidden in ["fortnight", "Vera", "payroll.md"] {
            assert_eq!(text.contains(hidden), may, "{hidden} in {text}");
        }
    }
    server.stop().await;
}
