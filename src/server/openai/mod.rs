//! OpenAI's chat API, for programs that speak it: `POST /v1/chat/completions` and `GET /v1/models`. It is
//! another form of `/v1/chat`: the same callers, limits and turns.

mod footnotes;
mod request;
mod response;

use std::net::SocketAddr;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use self::request::Completion;
use self::response::Chunks;
use super::problem::Problem;
use super::{AppState, chat, sse};
use crate::chat::Caller;

/// The one model that there is: docent as a whole.
const MODEL: &str = "docent";
/// When the model came to be, in seconds since 1970: the form wants a date.
const CREATED: i64 = 1_790_000_000;

/// `POST /v1/chat/completions`
pub(super) async fn complete(
    State(service): State<AppState>,
    caller: Caller,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Json<Completion>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(completion) = body?;
    let (asked, form) = completion.read()?;
    let channel = chat::channel(&caller, &headers);
    let turn = chat::turn(&service, asked, caller, channel)
        .map_err(|problem| problem.about("messages"))?;
    let from = chat::address(peer, &headers);
    let mut reader = chat::begin(&service, turn, &from, None).await?;
    let created = chrono::Utc::now().timestamp();
    if !form.stream {
        let answer = chat::finished(reader).await?;
        return Ok(Json(response::whole(&answer, created)).into_response());
    }
    let read = chat::opened(&mut reader).await?;
    let mut chunks = Chunks::new(created, form.include_usage);
    Ok(sse::translated(read, reader, move |event| chunks.of(event)))
}

/// `GET /v1/models`
pub(super) async fn models(_: Caller) -> Json<Value> {
    Json(json!({ "object": "list", "data": [model_object()] }))
}

/// `GET /v1/models/{model}`
pub(super) async fn model(_: Caller, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    known(&name)?;
    Ok(Json(model_object()))
}

fn model_object() -> Value {
    json!({ "id": MODEL, "object": "model", "created": CREATED, "owned_by": "docent" })
}

fn known(name: &str) -> Result<(), Problem> {
    if name == MODEL {
        return Ok(());
    }
    let detail = format!("there is no such model here; the only one is {MODEL:?}");
    Err(Problem::new(StatusCode::NOT_FOUND, "model_not_found", detail).about("model"))
}
