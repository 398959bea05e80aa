//! The ingest stage: source → extract → clean → chunk → embed → index → record.
//!
//! `pipeline::run` shows the whole walk of a document.

mod pipeline;
pub mod run;

mod answers;
pub mod archive;
mod average;
mod budget;
mod claim;
pub mod chunk;
pub mod clean;
mod collection;
mod embed;
pub mod extract;
mod flight;
mod index;
mod leftovers;
mod plan;
mod prepare;
pub mod purge;
mod received;
mod record;
mod removal;
pub mod report;
pub mod source;
mod spool;
mod traces;
mod vector_file;

pub use answers::{allowed, answer_document, index_answers};
pub use claim::Claim;
pub use clean::model::CleaningReport;
pub use removal::HeldBack;
pub use report::{Progress, ProgressSender, RunProgress, RunReport, SourceReport};
pub use run::{IngestError, Request, run, run_claimed};
