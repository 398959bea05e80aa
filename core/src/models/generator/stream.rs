//! A chat model's answer as it arrives.

use std::collections::VecDeque;
use std::time::Duration;

use async_openai::types::stream::StreamResponse;
use futures::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::wire::{self, Chunk};
use super::{FinishReason, Generated};
use crate::ledger::CallOutcome;
use crate::models::ModelError;
use crate::models::attempt::Attempt;
use crate::models::failure::{Failed, outcome, provider_text, quoted};
use crate::models::http::Endpoint;

/// An open stream, and its attempt: both end when this is dropped.
pub(super) struct ModelStream {
    chunks: StreamResponse<Chunk>,
    /// `None` once it is booked.
    attempt: Option<Attempt>,
    endpoint: Endpoint,
    model: String,
    stall: Duration,
    finish_reason: Option<FinishReason>,
    usage: Option<wire::Usage>,
    ready: VecDeque<Generated>,
}

/// What a stream gave.
enum Event {
    Text(String),
    /// Not for the reader, but a sign of life.
    Thinking,
    /// A role, usage, or the finish reason: servers send the first of these before the model works.
    Nothing,
    End,
}

/// How long something may take, since when, and what is missing when it is over.
#[derive(Clone, Copy)]
struct Limit {
    since: Instant,
    length: Duration,
    missing: &'static str,
}

impl ModelStream {
    pub(super) fn new(
        chunks: StreamResponse<Chunk>,
        attempt: Attempt,
        endpoint: Endpoint,
        model: String,
        stall: Duration,
    ) -> Self {
        Self {
            chunks,
            attempt: Some(attempt),
            endpoint,
            model,
            stall,
            finish_reason: None,
            usage: None,
            ready: VecDeque::new(),
        }
    }

    /// Reads up to the first words. Thinking counts as a sign of life: the first sign must come
    /// within `first` of `since`, each further one within the stall limit.
    pub(super) async fn begin(mut self, since: Instant, first: Duration) -> Result<Self, Failed> {
        let mut limit = Limit {
            since,
            length: first,
            missing: "no first token",
        };
        loop {
            match self.event(limit).await {
                Ok(Event::Text(text)) => {
                    self.ready.push_back(Generated::Text(text));
                    return Ok(self);
                }
                Ok(Event::Thinking) => limit = self.stall_limit(),
                Ok(Event::Nothing) => {}
                Ok(Event::End) => {
                    let reason = match self.finish_reason {
                        Some(FinishReason::Length) => {
                            "it reached max_output_tokens before its first word"
                        }
                        Some(FinishReason::ContentFilter) => "its filter held the answer back",
                        Some(FinishReason::Stop) | None => "the answer is empty",
                    };
                    self.close(CallOutcome::BadResponse);
                    return Err(Failed::for_good(
                        self.endpoint.bad_response(&self.model, reason),
                    ));
                }
                Err(failed) => {
                    self.fail(&failed.error);
                    return Err(failed);
                }
            }
        }
    }

    pub(super) async fn next(&mut self) -> Option<Result<Generated, ModelError>> {
        if let Some(ready) = self.ready.pop_front() {
            return Some(Ok(ready));
        }
        self.attempt.as_ref()?;
        let mut limit = self.stall_limit();
        loop {
            match self.event(limit).await {
                Ok(Event::Text(text)) => return Some(Ok(Generated::Text(text))),
                Ok(Event::Thinking) => limit = self.stall_limit(),
                Ok(Event::Nothing) => {}
                Ok(Event::End) => return self.close(CallOutcome::Ok).map(Ok),
                Err(failed) => {
                    self.fail(&failed.error);
                    return Some(Err(failed.error));
                }
            }
        }
    }

    fn stall_limit(&self) -> Limit {
        Limit {
            since: Instant::now(),
            length: self.stall,
            missing: "nothing further",
        }
    }

    async fn event(&mut self, limit: Limit) -> Result<Event, Failed> {
        let Limit {
            since,
            length,
            missing,
        } = limit;
        let chunk = timeout_at(since + length, self.chunks.next())
            .await
            .map_err(|_| Failed::for_good(self.endpoint.too_slow(&self.model, missing, length)))?;
        let mut chunk = match chunk {
            Some(Ok(chunk)) => chunk,
            // Some servers break the connection instead of sending `[DONE]`.
            Some(Err(_)) | None if self.finish_reason.is_some() => return Ok(Event::End),
            Some(Err(error)) => return Err(self.endpoint.failed(&self.model, error)),
            None if self.usage.is_some() => return Ok(Event::End),
            None => return Err(self.unavailable("the stream ended before the answer did")),
        };
        if let Some(error) = chunk.error.take() {
            let said = quoted(&provider_text(&error.to_string()), self.endpoint.key());
            return Err(self.unavailable(&format!("it broke the answer off: {said}")));
        }
        self.usage = chunk.usage.or(self.usage);
        self.finish_reason = chunk.finish_reason().or(self.finish_reason);
        let text = chunk.text();
        if text.is_empty() {
            return Ok(if chunk.is_thinking() {
                Event::Thinking
            } else {
                Event::Nothing
            });
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.output.push_str(&text);
        }
        Ok(Event::Text(text))
    }

    fn unavailable(&self, reason: &str) -> Failed {
        Failed::again(ModelError::Unavailable {
            model: self.model.clone(),
            place: self.endpoint.place().to_owned(),
            reason: reason.to_owned(),
        })
    }

    /// Books the call, with the tokens that the server reported or else with counted ones.
    fn close(&mut self, outcome: CallOutcome) -> Option<Generated> {
        let attempt = self.attempt.take()?;
        let usage = self
            .usage
            .and_then(wire::Usage::reported)
            .unwrap_or_else(|| attempt.estimate());
        let cost = attempt.close(Some(usage), outcome);
        Some(Generated::Done {
            finish_reason: self.finish_reason.unwrap_or(FinishReason::Stop),
            usage,
            cost,
        })
    }

    fn fail(&mut self, error: &ModelError) {
        self.close(outcome(error));
    }
}
