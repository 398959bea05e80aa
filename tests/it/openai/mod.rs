//! OpenAI's chat API: what its clients send, what they get, and what they cannot get by it.

mod answers;
mod refusals;
mod told;

use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::{Value, json};

use crate::support::{TestServer, World};

const PATH: &str = "/v1/chat/completions";
const QUESTION: &str = "How often is fct_trips loaded?";
const ANSWER: &str = "The table fct_trips is loaded hourly [1].";

/// The world of trips with a chat model that answers with a text.
async fn answering(text: &str) -> (World, ScriptedOpenAi) {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.answer = Answer::Text(text.to_owned()));
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    (world, model)
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text })
}

fn asking(question: &str) -> Value {
    json!({ "model": "docent", "messages": [user(question)] })
}

/// The same, to be streamed.
fn streaming(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body["stream_options"] = json!({ "include_usage": true });
    body
}

async fn post(server: &TestServer, token: &str, body: &Value) -> reqwest::Response {
    let mut request = server
        .http
        .post(format!("{}{PATH}", server.url))
        .header("content-type", "application/json");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(body.to_string()).send().await.unwrap()
}

async fn complete(server: &TestServer, token: &str, body: Value) -> Value {
    let (status, answer) = server.send("POST", PATH, token, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn content(completion: &Value) -> &str {
    completion["choices"][0]["message"]["content"]
        .as_str()
        .unwrap()
}

/// The chunks of a stream that ends as it should.
fn chunks(stream: &str) -> Vec<Value> {
    let lines: Vec<&str> = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .collect();
    let (last, chunks) = lines.split_last().unwrap();
    assert_eq!(*last, "[DONE]", "{stream}");
    chunks
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// All that its deltas say.
fn said(chunks: &[Value]) -> String {
    chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect()
}
