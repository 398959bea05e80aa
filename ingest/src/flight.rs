//! Texts that are being embedded, by the hash of the text. The batches of a run share them: a text
//! that two batches need is asked for by the one that claimed it first, and the other one waits.
//!
//! A batch claims before it looks into the index, and gives its claims back when its points are there.
//! So a text is always either claimed or found.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::vector_file::{Key, key};

/// A vector, or why there is none; `None`: not yet.
type Came = Option<Result<Arc<Vec<f32>>, String>>;

/// The texts of a run that some batch has claimed.
#[derive(Default)]
pub(crate) struct Flight(Mutex<HashMap<Key, watch::Receiver<Came>>>);

/// What one batch has claimed, and what it waits for. The claims are given back when it is dropped.
#[derive(Default)]
pub(crate) struct Claims {
    flight: Arc<Flight>,
    mine: HashMap<String, watch::Sender<Came>>,
    others: Vec<(String, watch::Receiver<Came>)>,
}

impl Flight {
    /// Claims texts. Those that another batch has claimed are waited for instead.
    pub(crate) fn claim(self: &Arc<Self>, hashes: Vec<String>) -> Claims {
        let mut claims = Claims {
            flight: Arc::clone(self),
            mine: HashMap::new(),
            others: Vec::new(),
        };
        let mut claimed = self.0.lock();
        for hash in hashes {
            let Some(key) = key(&hash) else {
                continue;
            };
            if let Some(other) = claimed.get(&key) {
                claims.others.push((hash, other.clone()));
                continue;
            }
            let (sender, receiver) = watch::channel(None);
            claimed.insert(key, receiver);
            claims.mine.insert(hash, sender);
        }
        drop(claimed);
        claims
    }

    /// Whether a batch has claimed the text and is not yet in the index.
    pub(crate) fn holds(&self, hash: &str) -> bool {
        key(hash).is_some_and(|key| self.0.lock().contains_key(&key))
    }
}

impl Claims {
    /// Whether this batch has to care for a text.
    pub(crate) fn is_mine(&self, hash: &str) -> bool {
        self.mine.contains_key(hash)
    }

    /// Tells the batches that wait what came of a text.
    pub(crate) fn settle(&self, hash: &str, came: Result<Arc<Vec<f32>>, String>) {
        if let Some(sender) = self.mine.get(hash) {
            sender.send_replace(Some(came));
        }
    }

    /// Waits for the texts of other batches. No batch may wait before its own texts are settled: two
    /// would wait for each other.
    pub(crate) async fn others(&mut self) -> Vec<(String, Result<Arc<Vec<f32>>, String>)> {
        let mut came = Vec::with_capacity(self.others.len());
        for (hash, mut receiver) in self.others.drain(..) {
            let result = match receiver.wait_for(Option::is_some).await {
                Ok(settled) => settled.clone(),
                Err(_) => None,
            };
            let broke = || Err("the batch that embedded the same text broke off".to_owned());
            came.push((hash, result.unwrap_or_else(broke)));
        }
        came
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let mut claimed = self.flight.0.lock();
        for key in self.mine.keys().filter_map(|hash| key(hash)) {
            claimed.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(numbers: &[u32]) -> Vec<String> {
        numbers.iter().map(|n| format!("{n:032x}")).collect()
    }

    #[tokio::test]
    async fn two_batches_with_texts_of_each_other_both_get_them_and_ask_once() {
        let flight = Arc::new(Flight::default());
        let mut first = flight.claim(hashes(&[1, 2]));
        let mut second = flight.claim(hashes(&[2, 3, 1]));
        let one = hashes(&[1]).remove(0);
        assert!(first.is_mine(&one) && !second.is_mine(&one));
        assert!(second.is_mine(&hashes(&[3])[0]));
        first.settle(&one, Ok(Arc::new(vec![1.0])));
        first.settle(&hashes(&[2])[0], Err("refused".to_owned()));
        // Its points are in the index: the claims are gone, what was waited for is not.
        assert_eq!(first.others().await, []);
        drop(first);
        assert!(!flight.holds(&one));
        let came = second.others().await;
        assert_eq!(came[0].1, Err("refused".to_owned()));
        assert_eq!(came[1].1, Ok(Arc::new(vec![1.0])));
        assert!(flight.holds(&hashes(&[3])[0]));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_batch_that_broke_off() {
        let flight = Arc::new(Flight::default());
        let first = flight.claim(hashes(&[1]));
        let mut second = flight.claim(hashes(&[1]));
        drop(first);
        let came = second.others().await;
        assert!(came[0].1.is_err());
        // And the next one asks again.
        let again = hashes(&[1]);
        assert!(flight.claim(again.clone()).is_mine(&again[0]));
    }
}
