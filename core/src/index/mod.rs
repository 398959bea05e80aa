//! The vector index: Qdrant's engine in this process, or a Qdrant server. Nothing outside this
//! folder knows Qdrant.
//!
//! Read [`point`] for what is stored, [`lexical`], [`rarity`], [`question`] and [`glossary`] for the
//! sparse side, [`fusion`] for how the arms meet, [`collection`] for how collections are named, then `edge` and `server` for the two engines.
//! [`VectorIndex`] is the only way in; what it tells of points is in `read`, and a search in `search`.

pub mod collection;
mod edge;
pub mod facts;
pub mod fusion;
pub mod glossary;
pub mod lexical;
pub mod point;
pub mod question;
pub mod rarity;
mod read;
mod search;
mod server;

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

pub use collection::{CollectionSpec, collection_name, shares_embedding};
pub use facts::{AskedFacts, Facts};
pub use fusion::{Place, Weights};
pub use glossary::Glossary;
pub use lexical::SparseVector;
pub use point::{
    End, Facet, Filter, Hit, Moment, Page, Payload, Point, SearchRequest, StoredPoint,
};
pub use question::{Alternative, Match, Question, QuestionTerm, Synonym};
pub use rarity::TermFrequencies;
pub use search::dot;

use crate::config;

/// Why an index call failed, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The server does not answer, or the folder cannot be used now: try again later.
    #[error("the index at {place} cannot be reached: {reason}")]
    Unavailable { place: String, reason: String },
    /// The engine refused the request: a defect here, or a collection made by something else.
    #[error("the index at {place} refused the request: {reason}")]
    Rejected { place: String, reason: String },
    /// What is stored cannot be read: only building it again helps.
    #[error("the index at {place} is damaged: {reason}; `docent ingest --full` rebuilds it")]
    Damaged { place: String, reason: String },
}

/// The index, whichever of the two engines holds it. Cheap to clone.
///
/// Every method that takes a collection's `name` is rejected where there is no such collection.
#[derive(Debug, Clone)]
pub struct VectorIndex {
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    Edge(Arc<edge::EdgeIndex>),
    Server(Arc<server::ServerIndex>),
}

/// The same call to whichever engine it is.
macro_rules! engine {
    ($index:ident.$method:ident($($argument:expr),*)) => {
        match &$index.engine {
            Engine::Edge(edge) => edge.$method($($argument),*).await,
            Engine::Server(server) => server.$method($($argument),*).await,
        }
    };
}
use engine;

impl VectorIndex {
    /// The server that the settings name, or the embedded index in `folder`, which is made if it
    /// is not there. A server is not contacted yet and no collection is read: see
    /// [`VectorIndex::ready`].
    pub fn open(settings: &config::Index, folder: &Path) -> Result<Self, IndexError> {
        let engine = if settings.qdrant_url.is_empty() {
            Engine::Edge(Arc::new(edge::EdgeIndex::open(settings, folder)?))
        } else {
            Engine::Server(Arc::new(server::ServerIndex::open(settings)?))
        };
        Ok(Self { engine })
    }

    /// Where the index is, in words for a person: a folder, or a URL without its key.
    pub fn place(&self) -> &str {
        match &self.engine {
            Engine::Edge(edge) => edge.place(),
            Engine::Server(server) => server.place(),
        }
    }

    /// Whether the engine answers and the live collection, if there is one, can be searched.
    pub async fn ready(&self) -> Result<(), IndexError> {
        match self.live().await? {
            Some(name) => self.generation(&name).await.map(drop),
            None => Ok(()),
        }
    }

    /// Makes a collection, if it is not there, and those of its payload indexes that are not. One of
    /// the same name with vectors of another length is rejected.
    pub async fn create(&self, spec: &CollectionSpec) -> Result<(), IndexError> {
        engine!(self.create(spec))
    }

    /// The collection that questions are searched in.
    pub async fn live(&self) -> Result<Option<String>, IndexError> {
        engine!(self.live())
    }

    /// Makes a collection the live one, in one step: a search sees the old one or the new one.
    pub async fn switch(&self, name: &str) -> Result<(), IndexError> {
        engine!(self.switch(name))
    }

    /// The collections that [`collection_name`] named with the configured prefix, sorted.
    pub async fn collections(&self) -> Result<Vec<String>, IndexError> {
        engine!(self.collections())
    }

    /// Deletes a collection and its points; nothing happens if there is none. Works on a damaged
    /// one. If it was the live one, none is live afterwards.
    pub async fn remove(&self, name: &str) -> Result<(), IndexError> {
        engine!(self.remove(name))
    }

    /// The generation last set, kept beside the points; `None` for a new collection.
    pub async fn generation(&self, name: &str) -> Result<Option<Uuid>, IndexError> {
        engine!(self.generation(name))
    }

    /// Sets the generation, durably, after everything written before it.
    pub async fn set_generation(&self, name: &str, generation: Uuid) -> Result<(), IndexError> {
        engine!(self.set_generation(name, generation))
    }

    /// Stores points; those with the same id are replaced. A few hundred at once are fastest.
    ///
    /// The embedded engine slows down with every point since the last [`VectorIndex::optimize`]:
    /// it walks the whole list of each term's points (Edge 0.7.2, `PostingList::upsert`).
    pub async fn upsert(&self, name: &str, points: Vec<Point>) -> Result<(), IndexError> {
        if points.is_empty() {
            return Ok(());
        }
        engine!(self.upsert(name, points))
    }

    /// Deletes points; ids that are not there are passed over.
    pub async fn delete(&self, name: &str, ids: &[Uuid]) -> Result<(), IndexError> {
        if ids.is_empty() {
            return Ok(());
        }
        engine!(self.delete(name, ids))
    }

    /// Deletes every point that the filter matches: all of them for an empty filter.
    pub async fn delete_matching(&self, name: &str, filter: &Filter) -> Result<(), IndexError> {
        if filter.matches_nothing() {
            return Ok(());
        }
        engine!(self.delete_matching(name, filter))
    }

    /// Replaces payloads and sparse vectors; the dense vectors stay as they are. Points that are
    /// not there are rejected.
    pub async fn set_metadata(
        &self,
        name: &str,
        changes: Vec<(Uuid, Payload, SparseVector)>,
    ) -> Result<(), IndexError> {
        if changes.is_empty() {
            return Ok(());
        }
        engine!(self.set_metadata(name, changes))
    }

    /// Replaces sparse vectors and nothing else. Points that are not there are rejected.
    pub async fn set_sparse(
        &self,
        name: &str,
        changes: Vec<(Uuid, SparseVector)>,
    ) -> Result<(), IndexError> {
        if changes.is_empty() {
            return Ok(());
        }
        engine!(self.set_sparse(name, changes))
    }

    /// Returns when everything written to the collection would survive a power cut.
    pub async fn flush(&self, name: &str) -> Result<(), IndexError> {
        engine!(self.flush(name))
    }

    /// Readies an empty collection for so many points, about: the embedded engine is slow to fill
    /// otherwise.
    pub async fn spread(&self, name: &str, points: usize) -> Result<(), IndexError> {
        match &self.engine {
            Engine::Edge(edge) => edge.spread(name, points).await,
            // A server spreads points by itself.
            Engine::Server(_) => Ok(()),
        }
    }

    /// Opens a collection and has what searches touch read into memory, as far as half of what is free
    /// goes: the first questions need not wait for the disk. Gives the bytes read.
    pub async fn warm(&self, name: &str) -> Result<u64, IndexError> {
        match &self.engine {
            Engine::Edge(edge) => edge.warm(name).await,
            // A server keeps its own memory.
            Engine::Server(_) => Ok(0),
        }
    }

    /// Builds the graph that makes searches in many points fast. To be called after a run: the
    /// embedded engine does it now (searches go on, writes wait), a server does it by itself.
    pub async fn optimize(&self, name: &str) -> Result<(), IndexError> {
        engine!(self.optimize(name))
    }
}
