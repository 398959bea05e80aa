//! From a question and its passages to an answer: a chat model of an OpenAI-compatible server, or
//! the passages' best sentences, quoted word for word.

mod bare_code;
mod extractive;
pub mod marks;
mod openai;
mod sentences;
mod statements;
mod stream;
mod wire;

use std::vec;

use rust_decimal::Decimal;

pub use self::openai::OpenAiGenerator;
use self::stream::ModelStream;
use super::{CallFor, CostBook, ModelError, Usage};
use crate::config::{Chat, ChatKind, ConfigError};
use crate::index::{Facts, Question};
use crate::ledger::UsageSource;
use crate::redaction::Redactor;

/// Writes answers. Cheap to clone; clones share connections.
#[derive(Clone)]
pub enum Generator {
    OpenAi(OpenAiGenerator),
    /// Quotes the passages; needs no model and costs nothing.
    Extractive,
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
}

/// A message of the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

/// A chunk that may be cited.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Passage {
    /// Its citation: `[number]`.
    pub number: usize,
    /// Markdown, as it stands in the document.
    pub text: String,
    pub title: String,
    /// Headings above it, outermost first.
    pub heading: Vec<String>,
    /// Cosine of question and passage; 0 where unknown.
    pub cosine: Option<f32>,
    /// Fused score of the retrieval.
    pub score: f32,
    /// The data product that its document is about.
    pub asset: Option<String>,
    /// Whether it is somebody's answer to just this question.
    pub preferred: bool,
    /// What its document's metadata say.
    pub facts: Facts,
}

/// What is to be answered. A model reads `messages`; the extractive generator reads the rest.
#[derive(Debug, Clone, Default)]
pub struct GenerateRequest {
    /// The standalone question.
    pub question: String,
    /// The prompt, with the passages in it.
    pub messages: Vec<Message>,
    /// Best first.
    pub passages: Vec<Passage>,
    pub max_output_tokens: u32,
    /// The question's terms, how rare each is, and what may stand for it.
    pub terms: Question,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It was finished.
    Stop,
    /// It reached `max_output_tokens`.
    Length,
    /// The provider's filter cut it off.
    ContentFilter,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Generated {
    Text(String),
    /// The last piece.
    Done {
        finish_reason: FinishReason,
        usage: Usage,
        /// US dollars; `None`: no price is configured.
        cost: Option<Decimal>,
    },
}

/// A short text that came all at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Completed {
    pub text: String,
    pub usage: Usage,
    /// US dollars; `None`: no price is configured.
    pub cost: Option<Decimal>,
}

/// A piece of a passage that can be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotable<'a> {
    /// As it stands.
    pub text: &'a str,
    /// The last heading above it in the passage; empty: none.
    pub heading: &'a str,
}

/// The pieces of a passage that can be quoted, in reading order: sentences, list items, table rows
/// and lines of code.
pub fn quotable(passage: &str) -> impl Iterator<Item = Quotable<'_>> {
    sentences::sentences(passage)
        .into_iter()
        .map(|sentence| Quotable {
            text: sentence.text,
            heading: sentence.heading,
        })
}

/// The sentences of a paragraph, without the white space between them.
pub fn sentences_of(paragraph: &str) -> Vec<&str> {
    sentences::split(paragraph)
}

/// An answer that has begun. Dropping it stops the request, and books what was used as cancelled.
pub struct Generation(Kind);

enum Kind {
    Model(Box<ModelStream>),
    Quotes(vec::IntoIter<String>, bool),
}

impl Generation {
    /// The next piece; `None` after [`Generated::Done`] or an error.
    pub async fn next(&mut self) -> Option<Result<Generated, ModelError>> {
        match &mut self.0 {
            Kind::Model(stream) => stream.next().await,
            Kind::Quotes(quotes, finished) => match quotes.next() {
                Some(quote) => Some(Ok(Generated::Text(quote))),
                None if std::mem::replace(finished, true) => None,
                None => Some(Ok(Generated::Done {
                    finish_reason: FinishReason::Stop,
                    usage: Usage {
                        input_tokens: 0,
                        cached_tokens: 0,
                        output_tokens: 0,
                        source: UsageSource::Reported,
                    },
                    cost: Some(Decimal::ZERO),
                })),
            },
        }
    }
}

impl Generator {
    /// Builds what `config` describes, without any network. The error names the wrong setting.
    pub fn new(config: &Chat, book: CostBook) -> Result<Self, ConfigError> {
        match config.kind {
            ChatKind::OpenAi => OpenAiGenerator::new(config, book)
                .map(Self::OpenAi)
                .map_err(ConfigError),
            // Loading the configuration has decided `auto`; undecided, nothing is known to call.
            ChatKind::Extractive | ChatKind::Auto => Ok(Self::Extractive),
        }
    }

    /// Redacts what is sent to the server, where it is not local.
    #[must_use]
    pub fn redacting(self, redactor: Option<&Redactor>) -> Self {
        if let (Self::OpenAi(openai), Some(redactor)) = (&self, redactor) {
            openai.redact_by(redactor);
        }
        self
    }

    /// Whether answers are written by a chat model.
    pub fn is_model(&self) -> bool {
        matches!(self, Self::OpenAi(_))
    }

    /// Begins an answer and comes back with its first words. Until then a failed request is tried
    /// again, if the wait is short.
    pub async fn generate(
        &self,
        call: &CallFor,
        request: &GenerateRequest,
    ) -> Result<Generation, ModelError> {
        match self {
            Self::OpenAi(openai) => {
                let stream = openai.generate(call, request).await?;
                Ok(Generation(Kind::Model(Box::new(stream))))
            }
            Self::Extractive => {
                let quotes = extractive::quotes(request);
                Ok(Generation(Kind::Quotes(quotes.into_iter(), false)))
            }
        }
    }

    /// A short text of the chat model, all at once.
    pub async fn complete(
        &self,
        call: &CallFor,
        messages: &[Message],
        max_tokens: u32,
    ) -> Result<Completed, ModelError> {
        match self {
            Self::OpenAi(openai) => openai.complete(call, messages, max_tokens).await,
            Self::Extractive => Err(no_model()),
        }
    }

    /// [`complete`](Self::complete) for a run, which has time.
    pub async fn complete_patiently(
        &self,
        call: &CallFor,
        messages: &[Message],
        max_tokens: u32,
    ) -> Result<Completed, ModelError> {
        match self {
            Self::OpenAi(openai) => openai.complete_patiently(call, messages, max_tokens).await,
            Self::Extractive => Err(no_model()),
        }
    }

    /// The names of the models that the server lists.
    pub async fn list_models(&self) -> Result<Vec<String>, ModelError> {
        match self {
            Self::OpenAi(openai) => openai.list_models().await,
            Self::Extractive => Ok(Vec::new()),
        }
    }

    /// The chat model's name as the ledger shows it; asked for where the configuration leaves it
    /// to the server. `extractive` where there is none.
    pub async fn model(&self) -> Result<String, ModelError> {
        match self {
            Self::OpenAi(openai) => openai.model().await,
            Self::Extractive => Ok("extractive".to_owned()),
        }
    }
}

fn no_model() -> ModelError {
    ModelError::Rejected {
        model: "extractive".to_owned(),
        place: "docent".to_owned(),
        reason: "no chat model is configured; set chat.base_url or chat.api_key".to_owned(),
    }
}
