//! From texts to unit vectors: an OpenAI-compatible server, or the model inside docent.

mod batch;
mod builtin;
mod openai;
mod parts;
mod vector;
mod wire;

use std::borrow::Cow;

use rust_decimal::Decimal;

pub use self::builtin::BuiltinEmbedder;
pub use self::openai::OpenAiEmbedder;
pub use self::parts::parts;
use super::{CallFor, CostBook, ModelError, TokenCounter};
use crate::config::{ConfigError, Embedding, EmbeddingKind};
use crate::redaction::Redactor;

/// Turns texts into vectors. Cheap to clone; clones share limits and connections.
#[derive(Clone)]
pub enum Embedder {
    OpenAi(OpenAiEmbedder),
    Builtin(BuiltinEmbedder),
}

/// A text's vector and its share of what the request used.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// Of length 1.
    pub vector: Vec<f32>,
    /// Input tokens, as reported; counted here where the provider reports nothing.
    pub tokens: u64,
    /// US dollars; `None`: no price is configured.
    pub cost: Option<Decimal>,
}

/// Takes vectors as they arrive, each with the position of its text.
pub type Arrived<'a> = dyn Fn(&[(usize, &[f32])]) + Send + Sync + 'a;

/// The vectors of the texts that `wanted` chooses.
fn vectors(
    embedded: &[Result<Embedded, ModelError>],
    wanted: impl Fn(usize) -> bool,
) -> Vec<(usize, &[f32])> {
    let given = embedded.iter().enumerate().filter(|(at, _)| wanted(*at));
    given
        .filter_map(|(at, one)| Some((at, one.as_ref().ok()?.vector.as_slice())))
        .collect()
}

/// What makes vectors comparable: those of two spaces must never meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingSpace {
    pub model: String,
    pub dimensions: usize,
    pub passage_prefix: String,
    /// Fingerprint of the rules that texts are redacted by; `None`: they are sent as they are.
    pub redaction: Option<String>,
}

impl EmbeddingSpace {
    /// The space's lasting name, readable by a person. Question prefix and question model do not
    /// belong to it; normalisation does, and is always to length 1.
    pub fn fingerprint(&self) -> String {
        let mut fingerprint = format!(
            "{} dimensions={} passage_prefix={:?} unit",
            self.model, self.dimensions, self.passage_prefix
        );
        if let Some(redaction) = &self.redaction {
            fingerprint.push_str(" redaction=");
            fingerprint.push_str(redaction);
        }
        fingerprint
    }
}

impl Embedder {
    /// Builds what `config` describes, without any network. The error names the wrong setting.
    pub fn new(config: &Embedding, book: CostBook) -> Result<Self, ConfigError> {
        match config.kind {
            EmbeddingKind::OpenAi => OpenAiEmbedder::new(config, book)
                .map(Self::OpenAi)
                .map_err(ConfigError),
            EmbeddingKind::Builtin => Ok(Self::Builtin(BuiltinEmbedder::new(book))),
        }
    }

    /// [`Embedder::space`] where it can be told without asking the model.
    pub fn known_space(&self) -> Option<EmbeddingSpace> {
        match self {
            Self::OpenAi(openai) => openai.known_space(),
            Self::Builtin(builtin) => Some(builtin.space()),
        }
    }

    /// Redacts what is sent to the server, where it is not local. The built-in model is.
    #[must_use]
    pub fn redacting(self, redactor: Option<&Redactor>) -> Self {
        if let (Self::OpenAi(openai), Some(redactor)) = (&self, redactor) {
            openai.redact_by(redactor);
        }
        self
    }

    /// A text as it is sent, without the prefix.
    pub fn sent<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::OpenAi(openai) => openai.sent(text),
            Self::Builtin(_) => Cow::Borrowed(text),
        }
    }

    /// The space of this embedder's vectors. Where the configuration leaves the dimensions open,
    /// the model is asked once, with a tiny text.
    pub async fn space(&self) -> Result<EmbeddingSpace, ModelError> {
        match self {
            Self::OpenAi(openai) => openai.space().await,
            Self::Builtin(builtin) => Ok(builtin.space()),
        }
    }

    /// Takes the length of the vectors from a collection that this very model built, so that the
    /// model need not be asked.
    pub fn remember_dimensions(&self, fingerprint: &str, dimensions: usize) {
        if let Self::OpenAi(openai) = self {
            openai.remember_dimensions(fingerprint, dimensions);
        }
    }

    /// Counts as the model does.
    pub fn counter(&self) -> &TokenCounter {
        match self {
            Self::OpenAi(openai) => openai.counter(),
            Self::Builtin(builtin) => builtin.counter(),
        }
    }

    /// Longest text that is embedded in one piece, in tokens; longer ones are embedded in parts.
    pub fn max_input_tokens(&self) -> usize {
        match self {
            Self::OpenAi(openai) => openai.max_input_tokens(),
            Self::Builtin(builtin) => builtin.max_input_tokens(),
        }
    }

    /// The model's name as the ledger shows it.
    pub fn model(&self) -> &str {
        match self {
            Self::OpenAi(openai) => openai.model(),
            Self::Builtin(builtin) => builtin.model(),
        }
    }

    /// Embeds a question. It is impatient: someone is waiting.
    pub async fn embed_question(
        &self,
        call: &CallFor,
        question: &str,
    ) -> Result<Embedded, ModelError> {
        match self {
            Self::OpenAi(openai) => openai.embed_question(call, question).await,
            Self::Builtin(builtin) => builtin.embed_one(call, question).await,
        }
    }

    /// Embeds passages; the results stand in the order of the texts. A text fails alone, and an
    /// embedding that was received is never asked for again.
    pub async fn embed_passages(
        &self,
        call: &CallFor,
        passages: &[String],
    ) -> Vec<Result<Embedded, ModelError>> {
        self.embed_arriving(call, passages, &|_| {}).await
    }

    /// [`Embedder::embed_passages`], which shows the vectors of each answer as soon as it is there.
    /// A text that was sent in parts is shown with the last of all answers.
    pub async fn embed_arriving(
        &self,
        call: &CallFor,
        passages: &[String],
        arrived: &Arrived<'_>,
    ) -> Vec<Result<Embedded, ModelError>> {
        match self {
            Self::OpenAi(openai) => openai.embed_passages(call, passages, arrived).await,
            Self::Builtin(builtin) => {
                let embedded = builtin.embed_all(call, passages).await;
                arrived(&vectors(&embedded, |_| true));
                embedded
            }
        }
    }

    /// Tokens that are sent for a passage, as far as they can be counted here: with its prefix, and in
    /// parts where it is longer than the model's limit.
    pub fn passage_tokens(&self, passage: &str) -> u64 {
        match self {
            Self::OpenAi(openai) => openai.passage_tokens(passage),
            Self::Builtin(builtin) => builtin.counter().count(passage.trim()) as u64,
        }
    }

    /// Requests that may be under way at once, as things stand.
    pub fn requests_at_once(&self) -> usize {
        match self {
            Self::OpenAi(openai) => openai.requests_at_once(),
            Self::Builtin(_) => 1,
        }
    }
}
