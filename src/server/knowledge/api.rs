//! `/v1/sources`: what docent knows, as JSON.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{documents, source, sources};
use crate::chat::Caller;
use crate::server::AppState;
use crate::server::problem::Problem;

/// Which page of a source's documents.
#[derive(Debug, Default, Deserialize)]
pub(in crate::server) struct Page {
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<Uuid>,
    pub(super) limit: Option<usize>,
}

/// `GET /v1/sources`: every source that the caller may read something of.
pub(in crate::server) async fn list(State(service): State<AppState>, caller: Caller) -> Response {
    match sources(&service.app, &caller).await {
        Ok(sources) => Json(json!({ "sources": sources })).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// `GET /v1/sources/{name}`: one of them, with a page of its documents.
pub(in crate::server) async fn read(
    State(service): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Response {
    match one(&service, &caller, &name, page).await {
        Ok(known) => Json(known).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn one(
    service: &AppState,
    caller: &Caller,
    name: &str,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Value, Problem> {
    let Query(page) = page.map_err(|_| bad_page())?;
    let app = &service.app;
    let known = source(app, caller, name).await?.ok_or_else(unknown)?;
    let documents = documents(app, caller, name, page.cursor, page.limit).await?;
    Ok(json!({
        "source": known,
        "documents": documents.documents,
        "next_cursor": documents.next,
    }))
}

pub(super) fn bad_page() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "bad_request",
        "`cursor` is the next_cursor of the page before, `limit` a number of documents",
    )
}

/// The same whether there is no such source or nothing in it for the caller.
pub(super) fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "source_unknown",
        "there is no such source",
    )
}
