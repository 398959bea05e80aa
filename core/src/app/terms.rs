//! How rare the terms of the live collection are, in memory: read before the first question is answered,
//! again after a run, and by a question that finds another collection live.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{App, OpenError};
use crate::index::TermFrequencies;

/// How long a question waits until they are read: a ledger that is away is no reason not to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is known of the terms.
#[derive(Default)]
pub(super) struct Terms {
    known: RwLock<Known>,
    /// Held by whoever reads them: the others wait for the same.
    reading: Mutex<()>,
}

#[derive(Default)]
struct Known {
    /// Whose terms they are; `None`: they were not read yet.
    collection: Option<String>,
    frequencies: Arc<TermFrequencies>,
}

impl App {
    /// Reads how rare the live collection's terms are. Without it every term counts alike, and a question's
    /// words are all unknown.
    pub async fn load_terms(&self) -> Result<(), OpenError> {
        let Some(live) = self.index.live().await? else {
            return Ok(());
        };
        let _reading = self.terms.reading.lock().await;
        self.read_terms(live).await
    }

    /// Sees to it that the terms were read, whatever of.
    pub async fn know_terms(&self) {
        if self.terms.known.read().collection.is_none()
            && let Ok(Some(live)) = self.index.live().await
        {
            self.terms_of(&live).await;
        }
    }

    /// The terms of a collection, which are read first where those in memory are another's: a process
    /// learns of a collection that another one has made by searching it. While they cannot be read, what
    /// there is.
    pub async fn terms_of(&self, collection: &str) -> Arc<TermFrequencies> {
        let known = || {
            let known = self.terms.known.read();
            let is_of_it = known.collection.as_deref() == Some(collection);
            is_of_it.then(|| Arc::clone(&known.frequencies))
        };
        if let Some(frequencies) = known() {
            return frequencies;
        }
        let reading = async {
            let _reading = self.terms.reading.lock().await;
            if known().is_none()
                && let Err(error) = self.read_terms(collection.to_owned()).await
            {
                tracing::debug!(%error, "the terms' rarity could not be read");
            }
        };
        if timeout(PATIENCE, reading).await.is_err() {
            tracing::debug!("the terms' rarity is still being read");
        }
        self.terms()
    }

    /// The terms as they stand now.
    pub fn terms(&self) -> Arc<TermFrequencies> {
        Arc::clone(&self.terms.known.read().frequencies)
    }

    async fn read_terms(&self, collection: String) -> Result<(), OpenError> {
        let (chunks, length) = self.ledger.lexical_totals(&collection).await?;
        let mut terms =
            TermFrequencies::default().with_average_length(length as f32 / chunks.max(1) as f32);
        terms.add_chunks(chunks);
        self.ledger
            .each_term(&collection, |term, frequency| terms.add(term, frequency))
            .await?;
        *self.terms.known.write() = Known {
            collection: Some(collection),
            frequencies: Arc::new(terms),
        };
        Ok(())
    }
}
