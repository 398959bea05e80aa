//! The embedded engine: Qdrant Edge in a folder of this process.
//!
//! ```text
//! index/
//!   LIVE                    the name of the live collection, renamed into place
//!   docent-1f..-9a../       a collection: see `shard`
//! ```
//!
//! Edge is synchronous: every call here goes to a thread for blocking work.

mod convert;
mod files;
mod layout;
mod shard;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::try_join_all;
use parking_lot::Mutex;
use qdrant_edge::{OperationError, PointId, PointOperations, QueryRequest, UpdateOperation};
use tokio::sync::Semaphore;
use uuid::Uuid;

use self::shard::Shard;
use super::collection::belongs_to;
use super::fusion::{Arms, Scored};
use super::point::{End, Facet, Filter, Moment, Page, Payload, Point, SearchRequest};
use super::{CollectionSpec, IndexError, SparseVector};
use crate::config::{self, Quantization};

/// What is known of the live collection's name.
#[derive(Debug, Default)]
enum Live {
    #[default]
    Unread,
    Read(Option<String>),
}

/// The embedded index in a folder.
#[derive(Debug)]
pub(super) struct EdgeIndex {
    folder: PathBuf,
    place: String,
    prefix: String,
    quantization: Quantization,
    /// Collections that were used so far.
    open: Mutex<HashMap<String, Arc<Shard>>>,
    /// What `LIVE` says, once it was read: every question asks for it, and nobody else writes to the
    /// folder of an open index.
    live: Mutex<Live>,
    /// Searches that run at once: more than there are cores only makes all of them late.
    searches: Semaphore,
}

impl EdgeIndex {
    /// Opens the folder, and makes it if needed. What an interrupted creation or removal left
    /// behind is deleted.
    pub(super) fn open(settings: &config::Index, folder: &Path) -> Result<Self, IndexError> {
        let place = folder.display().to_string();
        files::prepare(folder).map_err(|error| IndexError::Unavailable {
            place: place.clone(),
            reason: error.to_string(),
        })?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            folder: folder.to_owned(),
            place,
            prefix: settings.collection.clone(),
            quantization: settings.quantization,
            open: Mutex::default(),
            live: Mutex::default(),
            searches: Semaphore::new(cores),
        })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) async fn create(self: &Arc<Self>, spec: &CollectionSpec) -> Result<(), IndexError> {
        let spec = spec.clone();
        self.blocking(move |index| {
            let folder = index.collection_folder(&spec.name)?;
            let mut open = index.open.lock();
            if !folder.exists() {
                Shard::create(&folder, spec.dimensions, index.quantization)?;
            }
            let shard = open_shard(&mut open, &spec.name, &folder)?;
            // Searches open theirs while this one waits for a writer.
            drop(open);
            if shard.dimensions() == spec.dimensions {
                shard.complete_indexes()
            } else {
                Err(IndexError::Rejected {
                    place: folder.display().to_string(),
                    reason: format!(
                        "its vectors have {} dimensions, not {}",
                        shard.dimensions(),
                        spec.dimensions
                    ),
                })
            }
        })
        .await
    }

    pub(super) async fn live(self: &Arc<Self>) -> Result<Option<String>, IndexError> {
        if let Live::Read(live) = &*self.live.lock() {
            return Ok(live.clone());
        }
        self.blocking(|index| {
            // Locked while it is read: a switch must not be overtaken by an older reading.
            let mut known = index.live.lock();
            let name = files::read_live(&index.folder).map_err(|error| index.failed(&error))?;
            let live = name.filter(|name| index.folder.join(name).is_dir());
            *known = Live::Read(live.clone());
            Ok(live)
        })
        .await
    }

    pub(super) async fn switch(self: &Arc<Self>, name: &str) -> Result<(), IndexError> {
        self.with_shard(name, {
            let (index, name) = (Arc::clone(self), name.to_owned());
            move |shard| {
                shard.flush()?;
                let mut live = index.live.lock();
                files::write_live(&index.folder, &name).map_err(|error| index.failed(&error))?;
                *live = Live::Read(Some(name));
                Ok(())
            }
        })
        .await
    }

    pub(super) async fn collections(self: &Arc<Self>) -> Result<Vec<String>, IndexError> {
        self.blocking(|index| {
            let mut names = files::folders(&index.folder).map_err(|error| index.failed(&error))?;
            names.retain(|name| belongs_to(&index.prefix, name));
            names.sort_unstable();
            Ok(names)
        })
        .await
    }

    pub(super) async fn remove(self: &Arc<Self>, name: &str) -> Result<(), IndexError> {
        let name = name.to_owned();
        self.blocking(move |index| {
            let folder = index.collection_folder(&name)?;
            let mut open = index.open.lock();
            if let Some(shard) = open.remove(&name) {
                shard.close();
            }
            let mut live = index.live.lock();
            *live = Live::Unread;
            files::remove_folder(&folder).map_err(|error| index.failed(&error))
        })
        .await
    }

    pub(super) async fn generation(
        self: &Arc<Self>,
        name: &str,
    ) -> Result<Option<Uuid>, IndexError> {
        self.with_shard(name, Shard::generation).await
    }

    pub(super) async fn set_generation(
        self: &Arc<Self>,
        name: &str,
        generation: Uuid,
    ) -> Result<(), IndexError> {
        self.with_shard(name, move |shard| shard.set_generation(generation))
            .await
    }

    pub(super) async fn upsert(
        self: &Arc<Self>,
        name: &str,
        points: Vec<Point>,
    ) -> Result<(), IndexError> {
        self.with_shard(name, |shard| shard.upsert(points)).await
    }

    pub(super) async fn delete(
        self: &Arc<Self>,
        name: &str,
        ids: &[Uuid],
    ) -> Result<(), IndexError> {
        let ids = ids.iter().copied().map(PointId::Uuid).collect();
        self.with_shard(name, |shard| shard.update([convert::delete(ids)]))
            .await
    }

    pub(super) async fn delete_matching(
        self: &Arc<Self>,
        name: &str,
        filter: &Filter,
    ) -> Result<(), IndexError> {
        let operation = UpdateOperation::PointOperation(PointOperations::DeletePointsByFilter(
            convert::filter(filter).unwrap_or_default(),
        ));
        self.with_shard(name, |shard| shard.update([operation]))
            .await
    }

    pub(super) async fn set_metadata(
        self: &Arc<Self>,
        name: &str,
        changes: Vec<(Uuid, Payload, SparseVector)>,
    ) -> Result<(), IndexError> {
        self.with_shard(name, |shard| shard.update(convert::set_metadata(changes)))
            .await
    }

    pub(super) async fn set_sparse(
        self: &Arc<Self>,
        name: &str,
        changes: Vec<(Uuid, SparseVector)>,
    ) -> Result<(), IndexError> {
        self.with_shard(name, |shard| shard.update([convert::set_sparse(changes)]))
            .await
    }

    pub(super) async fn page(
        self: &Arc<Self>,
        name: &str,
        filter: &Filter,
        offset: Option<Uuid>,
        limit: usize,
        with_dense: bool,
    ) -> Result<Page, IndexError> {
        let request = convert::scroll(filter, offset, limit, with_dense);
        self.with_shard(name, move |shard| {
            shard.read(|engine| convert::page(engine.scroll(request)?))
        })
        .await
    }

    pub(super) async fn facet(
        self: &Arc<Self>,
        name: &str,
        facet: Facet,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, IndexError> {
        let request = convert::facet(facet, filter, limit);
        self.with_shard(name, move |shard| {
            shard.read(|engine| engine.facet(request).map(convert::counted))
        })
        .await
    }

    pub(super) async fn at_end(
        self: &Arc<Self>,
        name: &str,
        moment: Moment,
        end: End,
        filter: &Filter,
    ) -> Result<Page, IndexError> {
        let request = convert::at_end(moment, end, filter);
        self.with_shard(name, move |shard| {
            shard.read(|engine| convert::page(engine.scroll(request)?))
        })
        .await
    }

    pub(super) async fn count(
        self: &Arc<Self>,
        name: &str,
        filter: &Filter,
    ) -> Result<u64, IndexError> {
        let request = convert::count(filter);
        self.with_shard(name, move |shard| {
            shard.read(|engine| engine.count(request).map(|count| count as u64))
        })
        .await
    }

    /// All arms, each on a thread of its own where one is free.
    pub(super) async fn arms(
        self: &Arc<Self>,
        name: &str,
        request: &SearchRequest,
    ) -> Result<Arms, IndexError> {
        let sparse_of = |words| convert::sparse_arm(words, request);
        let parts = request
            .parts
            .iter()
            .map(|part| self.arm(name, Some(sparse_of(part))));
        let (dense, sparse, parts) = tokio::try_join!(
            self.arm(name, convert::dense_arm(request)),
            self.arm(name, request.sparse.as_ref().map(sparse_of)),
            try_join_all(parts),
        )?;
        Ok(Arms {
            dense,
            sparse,
            parts,
        })
    }

    async fn arm(
        self: &Arc<Self>,
        name: &str,
        query: Option<QueryRequest>,
    ) -> Result<Vec<Scored>, IndexError> {
        let Some(query) = query else {
            return Ok(Vec::new());
        };
        let _turn = self.searches.acquire().await;
        self.with_shard(name, move |shard| {
            shard.read(|engine| convert::scored(engine.query(query)?))
        })
        .await
    }

    pub(super) async fn flush(self: &Arc<Self>, name: &str) -> Result<(), IndexError> {
        self.with_shard(name, Shard::flush).await
    }

    pub(super) async fn spread(
        self: &Arc<Self>,
        name: &str,
        points: usize,
    ) -> Result<(), IndexError> {
        self.with_shard(name, move |shard| shard.spread(points))
            .await
    }

    pub(super) async fn warm(self: &Arc<Self>, name: &str) -> Result<u64, IndexError> {
        self.with_shard(name, Shard::warm).await
    }

    pub(super) async fn optimize(self: &Arc<Self>, name: &str) -> Result<(), IndexError> {
        self.with_shard(name, Shard::optimize).await
    }

    async fn with_shard<T: Send + 'static>(
        self: &Arc<Self>,
        name: &str,
        work: impl FnOnce(&Shard) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let name = name.to_owned();
        self.blocking(move |index| {
            let folder = index.collection_folder(&name)?;
            let shard = open_shard(&mut index.open.lock(), &name, &folder)?;
            work(&shard)
        })
        .await
    }

    /// Runs on a thread for blocking work. A panic of the engine (it panics where the disk is full,
    /// for one) becomes an error.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, IndexError> {
        let index = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&index))
            .await
            .unwrap_or_else(|error| Err(self.failed(&error)))
    }

    fn collection_folder(&self, name: &str) -> Result<PathBuf, IndexError> {
        if files::is_collection_name(name) {
            Ok(self.folder.join(name))
        } else {
            Err(IndexError::Rejected {
                place: self.place.clone(),
                reason: format!(
                    "`{name}` cannot be a collection's name: letters, digits, `-`, `_` and single \
                     `.` inside it"
                ),
            })
        }
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> IndexError {
        IndexError::Unavailable {
            place: self.place.clone(),
            reason: error.to_string(),
        }
    }
}

fn open_shard(
    open: &mut HashMap<String, Arc<Shard>>,
    name: &str,
    folder: &Path,
) -> Result<Arc<Shard>, IndexError> {
    if let Some(shard) = open.get(name) {
        return Ok(Arc::clone(shard));
    }
    let shard = Arc::new(Shard::load(folder)?);
    open.insert(name.to_owned(), Arc::clone(&shard));
    Ok(shard)
}

/// What an error of the engine means for the caller.
fn engine_error(place: &Path, error: &OperationError) -> IndexError {
    let place = place.display().to_string();
    let reason = error.to_string();
    match error {
        OperationError::ServiceError { .. }
        | OperationError::OutOfMemory { .. }
        | OperationError::Cancelled { .. }
        | OperationError::Timeout { .. } => IndexError::Unavailable { place, reason },
        OperationError::InconsistentStorage { .. } => IndexError::Damaged { place, reason },
        _ => IndexError::Rejected { place, reason },
    }
}
