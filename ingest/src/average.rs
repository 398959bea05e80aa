//! BM25's average passage length of a new collection: known before its first point is written, so
//! that each sparse vector is computed once.

use std::collections::VecDeque;

use docent_core::index::lexical;

use crate::collection;
use crate::prepare::{Batch, Batches};
use crate::run::{IngestError, Run};

/// Chunks that are looked at: all of a small collection. In a large one the rest may be different;
/// the end of the run compares, and computes the sparse vectors anew where it is.
const SAMPLE: usize = 8192;
/// From so many chunks on every eighth is enough.
const EACH: usize = 1024;
const THEN_EVERY: usize = 8;

/// Holds back the first batches of a new collection until the average length of their chunks is
/// known, and freezes it. The batches come back in their order; none where the average is known.
///
/// It is written to the ledger before anything is written to the index: a run that is interrupted
/// and completed by the next one ends in the same vectors. `documents` is how many the source has.
pub(crate) async fn sample(
    run: &Run,
    documents: u64,
    batches: &mut Batches,
) -> Result<VecDeque<Batch>, IngestError> {
    let mut held = VecDeque::new();
    if !run.fresh || run.average_length.get().is_some() {
        return Ok(held);
    }
    let (mut read, mut chunks, mut counted, mut length) = (0, 0, 0, 0);
    while chunks < SAMPLE
        && let Some(batch) = batches.next().await?
    {
        read += batch.documents() as u64;
        for chunk in batch.prepared_chunks() {
            if chunks < EACH || chunks % THEN_EVERY == 0 {
                counted += 1;
                length += lexical::length(&chunk.payload.lexical_text());
            }
            chunks += 1;
        }
        held.push_back(batch);
    }
    if chunks >= SAMPLE {
        // As many as the rest comes to, if it is like the sample.
        let points = chunks as u64 * documents / read.max(1);
        let index = &run.app.index;
        index.spread(&run.collection, points as usize).await?;
    }
    if chunks > 0 {
        let average = length as f64 / f64::from(counted);
        collection::freeze_average(run, average).await?;
        let _ = run.average_length.set(average);
    }
    Ok(held)
}
