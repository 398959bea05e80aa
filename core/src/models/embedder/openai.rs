//! Embeddings of an OpenAI-compatible server.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::future::join_all;
use parking_lot::Mutex;
use rust_decimal::Decimal;
use tokio::sync::{OnceCell, Semaphore};

use super::batch::{Batch, Piece, merged, packed};
use super::vector::{cost_share, normalised, shares};
use super::wire::{Request, Response};
use super::{Arrived, Embedded, EmbeddingSpace, parts, vectors};
use crate::config::Embedding;
use crate::ledger::{CallOutcome, Purpose, UsageSource};
use crate::models::attempt::Attempt;
use crate::models::backoff::Patience;
use crate::models::failure::{Failed, Next};
use crate::models::http::Endpoint;
use crate::models::pace::{Pace, Permit};
use crate::models::{CallFor, CostBook, ModelError, TokenCounter, Usage};
use crate::redaction::Redactor;

/// A server that asks an ingest run to wait longer than this is given up.
const LONGEST_WAIT_OF_A_RUN: Duration = Duration::from_mins(2);
/// The same while somebody waits for an answer.
const LONGEST_WAIT_OF_A_PERSON: Duration = Duration::from_secs(2);

/// The client of one server and model.
#[derive(Clone)]
pub struct OpenAiEmbedder(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    config: Embedding,
    counter: TokenCounter,
    book: CostBook,
    /// Requests for passages, of all runs together.
    pace: Pace,
    /// One permit a request for a question: nobody who asks waits behind a run.
    questions: Semaphore,
    /// Length of the vectors, once it is known.
    dimensions: OnceLock<usize>,
    asked: OnceCell<()>,
    /// Whether the server takes `encoding_format`.
    base64: AtomicBool,
    redactor: OnceLock<Redactor>,
}

/// What one request gave: a slot for each text, empty where the answer left it out.
pub(super) struct Answer {
    pub(super) slots: Vec<Option<Result<Embedded, ModelError>>>,
}

impl OpenAiEmbedder {
    pub(super) fn new(config: &Embedding, book: CostBook) -> Result<Self, String> {
        let dimensions = OnceLock::new();
        if config.dimensions > 0 {
            let _ = dimensions.set(config.dimensions);
        }
        Ok(Self(Arc::new(Inner {
            endpoint: Endpoint::new("embedding", &config.base_url, &config.api_key)?,
            counter: TokenCounter::named(&config.tokenizer)
                .map_err(|error| format!("embedding.{error}"))?,
            book,
            pace: Pace::new(config.concurrency, config.max_concurrency),
            questions: Semaphore::new(config.concurrency.max(1)),
            dimensions,
            asked: OnceCell::new(),
            base64: AtomicBool::new(true),
            redactor: OnceLock::new(),
            config: config.clone(),
        })))
    }

    /// Redacts what is sent from now on, where the server is not local.
    pub(super) fn redact_by(&self, redactor: &Redactor) {
        if redactor.is_for(&self.0.config.base_url) {
            let _ = self.0.redactor.set(redactor.clone());
        }
    }

    pub(super) fn sent<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.0.redactor.get() {
            Some(redactor) => redactor.redact(text),
            None => Cow::Borrowed(text),
        }
    }

    fn space_of(&self, dimensions: usize) -> EmbeddingSpace {
        let redactor = self.0.redactor.get();
        EmbeddingSpace {
            model: self.0.config.model.clone(),
            dimensions,
            passage_prefix: self.0.config.passage_prefix.clone(),
            redaction: redactor.map(|redactor| redactor.fingerprint().to_owned()),
        }
    }

    pub(super) async fn space(&self) -> Result<EmbeddingSpace, ModelError> {
        if self.0.dimensions.get().is_none() {
            self.0
                .asked
                .get_or_try_init(|| self.ask_dimensions())
                .await?;
        }
        Ok(self.space_of(self.0.dimensions.get().copied().unwrap_or_default()))
    }

    pub(super) fn known_space(&self) -> Option<EmbeddingSpace> {
        Some(self.space_of(*self.0.dimensions.get()?))
    }

    pub(super) fn remember_dimensions(&self, fingerprint: &str, dimensions: usize) {
        let space = self.space_of(dimensions);
        if space.fingerprint() == fingerprint {
            let _ = self.0.dimensions.set(dimensions);
        }
    }

    async fn ask_dimensions(&self) -> Result<(), ModelError> {
        let call = CallFor {
            purpose: Purpose::EmbedPassages,
            run_id: None,
            interaction_id: None,
        };
        let texts = ["docent".to_owned()];
        let mut embedded = self.embed_passages(&call, &texts, &|_| {}).await;
        embedded
            .pop()
            .unwrap_or_else(|| Err(self.bad_response(self.model(), "no vector")))?;
        Ok(())
    }

    pub(super) fn counter(&self) -> &TokenCounter {
        &self.0.counter
    }

    pub(super) fn max_input_tokens(&self) -> usize {
        self.0.config.max_input_tokens.max(1)
    }

    pub(super) fn model(&self) -> &str {
        &self.0.config.model
    }

    pub(super) fn requests_at_once(&self) -> usize {
        self.0.pace.limit()
    }

    pub(super) fn passage_tokens(&self, passage: &str) -> u64 {
        let prefix = &self.0.config.passage_prefix;
        let passage = self.sent(passage);
        let sent = parts(&passage, self.room(prefix), &self.0.counter)
            .into_iter()
            .filter(|part| !part.trim().is_empty())
            .map(|part| self.0.counter.count(&format!("{prefix}{part}")) as u64);
        sent.sum()
    }

    /// Tokens that a text may have beside the prefix.
    fn room(&self, prefix: &str) -> usize {
        let room = self.max_input_tokens();
        room.saturating_sub(self.0.counter.count(prefix)).max(1)
    }

    pub(super) fn bad_response(&self, model: &str, reason: impl Into<String>) -> ModelError {
        self.0.endpoint.bad_response(model, reason)
    }

    pub(super) async fn embed_question(
        &self,
        call: &CallFor,
        question: &str,
    ) -> Result<Embedded, ModelError> {
        let config = &self.0.config;
        let batch = Batch {
            embedder: self,
            call,
            model: if config.question_model.is_empty() {
                &config.model
            } else {
                &config.question_model
            },
            prefix: &config.question_prefix,
            patience: Patience {
                retries: config.retries.min(1),
                longest_wait: LONGEST_WAIT_OF_A_PERSON,
            },
        };
        let mut embedded = self.embed(&batch, &[question.to_owned()], &|_| {}).await;
        embedded
            .pop()
            .unwrap_or_else(|| Err(self.bad_response(batch.model, "no vector")))
    }

    pub(super) async fn embed_passages(
        &self,
        call: &CallFor,
        passages: &[String],
        arrived: &Arrived<'_>,
    ) -> Vec<Result<Embedded, ModelError>> {
        let config = &self.0.config;
        let batch = Batch {
            embedder: self,
            call,
            model: &config.model,
            prefix: &config.passage_prefix,
            patience: Patience {
                retries: config.retries,
                longest_wait: LONGEST_WAIT_OF_A_RUN,
            },
        };
        self.embed(&batch, passages, arrived).await
    }

    async fn embed(
        &self,
        batch: &Batch<'_>,
        texts: &[String],
        arrived: &Arrived<'_>,
    ) -> Vec<Result<Embedded, ModelError>> {
        let room = self.room(batch.prefix);
        let mut pieces = Vec::with_capacity(texts.len());
        for (owner, text) in texts.iter().enumerate() {
            let text = self.sent(text);
            let parts = parts(&text, room, &self.0.counter);
            let whole = parts.len() == 1;
            for part in parts {
                if !part.trim().is_empty() {
                    pieces.push(Piece {
                        owner,
                        text: part.to_owned(),
                        whole,
                    });
                }
            }
        }
        let config = &self.0.config;
        let batches = packed(
            pieces,
            config.batch_texts,
            config.batch_tokens,
            &self.0.counter,
        );
        let shown = Mutex::new(HashSet::new());
        let show = |vectors: &[(usize, &[f32])]| {
            shown.lock().extend(vectors.iter().map(|(owner, _)| *owner));
            arrived(vectors);
        };
        let each = batches.into_iter().map(|pieces| batch.embed(pieces, &show));
        let done = join_all(each).await;
        let empty = || ModelError::Rejected {
            model: batch.model.to_owned(),
            place: self.0.endpoint.place().to_owned(),
            reason: "the text is empty".to_owned(),
        };
        let merged = merged(texts.len(), done.into_iter().flatten(), &empty, &|reason| {
            self.bad_response(batch.model, reason)
        });
        let shown = shown.into_inner();
        arrived(&vectors(&merged, |at| !shown.contains(&at)));
        merged
    }

    /// One request and its line in the cost book.
    pub(super) async fn request(
        &self,
        call: &CallFor,
        model: &str,
        texts: Vec<String>,
    ) -> Result<Answer, Failed> {
        let texts = Arc::new(texts);
        if call.purpose == Purpose::EmbedQuestion {
            // The semaphore is never closed; without a permit the request would only be early.
            let _permit = self.0.questions.acquire().await.ok();
            return self.understood(call, model, &texts).await;
        }
        let permit = self.0.pace.permit().await;
        let sent = Instant::now();
        let answer = self.understood(call, model, &texts).await;
        self.learn(permit, sent.elapsed(), answer.as_ref().err());
        // Whoever waited for the slot sends before anything is made of this answer: it was woken on this
        // thread, and no other one takes it over.
        tokio::task::yield_now().await;
        answer
    }

    /// What an answer says about the pace. A provider that only just answers in time, or does not, has
    /// as much as it can take, whether it says so or not.
    fn learn(&self, permit: Permit<'_>, took: Duration, failed: Option<&Failed>) {
        let limit = Duration::from_millis(self.0.config.timeout_ms);
        match failed {
            None if took < limit / 4 => permit.good(),
            Some(Failed {
                error: ModelError::RateLimited { retry_after, .. },
                ..
            }) => permit.refused(*retry_after),
            Some(Failed {
                error: ModelError::Unavailable { .. },
                next: Next::Again { after },
                ..
            }) if after.is_some() || took >= limit => permit.refused(*after),
            Some(_) | None => {}
        }
    }

    /// The same in plain numbers, where the server does not know base64.
    async fn understood(
        &self,
        call: &CallFor,
        model: &str,
        texts: &Arc<Vec<String>>,
    ) -> Result<Answer, Failed> {
        loop {
            let base64 = self.0.base64.load(Ordering::Relaxed);
            match self.attempt(call, model, texts, base64).await {
                Err(Failed {
                    error: ModelError::Rejected { reason, .. },
                    ..
                }) if base64
                    && (reason.contains("encoding_format") || reason.contains("base64")) =>
                {
                    self.0.base64.store(false, Ordering::Relaxed);
                }
                answer => return answer,
            }
        }
    }

    async fn attempt(
        &self,
        call: &CallFor,
        model: &str,
        texts: &Arc<Vec<String>>,
        base64: bool,
    ) -> Result<Answer, Failed> {
        let config = &self.0.config;
        let limit = Duration::from_millis(config.timeout_ms);
        let attempt = Attempt::start(
            &self.0.book,
            call,
            model,
            &self.0.counter,
            Arc::clone(texts),
        );
        let request = Request {
            model,
            input: texts,
            encoding_format: base64.then_some("base64"),
            dimensions: config
                .send_dimensions
                .then_some(config.dimensions)
                .filter(|n| *n > 0),
        };
        let embeddings = self.0.endpoint.client().embeddings();
        let sent = embeddings.create_base64_byot::<&Request<'_>, Response>(&request);
        let failed = match tokio::time::timeout(limit, sent).await {
            Ok(Ok(response)) => return Ok(self.answer(attempt, model, texts, response)),
            Ok(Err(error)) => self.0.endpoint.failed(model, error),
            Err(_) => Failed::again(self.0.endpoint.too_slow(model, "no embeddings", limit)),
        };
        attempt.fail(&failed);
        Err(failed)
    }

    fn answer(
        &self,
        attempt: Attempt,
        model: &str,
        texts: &[String],
        response: Response,
    ) -> Answer {
        let usage = match response.tokens() {
            Some(tokens) => Usage {
                input_tokens: tokens,
                cached_tokens: 0,
                output_tokens: 0,
                source: UsageSource::Reported,
            },
            None => attempt.estimate(),
        };
        let vectors = self.in_order(model, texts.len(), response);
        let good = vectors.iter().flatten().any(Result::is_ok);
        let outcome = if good {
            CallOutcome::Ok
        } else {
            CallOutcome::BadResponse
        };
        let total = usage.input_tokens;
        let cost = attempt.close(Some(usage), outcome);
        let weights: Vec<u64> = texts.iter().map(|text| text.len() as u64).collect();
        let slots = vectors
            .into_iter()
            .zip(shares(total, &weights))
            .map(|(vector, tokens)| {
                Some(vector?.map(|vector| Embedded {
                    vector,
                    tokens,
                    cost: cost_share(cost, tokens, total).map(|cost: Decimal| cost.normalize()),
                }))
            });
        Answer {
            slots: slots.collect(),
        }
    }

    /// Puts each vector where its `index` says, or where it stands if none says. An index that is
    /// doubled or out of range makes all of them worthless: one of them is on the wrong text.
    fn in_order(
        &self,
        model: &str,
        wanted: usize,
        response: Response,
    ) -> Vec<Option<Result<Vec<f32>, ModelError>>> {
        let mut slots: Vec<Option<Result<Vec<f32>, ModelError>>> = vec![None; wanted];
        let given = response.data.len();
        let numbered = response.data.iter().any(|item| item.index.is_some());
        let broken = |reason: String| vec![Some(Err(self.bad_response(model, reason))); wanted];
        if !numbered && given != wanted {
            return broken(format!("{given} vectors without index for {wanted} texts"));
        }
        for (position, item) in response.data.into_iter().enumerate() {
            let index = item.index.unwrap_or(position);
            match slots.get_mut(index) {
                Some(slot) if slot.is_none() => {
                    *slot = Some(self.checked(model, item.embedding.0));
                }
                Some(_) => return broken(format!("two vectors have the index {index}")),
                None => return broken(format!("a vector has the index {index} of {wanted} texts")),
            }
        }
        slots
    }

    fn checked(&self, model: &str, vector: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        let length = vector.len();
        let vector = normalised(vector).map_err(|reason| self.bad_response(model, reason))?;
        let expected = *self.0.dimensions.get_or_init(|| length);
        if length == expected {
            return Ok(vector);
        }
        let reason = if self.0.config.dimensions > 0 {
            format!("a vector has {length} numbers, embedding.dimensions is {expected}")
        } else {
            format!("a vector has {length} numbers, the first one had {expected}")
        };
        Err(self.bad_response(model, reason))
    }
}
