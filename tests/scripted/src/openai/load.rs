//! How much the server had to do.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Requests to `/v1/embeddings` since the start.
#[derive(Debug, Clone, Default)]
pub struct Load {
    pub accepted: usize,
    /// Answered with 429, because as many as the script allows were under way.
    pub refused: usize,
    /// Most accepted requests at once.
    pub most_at_once: usize,
    at_once: usize,
    /// What the accepted requests took, added up.
    served: Duration,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Load {
    /// The share of the time, from the first request to the last answer, in which each of `capacity`
    /// places was taken.
    pub fn busy(&self, capacity: usize) -> f64 {
        match (self.first, self.last) {
            (Some(first), Some(last)) if last > first => {
                self.served.as_secs_f64() / (capacity as f64 * (last - first).as_secs_f64())
            }
            _ => 0.0,
        }
    }
}

/// A request that is being served.
pub(super) struct Serving<'a> {
    load: &'a Mutex<Load>,
    since: Instant,
}

impl<'a> Serving<'a> {
    /// `None`: there are as many already as may be.
    pub(super) fn begin(load: &'a Mutex<Load>, most: Option<usize>) -> Option<Self> {
        let since = Instant::now();
        let mut now = load.lock();
        now.first.get_or_insert(since);
        if most.is_some_and(|most| now.at_once >= most) {
            now.refused += 1;
            return None;
        }
        now.accepted += 1;
        now.at_once += 1;
        now.most_at_once = now.most_at_once.max(now.at_once);
        drop(now);
        Some(Self { load, since })
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let mut now = self.load.lock();
        let ended = Instant::now();
        now.at_once -= 1;
        now.served += ended - self.since;
        now.last = Some(ended);
    }
}
