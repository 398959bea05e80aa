//! What a failed attempt means: the error for the caller, and whether another attempt can help.

use std::time::Duration;

use async_openai::error::{OpenAIError, StreamError};
use serde_json::Value;

use super::ModelError;
use super::http::Refused;
use crate::ledger::CallOutcome;

/// Longest text of a provider that is repeated in a message, in characters.
const LONGEST_QUOTE: usize = 240;

/// A failed attempt.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) error: ModelError,
    pub(super) next: Next,
    /// The request arrived and was not refused: the provider may have done the work, and bill it.
    pub(super) worked: bool,
}

/// What may help after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The same again, after the wait that the server asked for, if it asked.
    Again { after: Option<Duration> },
    /// The same again, but not often: each unreadable answer may have been paid for.
    OnceMore,
    /// Another request: fewer texts or a shorter one (400, 413, 422).
    Smaller,
    /// Nothing.
    GiveUp,
}

impl Failed {
    /// Of a request that arrived.
    pub(super) fn again(error: ModelError) -> Self {
        Self::worked(error, Next::Again { after: None })
    }

    /// Of a request that arrived.
    pub(super) fn for_good(error: ModelError) -> Self {
        Self::worked(error, Next::GiveUp)
    }

    /// Of a request that arrived.
    pub(super) fn worked(error: ModelError, next: Next) -> Self {
        Self {
            error,
            next,
            worked: true,
        }
    }

    /// Of a request that never arrived, or was refused: it costs nothing.
    fn unworked(error: ModelError, next: Next) -> Self {
        Self {
            error,
            next,
            worked: false,
        }
    }

    /// `key` is taken out of whatever the provider said.
    pub(super) fn of(
        model: &str,
        place: &str,
        section: &str,
        key: &str,
        error: OpenAIError,
    ) -> Self {
        let (model, place) = (model.to_owned(), place.to_owned());
        match error {
            OpenAIError::Boxed(boxed) => match boxed.downcast::<Refused>() {
                Ok(refused) => Self::refused(model, place, section, key, &refused),
                Err(other) => Self::again(ModelError::Unavailable {
                    reason: quoted(&other.to_string(), key),
                    model,
                    place,
                }),
            },
            OpenAIError::Reqwest(error) => {
                let never_sent = error.is_connect() || error.is_builder();
                Self {
                    worked: !never_sent,
                    ..Self::again(ModelError::Unavailable {
                        reason: transport(&error),
                        model,
                        place,
                    })
                }
            }
            OpenAIError::StreamError(error) => Self::again(ModelError::Unavailable {
                reason: match *error {
                    StreamError::EventStream(_) => {
                        "the connection broke in the middle of the answer".to_owned()
                    }
                    StreamError::UnknownEvent(_) => "the stream holds an unknown event".to_owned(),
                },
                model,
                place,
            }),
            // The library's text repeats the whole content; the parser's says where it broke off.
            OpenAIError::JSONDeserialize(error, _) => Self::worked(
                ModelError::BadResponse {
                    reason: error.to_string(),
                    model,
                    place,
                },
                Next::OnceMore,
            ),
            other => Self::for_good(ModelError::BadResponse {
                reason: quoted(&other.to_string(), key),
                model,
                place,
            }),
        }
    }

    fn refused(model: String, place: String, section: &str, key: &str, refused: &Refused) -> Self {
        let status = refused.status;
        let said = quoted(&provider_text(&refused.body), key);
        let after = refused.retry_after;
        if matches!(status, 408 | 409 | 500..) {
            let error = ModelError::Unavailable {
                reason: with_words(format!("status {status}"), &said),
                model,
                place,
            };
            return Self::unworked(error, Next::Again { after });
        }
        // Out of quota is sent as 429 too, but no wait ends it.
        if status == 429 && !refused.body.contains("insufficient_quota") {
            let error = ModelError::RateLimited {
                retry_after: after,
                model,
                place,
            };
            return Self::unworked(error, Next::Again { after });
        }
        let reason = match status {
            401 | 403 if key.is_empty() => {
                format!("status {status}, it wants a key; set {section}.api_key")
            }
            403 => format!("status 403, not allowed with the key in {section}.api_key"),
            401 => {
                format!("status {status}, the key is not accepted; check {section}.api_key")
            }
            404 => format!("status 404; check {section}.model and {section}.base_url"),
            429 => format!("the quota of the account behind {section}.api_key is used up"),
            _ => format!("status {status}"),
        };
        let error = ModelError::Rejected {
            reason: with_words(reason, &said),
            model,
            place,
        };
        let next = match status {
            400 | 413 | 422 => Next::Smaller,
            _ => Next::GiveUp,
        };
        Self::unworked(error, next)
    }

    /// Whether the provider says that the input is longer than the model takes.
    pub(super) fn too_long(&self) -> bool {
        let ModelError::Rejected { reason, .. } = &self.error else {
            return false;
        };
        let reason = reason.to_lowercase();
        self.next == Next::Smaller
            && (reason.starts_with("status 413")
                || [
                    "context length",
                    "context_length",
                    "too long",
                    "too large",
                    "too many tokens",
                    "maximum input",
                    "max_model_len",
                    "exceeds the",
                    "longer than",
                    "at most",
                    "must have less than",
                    "input length",
                ]
                .iter()
                .any(|words| reason.contains(words)))
    }
}

/// The outcome that a failed attempt is booked with.
pub(super) fn outcome(error: &ModelError) -> CallOutcome {
    match error {
        ModelError::RateLimited { .. } => CallOutcome::RateLimited,
        ModelError::Unavailable { .. } => CallOutcome::Unavailable,
        ModelError::Rejected { .. } => CallOutcome::Rejected,
        ModelError::BadResponse { .. } => CallOutcome::BadResponse,
    }
}

/// A provider's words, on one line, shortened and without keys.
pub(super) fn quoted(text: &str, key: &str) -> String {
    let text = if key.is_empty() {
        text.to_owned()
    } else {
        text.replace(key, "[key]")
    };
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        // OpenAI repeats a wrong key, with stars in its middle.
        line.push_str(if word.starts_with("sk-") {
            "[key]"
        } else {
            word
        });
    }
    match line.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{} …", line[..end].trim_end()),
        None => line.trim_end_matches('.').to_owned(),
    }
}

/// The message in an error body: OpenAI's form, the forms of other servers, else the body itself.
pub(super) fn provider_text(body: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(body) else {
        return if body.contains("<html") || body.contains("<HTML") {
            "(an HTML page)".to_owned()
        } else {
            body.to_owned()
        };
    };
    [
        "/error/message",
        "/error",
        "/message",
        "/detail",
        "/0/error/message",
    ]
    .iter()
    .find_map(|path| value.pointer(path)?.as_str().map(str::to_owned))
    .unwrap_or_else(|| value.to_string())
}

fn with_words(reason: String, said: &str) -> String {
    if said.is_empty() {
        reason
    } else {
        format!("{reason}: {said}")
    }
}

/// `reqwest` hides the cause behind "error sending request"; the innermost one is what helps.
fn transport(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_connect() {
        format!("cannot connect: {}", cause.to_string().to_lowercase())
    } else if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        format!("the connection broke: {}", cause.to_string().to_lowercase())
    }
}
