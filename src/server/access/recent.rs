//! What was looked up in the ledger of late. It goes on working for some minutes while Postgres is
//! away.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use docent_core::ledger::LedgerError;
use parking_lot::Mutex;

/// How long nothing is looked up again: another process may take it away.
const FRESH: Duration = Duration::from_secs(5);
/// How long it holds without Postgres.
const KEPT: Duration = Duration::from_mins(10);
/// Entries remembered; when there are more, those of longest ago are looked up again.
const REMEMBERED: usize = 10_000;

/// What stands behind secrets, by their hash.
pub(super) struct Recent<T>(Mutex<HashMap<String, (T, Instant)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<T: Clone> Recent<T> {
    /// What a hash stands for; `None`: for nothing. An error is the ledger's, which is away and has not
    /// been asked for this hash of late.
    pub(super) async fn find(
        &self,
        hash: &str,
        look_up: impl Future<Output = Result<Option<T>, LedgerError>>,
    ) -> Result<Option<T>, LedgerError> {
        let known = self.0.lock().get(hash).cloned();
        if let Some((found, at)) = &known
            && at.elapsed() < FRESH
        {
            return Ok(Some(found.clone()));
        }
        match look_up.await {
            Ok(Some(found)) => {
                self.remember(hash.to_owned(), found.clone());
                Ok(Some(found))
            }
            Ok(None) => {
                self.forget(hash);
                Ok(None)
            }
            Err(error) => match known {
                Some((found, at)) if at.elapsed() < KEPT => Ok(Some(found)),
                _ => Err(error),
            },
        }
    }

    fn remember(&self, hash: String, found: T) {
        let mut known = self.0.lock();
        if known.len() >= REMEMBERED {
            known.retain(|_, (_, at)| at.elapsed() < FRESH);
        }
        known.insert(hash, (found, Instant::now()));
    }

    pub(super) fn forget(&self, hash: &str) {
        self.0.lock().remove(hash);
    }

    /// Looks everything up again: something was taken away.
    pub(super) fn forget_all(&self) {
        self.0.lock().clear();
    }
}
