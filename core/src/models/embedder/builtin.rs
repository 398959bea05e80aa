//! The sentence model inside docent: paraphrase-MiniLM-L3-v2 (English, 384 dimensions), on the CPU.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use pocket_encoder::Encoder;
use rust_decimal::Decimal;
use tokio::sync::Semaphore;

use super::vector::{cost_share, weighted_mean};
use super::{Embedded, EmbeddingSpace, parts};
use crate::ledger::{CallOutcome, UsageSource};
use crate::models::{CallFor, CostBook, ModelError, TokenCounter, Usage};
use crate::traces;

const MODEL: &str = "builtin/minilm-l3";
const DIMENSIONS: usize = 384;
/// The model reads 128 tokens, two of which it adds itself; `pocket-encoder` would drop the rest.
const MAX_INPUT_TOKENS: usize = 126;
/// `pocket-encoder` refuses longer texts, in bytes; whitespace costs bytes but no tokens, and a word
/// of any length that the model does not know costs one.
const MAX_INPUT_BYTES: usize = 65_536;

/// The built-in model.
#[derive(Clone)]
pub struct BuiltinEmbedder {
    counter: TokenCounter,
    book: CostBook,
    /// One permit a core: more texts at once would only fight for them.
    cores: Arc<Semaphore>,
}

impl BuiltinEmbedder {
    pub(super) fn new(book: CostBook) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            counter: TokenCounter::builtin(),
            book,
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    pub(super) fn space(&self) -> EmbeddingSpace {
        EmbeddingSpace {
            model: self.model().to_owned(),
            dimensions: DIMENSIONS,
            passage_prefix: String::new(),
            redaction: None,
        }
    }

    pub(super) fn counter(&self) -> &TokenCounter {
        &self.counter
    }

    #[expect(clippy::unused_self, reason = "the same call for both kinds")]
    pub(super) fn max_input_tokens(&self) -> usize {
        MAX_INPUT_TOKENS
    }

    #[expect(clippy::unused_self, reason = "the same call for both kinds")]
    pub(super) fn model(&self) -> &'static str {
        MODEL
    }

    pub(super) async fn embed_one(
        &self,
        call: &CallFor,
        text: &str,
    ) -> Result<Embedded, ModelError> {
        let mut embedded = self.embed_all(call, &[text.to_owned()]).await;
        embedded.pop().unwrap_or_else(|| Err(failed("no answer")))
    }

    /// One line in the cost book for all texts: they are one call.
    pub(super) async fn embed_all(
        &self,
        call: &CallFor,
        texts: &[String],
    ) -> Vec<Result<Embedded, ModelError>> {
        if texts.is_empty() {
            return Vec::new();
        }
        let started = Instant::now();
        let trace = traces::ModelCall::begin(call.purpose, MODEL);
        let vectors = join_all(texts.iter().map(|text| self.embed(text.clone()))).await;
        let tokens: u64 = vectors.iter().flatten().map(|(_, tokens)| tokens).sum();
        let outcome = if vectors.iter().any(Result::is_ok) {
            CallOutcome::Ok
        } else {
            CallOutcome::Rejected
        };
        let usage = Usage {
            input_tokens: tokens,
            cached_tokens: 0,
            output_tokens: 0,
            // Counted by the very tokenizer that the model reads with.
            source: UsageSource::Reported,
        };
        let latency = started.elapsed();
        let cost = self.book.record(call, MODEL, Some(usage), latency, outcome);
        trace.end(Some(&usage), cost, outcome);
        let share = |(vector, own): (Vec<f32>, u64)| Embedded {
            vector,
            tokens: own,
            cost: cost_share(cost, own, tokens).map(|cost: Decimal| cost.normalize()),
        };
        vectors
            .into_iter()
            .map(|vector| vector.map(share))
            .collect()
    }

    async fn embed(&self, text: String) -> Result<(Vec<f32>, u64), ModelError> {
        let permit = Arc::clone(&self.cores).acquire_owned().await;
        let counter = self.counter.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            encode(&text, &counter)
        });
        work.await
            .unwrap_or_else(|error| Err(failed(&error.to_string())))
    }
}

fn encode(text: &str, counter: &TokenCounter) -> Result<(Vec<f32>, u64), ModelError> {
    let encoder = Encoder::new().map_err(|error| failed(&error.to_string()))?;
    let mut vectors = Vec::new();
    let mut total = 0;
    let bytes = TokenCounter::bytes();
    let few_tokens = parts(text.trim(), MAX_INPUT_TOKENS, counter);
    let few_bytes = few_tokens
        .into_iter()
        .flat_map(|part| parts(part, MAX_INPUT_BYTES / 4, &bytes));
    for part in few_bytes.map(str::trim).filter(|part| !part.is_empty()) {
        let vector = encoder
            .embed(&[part])
            .map_err(|error| failed(&error.to_string()))?;
        let tokens = counter.count(part) as u64;
        total += tokens;
        vectors.extend(vector.into_iter().map(|vector| (vector, tokens)));
    }
    if vectors.is_empty() {
        return Err(failed("the text is empty"));
    }
    let vector = weighted_mean(&vectors).map_err(failed)?;
    Ok((vector, total))
}

fn failed(reason: &str) -> ModelError {
    ModelError::Rejected {
        model: MODEL.to_owned(),
        place: "docent".to_owned(),
        reason: reason.to_owned(),
    }
}
