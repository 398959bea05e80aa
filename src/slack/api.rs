//! Slack's Web API (<https://docs.slack.dev/reference/methods>), as much of it as docent calls.

mod calls;
mod error;
mod wire;

use std::time::Duration;

use docent_core::config::{Secret, SlackApp};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde::Serialize;
use serde_json::Value;

pub use self::error::SlackError;
pub use self::wire::{Identity, Metadata, OutMessage, StreamStart, ThreadMessage, UserInfo};
use super::limits::Limits;

/// Longest wait for an answer of Slack's.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A call that Slack holds up for longer than this in all is given up.
const LONGEST_HOLD: Duration = Duration::from_mins(10);
/// Where Slack says 429 without saying for how long.
const USUAL_HOLD: Duration = Duration::from_secs(1);

/// A client of one workspace. Clones would have limits of their own: share it.
#[derive(Debug)]
pub struct Slack {
    http: reqwest::Client,
    base: Url,
    token: Secret,
    limits: Limits,
}

/// One call.
#[derive(Debug, Clone, Copy)]
struct Call<'a> {
    method: &'static str,
    /// The lane: calls of a method to a channel keep their order. Empty: the workspace's.
    channel: &'a str,
    /// Whether it brings a new message, so that the channel's limit counts it.
    posts: bool,
    /// Whether to wait where Slack says 429; otherwise it is the caller's to go another way.
    waits: bool,
}

impl Slack {
    /// The error names the setting that is wrong.
    pub fn new(config: &SlackApp) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| {
            format!(
                "slack.api_url = \"{}\" is not a web address: {error}",
                config.api_url
            )
        };
        let base = format!("{}/", config.api_url.trim_end_matches('/'));
        let base = Url::parse(&base).map_err(|error| wrong(&error))?;
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| format!("cannot set up HTTP for Slack: {error}"))?;
        Ok(Self {
            http,
            base,
            token: config.bot_token.clone(),
            limits: Limits::new(Duration::from_millis(config.post_interval_ms)),
        })
    }

    /// Sends JSON, waits as Slack's limits want it, and reads the answer.
    async fn post(&self, call: Call<'_>, body: &impl Serialize) -> Result<Value, SlackError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| SlackError::unavailable(call.method, error))?;
        self.limited(call, || {
            self.http
                .post(self.url(call.method))
                .header(CONTENT_TYPE, "application/json; charset=utf-8")
                .body(body.clone())
        })
        .await
    }

    /// Methods that read do not take JSON.
    async fn get(&self, call: Call<'_>, query: &[(&str, &str)]) -> Result<Value, SlackError> {
        let mut url = self.url(call.method);
        url.query_pairs_mut().extend_pairs(query);
        self.limited(call, || self.http.get(url.clone())).await
    }

    fn url(&self, method: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{method}", self.base.path()));
        url
    }

    async fn limited(
        &self,
        call: Call<'_>,
        request: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<Value, SlackError> {
        let method = call.method;
        if let Some(retry_after) = self.limits.paused(method).filter(|_| !call.waits) {
            return Err(SlackError::RateLimited {
                method,
                retry_after,
            });
        }
        let mut slot = self.limits.slot(method, call.channel, call.posts).await;
        let mut held = Duration::ZERO;
        loop {
            match self.sent(method, request()).await {
                Err(SlackError::RateLimited { retry_after, .. }) => {
                    let repeated = call.waits;
                    self.limits
                        .refused(method, &mut slot, retry_after, repeated);
                    held += retry_after;
                    if !call.waits || held > LONGEST_HOLD {
                        return Err(SlackError::RateLimited {
                            method,
                            retry_after,
                        });
                    }
                    tracing::debug!(method, ?retry_after, "Slack asks to wait");
                    self.limits.wait(method, &mut slot).await;
                }
                answer => return answer,
            }
        }
    }

    /// One request and its answer.
    async fn sent(
        &self,
        method: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<Value, SlackError> {
        let unavailable = |error| SlackError::unavailable(method, error);
        let response = request
            .bearer_auth(self.token.expose())
            .send()
            .await
            .map_err(|error| unavailable(error.without_url()))?;
        let status = response.status();
        if status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            let seconds = response.headers().get(RETRY_AFTER);
            let seconds = seconds.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            return Err(SlackError::RateLimited {
                method,
                retry_after: seconds.map_or(USUAL_HOLD, Duration::from_secs),
            });
        }
        let body = response
            .bytes()
            .await
            .map_err(|error| unavailable(error.without_url()))?;
        let Ok(answer) = serde_json::from_slice::<Value>(&body) else {
            return Err(SlackError::Unavailable {
                method,
                reason: format!("status {status} without JSON"),
            });
        };
        error::checked(method, answer)
    }
}
