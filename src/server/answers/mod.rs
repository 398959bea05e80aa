//! `/v1/answers`: what people answered themselves. An answer is a document of the source
//! `curated-answers`: it is indexed by the walk that all documents go, found by what people ask, and
//! readable by whoever may read all of its evidence.

mod evidence;
pub(crate) mod from_owner;
mod shown;
mod write;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use docent_core::app::App;
use docent_core::ledger::{Act, Audit, CuratedAnswer};
use docent_ingest::{IngestError, index_answers};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use write::{__path_change, change};
pub(crate) use write::{__path_create, create};

use super::AppState;
use super::access::Editor;
use super::openapi::{Guarded, OfAnswer};
use super::problem::{Problem, ProblemBody};
use shown::{ShownAnswer, readable, shown};

/// Answers of a page, where nothing else is asked for, and at the most.
const PAGE: i64 = 50;
const PAGE_MAX: i64 = 200;
/// How long a request waits until an answer is indexed: a run may be under way, behind which it stands.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a path's id may turn out to be.
type Id = Result<Path<Uuid>, PathRejection>;

/// Which page of the answers.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    limit: Option<i64>,
}

/// Curated answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CuratedAnswers)]
pub(super) struct Listed {
    /// The newest first.
    answers: Vec<ShownAnswer>,
    /// Of the next page; `null`: this is the last one.
    next_cursor: Option<Uuid>,
}

/// List the curated answers that you may read
#[utoipa::path(
    get, path = "/v1/answers", tag = "answers", operation_id = "list_answers",
    security((), ("bearer" = [])),
    params(
        ("cursor" = Option<Uuid>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "Answers of a page"),
    ),
    responses(
        (status = 200, description = "Those within the caller's groups", body = Listed),
        (status = 400, description = "No such cursor or limit", body = ProblemBody,
            content_type = "application/problem+json"),
        Guarded,
    ),
)]
pub(super) async fn list(
    State(service): State<AppState>,
    editor: Editor,
    page: Result<Query<Page>, QueryRejection>,
) -> Response {
    let listed = async {
        let Query(page) = page.map_err(|_| bad_page())?;
        let limit = page.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(bad_page());
        }
        let groups = &editor.caller.groups;
        let found = service.app.ledger.answers(groups, page.cursor, limit).await;
        let found = found.map_err(Problem::from)?;
        let next_cursor = (found.len() as i64 == limit)
            .then(|| found.last().map(|answer| answer.id))
            .flatten();
        let answers = shown(&service.app, &editor, found).await?;
        Ok(Json(Listed {
            answers,
            next_cursor,
        }))
    };
    listed.await.into_response()
}

/// Read a curated answer
///
/// With what became of the documents that it rests on.
#[utoipa::path(
    get, path = "/v1/answers/{id}", tag = "answers", operation_id = "read_answer",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 200, description = "The answer", body = ShownAnswer), OfAnswer, Guarded),
)]
pub(super) async fn read(State(service): State<AppState>, editor: Editor, id: Id) -> Response {
    let read = async {
        let answer = of_path(&service.app, &editor, id).await?;
        one(&service.app, &editor, answer).await.map(Json)
    };
    read.await.into_response()
}

/// Delete a curated answer
#[utoipa::path(
    delete, path = "/v1/answers/{id}", tag = "answers", operation_id = "delete_answer",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses(
        (status = 204, description = "Nobody finds it any more"),
        (status = 202, description = "It is gone, and still on its way out of the index"),
        OfAnswer, Guarded,
    ),
)]
pub(super) async fn remove(State(service): State<AppState>, editor: Editor, id: Id) -> Response {
    let removed = async {
        let answer = of_path(&service.app, &editor, id).await?;
        let deleted = service.app.ledger.delete_answer(answer.id).await;
        if !deleted.map_err(Problem::from)? {
            return Err(unknown());
        }
        note(&service, &editor, Act::AnswerDeleted, answer.id);
        // Follow-ups are read with earlier answers.
        service.chat.conversations.forget_all();
        Ok(match indexed(&service).await {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::ACCEPTED,
        })
    };
    removed.await.into_response()
}

/// An answer that the caller may read.
async fn of_path(app: &App, editor: &Editor, id: Id) -> Result<CuratedAnswer, Problem> {
    // What is no UUID is the id of no answer.
    let Ok(Path(id)) = id else {
        return Err(unknown());
    };
    let found = app.ledger.answer(id).await.map_err(Problem::from)?;
    let answer = found.ok_or_else(unknown)?;
    match readable(app, editor, vec![answer]).await?.pop() {
        Some((answer, _)) => Ok(answer),
        None => Err(unknown()),
    }
}

/// An answer as its caller sees it.
async fn one(app: &App, editor: &Editor, answer: CuratedAnswer) -> Result<ShownAnswer, Problem> {
    let mut answers = shown(app, editor, vec![answer]).await?;
    answers.pop().ok_or_else(unknown)
}

fn note(service: &AppState, editor: &Editor, act: Act, id: Uuid) {
    let act = Audit::now(&editor.caller.name, act, id.to_string());
    service.app.ledger.writer().write(act);
}

/// Has the index follow the ledger, and waits a while for it. It goes on when nobody waits any more;
/// where it cannot be done now, the next run does it.
async fn indexed(service: &AppState) -> Result<(), Option<IngestError>> {
    match tokio::time::timeout(PATIENCE, index_soon(service)).await {
        Ok(Ok(done)) => done.map_err(Some),
        Ok(Err(error)) => Err(Some(IngestError::Defect(error.to_string()))),
        Err(_) => Err(None),
    }
}

fn index_soon(service: &AppState) -> JoinHandle<Result<(), IngestError>> {
    let app = Arc::clone(&service.app);
    tokio::spawn(async move {
        let done = index_answers(&app).await;
        if let Err(error) = &done {
            tracing::warn!(%error, "a curated answer waits for the next run");
        }
        done
    })
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "answer_unknown",
        "there is no such answer",
    )
}

fn bad_page() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "bad_request",
        "`cursor` is the next_cursor of the page before, `limit` a number of answers, 1 to 200",
    )
}
