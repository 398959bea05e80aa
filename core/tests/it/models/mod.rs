//! Embedders and generators against a scripted server, and the built-in model.

mod builtin;
mod chat;
mod chat_faults;
mod embedding_faults;
mod embeddings;
mod rerank;
mod support;
