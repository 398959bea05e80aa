//! The ingest stage: source → extract → clean → chunk → embed → index → record.
//!
//! [`pipeline::run`] shows the whole walk of a document.

pub mod pipeline;
pub mod run;

pub mod archive;
mod average;
pub mod chunk;
pub mod clean;
mod collection;
mod embed;
pub mod extract;
mod index;
mod prepare;
mod received;
mod record;
mod removal;
pub mod report;
pub mod source;

pub use removal::HeldBack;
pub use report::{Progress, ProgressSender, RunReport, SourceReport};
pub use run::{IngestError, Request, run};
