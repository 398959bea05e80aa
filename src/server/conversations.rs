//! `/v1/conversations`: reading and deleting one. Anonymous callers share one name, so for them a
//! conversation's id is its key and there is no list.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use docent_core::ledger::{Deletion, Record};
use serde_json::json;
use uuid::Uuid;

use super::AppState;
use super::problem::Problem;
use crate::chat::turn::ANONYMOUS;

/// Conversations of the caller. Nobody is known by name yet, so nobody has a list.
pub(super) async fn list() -> Response {
    Json(json!({ "conversations": [] })).into_response()
}

/// One conversation with its turns, oldest first.
pub(super) async fn read(
    State(service): State<AppState>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Response {
    // What is no UUID is the id of no conversation.
    let Ok(Path(id)) = id else {
        return unknown().into_response();
    };
    // Turns that are still queued would be missing.
    service.app.ledger.flush().await;
    match service.app.ledger.conversation(id, ANONYMOUS).await {
        Ok(Some(conversation)) => Json(conversation).into_response(),
        Ok(None) => unknown().into_response(),
        Err(error) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ledger_unavailable",
            error.to_string(),
        )
        .retry_after(5)
        .into_response(),
    }
}

/// Deletes a conversation of the caller, also while Postgres is away: the request waits in the
/// spool. Whether there is one is not told.
pub(super) async fn remove(
    State(service): State<AppState>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Response {
    let Ok(Path(id)) = id else {
        return unknown().into_response();
    };
    service.chat.conversations.forget(id, ANONYMOUS);
    let deletion = Deletion {
        conversation_id: id,
        caller: Some(ANONYMOUS.to_owned()),
    };
    let writer = service.app.ledger.writer();
    writer.write(Record::DeleteConversation(deletion));
    StatusCode::NO_CONTENT.into_response()
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "conversation_unknown",
        "there is no such conversation",
    )
}
