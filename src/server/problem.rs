//! Errors as `application/problem+json` (RFC 9457) with a stable `code`.

use axum::body::Body;
use axum::extract::Request;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use docent_core::ledger::LedgerError;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::chat::ChatError;
use crate::chat::live::Refused;

/// An error as a client sees it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// The part of the request that it is about, as OpenAI's clients are told.
    param: Option<&'static str>,
    retry_after: Option<u64>,
}

/// What went wrong (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Stable, for programs.
    code: &'static str,
    /// A sentence for people, with the way out.
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            param: None,
            retry_after: None,
        }
    }

    /// Names the part of the request that it is about.
    pub(crate) fn about(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Asks the client to wait, in seconds.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Whether whoever asks could be let in by saying who they are.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// What a person is told.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// How long the client should wait, in seconds.
    pub(crate) fn seconds_to_wait(&self) -> Option<u64> {
        self.retry_after
    }

    /// Postgres is away; `detail` says what cannot be done meanwhile.
    pub(crate) fn ledger_unavailable(detail: impl Into<String>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "ledger_unavailable", detail).retry_after(5)
    }

    /// The same as OpenAI's API says it; its clients look at the status, `code` and `message`.
    pub(crate) fn as_openai(&self) -> Value {
        let kind = match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        json!({ "error": {
            "message": self.detail,
            "type": kind,
            "param": self.param,
            "code": self.code,
        }})
    }

    /// What the event of a turn that gave no answer says, as a response.
    pub(crate) fn of_event(code: &str, message: String) -> Self {
        match code {
            "nothing_ingested" => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "nothing_ingested", message)
            }
            "index_unavailable" => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "index_unavailable",
                message,
            )
            .retry_after(5),
            "model_unavailable" => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "model_unavailable",
                message,
            )
            .retry_after(5),
            "too_slow" => Self::new(StatusCode::GATEWAY_TIMEOUT, "too_slow", message),
            "cancelled" => Self::new(StatusCode::SERVICE_UNAVAILABLE, "cancelled", message),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail.clone(),
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For routes that say it in another form.
        response.extensions_mut().insert(self);
        response
    }
}

/// For routes of OpenAI's API: whatever refuses a request there does it in the form that its clients read.
pub(super) async fn in_openai_form(request: Request, next: Next) -> Response {
    let (mut parts, body) = next.run(request).await.into_parts();
    let Some(problem) = parts.extensions.get::<Problem>() else {
        return Response::from_parts(parts, body);
    };
    let body = problem.as_openai().to_string();
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(header::CONTENT_TYPE, json);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let text = refused.to_string();
        match refused {
            Refused::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", text).retry_after(3)
            }
            Refused::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", text).retry_after(5)
            }
            Refused::OtherQuestion => Self::new(StatusCode::CONFLICT, "message_id_in_use", text),
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "bad_request", rejection.body_text())
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        Self::ledger_unavailable(error.to_string())
    }
}

impl From<ChatError> for Problem {
    fn from(error: ChatError) -> Self {
        Self::of_event(error.code(), error.to_string())
    }
}

/// For paths that are no route.
pub(super) async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this path",
    )
}

/// For a route that is there, with another method.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not take this method",
    )
}
