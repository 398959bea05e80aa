//! The sparse side of the index: from a text to weighted terms, the same for both engines.

/// Term ids (hashes, ascending, no doubles) and their weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}
