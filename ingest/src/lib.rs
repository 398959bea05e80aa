//! The ingest stage: source → extract → clean → chunk → embed → index → record.
//!
//! [`pipeline::run`] shows the whole walk of a document.

pub mod pipeline;
pub mod run;

pub mod archive;
mod average;
mod claim;
pub mod chunk;
pub mod clean;
mod collection;
mod embed;
pub mod extract;
mod index;
mod prepare;
pub mod purge;
mod received;
mod record;
mod removal;
pub mod report;
pub mod source;

pub use claim::Claim;
pub use clean::model::CleaningReport;
pub use removal::HeldBack;
pub use report::{Progress, ProgressSender, RunProgress, RunReport, SourceReport};
pub use run::{IngestError, Request, run, run_claimed};
