//! The ingest stage: source → extract → clean → chunk → embed → index → record.
//!
//! `pipeline::run` shows the whole walk of a document.

mod pipeline;
pub mod run;

pub mod archive;
mod average;
mod budget;
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
mod received;
mod record;
mod removal;
pub mod report;
pub mod source;
mod spool;
mod vector_file;

pub use removal::HeldBack;
pub use report::{Progress, ProgressSender, RunReport, SourceReport};
pub use run::{IngestError, Request, run};
