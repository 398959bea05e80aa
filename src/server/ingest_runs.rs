//! `/v1/ingest/runs`: runs for orchestrators (Airflow, Dagster, a dbt job), which start one, repeat
//! the request when they lost its answer, and look how far it is.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use docent_core::config::Source;
use docent_core::ledger::{Act, Audit, RunOrigin, RunOutcome, RunRequest};
use docent_ingest::{Claim, IngestError, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::access::Admin;
use super::openapi::{Guarded, WithBody};
use super::problem::{Problem, ProblemBody};
use crate::chat::Caller;
use crate::runs;

/// Longest key, in characters.
const KEY_MAX: usize = 200;
/// A run with the same key may begin or end between two looks; more often than this it does not.
const LOOKS: usize = 5;

/// The request's body.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = RunOrder)]
pub(super) struct Order {
    /// Names of configured sources. None: all of them.
    sources: Vec<String>,
    /// Compare every document with the index.
    full: bool,
    /// Remove what is gone even where that looks like a fault.
    allow_removals: bool,
    /// As the header `Idempotency-Key`.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00]+$")]
    key: Option<String>,
}

/// Start an ingest run
///
/// Answers at once; how far the run is, `GET /v1/ingest/runs/{id}` says. The same key is the same run, also
/// after a lost answer.
#[utoipa::path(
    post, path = "/v1/ingest/runs", tag = "ingest", operation_id = "start_run",
    security((), ("bearer" = [])),
    params(("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 200,
        pattern = r"^[\x20-\x7e]+$", description = "The caller's own name of the run")),
    request_body = Order,
    responses(
        (status = 202, description = "The run", body = ShownRun,
            headers(("location" = String, description = "Where it can be looked at"))),
        (status = 409, description = "`source_busy`, `key_in_use` or `nothing_configured`",
            body = ProblemBody, content_type = "application/problem+json"),
        Guarded, WithBody,
    ),
)]
pub(super) async fn start(
    State(service): State<AppState>,
    Admin(caller): Admin,
    headers: HeaderMap,
    body: Result<Json<Order>, JsonRejection>,
) -> Response {
    match begin(&service, &caller, &headers, body).await {
        Ok(run) => {
            let place = format!("/v1/ingest/runs/{}", run.id);
            let headers = [(header::LOCATION, place)];
            (StatusCode::ACCEPTED, headers, Json(shown(run))).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// Look at an ingest run
///
/// How far it is, and its report once it has ended.
#[utoipa::path(
    get, path = "/v1/ingest/runs/{id}", tag = "ingest", operation_id = "read_run",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses(
        (status = 200, description = "The run", body = ShownRun),
        (status = 404, description = "`run_unknown`",
            body = ProblemBody, content_type = "application/problem+json"),
        Guarded,
    ),
)]
pub(super) async fn read(
    State(service): State<AppState>,
    Admin(_): Admin,
    id: Result<Path<Uuid>, PathRejection>,
) -> Response {
    let Ok(Path(id)) = id else {
        return unknown().into_response();
    };
    match service.app.ledger.run_request(id).await {
        Ok(Some(run)) => Json(shown(run)).into_response(),
        Ok(None) => unknown().into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn begin(
    service: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    body: Result<Json<Order>, JsonRejection>,
) -> Result<RunRequest, Problem> {
    let Json(order) = body?;
    if service.stopping.is_cancelled() {
        let text = "docent is stopping; ask again in a moment";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", text);
        return Err(problem.retry_after(5));
    }
    let key = key(headers, &order)?;
    let sources = sources(&service.app.config.sources, &order)?;
    let mut names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    names.sort();
    let ledger = &service.app.ledger;
    for _ in 0..LOOKS {
        let mut run_id = Uuid::now_v7();
        if let Some(key) = &key
            && let Some(run) = existing(service, key, &names).await?
        {
            if !run.is_interrupted() {
                return Ok(run);
            }
            run_id = run.id;
        }
        let request = Request {
            sources: sources.clone(),
            configured: service.app.config.sources.clone(),
            all_configured: order.sources.is_empty(),
            full: order.full,
            allow_removals: order.allow_removals,
            origin: RunOrigin::Api,
            run_id: Some(run_id),
            key: key.clone(),
            ..Request::default()
        };
        match Claim::take(&service.app, &request).await {
            Ok(claim) => {
                let target = format!("{run_id}: {}", names.join(", "));
                let act = Audit::now(&caller.name, Act::RunStarted, target);
                ledger.writer().write(act);
                runs::spawn(service, request, claim);
                let run = ledger.run_request(run_id).await;
                return run.map_err(Problem::from)?.ok_or_else(unknown);
            }
            // Another request with this key came first; or a run that was just begun with it.
            Err(IngestError::KeyInUse(_)) => {}
            Err(error @ IngestError::Held(_)) => {
                let IngestError::Held(lease) = &error else {
                    continue;
                };
                let same = match &key {
                    Some(key) => existing(service, key, &names).await?,
                    None => None,
                };
                match same {
                    Some(run) if run.id == lease.run_id => return Ok(run),
                    _ => {
                        let text = error.to_string();
                        let problem = Problem::new(StatusCode::CONFLICT, "source_busy", text);
                        return Err(problem.retry_after(30));
                    }
                }
            }
            Err(IngestError::Ledger(error)) => return Err(Problem::from(error)),
            Err(error) => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Err(Problem::new(status, "internal", error.to_string()));
            }
        }
    }
    let text = "runs with this key come and go; ask again";
    Err(Problem::new(StatusCode::CONFLICT, "source_busy", text).retry_after(5))
}

/// The run of a key. The same key for other sources is a mistake of the caller.
async fn existing(
    service: &AppState,
    key: &str,
    names: &[String],
) -> Result<Option<RunRequest>, Problem> {
    let run = service.app.ledger.run_request_by_key(key).await;
    let run = run.map_err(Problem::from)?;
    match run {
        Some(run) if run.sources != names => Err(Problem::new(
            StatusCode::CONFLICT,
            "key_in_use",
            format!(
                "run {} was asked for with this key, of other sources: {}",
                run.id,
                run.sources.join(", ")
            ),
        )),
        run => Ok(run),
    }
}

fn key(headers: &HeaderMap, order: &Order) -> Result<Option<String>, Problem> {
    let wrong = |text: &str| Err(Problem::new(StatusCode::BAD_REQUEST, "key_invalid", text));
    let header = match headers.get(HeaderName::from_static("idempotency-key")) {
        Some(value) => match value.to_str() {
            Ok(text) if !text.contains('\t') => Some(text.to_owned()),
            _ => return wrong("Idempotency-Key must be printable ASCII"),
        },
        None => None,
    };
    let key = match (header, order.key.clone()) {
        (Some(header), Some(field)) if header != field => {
            return wrong("the header Idempotency-Key and the field `key` differ");
        }
        (header, field) => header.or(field),
    };
    match key {
        Some(key) if key.is_empty() || key.chars().count() > KEY_MAX || key.contains('\0') => {
            wrong("a key has 1 to 200 characters")
        }
        key => Ok(key),
    }
}

fn sources(configured: &[Source], order: &Order) -> Result<Vec<Source>, Problem> {
    if configured.is_empty() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "nothing_configured",
            "docent.toml has no [[source]]",
        ));
    }
    if order.sources.is_empty() {
        return Ok(configured.to_vec());
    }
    let mut sources: Vec<Source> = Vec::new();
    for name in &order.sources {
        let Some(source) = configured.iter().find(|source| source.name == *name) else {
            let names: Vec<&str> = configured.iter().map(|one| one.name.as_str()).collect();
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "source_unknown",
                format!(
                    "no source is named \"{name}\"; configured are {} (as serve was started)",
                    names.join(", ")
                ),
            ));
        };
        if sources.iter().all(|one| one.name != *name) {
            sources.push(source.clone());
        }
    }
    Ok(sources)
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RunState {
    /// It waits for another run to end.
    Queued,
    Running,
    Done,
    DoneWithFailures,
    Failed,
    /// Its process is gone; the same key begins it again.
    Interrupted,
}

/// A run as its caller sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Run)]
pub(super) struct ShownRun {
    id: Uuid,
    state: RunState,
    key: Option<String>,
    origin: RunOrigin,
    sources: Vec<String>,
    requested_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    /// How far it is.
    progress: Value,
    /// What `docent ingest --json` prints, once it has ended.
    report: Option<Value>,
    /// Why it could not be done.
    error: Option<String>,
}

fn shown(run: RunRequest) -> ShownRun {
    let state = if run.is_interrupted() {
        RunState::Interrupted
    } else {
        match run.outcome {
            RunOutcome::Running if run.started_at.is_none() => RunState::Queued,
            RunOutcome::Running => RunState::Running,
            RunOutcome::Done => RunState::Done,
            RunOutcome::DoneWithFailures => RunState::DoneWithFailures,
            RunOutcome::Failed => RunState::Failed,
            RunOutcome::Interrupted => RunState::Interrupted,
        }
    };
    ShownRun {
        id: run.id,
        state,
        key: run.key,
        origin: run.origin,
        sources: run.sources,
        requested_at: run.requested_at,
        started_at: run.started_at,
        finished_at: run.finished_at,
        progress: run.progress,
        report: run.report,
        error: run.error,
    }
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "run_unknown", "there is no such run")
}
