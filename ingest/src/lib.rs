//! The ingest walk of docent, in the order a document goes through it.

pub mod source;
pub mod extract;
pub mod clean;
pub mod chunk;
