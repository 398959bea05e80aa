//! `POST /v1/feedback`: what a reader thinks of an answer.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use docent_core::ledger::{Feedback, Rating};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::openapi::{Guarded, WithBody};
use super::problem::{Problem, ProblemBody};
use crate::chat::Caller;

/// Longest comment, in characters.
const COMMENT_MAX: usize = 2000;

/// The request's body.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rated {
    /// The answer's own.
    interaction_id: Uuid,
    rating: Rating,
    #[schema(max_length = 2000)]
    comment: Option<String>,
}

/// Rate an answer
///
/// One judgement for each answer and caller: the last one counts.
#[utoipa::path(
    post, path = "/v1/feedback", tag = "chat", operation_id = "rate",
    security((), ("bearer" = [])),
    request_body = Rated,
    responses(
        (status = 204, description = "Kept"),
        (status = 404, description = "`interaction_unknown`: the caller has had no such answer",
            body = ProblemBody, content_type = "application/problem+json"),
        Guarded, WithBody,
    ),
)]
pub(super) async fn rate(
    State(service): State<AppState>,
    caller: Caller,
    body: Result<Json<Rated>, JsonRejection>,
) -> Response {
    match keep(&service, &caller, body).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn keep(
    service: &AppState,
    caller: &Caller,
    body: Result<Json<Rated>, JsonRejection>,
) -> Result<(), Problem> {
    let Json(rated) = body?;
    let comment = rated.comment.as_deref().map(str::trim);
    if comment.is_some_and(|text| text.chars().count() > COMMENT_MAX) {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "comment_too_long",
            format!("a comment may have {COMMENT_MAX} characters"),
        ));
    }
    let feedback = Feedback {
        interaction_id: rated.interaction_id,
        rating: rated.rating,
        comment: comment.filter(|text| !text.is_empty()).map(str::to_owned),
    };
    match service.app.ledger.rate(&caller.name, &feedback).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "interaction_unknown",
            "you have had no such answer; interaction_id is the one that an answer carries",
        )),
        Err(error) => Err(Problem::from(error)),
    }
}
