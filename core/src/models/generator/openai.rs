//! Answers of an OpenAI-compatible server's chat model.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_openai::error::OpenAIError;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use super::Completed;
use super::stream::ModelStream;
use super::wire::{Chunk, ModelList, Request, RequestMessage, StreamOptions, Usage};
use super::{GenerateRequest, Message};
use crate::config::Chat;
use crate::ledger::CallOutcome;
use crate::models::attempt::Attempt;
use crate::models::backoff::{Attempts, Patience};
use crate::models::failure::{Failed, Next};
use crate::models::http::Endpoint;
use crate::models::{CallFor, CostBook, ModelError, TokenCounter};
use crate::redaction::Redactor;

/// The model at OpenAI itself, where none is configured.
const DEFAULT_MODEL: &str = "gpt-4.1-mini";
/// A server that asks to wait longer is given up: quotes now are worth more than words later.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// The same of an ingest run.
const LONGEST_WAIT_OF_A_RUN: Duration = Duration::from_mins(2);
/// A run tries a request again at least so often.
const RETRIES_OF_A_RUN: usize = 4;
/// Longest time for a text that nobody waits for.
const LONGEST_TEXT: Duration = Duration::from_mins(5);

/// The client of one server and model.
#[derive(Clone)]
pub struct OpenAiGenerator(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    config: Chat,
    counter: TokenCounter,
    book: CostBook,
    model: OnceCell<String>,
    dialect: Dialect,
    redactor: OnceLock<Redactor>,
}

/// What this server wants otherwise than the first request said; learned from its refusals.
struct Dialect {
    max_completion_tokens: AtomicBool,
    temperature: AtomicBool,
    stream_options: AtomicBool,
}

impl Dialect {
    /// Whether a refusal names a parameter that can be sent otherwise. A server that does not know
    /// `max_completion_tokens` is told `max_tokens`, and the reverse.
    fn learn(&self, failed: &Failed) -> bool {
        let ModelError::Rejected { reason, .. } = &failed.error else {
            return false;
        };
        if failed.next != Next::Smaller {
            return false;
        }
        if reason.contains("max_tokens") && reason.contains("max_completion_tokens") {
            return !self.max_completion_tokens.swap(true, Ordering::Relaxed);
        }
        if reason.contains("max_completion_tokens") {
            return self.max_completion_tokens.swap(false, Ordering::Relaxed);
        }
        if reason.contains("stream_options") {
            return self.stream_options.swap(false, Ordering::Relaxed);
        }
        reason.contains("temperature") && self.temperature.swap(false, Ordering::Relaxed)
    }
}

impl OpenAiGenerator {
    pub(super) fn new(config: &Chat, book: CostBook) -> Result<Self, String> {
        let endpoint = Endpoint::new("chat", &config.base_url, &config.api_key)?;
        let dialect = Dialect {
            max_completion_tokens: AtomicBool::new(endpoint.is_openai()),
            temperature: AtomicBool::new(true),
            stream_options: AtomicBool::new(true),
        };
        Ok(Self(Arc::new(Inner {
            counter: TokenCounter::named(&config.tokenizer)
                .map_err(|error| format!("chat.{error}"))?,
            endpoint,
            config: config.clone(),
            book,
            model: OnceCell::new(),
            dialect,
            redactor: OnceLock::new(),
        })))
    }

    /// Redacts what is sent from now on, where the server is not local.
    pub(super) fn redact_by(&self, redactor: &Redactor) {
        if redactor.is_for(&self.0.config.base_url) {
            let _ = self.0.redactor.set(redactor.clone());
        }
    }

    fn redacted<'a>(&self, messages: &'a [Message]) -> Cow<'a, [Message]> {
        let Some(redactor) = self.0.redactor.get() else {
            return Cow::Borrowed(messages);
        };
        let redacted = messages.iter().map(|message| Message {
            role: message.role,
            content: redactor.redact(&message.content).into_owned(),
        });
        Cow::Owned(redacted.collect())
    }

    /// Opens a stream and reads its first words, trying again while that may help.
    pub(super) async fn generate(
        &self,
        call: &CallFor,
        request: &GenerateRequest,
    ) -> Result<ModelStream, ModelError> {
        let model = self.model().await?;
        let messages = self.redacted(&request.messages);
        let mut attempts = self.attempts();
        loop {
            let begun = self.begin(call, &model, &messages, request.max_output_tokens);
            match begun.await {
                Ok(stream) => return Ok(stream),
                Err(failed) => self.wait_or_fail(&mut attempts, failed).await?,
            }
        }
    }

    pub(super) async fn complete(
        &self,
        call: &CallFor,
        messages: &[Message],
        max_tokens: u32,
    ) -> Result<Completed, ModelError> {
        let limit = Duration::from_millis(self.0.config.first_token_ms);
        self.complete_in(call, messages, max_tokens, (limit, self.patience()))
            .await
    }

    /// For a run that nobody waits for: a long text may take minutes, and a server that asks to wait
    /// is waited for.
    pub(super) async fn complete_patiently(
        &self,
        call: &CallFor,
        messages: &[Message],
        max_tokens: u32,
    ) -> Result<Completed, ModelError> {
        let patience = Patience {
            retries: self.0.config.retries.max(RETRIES_OF_A_RUN),
            longest_wait: LONGEST_WAIT_OF_A_RUN,
        };
        self.complete_in(call, messages, max_tokens, (LONGEST_TEXT, patience))
            .await
    }

    async fn complete_in(
        &self,
        call: &CallFor,
        messages: &[Message],
        max_tokens: u32,
        (limit, patience): (Duration, Patience),
    ) -> Result<Completed, ModelError> {
        let model = self.model().await?;
        let messages = self.redacted(messages);
        let mut attempts = Attempts::new(patience);
        loop {
            match self
                .whole(call, &model, (&messages, max_tokens), limit)
                .await
            {
                Ok(completed) => return Ok(completed),
                Err(failed) => self.wait_or_fail(&mut attempts, failed).await?,
            }
        }
    }

    pub(super) async fn list_models(&self) -> Result<Vec<String>, ModelError> {
        let endpoint = &self.0.endpoint;
        let limit = Duration::from_millis(self.0.config.first_token_ms);
        let name = "the model list";
        let list = endpoint.client().models();
        let list: ModelList = timeout(limit, list.list_byot())
            .await
            .map_err(|_| endpoint.too_slow(name, "no answer", limit))?
            .map_err(|error| endpoint.failed(name, error).error)?;
        Ok(list.data.into_iter().map(|model| model.id).collect())
    }

    pub(super) async fn model(&self) -> Result<String, ModelError> {
        let config = &self.0.config;
        if !config.model.is_empty() {
            return Ok(config.model.clone());
        }
        if self.0.endpoint.is_openai() {
            return Ok(DEFAULT_MODEL.to_owned());
        }
        let model = self.0.model.get_or_try_init(|| async {
            let models = self.list_models().await?;
            let chat = models.into_iter().find(|name| !is_something_else(name));
            chat.ok_or_else(|| ModelError::Rejected {
                model: "a chat model".to_owned(),
                place: self.0.endpoint.place().to_owned(),
                reason: "it lists none; load one there or set chat.model".to_owned(),
            })
        });
        model.await.cloned()
    }

    fn attempts(&self) -> Attempts {
        Attempts::new(self.patience())
    }

    fn patience(&self) -> Patience {
        Patience {
            retries: self.0.config.retries,
            longest_wait: LONGEST_WAIT,
        }
    }

    async fn wait_or_fail(
        &self,
        attempts: &mut Attempts,
        failed: Failed,
    ) -> Result<(), ModelError> {
        if self.0.dialect.learn(&failed) {
            return Ok(());
        }
        let wait = attempts.wait_after(&failed).ok_or(failed.error)?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    async fn begin(
        &self,
        call: &CallFor,
        model: &str,
        messages: &[Message],
        max_tokens: u32,
    ) -> Result<ModelStream, Failed> {
        let endpoint = &self.0.endpoint;
        let limit = Duration::from_millis(self.0.config.first_token_ms);
        let stall = Duration::from_millis(self.0.config.stall_ms);
        let started = Instant::now();
        let attempt = self.attempt(call, model, messages);
        let body = self.body(model, messages, max_tokens, true);
        let chat = endpoint.client().chat();
        let sent = chat.create_stream_byot::<&Request<'_>, Chunk>(&body);
        let chunks = self.in_time(model, ("no first token", limit), sent).await;
        match chunks {
            Ok(chunks) => {
                let stream =
                    ModelStream::new(chunks, attempt, endpoint.clone(), model.to_owned(), stall);
                stream.begin(started, limit).await
            }
            Err(failed) => {
                attempt.fail(&failed);
                Err(failed)
            }
        }
    }

    async fn whole(
        &self,
        call: &CallFor,
        model: &str,
        (messages, max_tokens): (&[Message], u32),
        limit: Duration,
    ) -> Result<Completed, Failed> {
        let endpoint = &self.0.endpoint;
        let mut attempt = self.attempt(call, model, messages);
        let body = self.body(model, messages, max_tokens, false);
        let chat = endpoint.client().chat();
        let sent = chat.create_byot::<&Request<'_>, Chunk>(&body);
        match self.in_time(model, ("no answer", limit), sent).await {
            Ok(mut answer) => {
                attempt.output = answer.text();
                let text = attempt.output.trim().to_owned();
                let usage = answer.usage.and_then(Usage::reported);
                let usage = usage.unwrap_or_else(|| attempt.estimate());
                if text.is_empty() {
                    attempt.close(Some(usage), CallOutcome::BadResponse);
                    let error = endpoint.bad_response(model, "the answer is empty");
                    return Err(Failed::worked(error, Next::OnceMore));
                }
                let cost = attempt.close(Some(usage), CallOutcome::Ok);
                Ok(Completed { text, usage, cost })
            }
            Err(failed) => {
                attempt.fail(&failed);
                Err(failed)
            }
        }
    }

    async fn in_time<T>(
        &self,
        model: &str,
        (what, limit): (&str, Duration),
        sent: impl Future<Output = Result<T, OpenAIError>>,
    ) -> Result<T, Failed> {
        match timeout(limit, sent).await {
            Ok(answer) => answer.map_err(|error| self.0.endpoint.failed(model, error)),
            // Too slow once is too slow: the reader has waited long enough.
            Err(_) => Err(Failed::for_good(
                self.0.endpoint.too_slow(model, what, limit),
            )),
        }
    }

    fn attempt(&self, call: &CallFor, model: &str, messages: &[Message]) -> Attempt {
        let texts = messages.iter().map(|message| message.content.clone());
        let input = Arc::new(texts.collect());
        Attempt::start(&self.0.book, call, model, &self.0.counter, input)
    }

    fn body<'a>(
        &self,
        model: &'a str,
        messages: &'a [Message],
        max_tokens: u32,
        stream: bool,
    ) -> Request<'a> {
        let dialect = &self.0.dialect;
        let new_name = dialect.max_completion_tokens.load(Ordering::Relaxed);
        let options = stream && dialect.stream_options.load(Ordering::Relaxed);
        let temperature = dialect.temperature.load(Ordering::Relaxed);
        Request {
            model,
            messages: messages.iter().map(RequestMessage::from).collect(),
            stream,
            stream_options: options.then_some(StreamOptions {
                include_usage: true,
            }),
            max_tokens: (!new_name).then_some(max_tokens),
            max_completion_tokens: new_name.then_some(max_tokens),
            temperature: temperature.then_some(self.0.config.temperature),
        }
    }
}

/// Whether a listed model is known by its name not to answer questions.
fn is_something_else(name: &str) -> bool {
    let name = name.to_lowercase();
    [
        "embed",
        "rerank",
        "bge-",
        "e5-",
        "gte-",
        "minilm",
        "whisper",
        "tts",
        "dall-e",
        "moderation",
    ]
    .iter()
    .any(|mark| name.contains(mark))
}
