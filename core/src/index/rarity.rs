//! How rare the terms of a collection are.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::lexical::term_id;

/// A smaller collection says too little of how rare its words are: in one of three chunks, a word
/// that two of them hold would weigh next to nothing beside one that is missing by chance.
const FEW_CHUNKS: u32 = 200;

/// How many chunks of a collection hold each term. About 12 bytes a term.
#[derive(Debug, Clone, Default)]
pub struct TermFrequencies {
    by_term: HashMap<u32, u32, BuildHasherDefault<AsItIs>>,
    chunks: u32,
    average_length: f32,
}

impl TermFrequencies {
    /// From stored terms with the number of chunks that hold each, and the number of all chunks.
    /// Counts below one are left out.
    pub fn from_terms(terms: impl IntoIterator<Item = (String, i64)>, chunks: i64) -> Self {
        let mut frequencies = Self::default();
        frequencies.apply(terms, chunks);
        frequencies
    }

    /// With the average length of a chunk, in terms; 0 stands for unknown.
    #[must_use]
    pub fn with_average_length(mut self, average_length: f32) -> Self {
        self.average_length = average_length;
        self
    }

    /// The average length of a chunk, in terms; 0 where it is unknown.
    pub fn average_length(&self) -> f32 {
        self.average_length
    }

    /// Adds what a run changed: chunks more or fewer for each term, and of all.
    pub fn apply(&mut self, deltas: impl IntoIterator<Item = (String, i64)>, chunks: i64) {
        self.add_chunks(chunks);
        for (term, delta) in deltas {
            self.add(&term, delta);
        }
    }

    /// So many chunks more or fewer hold a term.
    pub fn add(&mut self, term: &str, delta: i64) {
        let id = term_id(term);
        let now = add(self.frequency(id), delta);
        if now == 0 {
            self.by_term.remove(&id);
        } else {
            self.by_term.insert(id, now);
        }
    }

    /// So many chunks more or fewer there are.
    pub fn add_chunks(&mut self, delta: i64) {
        self.chunks = add(self.chunks, delta);
    }

    /// The number of chunks counted.
    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// The number of chunks that hold the term.
    pub fn frequency(&self, term_id: u32) -> u32 {
        self.by_term.get(&term_id).copied().unwrap_or(0)
    }

    /// BM25's inverse document frequency, `ln(1 + (N - n + 0.5) / (n + 0.5))`, as Qdrant's `idf`
    /// modifier computes it, but for at least [`FEW_CHUNKS`]; always positive. A term that no chunk
    /// holds is the rarest.
    pub fn idf(&self, term_id: u32) -> f32 {
        let holding = self.frequency(term_id).min(self.chunks) as f32;
        let all = self.chunks.max(FEW_CHUNKS) as f32;
        ((all - holding + 0.5) / (holding + 0.5)).ln_1p()
    }
}

fn add(count: u32, delta: i64) -> u32 {
    i64::from(count)
        .saturating_add(delta)
        .clamp(0, i64::from(u32::MAX)) as u32
}

/// Term ids are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    // The table takes its bucket from the low bits and its tag from the high ones.
    fn write_u32(&mut self, id: u32) {
        self.0 = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
