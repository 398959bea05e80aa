//! Tests of the whole: the real service on port 0, a real Postgres, Qdrant's real engine, a scripted
//! model server, and the real binary.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, and clippy.toml frees only the tests themselves"
)]

mod access;
mod alerts;
mod answers;
mod binary;
mod chat;
mod cleaning;
mod data_products;
mod deploy;
mod digest;
mod economy;
mod eval;
mod feedback;
mod follow_ups;
mod formats;
mod grounding;
mod groups;
mod hostile;
mod ingest;
mod ingest_runs;
mod insights;
mod interrupted;
mod knowledge;
mod limits;
mod mcp;
mod metrics;
mod model_failures;
mod oidc;
mod openai;
mod openapi;
mod outage;
mod owner;
mod purge;
mod redaction;
mod replicas;
mod report;
mod reranking;
mod retention;
mod server;
mod slack;
mod sources;
mod support;
#[cfg(feature = "otlp")]
mod traces;
mod transcript;
mod turns;
mod ui_message;
mod usage;
mod widget;
