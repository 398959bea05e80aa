//! Scripted servers for tests and benchmarks.

pub mod database;
pub mod hook;
pub mod identity;
pub mod mail;
pub mod openai;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod qdrant;
pub mod site;
pub mod slack;
pub mod year;
