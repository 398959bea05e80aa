//! Whether the process lives, and whether it can answer.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::AppState;

/// The process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// 200 when questions can be answered: there is a live collection and its index answers. A ledger
/// that is away is told, and is no reason to send askers elsewhere.
pub(super) async fn ready(State(service): State<AppState>) -> Response {
    let app = &service.app;
    let (index, has_documents) = match app.index.live().await {
        Ok(Some(_)) => ("ok".to_owned(), true),
        Ok(None) => ("nothing ingested yet".to_owned(), false),
        Err(error) => (error.to_string(), false),
    };
    let ledger = match app.ledger.ping().await {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    };
    let stopping = service.stopping.is_cancelled();
    let status = if has_documents && !stopping {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let generator = if app.generator.is_model() {
        "model"
    } else {
        "extractive"
    };
    let mut body =
        json!({ "index": index, "ledger": ledger, "generator": generator, "stopping": stopping });
    // A token that Slack does not take is told, and keeps nobody else from asking.
    if let Some(bridge) = &service.slack {
        body["slack"] = bridge.words().into();
    }
    (status, Json(body)).into_response()
}
