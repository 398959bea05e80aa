//! The ingest stage: source → extract → clean → chunk → embed → index → record.
//!
//! [`pipeline::run`] shows the whole walk of a document.

pub mod pipeline;
pub mod run;

pub mod source;
pub mod extract;
pub mod clean;
pub mod chunk;
mod prepare;
mod embed;
mod index;
mod record;
mod collection;
pub mod report;

pub use report::{Progress, ProgressSender, RunReport, SourceReport};
pub use run::{IngestError, Request, run};
