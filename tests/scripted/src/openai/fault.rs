//! What can go wrong, and for how many requests.

use std::collections::VecDeque;
use std::future::pending;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{TimeDelta, Utc};
use serde_json::json;

/// The route that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    Embeddings,
    Chat,
    Models,
    Rerank,
}

/// For how many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    Next(usize),
    Forever,
}

/// What a failing request meets.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// An error status with a message in OpenAI's form.
    Status {
        status: u16,
        retry_after: Option<String>,
        code: String,
        message: String,
    },
    /// An error status with this very body.
    Body { status: u16, body: String },
    /// No answer, ever.
    Hang,
    /// Status 200 and a body that is not JSON; in a stream, an event that is not.
    Malformed,
    /// The connection breaks after this many tokens of a stream, or in the middle of a body.
    CutAfter(usize),
    /// The stream ends after this many tokens as if it were complete, without a finish reason.
    EndAfter(usize),
    /// The stream says nothing more after this many tokens.
    StallAfter(usize),
    /// The last vectors of a batch, or the last results of a reranking, are left out.
    MissingVectors(usize),
    /// Vectors of this length.
    WrongLength(usize),
    /// All vectors or results have the index 0.
    WrongIndex,
    /// The vectors stand in the reverse order, with right indexes.
    Reversed,
    /// Vectors of zeros.
    Zeros,
    /// Vectors of NaN (only base64 can carry it; else `null`), or scores of `null`.
    NotANumber,
}

impl Fault {
    /// Any status, with a message.
    pub fn status(status: u16, message: &str) -> Self {
        Self::Status {
            status,
            retry_after: None,
            code: String::new(),
            message: message.to_owned(),
        }
    }

    /// 429; `retry_after` in seconds.
    pub fn rate_limited(retry_after: u64) -> Self {
        Self::limited(Some(retry_after.to_string()))
    }

    /// 429 with an HTTP date so many seconds ahead.
    pub fn rate_limited_until(seconds: i64) -> Self {
        let until = Utc::now() + TimeDelta::seconds(seconds);
        Self::limited(Some(until.format("%a, %d %b %Y %H:%M:%S GMT").to_string()))
    }

    /// 429 without a word on how long.
    pub fn rate_limited_open() -> Self {
        Self::limited(None)
    }

    fn limited(retry_after: Option<String>) -> Self {
        Self::Status {
            status: 429,
            retry_after,
            code: "rate_limit_exceeded".to_owned(),
            message: "Rate limit reached for requests".to_owned(),
        }
    }

    /// 401, in OpenAI's words.
    pub fn wrong_key(key: &str) -> Self {
        Self::Status {
            status: 401,
            retry_after: None,
            code: "invalid_api_key".to_owned(),
            message: format!("Incorrect API key provided: {key}."),
        }
    }

    /// 404, in OpenAI's words.
    pub fn no_such_model(model: &str) -> Self {
        Self::Status {
            status: 404,
            retry_after: None,
            code: "model_not_found".to_owned(),
            message: format!("The model `{model}` does not exist or you do not have access to it."),
        }
    }

    /// The answer of a fault that needs nothing of the request; `None` for the others.
    pub(super) async fn response(&self) -> Option<Response> {
        match self {
            Self::Status {
                status,
                retry_after,
                code,
                message,
            } => {
                let body = json!({"error": {
                    "message": message, "type": "error", "param": null, "code": code,
                }});
                let mut response = axum::Json(body).into_response();
                *response.status_mut() = StatusCode::from_u16(*status).ok()?;
                if let Some(wait) = retry_after {
                    response
                        .headers_mut()
                        .insert(header::RETRY_AFTER, wait.parse().ok()?);
                }
                Some(response)
            }
            Self::Body { status, body } => {
                Some((StatusCode::from_u16(*status).ok()?, body.clone()).into_response())
            }
            Self::Hang => pending().await,
            _ => None,
        }
    }
}

#[derive(Default)]
pub(super) struct Faults(Vec<(Route, VecDeque<(Times, Fault)>)>);

impl Faults {
    pub(super) fn add(&mut self, route: Route, times: Times, fault: Fault) {
        match self.0.iter_mut().find(|(known, _)| *known == route) {
            Some((_, faults)) => faults.push_back((times, fault)),
            None => self.0.push((route, VecDeque::from([(times, fault)]))),
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault of the next request, counted down.
    pub(super) fn next(&mut self, route: Route) -> Option<Fault> {
        let (_, faults) = self.0.iter_mut().find(|(known, _)| *known == route)?;
        loop {
            match faults.front_mut()? {
                (Times::Next(0), _) => {
                    faults.pop_front();
                }
                (Times::Next(left), fault) => {
                    *left -= 1;
                    return Some(fault.clone());
                }
                (Times::Forever, fault) => return Some(fault.clone()),
            }
        }
    }
}
