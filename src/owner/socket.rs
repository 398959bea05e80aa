//! The owner's side: `docent.sock` in the data folder, for this user only (0600).

use std::convert::Infallible;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use anyhow::Context;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use docent_core::app::App;
use docent_core::data_folder::DataFolder;
use docent_core::ledger::{Channel, Origin};
use docent_ingest::ProgressSender;
use futures::stream;
use serde::Serialize;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    AskRequest, BackupRequest, DoctorRequest, EvalLine, IngestLine, IngestRequest, Migrated,
    ToolLine,
};
use crate::chat::turn::TERMINAL;
use crate::chat::{Caller, CallerKind, Turn};
use crate::commands::doctor::{self, Finding};
use crate::commands::eval::{EvalRequest, evaluate};
use crate::commands::key::KeyRequest;
use crate::commands::purge::PurgeRequest;
use crate::commands::report::ReportRequest;
use crate::commands::{backup, ingest, key, purge, report};
use crate::eval;
use crate::mcp::Progress;
use crate::mcp::tools::{self, ToolCall};
use crate::server::AppState;
use crate::server::problem::Problem;

/// Binds the socket, where this process owns the folder.
pub fn bind(service: &AppState) -> anyhow::Result<Option<UnixListener>> {
    if !App::needs_ownership(&service.app.config) {
        return Ok(None);
    }
    let path = service.app.data.private_socket()?;
    // It has its name when it is private, and not before. Whoever holds the lock owns it: what lies
    // there is a dead owner's.
    let unnamed = path.with_extension("new");
    let _ = std::fs::remove_file(&unnamed);
    let listener = UnixListener::bind(&unnamed)
        .with_context(|| format!("cannot listen on {}", path.display()))?;
    std::fs::set_permissions(&unnamed, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&unnamed, &path)
        .with_context(|| format!("cannot listen on {}", path.display()))?;
    Ok(Some(listener))
}

/// Takes the socket away at the end.
pub fn remove(data: &DataFolder) {
    let _ = std::fs::remove_file(data.socket());
}

/// What other commands may ask of the owner.
pub fn router(service: AppState) -> Router {
    Router::new()
        .route("/owner/ping", get(|| async { "docent\n" }))
        .route("/owner/ask", post(ask))
        .route("/owner/tool", post(run_tool))
        .route("/owner/ingest", post(run_ingest))
        .route("/owner/eval", post(run_eval))
        .route("/owner/purge", post(run_purge))
        .route("/owner/key", post(run_key))
        .route("/owner/report", post(run_report))
        .route("/owner/backup", post(run_backup))
        .route("/owner/doctor", post(run_doctor))
        .route("/owner/migrate", post(run_migrate))
        .with_state(service)
}

async fn ask(State(service): State<AppState>, Json(request): Json<AskRequest>) -> Response {
    let mut turn = terminal_turn(&service.app, request);
    turn.origin = service.origin;
    match crate::server::begin(&service, turn, "", None).await {
        Ok(reader) => crate::server::sse::stream(reader),
        Err(problem) => problem.into_response(),
    }
}

/// A question asked in the terminal of this machine.
pub fn terminal_turn(app: &App, request: AskRequest) -> Turn {
    Turn {
        interaction_id: Uuid::now_v7(),
        new_conversation: request.conversation_id.is_none(),
        conversation_id: request.conversation_id.unwrap_or_else(Uuid::new_v4),
        message_id: None,
        told: None,
        question: request.question,
        caller: terminal(app),
        channel: Channel::Terminal,
        origin: Origin::Person,
        cancelled: CancellationToken::new(),
    }
}

/// Whoever sits at this machine.
pub(crate) fn terminal(app: &App) -> Caller {
    let groups = app.config.access.anonymous_groups.clone();
    Caller::named(TERMINAL, CallerKind::Terminal, groups)
}

/// A call of a tool ends when its command stops it.
async fn run_tool(State(service): State<AppState>, Json(call): Json<ToolCall>) -> Response {
    let (lines, arriving) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (progress, mut steps) = Progress::channel();
        let work = async {
            let done = tools::call(&service, terminal(&service.app), call, &progress).await;
            drop(progress);
            done
        };
        let passing_on = async {
            while let Some(step) = steps.recv().await {
                let _ = lines.send(ToolLine::Progress(step));
            }
        };
        tokio::select! {
            (done, ()) = async { tokio::join!(work, passing_on) } => {
                let _ = lines.send(ToolLine::Done(Box::new(done)));
            }
            () = lines.closed() => {}
        }
    });
    json_lines(arriving)
}

/// A run goes on when its command is stopped: it is the owner's.
async fn run_ingest(
    State(service): State<AppState>,
    Json(request): Json<IngestRequest>,
) -> Response {
    let (lines, arriving) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (progress, mut events) = ProgressSender::channel();
        let app = Arc::clone(&service.app);
        let run = tokio::spawn(async move { ingest::run(app, &request, progress).await });
        while let Some(event) = events.recv().await {
            let _ = lines.send(IngestLine::Progress(event));
        }
        let failure = match run.await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => format!("{error:#}"),
            Err(error) => error.to_string(),
        };
        let _ = lines.send(IngestLine::Failed(failure));
    });
    json_lines(arriving)
}

/// An evaluation ends when its command is stopped: nobody else wants it.
async fn run_eval(State(service): State<AppState>, Json(request): Json<EvalRequest>) -> Response {
    let (lines, arriving) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        // What is measured must not change meanwhile.
        let _turn = service.app.writing.lock().await;
        let (progress, mut events) = eval::ProgressSender::channel();
        let app = Arc::clone(&service.app);
        let work = async move {
            let ended = evaluate(&app, &request, &progress).await;
            drop(progress);
            ended
        };
        let passing_on = async {
            while let Some(event) = events.recv().await {
                let _ = lines.send(EvalLine::Progress(event));
            }
        };
        let ended = tokio::select! {
            (ended, ()) = async { tokio::join!(work, passing_on) } => ended,
            () = lines.closed() => return,
        };
        let _ = lines.send(match ended {
            Ok(outcome) => EvalLine::Ended(outcome),
            Err(error) => EvalLine::Failed(format!("{error:#}")),
        });
    });
    json_lines(arriving)
}

/// A body of one JSON value a line.
fn json_lines<T: Serialize + Send + 'static>(mut lines: mpsc::UnboundedReceiver<T>) -> Response {
    let body = stream::poll_fn(move |context| lines.poll_recv(context));
    let body = futures::StreamExt::map(body, |line| {
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.push('\n');
        Ok::<_, Infallible>(text)
    });
    Body::from_stream(body).into_response()
}

async fn run_doctor(
    State(service): State<AppState>,
    Json(request): Json<DoctorRequest>,
) -> Json<Vec<Finding>> {
    let app = &service.app;
    let mut findings = doctor::check_parts(app).await;
    if let Some(difference) = request
        .configured
        .and_then(|configured| configured.difference(&app.config))
    {
        findings.push(Finding::wrong("running docent", difference));
    }
    Json(findings)
}

async fn run_purge(State(service): State<AppState>, Json(request): Json<PurgeRequest>) -> Response {
    // A purge goes on when its command is stopped: half of one would be the worst.
    let purging = tokio::spawn(async move {
        let done = purge::run(&service.app, &request).await;
        // Follow-ups are read with earlier answers.
        service.chat.conversations.forget_all();
        done
    });
    let failed = match purging.await {
        Ok(Ok(done)) => return Json(done).into_response(),
        Ok(Err(error)) => format!("{error:#}"),
        Err(error) => error.to_string(),
    };
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Problem::new(status, "purge_failed", failed).into_response()
}

async fn run_key(State(service): State<AppState>, Json(request): Json<KeyRequest>) -> Response {
    let done = key::run(&service.app, &request).await;
    // A key that was revoked ends at once here.
    service.access.keys.forget_all();
    match done {
        Ok(done) => Json(done).into_response(),
        Err(error) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, "key_failed", format!("{error:#}")).into_response()
        }
    }
}

async fn run_report(
    State(service): State<AppState>,
    Json(request): Json<ReportRequest>,
) -> Response {
    match report::run(&service.app, &request).await {
        Ok(report) => Json(report).into_response(),
        Err(error) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let problem = Problem::new(status, "report_failed", format!("{error:#}"));
            problem.retry_after(5).into_response()
        }
    }
}

async fn run_migrate(State(service): State<AppState>) -> Response {
    let ledger = &service.app.ledger;
    let migrated = async {
        ledger.migrate().await?;
        ledger.version().await
    };
    match migrated.await {
        Ok(version) => Json(Migrated { version }).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn run_backup(
    State(service): State<AppState>,
    Json(request): Json<BackupRequest>,
) -> Response {
    let _turn = service.app.writing.lock().await;
    match backup::write(&service.app, &request.file).await {
        Ok(summary) => Json(summary).into_response(),
        Err(error) => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "backup_failed",
            format!("{error:#}"),
        )
        .into_response(),
    }
}
