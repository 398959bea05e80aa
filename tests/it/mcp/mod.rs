//! MCP: the tools over `/mcp` of the running service, and over `docent mcp`.
//! `tests/clients/mcp_test.py` has an official client use them.

mod access;
mod stdio;
mod stopping;
mod tools;

use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::{Value, json};

use crate::support::{TestServer, World};

const QUESTION: &str = "How often is fct_trips loaded?";

/// A client over HTTP, as a program would write one.
struct Client<'a> {
    server: &'a TestServer,
    token: String,
    session: String,
}

/// What a request came to.
struct Reply {
    status: u16,
    session: String,
    /// Notifications, then the response.
    messages: Vec<Value>,
}

impl Reply {
    fn result(&self) -> &Value {
        let last = self.messages.last().expect("a response");
        assert!(last["error"].is_null(), "{last}");
        &last["result"]
    }
}

impl<'a> Client<'a> {
    /// One that has introduced itself.
    async fn new(server: &'a TestServer, token: &str) -> Self {
        let mut client = Self {
            server,
            token: token.to_owned(),
            session: String::new(),
        };
        let introduction = json!({
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let reply = client.send(&request(0, "initialize", &introduction)).await;
        assert_eq!(reply.result()["serverInfo"]["name"], "docent");
        client.session.clone_from(&reply.session);
        let known = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(client.send(&known).await.status, 202);
        client
    }

    fn post(&self, body: &Value) -> reqwest::RequestBuilder {
        let mut request = self
            .server
            .http
            .post(format!("{}/mcp", self.server.url))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        if !self.session.is_empty() {
            request = request
                .header("mcp-session-id", &self.session)
                .header("mcp-protocol-version", "2025-11-25");
        }
        request.body(body.to_string())
    }

    async fn send(&self, body: &Value) -> Reply {
        let response = self.post(body).send().await.unwrap();
        let status = response.status().as_u16();
        let session = response.headers().get("mcp-session-id");
        let session = session.map_or("", |id| id.to_str().unwrap()).to_owned();
        let text = response.text().await.unwrap();
        let messages = text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(str::trim)
            .filter(|data| !data.is_empty())
            .map(|data| serde_json::from_str(data).unwrap());
        let mut messages: Vec<Value> = messages.collect();
        if messages.is_empty() && !text.is_empty() {
            messages.extend(serde_json::from_str::<Value>(&text).ok());
        }
        Reply {
            status,
            session,
            messages,
        }
    }

    /// The result of a tool that answers.
    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let result = self.result_of(tool, arguments).await;
        assert_eq!(result["isError"], false, "{result}");
        result
    }

    async fn result_of(&self, tool: &str, arguments: Value) -> Value {
        let reply = self.send(&call(1, tool, &arguments)).await;
        assert_eq!(reply.status, 200);
        reply.result().clone()
    }
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn call(id: u64, tool: &str, arguments: &Value) -> Value {
    request(
        id,
        "tools/call",
        &json!({ "name": tool, "arguments": arguments }),
    )
}

fn text_of(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

/// A chat model that takes a second for each word of a long answer.
async fn slow_model(world: &mut World) -> ScriptedOpenAi {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text("word ".repeat(400));
        script.gap = std::time::Duration::from_millis(50);
    });
    world.chat_with(&model);
    model
}
