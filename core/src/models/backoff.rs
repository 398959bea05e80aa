//! How long to wait before the next attempt, and when to stop trying.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::failure::{Failed, Next};

/// First wait; each further one is twice as long, with jitter so that callers who failed together
/// do not come back together.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);

/// How patient a caller is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Further attempts after the first.
    pub(super) retries: usize,
    /// A server that asks for a longer wait is given up at once.
    pub(super) longest_wait: Duration,
}

/// The attempts of one request.
pub(super) struct Attempts {
    waits: ExponentialBackoff,
    longest_wait: Duration,
    once_more: bool,
}

impl Attempts {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            waits: ExponentialBuilder::new()
                .with_min_delay(FIRST_WAIT)
                .with_max_delay(LONGEST_BACKOFF)
                .with_max_times(patience.retries)
                .with_jitter()
                .build(),
            longest_wait: patience.longest_wait,
            once_more: patience.retries > 0,
        }
    }

    /// The wait before the next attempt; `None`: no further one.
    pub(super) fn wait_after(&mut self, failed: &Failed) -> Option<Duration> {
        let after = match failed.next {
            Next::Again { after } => after,
            Next::OnceMore => {
                if !std::mem::take(&mut self.once_more) {
                    return None;
                }
                None
            }
            Next::Smaller | Next::GiveUp => return None,
        };
        let backoff = self.waits.next()?;
        match after {
            Some(asked) if asked > self.longest_wait => None,
            // A little later than asked, each caller by another bit.
            Some(asked) => Some(asked.max(FIRST_WAIT / 4) + backoff / 8),
            None => Some(backoff),
        }
    }
}
