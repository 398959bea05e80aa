//! Why a call failed, by what its caller does about it.

use std::fmt::Display;
use std::time::Duration;

use serde_json::Value;

/// Why a call of Slack's Web API failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// Slack wants no calls of the method for a while.
    #[error("Slack limits {method}; it may be called again in {} s", .retry_after.as_secs())]
    RateLimited {
        method: &'static str,
        retry_after: Duration,
    },
    /// Slack has understood the call and will not do it; the same call would fail again.
    #[error("Slack refuses {method}: {code}{detail}")]
    Refused {
        method: &'static str,
        /// Slack's own word, such as `invalid_blocks`.
        code: String,
        /// What Slack says besides, with a separator before it; otherwise empty.
        detail: String,
    },
    /// Slack could not be reached, or has broken down: whether the call was done is not known.
    #[error("Slack cannot be reached ({method}): {reason}")]
    Unavailable {
        method: &'static str,
        reason: String,
    },
}

impl SlackError {
    pub(super) fn unavailable(method: &'static str, error: impl Display) -> Self {
        Self::Unavailable {
            method,
            reason: error.to_string(),
        }
    }

    /// Slack's word for the refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Whether the message may be taken without its blocks.
    pub fn is_about_blocks(&self) -> bool {
        matches!(
            self.code(),
            Some(
                "invalid_blocks"
                    | "invalid_blocks_format"
                    | "msg_blocks_too_long"
                    | "invalid_arguments"
                    | "invalid_attachments"
                    | "only_one_table_allowed"
                    | "msg_too_long"
            )
        )
    }

    /// Whether a stream has ended on Slack's side.
    pub fn is_stream_over(&self) -> bool {
        matches!(
            self.code(),
            Some(
                "message_not_in_streaming_state" | "message_not_owned_by_app" | "message_not_found"
            )
        )
    }

    /// Whether the token is the reason, so that no call will work.
    pub fn is_about_token(&self) -> bool {
        matches!(
            self.code(),
            Some(
                "invalid_auth"
                    | "not_authed"
                    | "account_inactive"
                    | "token_revoked"
                    | "token_expired"
                    | "missing_scope"
            )
        )
    }
}

/// Slack says `ok` or what is wrong in the answer, with status 200.
pub(super) fn checked(method: &'static str, answer: Value) -> Result<Value, SlackError> {
    if answer["ok"] == true {
        return Ok(answer);
    }
    let Some(code) = answer["error"].as_str() else {
        return Err(SlackError::Unavailable {
            method,
            reason: "the answer is not one of Slack's".to_owned(),
        });
    };
    let code = code.to_owned();
    match code.as_str() {
        "ratelimited" | "rate_limited" => Err(SlackError::RateLimited {
            method,
            retry_after: super::USUAL_HOLD,
        }),
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            Err(SlackError::Unavailable {
                method,
                reason: code,
            })
        }
        _ => Err(SlackError::Refused {
            method,
            detail: detail(&answer),
            code,
        }),
    }
}

/// The scope that is missing, and Slack's own notes on a call: they name fields, not texts.
fn detail(answer: &Value) -> String {
    let needed = answer["needed"]
        .as_str()
        .map(|needed| format!("needs {needed}"));
    let notes = answer["response_metadata"]["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|note| note.chars().take(120).collect());
    let all: Vec<String> = needed.into_iter().chain(notes.take(3)).collect();
    if all.is_empty() {
        String::new()
    } else {
        format!(" ({})", all.join("; "))
    }
}
