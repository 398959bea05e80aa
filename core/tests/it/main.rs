//! Tests of docent-core against real parts: Postgres, Qdrant's engine, scripted HTTP servers.

mod index;
mod ledger;
mod models;
mod postgres;
