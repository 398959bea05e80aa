//! Everything that calls a model, and the one place that books what a call cost.
//!
//! [`Embedder`] turns texts into vectors, [`Generator`] turns a question and its passages into an
//! answer. Both are enums with two kinds: one that speaks the OpenAI protocol, one built in. A
//! [`Reranker`] orders passages, where one is configured. Every call of any of them is booked through
//! [`CostBook`].

mod attempt;
mod backoff;
mod cost;
mod embedder;
mod error;
mod failure;
mod generator;
mod http;
mod pace;
mod reranker;
mod tokens;

pub use cost::{CallFor, CostBook, Meter, Tally, Usage};
pub use embedder::{
    Arrived, BuiltinEmbedder, Embedded, Embedder, EmbeddingSpace, OpenAiEmbedder, parts,
};
pub use error::ModelError;
pub use generator::{
    Completed, FinishReason, GenerateRequest, Generated, Generation, Generator, Message,
    OpenAiGenerator, Passage, Quotable, Role, marks, quotable, sentences_of,
};
pub use reranker::{Reranked, Reranker};
pub use tokens::TokenCounter;
