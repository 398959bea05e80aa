//! Why a model call failed.

use std::time::Duration;

/// Why a model call failed, by what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Asked to wait; retries are used up.
    #[error("{model} at {place} is rate limited{}", retry_hint(.retry_after.as_ref()))]
    RateLimited {
        model: String,
        place: String,
        retry_after: Option<Duration>,
    },
    /// No answer, a server error, or no answer in time: try again later, or fall back.
    #[error("{model} at {place} is unavailable: {reason}")]
    Unavailable {
        model: String,
        place: String,
        reason: String,
    },
    /// The provider will not do it, however often it is asked: key, model name, request.
    #[error("{place} refused {model}: {reason}")]
    Rejected {
        model: String,
        place: String,
        reason: String,
    },
    /// The answer was not of the form that the protocol promises.
    #[error("{model} at {place} gave an answer that cannot be read: {reason}")]
    BadResponse {
        model: String,
        place: String,
        reason: String,
    },
}

fn retry_hint(retry_after: Option<&Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| {
        format!("; it asks to wait {} s", wait.as_secs())
    })
}
