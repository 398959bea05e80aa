//! Tests of docent-core against real parts: Postgres, Qdrant's engine, scripted HTTP servers.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do, and clippy.toml frees only the tests themselves"
)]

mod index;
mod ledger;
mod models;
mod postgres;
