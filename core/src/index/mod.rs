//! The vector index: Qdrant's engine in this process, or a Qdrant server. Nothing outside this
//! folder knows Qdrant.
//!
//! Read [`point`] for what is stored, [`lexical`] for the sparse side, [`edge`] and [`server`] for
//! the two kinds. [`VectorIndex`] is the only way in.

pub mod lexical;
pub mod point;

pub use point::{Filter, Hit, Payload, Point, SearchRequest, StoredPoint};

/// Why an index call failed, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The server does not answer, or the folder cannot be opened: try again later.
    #[error("the index at {place} cannot be reached: {reason}")]
    Unavailable { place: String, reason: String },
    /// The engine refused the request: a defect here, or a collection made by something else.
    #[error("the index at {place} refused the request: {reason}")]
    Rejected { place: String, reason: String },
}
