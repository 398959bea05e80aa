//! Scripted servers for tests and benchmarks.

pub mod openai;
pub mod database;
