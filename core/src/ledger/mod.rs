//! The ledger: everything docent writes to Postgres. Only this folder holds SQL.
//!
//! [`record`] lists what is written without waiting, [`writer`] queues it and spools it while
//! Postgres is away, [`ingest`] is what a run reads and commits, [`chat`] what a conversation reads.

pub mod record;
mod writer;

pub use record::{
    CallOutcome, Channel, GeneratorKind, Interaction, InteractionOutcome, ModelCall, Origin,
    Purpose, Record, RetrievedPassage, UsageSource,
};
pub use writer::Writer;
