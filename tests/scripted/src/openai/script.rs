//! What the server does when nothing fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use docent_core::models::TokenCounter;
use serde_json::Value;

/// How requests are answered.
#[derive(Clone)]
pub struct Script {
    /// Models that `/v1/models` lists. Any name is accepted elsewhere.
    pub models: Vec<String>,
    /// Length of the vectors.
    pub dimensions: usize,
    /// Time that a request to `/v1/embeddings` takes.
    pub embedding_delay: Duration,
    /// Requests to `/v1/embeddings` that are taken at once; more are refused with status 429.
    pub max_at_once: Option<usize>,
    /// `Retry-After` of such a refusal, in seconds.
    pub retry_after: Option<u64>,
    /// A request with a longer text than this (in words) is refused with status 400.
    pub max_input_words: Option<usize>,
    /// A request with a text that contains this is refused with status 400.
    pub refused_word: Option<String>,
    /// Whether `encoding_format` is understood; where it is not, it is refused with status 400.
    pub base64: bool,
    /// Whether texts that were embedded and chat requests are kept for the test to look at.
    pub keep: bool,
    pub answer: Answer,
    /// Time to the first token.
    pub first_token: Duration,
    /// Pause before each further token.
    pub gap: Duration,
    /// Whether usage is reported, in both routes.
    pub usage: bool,
    /// Reported as `prompt_tokens_details.cached_tokens`.
    pub cached_tokens: u64,
    /// Parameters of a chat request that are refused with status 400.
    pub refused_parameters: Vec<String>,
    /// Texts with this in them are reranked to the top.
    pub preferred: Option<String>,
    /// Tokens are counted by this, as a provider would that bills them, with what its template puts around
    /// each message; words are counted without it.
    pub tokenizer: Option<TokenCounter>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            models: vec!["scripted-embedding".to_owned(), "scripted-chat".to_owned()],
            dimensions: 64,
            embedding_delay: Duration::ZERO,
            max_at_once: None,
            retry_after: None,
            max_input_words: None,
            refused_word: None,
            base64: true,
            keep: true,
            answer: Answer::Text("A scripted answer [1].".to_owned()),
            first_token: Duration::ZERO,
            gap: Duration::ZERO,
            usage: true,
            cached_tokens: 0,
            refused_parameters: Vec::new(),
            preferred: None,
            tokenizer: None,
        }
    }
}

/// What a chat request is answered with.
#[derive(Clone)]
pub enum Answer {
    Text(String),
    /// Made from the request's body.
    Made(Arc<dyn Fn(&Value) -> String + Send + Sync>),
    /// The response's body, byte by byte: whatever a strange server would send.
    Raw(String),
}

impl Answer {
    /// An answer made from the request's body, e.g. from the passages in its prompt.
    pub fn made(make: impl Fn(&Value) -> String + Send + Sync + 'static) -> Self {
        Self::Made(Arc::new(make))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Made(_) => f.write_str("Made(..)"),
            Self::Raw(body) => f.debug_tuple("Raw").field(body).finish(),
        }
    }
}
