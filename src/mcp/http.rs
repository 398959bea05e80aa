//! `/mcp`: MCP's streamable HTTP. Each request stands for itself, so that any process can answer it and a
//! restart breaks no client; its caller is who sent it, by the same keys as everywhere else. A client that
//! closes its connection, or sends `notifications/cancelled`, stops the model.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rmcp::model::{CallToolResult, RequestId};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer};
use serde::Deserialize;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::calls::CallId;
use super::tools::{self, ToolCall};
use super::{Progress, Server, cancelled, unless_cancelled};
use crate::chat::Caller;
use crate::server::AppState;
use crate::server::problem::Problem;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Longest session id of a client that is listened to, in bytes; docent's own are shorter.
const SESSION_MAX: usize = 100;

/// The way of one request to the tools.
#[derive(Clone)]
pub(crate) struct Http {
    service: AppState,
}

/// What of a message is looked at before it is handed on.
#[derive(Debug, Default, Deserialize)]
struct Message {
    #[serde(default)]
    method: String,
    params: Option<Params>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    request_id: Option<RequestId>,
}

/// `POST /mcp`
pub(crate) async fn serve(
    State(service): State<AppState>,
    caller: Caller,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let limit = service.app.config.server.max_body_bytes;
    let Ok(body) = axum::body::to_bytes(body, limit).await else {
        return unread(limit).into_response();
    };
    let message: Message = serde_json::from_slice(&body).unwrap_or_default();
    if message.method == "notifications/cancelled"
        && let Some(id) = message.params.and_then(|params| params.request_id)
        && let Some(id) = call_id(&caller, &parts.headers, id)
    {
        service.mcp.cancel(&id);
    }
    parts.extensions.insert(caller);
    // The call is done in a task of its own.
    parts.extensions.insert(Span::current());
    let answered = answer(service, Request::from_parts(parts, Body::from(body))).await;
    with_headers(answered, message.method == "initialize")
}

fn unread(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "bad_request",
        format!("the body broke off, or it has more than {limit} bytes (server.max_body_bytes)"),
    )
}

async fn answer(service: AppState, request: Request) -> Response {
    // The guard has looked at Host and Origin. A stop of the service lets answers finish, as elsewhere.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_max_request_body_bytes(service.app.config.server.max_body_bytes)
        .disable_allowed_hosts();
    let server = Server::Http(Http { service });
    let mcp = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    mcp.handle(request).await.map(Body::new)
}

fn with_headers(mut response: Response, is_new: bool) -> Response {
    let succeeded = response.status().is_success();
    let headers = response.headers_mut();
    if is_new && succeeded {
        let id = Uuid::new_v4().simple().to_string();
        if let Ok(id) = HeaderValue::try_from(id) {
            headers.insert(SESSION, id);
        }
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would otherwise collect what comes of it before it passes it on.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    response
}

/// `None`: the client has no session, so that its numbers mean nothing in another request.
fn call_id(caller: &Caller, headers: &HeaderMap, request: RequestId) -> Option<CallId> {
    let session = headers.get(SESSION)?.to_str().ok()?;
    (session.len() <= SESSION_MAX).then(|| CallId {
        caller: caller.name.clone(),
        session: session.to_owned(),
        request,
    })
}

impl Http {
    pub(super) async fn call(
        &self,
        call: ToolCall,
        progress: Progress,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let Some((parts, caller)) =
            parts.and_then(|parts| Some((parts, parts.extensions.get::<Caller>()?)))
        else {
            return Err(ErrorData::internal_error("the request has no caller", None));
        };
        let id = call_id(caller, &parts.headers, context.id.clone());
        let underway = id.map(|id| self.service.mcp.begin(id));
        let mut stop = vec![&context.ct];
        stop.extend(underway.as_ref().map(|underway| &underway.cancelled));
        let span = parts.extensions.get::<Span>().cloned();
        let work = tools::call(&self.service, caller.clone(), call, &progress)
            .instrument(span.unwrap_or_else(Span::none));
        unless_cancelled(work, &stop).await.ok_or_else(cancelled)
    }
}
