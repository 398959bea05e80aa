//! Errors as `application/problem+json` (RFC 9457) with a stable `code`.

use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use docent_core::ledger::LedgerError;
use serde_json::json;

use crate::chat::ChatError;
use crate::chat::live::Refused;

/// An error as a client sees it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, in words for a person.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Asks the client to wait, in seconds.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Postgres is away; `detail` says what cannot be done meanwhile.
    pub(crate) fn ledger_unavailable(detail: impl Into<String>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "ledger_unavailable", detail).retry_after(5)
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
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        let mut response = (self.status, body.to_string()).into_response();
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
        response
    }
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
