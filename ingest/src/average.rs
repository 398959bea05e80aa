//! BM25's average passage length of a new collection: known before its first point is written, so
//! that each sparse vector is computed once.

use docent_core::index::lexical;

use crate::collection;
use crate::prepare::Batch;
use crate::run::{IngestError, Run};

/// Chunks that are looked at: all of a small collection. In a large one the rest may be different;
/// the end of the run compares, and computes the sparse vectors anew where it is.
pub(crate) const SAMPLE: usize = 8192;
/// From so many chunks on every eighth is enough.
const EACH: usize = 1024;
const THEN_EVERY: usize = 8;

/// What was read so far of a new collection. Its batches are embedded meanwhile; their points wait for
/// the average.
#[derive(Default)]
pub(crate) struct Sample {
    documents: u64,
    chunks: usize,
    counted: u32,
    length: usize,
}

impl Sample {
    /// `None`: the average is known, or is computed at the end of the run.
    pub(crate) fn of(run: &Run) -> Option<Self> {
        (run.fresh && run.average_length.get().is_none()).then(Self::default)
    }

    /// Counts a batch.
    pub(crate) fn add(&mut self, batch: &Batch) {
        self.documents += batch.documents() as u64;
        for chunk in batch.prepared_chunks() {
            if self.chunks < EACH || self.chunks.is_multiple_of(THEN_EVERY) {
                self.counted += 1;
                self.length += lexical::length(&chunk.payload.lexical_text());
            }
            self.chunks += 1;
        }
    }

    pub(crate) fn is_enough(&self) -> bool {
        self.chunks >= SAMPLE
    }

    /// Freezes the average. It is written to the ledger before anything is written to the index: a run
    /// that is interrupted and completed by the next one ends in the same vectors. `documents` is how
    /// many the source has.
    pub(crate) async fn freeze(self, run: &Run, documents: u64) -> Result<(), IngestError> {
        if self.is_enough() {
            // As many as the rest comes to, if it is like the sample.
            let points = self.chunks as u64 * documents / self.documents.max(1);
            let index = &run.app.index;
            index.spread(&run.collection, points as usize).await?;
        }
        if self.chunks > 0 {
            let average = self.length as f64 / f64::from(self.counted);
            collection::freeze_average(run, average).await?;
            let _ = run.average_length.set(average);
        }
        Ok(())
    }
}
