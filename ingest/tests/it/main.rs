//! Tests of docent-ingest: real folders in, real index and ledger out.

mod bad_input;
mod chunking;
mod contracts;
mod dbt;
mod extraction;
mod formats;
mod front_matter;
mod fuzzing;
mod hostile;
mod includes;
mod isolated;
mod pages;
mod sources;
