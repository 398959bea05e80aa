//! Whether the process lives, and whether it can answer.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;

/// Whether the process runs
#[utoipa::path(
    get, path = "/healthz", tag = "health", operation_id = "alive",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")),
)]
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// What the parts say of themselves: `ok`, or what is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    index: String,
    ledger: String,
    /// `model` or `extractive`
    generator: &'static str,
    stopping: bool,
    /// Where Slack is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    slack: Option<String>,
}

/// Whether questions can be answered
///
/// There is a live collection and its index answers. A ledger that is away is told, and is no reason to send
/// askers elsewhere.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "ready",
    responses(
        (status = 200, description = "They can", body = Readiness),
        (status = 503, description = "They cannot now", body = Readiness),
    ),
)]
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
    let body = Readiness {
        index,
        ledger,
        generator,
        stopping,
        // A token that Slack does not take is told, and keeps nobody else from asking.
        slack: service.slack.as_ref().map(|bridge| bridge.words()),
    };
    (status, Json(body)).into_response()
}
