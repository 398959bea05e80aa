//! A reranker reads the question together with each passage, which no vector does, and orders the best
//! hits anew. It is a server of its own: TEI, Cohere, Jina, or one that speaks as they do.

mod wire;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use rust_decimal::Decimal;
use tokio::time::{Instant, sleep, timeout};

use self::wire::{Request, Response};
use super::attempt::Attempt;
use super::backoff::{Attempts, Patience};
use super::failure::{Failed, Next, outcome};
use super::http::Endpoint;
use super::{CallFor, CostBook, ModelError, TokenCounter, Usage};
use crate::config::{ConfigError, Rerank, RerankKind};
use crate::ledger::{CallOutcome, UsageSource};
use crate::redaction::Redactor;

/// Where the two services are.
const COHERE: &str = "https://api.cohere.com/v2";
const JINA: &str = "https://api.jina.ai/v1";
/// Further attempts after a failed one, as far as the time for the question goes.
const RETRIES: usize = 2;
/// A server that does not answer is left alone for this long, so that not every question waits for it.
const REST: Duration = Duration::from_secs(10);

/// The client of one server and model. Cheap to clone; clones share what they know of the server.
#[derive(Clone)]
pub struct Reranker(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    config: Rerank,
    counter: TokenCounter,
    book: CostBook,
    trouble: Mutex<Trouble>,
    redactor: OnceLock<Redactor>,
}

/// What went wrong of late.
#[derive(Default)]
struct Trouble {
    said: bool,
    rests_until: Option<Instant>,
}

/// How well each text answers the question, in the order of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Reranked {
    /// From 0 to 1; `None` where the server left the text out.
    pub scores: Vec<Option<f32>>,
    /// Input tokens, as reported; counted here where the server reports nothing.
    pub tokens: u64,
    /// US dollars; `None`: no price is configured.
    pub cost: Option<Decimal>,
}

impl Reranker {
    /// Builds what `config` describes, without any network; `None` where there is to be none. The error
    /// names the wrong setting.
    pub fn new(config: &Rerank, book: CostBook) -> Result<Option<Self>, ConfigError> {
        let base_url = match (config.kind, config.base_url.as_str()) {
            (RerankKind::None, _) => return Ok(None),
            (RerankKind::Cohere, "") => COHERE,
            (RerankKind::Jina, "") => JINA,
            (_, base_url) => base_url,
        };
        let endpoint = Endpoint::new("rerank", base_url, &config.api_key).map_err(ConfigError)?;
        Ok(Some(Self(Arc::new(Inner {
            endpoint,
            config: config.clone(),
            counter: TokenCounter::bytes(),
            book,
            trouble: Mutex::default(),
            redactor: OnceLock::new(),
        }))))
    }

    /// Redacts what is sent to the server, where it is not local.
    #[must_use]
    pub fn redacting(self, redactor: Option<&Redactor>) -> Self {
        if let Some(redactor) = redactor
            && redactor.is_for(&self.0.config.base_url)
        {
            let _ = self.0.redactor.set(redactor.clone());
        }
        self
    }

    fn redacted<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.0.redactor.get() {
            Some(redactor) => redactor.redact(text),
            None => Cow::Borrowed(text),
        }
    }

    /// The model's name as the ledger shows it.
    pub fn model(&self) -> &str {
        match self.0.config.model.as_str() {
            "" => "tei",
            model => model,
        }
    }

    /// As [`rerank`](Self::rerank), for someone who can do without: `None` where the server failed, or
    /// failed a moment ago and is left alone. The log says so once, and when it works again.
    pub async fn try_rerank(
        &self,
        call: &CallFor,
        question: &str,
        texts: Vec<String>,
    ) -> Option<Reranked> {
        let rests = self.0.trouble.lock().rests_until;
        if rests.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match self.rerank(call, question, texts).await {
            Ok(reranked) => {
                if std::mem::take(&mut *self.0.trouble.lock()).said {
                    tracing::info!(model = self.model(), "the reranker works again");
                }
                Some(reranked)
            }
            Err(error) => {
                let mut trouble = self.0.trouble.lock();
                trouble.rests_until = match &error {
                    ModelError::Unavailable { .. } => Some(REST),
                    ModelError::RateLimited { retry_after, .. } => {
                        Some(retry_after.unwrap_or(REST))
                    }
                    ModelError::Rejected { .. } | ModelError::BadResponse { .. } => None,
                }
                .and_then(|rest| Instant::now().checked_add(rest));
                if !std::mem::replace(&mut trouble.said, true) {
                    tracing::warn!(%error, "nothing is reranked until it works again");
                }
                None
            }
        }
    }

    /// Asks the server how well each text answers the question, trying again while there is time.
    pub async fn rerank(
        &self,
        call: &CallFor,
        question: &str,
        texts: Vec<String>,
    ) -> Result<Reranked, ModelError> {
        let limit = Duration::from_millis(self.0.config.timeout_ms);
        let deadline = Instant::now() + limit;
        let question = &*self.redacted(question);
        let texts = texts.iter().map(|text| self.redacted(text).into_owned());
        let texts = Arc::new(texts.collect());
        let mut attempts = Attempts::new(Patience {
            retries: RETRIES,
            longest_wait: limit,
        });
        loop {
            let failed = match self.attempt(call, question, &texts, deadline).await {
                Ok(reranked) => return Ok(reranked),
                Err(failed) => failed,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            match attempts.wait_after(&failed) {
                Some(wait) if wait < left => sleep(wait).await,
                _ => return Err(failed.error),
            }
        }
    }

    /// One request and its line in the cost book.
    async fn attempt(
        &self,
        call: &CallFor,
        question: &str,
        texts: &Arc<Vec<String>>,
        deadline: Instant,
    ) -> Result<Reranked, Failed> {
        let Inner {
            endpoint, config, ..
        } = &*self.0;
        let input = Arc::clone(texts);
        let attempt = Attempt::start(&self.0.book, call, self.model(), &self.0.counter, input);
        let request = Request::new(config.kind, &config.model, question, texts);
        let left = deadline.saturating_duration_since(Instant::now());
        let sent = timeout(left, endpoint.post::<_, Response>("/rerank", &request)).await;
        let failed = match sent {
            Ok(Ok(response)) => return self.answer(attempt, texts.len(), &response),
            Ok(Err(error)) => endpoint.failed(self.model(), error),
            Err(_) => {
                let limit = Duration::from_millis(config.timeout_ms);
                Failed::again(endpoint.too_slow(self.model(), "no order", limit))
            }
        };
        if failed.worked {
            let usage = attempt.estimate();
            let searches = self.searches(|| Decimal::ONE);
            attempt.close_searches(usage, searches, outcome(&failed.error));
        } else {
            attempt.fail(&failed);
        }
        Err(failed)
    }

    /// Searches that are billed, where the service bills by them.
    fn searches(&self, billed: impl FnOnce() -> Decimal) -> Decimal {
        match self.0.config.kind {
            RerankKind::Cohere => billed(),
            RerankKind::Tei | RerankKind::Jina | RerankKind::None => Decimal::ZERO,
        }
    }

    fn answer(
        &self,
        attempt: Attempt,
        texts: usize,
        response: &Response,
    ) -> Result<Reranked, Failed> {
        let usage = match response.tokens() {
            Some(tokens) => Usage {
                input_tokens: tokens,
                cached_tokens: 0,
                output_tokens: 0,
                source: UsageSource::Reported,
            },
            None => attempt.estimate(),
        };
        let searches = self.searches(|| response.searches(texts));
        match response.scores(texts) {
            Ok(scores) => Ok(Reranked {
                scores,
                tokens: usage.input_tokens,
                cost: attempt.close_searches(usage, searches, CallOutcome::Ok),
            }),
            Err(reason) => {
                attempt.close_searches(usage, searches, CallOutcome::BadResponse);
                let error = self.0.endpoint.bad_response(self.model(), reason);
                Err(Failed::worked(error, Next::OnceMore))
            }
        }
    }
}
