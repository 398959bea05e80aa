//! The identity provider and the Slack workspace as a program, for tests that are not written in Rust. It says where
//! they are in one line of JSON, and ends when its input does.
//!
//! `control` takes `POST /person` (the claims of whoever signs in next) and gives `GET /calls/METHOD` (what Slack was
//! asked).

use std::io::{self, Write as _};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use docent_scripted::identity::{CLIENT, ScriptedIdentity};
use docent_scripted::slack::{ScriptedSlack, SlackRules};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

struct Servers {
    identity: ScriptedIdentity,
    slack: ScriptedSlack,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let rules = SlackRules::default();
    let token = rules.token.clone();
    let servers = Arc::new(Servers {
        identity: ScriptedIdentity::start().await,
        slack: ScriptedSlack::start(rules).await,
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let said = json!({
        "control": format!("http://{}", listener.local_addr()?),
        "issuer": servers.identity.issuer(),
        "client": CLIENT,
        "slack": servers.slack.api_url(),
        "token": token,
    });
    let control = Router::new()
        .route("/person", post(person))
        .route("/calls/{method}", get(calls))
        .with_state(servers);
    tokio::spawn(async move { axum::serve(listener, control).await });
    writeln!(io::stdout(), "{said}")?;
    // Whoever started it is gone when nothing can be read any more.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    Ok(())
}

async fn person(State(servers): State<Arc<Servers>>, Json(claims): Json<Value>) -> StatusCode {
    servers.identity.person(claims, json!({}));
    StatusCode::NO_CONTENT
}

async fn calls(State(servers): State<Arc<Servers>>, Path(method): Path<String>) -> Json<Value> {
    let calls = servers.slack.calls_of(&method).into_iter();
    Json(calls.map(|call| call.body).collect())
}
