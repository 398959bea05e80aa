//! Scripted servers for tests and benchmarks.

pub mod database;
pub mod identity;
pub mod openai;
pub mod site;
pub mod slack;
pub mod year;
