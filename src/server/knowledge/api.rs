//! `/v1/sources`: what docent knows, as JSON.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{KnownDocument, KnownSource, PAGE_MAX, documents, source, sources};
use crate::chat::Caller;
use crate::server::AppState;
use crate::server::openapi::Guarded;
use crate::server::problem::{Problem, ProblemBody};

/// Which page of a source's documents.
#[derive(Debug, Default, Deserialize)]
pub(in crate::server) struct Page {
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<Uuid>,
    pub(super) limit: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct KnownSources {
    sources: Vec<KnownSource>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server) struct SourcePage {
    source: KnownSource,
    documents: Vec<KnownDocument>,
    /// Of the next page; `null`: this is the last one.
    next_cursor: Option<Uuid>,
}

/// List the sources that you may read something of
///
/// With their documents and assets counted, whose they are, and how old.
#[utoipa::path(
    get, path = "/v1/sources", tag = "sources", operation_id = "sources",
    security((), ("bearer" = [])),
    responses((status = 200, description = "Those within the caller's groups", body = KnownSources), Guarded),
)]
pub(in crate::server) async fn list(State(service): State<AppState>, caller: Caller) -> Response {
    match sources(&service.app, &caller).await {
        Ok(sources) => Json(KnownSources { sources }).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Read one source, with a page of its documents
#[utoipa::path(
    get, path = "/v1/sources/{name}", tag = "sources", operation_id = "source",
    security((), ("bearer" = [])),
    params(
        ("name" = String, Path, description = "Its name"),
        ("cursor" = Option<Uuid>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 200,
            description = "Documents of a page"),
    ),
    responses(
        (status = 200, description = "What the caller may read of it", body = SourcePage),
        (status = 400, description = "No such cursor or limit", body = ProblemBody,
            content_type = "application/problem+json"),
        (status = 404, description = "`source_unknown`: there is none, or nothing in it for the caller",
            body = ProblemBody, content_type = "application/problem+json"),
        Guarded,
    ),
)]
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
) -> Result<SourcePage, Problem> {
    let Query(page) = page.map_err(|_| bad_page())?;
    if page
        .limit
        .is_some_and(|limit| !(1..=PAGE_MAX).contains(&limit))
    {
        return Err(bad_page());
    }
    let app = &service.app;
    let known = source(app, caller, name).await?.ok_or_else(unknown)?;
    let documents = documents(app, caller, name, page.cursor, page.limit).await?;
    Ok(SourcePage {
        source: known,
        documents: documents.documents,
        next_cursor: documents.next,
    })
}

pub(super) fn bad_page() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "bad_request",
        "`cursor` is the next_cursor of the page before, `limit` a number of documents, 1 to 200",
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
