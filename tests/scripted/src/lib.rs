//! Scripted servers for tests and benchmarks.

pub mod database;
pub mod hook;
pub mod mail;
pub mod openai;
pub mod site;
pub mod year;
pub mod slack;
