//! The vector index: Qdrant's engine in this process, or a Qdrant server. Nothing outside this
//! folder knows Qdrant.
//!
//! Read [`point`] for what is stored, [`lexical`], [`rarity`], [`question`] and [`glossary`] for the
//! sparse side, [`fusion`] for how the arms meet, [`collection`] for how collections are named, then `edge` and `server` for the two engines.
//! [`VectorIndex`] is the only way in.

pub mod collection;
mod edge;
pub mod facts;
pub mod fusion;
pub mod glossary;
pub mod lexical;
pub mod point;
pub mod question;
pub mod rarity;
mod server;

use std::collections::{HashMap, HashSet};
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

use crate::config;

/// Cosine of two vectors of unit length.
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    /// Sums side by side, so that the compiler may use vector instructions: one sum has one order.
    const SUMS: usize = 16;
    let ((left, left_rest), (right, right_rest)) =
        (left.as_chunks::<SUMS>(), right.as_chunks::<SUMS>());
    let mut sums = [0.0; SUMS];
    for (left, right) in left.iter().zip(right) {
        for (sum, (a, b)) in sums.iter_mut().zip(left.iter().zip(right)) {
            *sum += a * b;
        }
    }
    let rest = left_rest.iter().zip(right_rest).map(|(a, b)| a * b);
    sums.into_iter().chain(rest).sum()
}

/// What a place among the hits of a part of a question is worth beside one among those of the whole.
const PART: f32 = 0.5;

/// Points fetched at once where all matches are asked for.
const PAGE: usize = 512;

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

    /// All matching points, by ascending id.
    pub async fn points(
        &self,
        name: &str,
        filter: &Filter,
        with_dense: bool,
    ) -> Result<Vec<StoredPoint>, IndexError> {
        let mut found = Vec::new();
        if filter.matches_nothing() {
            return Ok(found);
        }
        let mut offset = None;
        loop {
            let page = engine!(self.page(name, filter, offset, PAGE, with_dense))?;
            found.extend(page.points);
            offset = page.next;
            if offset.is_none() {
                return Ok(found);
            }
        }
    }

    /// A page of all points, by ascending id, from `offset` on; `limit` is at least one.
    pub async fn scroll(
        &self,
        name: &str,
        offset: Option<Uuid>,
        limit: usize,
        with_dense: bool,
    ) -> Result<Page, IndexError> {
        engine!(self.page(name, &Filter::default(), offset, limit.max(1), with_dense))
    }

    /// A page of the matching points, by ascending id, from `offset` on; `limit` is at least one.
    pub async fn page(
        &self,
        name: &str,
        filter: &Filter,
        offset: Option<Uuid>,
        limit: usize,
    ) -> Result<Page, IndexError> {
        if filter.matches_nothing() {
            return Ok(Page::default());
        }
        engine!(self.page(name, filter, offset, limit.max(1), false))
    }

    /// The values of a field with the exact number of matching points that have each, the most
    /// frequent first, `limit` of them at the most. Points without a value are not counted.
    pub async fn facet(
        &self,
        name: &str,
        facet: Facet,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, IndexError> {
        if filter.matches_nothing() || limit == 0 {
            return Ok(Vec::new());
        }
        engine!(self.facet(name, facet, filter, limit))
    }

    /// The oldest or newest of the matching points' moments; `None` where none has any. A collection
    /// that was made before there was an index of moments, and not run since, is rejected.
    pub async fn moment(
        &self,
        name: &str,
        moment: Moment,
        end: End,
        filter: &Filter,
    ) -> Result<Option<chrono::DateTime<chrono::Utc>>, IndexError> {
        if filter.matches_nothing() {
            return Ok(None);
        }
        let found = engine!(self.at_end(name, moment, end, filter))?;
        Ok(found
            .points
            .first()
            .and_then(|point| moment.of(&point.payload)))
    }

    /// The dense vectors of texts that are in the collection, by [`Payload::text_hash`]; what is
    /// not there is missing from the map.
    pub async fn vectors_by_text_hash(
        &self,
        name: &str,
        hashes: &[String],
    ) -> Result<HashMap<String, Vec<f32>>, IndexError> {
        let mut vectors = HashMap::with_capacity(hashes.len());
        for hashes in hashes.chunks(PAGE) {
            let filter = Filter {
                text_hash: Some(hashes.to_vec()),
                ..Filter::default()
            };
            for point in self.points(name, &filter, true).await? {
                if let Some(dense) = point.dense {
                    vectors.insert(point.payload.text_hash, dense);
                }
            }
        }
        Ok(vectors)
    }

    /// The texts that are in the collection, of those that are asked for by [`Payload::text_hash`].
    pub async fn known_text_hashes(
        &self,
        name: &str,
        hashes: &[String],
    ) -> Result<HashSet<String>, IndexError> {
        let mut known = HashSet::new();
        for hashes in hashes.chunks(PAGE) {
            let filter = Filter {
                text_hash: Some(hashes.to_vec()),
                ..Filter::default()
            };
            let points = self.points(name, &filter, false).await?;
            known.extend(points.into_iter().map(|point| point.payload.text_hash));
        }
        Ok(known)
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

    /// Those of some documents that one of these groups may read now.
    pub async fn readable(
        &self,
        name: &str,
        documents: &[Uuid],
        groups: &[String],
    ) -> Result<HashSet<Uuid>, IndexError> {
        let mut readable = HashSet::new();
        for document in documents.iter().collect::<HashSet<_>>() {
            let filter = Filter {
                groups: Some(groups.to_vec()),
                document_id: Some(*document),
                ..Filter::default()
            };
            if self.count(name, &filter).await? > 0 {
                readable.insert(*document);
            }
        }
        Ok(readable)
    }

    /// The assets that the matching points are about, each once, in alphabetical order; `limit` at the
    /// most, those with the most points first.
    pub async fn assets(
        &self,
        name: &str,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, IndexError> {
        if filter.matches_nothing() {
            return Ok(Vec::new());
        }
        let counted = self.facet(name, Facet::Asset, filter, limit.max(1)).await?;
        let mut assets: Vec<String> = counted.into_iter().map(|(asset, _)| asset).collect();
        assets.sort_unstable();
        Ok(assets)
    }

    /// What the index holds of a document beside its text: the payload of one of its chunks. `None`: it is
    /// not there.
    pub async fn document(&self, name: &str, id: Uuid) -> Result<Option<Payload>, IndexError> {
        let filter = Filter {
            document_id: Some(id),
            ..Filter::default()
        };
        self.first(name, &filter).await
    }

    /// The same of a document that describes a data product.
    pub async fn describing(&self, name: &str, asset: &str) -> Result<Option<Payload>, IndexError> {
        let filter = Filter {
            asset: Some(asset.to_owned()),
            ..Filter::default()
        };
        self.first(name, &filter).await
    }

    async fn first(&self, name: &str, filter: &Filter) -> Result<Option<Payload>, IndexError> {
        let page = engine!(self.page(name, filter, None, 1, false))?;
        Ok(page.points.into_iter().next().map(|point| point.payload))
    }

    /// The exact number of matching points.
    pub async fn count(&self, name: &str, filter: &Filter) -> Result<u64, IndexError> {
        if filter.matches_nothing() {
            return Ok(0);
        }
        engine!(self.count(name, filter))
    }

    /// The best hits, best first; equal scores by ascending id. The filter holds inside each arm,
    /// before anything is ranked, and again when the payloads of the hits are fetched. Where a question
    /// has parts, what they find comes besides: up to `limit` hits for each, fused by their ranks.
    pub async fn search(&self, name: &str, request: SearchRequest) -> Result<Vec<Hit>, IndexError> {
        let Some(request) = request.checked() else {
            return Ok(Vec::new());
        };
        let arms = engine!(self.arms(name, &request))?;
        let mut fused = fusion::fuse(&arms, &request.weights);
        fused.truncate(request.limit);
        let mut found = self.hits(name, &request, &arms, &fused).await?;
        let mut own: Vec<(Uuid, f32)> = fused
            .iter()
            .filter_map(|fused| Some((fused.id, found.get(&fused.id)?.score)))
            .collect();
        own.sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        if !arms.parts.is_empty() {
            let whole = own.into_iter().map(|(id, _)| id).collect();
            let parts = arms.parts.iter().map(|part| {
                let ids = part.iter().map(|scored| scored.id).take(request.limit);
                (PART, ids.filter(|id| found.contains_key(id)).collect())
            });
            own = fusion::by_ranks(std::iter::once((1.0, whole)).chain(parts));
        }
        let hits = own.into_iter().filter_map(|(id, score)| {
            let mut hit = found.remove(&id)?;
            hit.score = score;
            Some(hit)
        });
        Ok(hits.collect())
    }

    /// What the arms found, with payload and vector, by id. What is gone meanwhile, or no longer for this
    /// caller, is left out.
    async fn hits(
        &self,
        name: &str,
        request: &SearchRequest,
        arms: &fusion::Arms,
        fused: &[fusion::Fused],
    ) -> Result<HashMap<Uuid, Hit>, IndexError> {
        let scale = fusion::Scale::of(arms, &request.weights);
        let places: HashMap<Uuid, &fusion::Fused> =
            fused.iter().map(|fused| (fused.id, fused)).collect();
        let of_parts = arms.parts.iter();
        let of_parts = of_parts.flat_map(|part| part.iter().take(request.limit));
        let mut ids: Vec<Uuid> = fused.iter().map(|fused| fused.id).collect();
        ids.extend(of_parts.map(|scored| scored.id));
        ids.sort_unstable();
        ids.dedup();
        let filter = Filter {
            ids: Some(ids),
            ..request.filter.clone()
        };
        let hits = self
            .points(name, &filter, true)
            .await?
            .into_iter()
            .map(|point| {
                let place = places.get(&point.id);
                let (dense_arm, sparse_arm) =
                    place.map_or((None, None), |place| (place.dense, place.sparse));
                let vector = point.dense.unwrap_or_default();
                let cosine = request.dense.as_ref().map(|asked| dot(asked, &vector));
                let hit = Hit {
                    id: point.id,
                    // Now that its vector is there, also what only the words found has its cosine.
                    score: scale.score(cosine, sparse_arm.map(|place| place.score)),
                    cosine,
                    dense_arm,
                    sparse_arm,
                    dense: vector,
                    payload: point.payload,
                };
                (point.id, hit)
            });
        Ok(hits.collect())
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
