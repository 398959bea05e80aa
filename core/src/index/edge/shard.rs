//! One collection of the embedded engine, in a folder of its own.
//!
//! What Edge leaves to its user (read at its source, version 0.7.2), and what is done about it:
//! - Loading does not replay its write-ahead log, so only what was flushed is sure to survive.
//!   A file `unflushed` stands in the folder from the first write until the next flush.
//! - A crash in the middle of a flush or of `optimize` can leave an old copy of a point beside the
//!   new one, and a search could find the old one with its old groups. Loading a folder with
//!   `unflushed` therefore looks for such points and leaves one copy of each, the newest.
//! - The log is never shortened. Its closed parts are deleted before a folder is loaded, and a
//!   folder with many of them is loaded again after `optimize`. The last part stays: operation
//!   numbers must go on from where they were, or Edge would take later writes for old ones and
//!   drop them.
//! - `flush` panics where a lock is taken or the disk is full, and dropping a shard flushes it.
//!   Writes, flushes and `optimize` happen under a lock of ours, one at a time.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use qdrant_edge::{
    EdgeShard, OperationResult, PointId, ScrollRequest, UpdateOperation, WithPayloadInterface,
    WithVector,
};
use uuid::Uuid;

use super::{convert, engine_error, files};
use crate::config::Quantization;
use crate::index::IndexError;
use crate::index::collection::DENSE;
use crate::index::edge::layout;
use crate::index::point::Point;

const GENERATION: &str = "generation";
const UNFLUSHED: &str = "unflushed";

/// Closed parts of the log from which on the folder is loaded again to be rid of them: 64 MB.
const LONG_LOG: usize = 8;

/// Points looked at together when copies are searched for.
const BATCH: usize = 1_000;

/// What a writer knows of a new collection that it fills.
#[derive(Debug, Default)]
struct Filling {
    /// Points that it is made ready for; `None`: it is not new, or nobody said that many would come.
    expected: Option<usize>,
    /// Points written since the last [`Shard::settle`].
    points: usize,
    /// Segments that are settled.
    settled: usize,
}

/// An open collection. Searches run in parallel with each other and with a writer.
#[derive(Debug)]
pub(super) struct Shard {
    folder: PathBuf,
    dimensions: usize,
    /// `None` once closed. Locked for writing only while the shard is loaded again or closed.
    engine: RwLock<Option<EdgeShard>>,
    /// Held by the one writer.
    writer: Mutex<Filling>,
    unflushed: AtomicBool,
    /// Whether the engine's count of sparse vectors may be too small: see [`Shard::miscounts`].
    miscounted: AtomicBool,
}

impl Shard {
    /// Makes an empty collection: all of it, or nothing.
    pub(super) fn create(
        folder: &Path,
        dimensions: usize,
        quantization: Quantization,
    ) -> Result<(), IndexError> {
        let mut passing = folder.as_os_str().to_owned();
        passing.push(files::NEW);
        let passing = PathBuf::from(passing);
        let unavailable = |error: std::io::Error| unavailable(folder, &error);
        if passing.exists() {
            fs::remove_dir_all(&passing).map_err(unavailable)?;
        }
        fs::create_dir_all(&passing).map_err(unavailable)?;
        let engine = EdgeShard::new(&passing, layout::config(dimensions, quantization))
            .map_err(|error| engine_error(folder, &error))?;
        for (_, operation) in layout::payload_indexes() {
            engine
                .update(operation)
                .map_err(|error| engine_error(folder, &error))?;
        }
        drop_engine(folder, engine)?;
        layout::drop_null_indexes(&passing).map_err(unavailable)?;
        fs::rename(&passing, folder).map_err(unavailable)?;
        files::sync_folder(folder.parent().unwrap_or(folder)).map_err(unavailable)
    }

    /// Spreads what comes, so many points, over several segments; nothing happens once there is a
    /// point. Edge walks over all of a term's points in a segment for each new one, so that a segment
    /// filled with many points takes a time that grows with their square.
    pub(super) fn spread(&self, points: usize) -> Result<(), IndexError> {
        let mut filling = self.writer.lock();
        if self.read(|engine| Ok(engine.info().points_count > 0))? {
            return Ok(());
        }
        self.reload(|| {
            layout::keep_empty(&self.folder)?;
            layout::copy_segments(&self.folder, points, self.dimensions)
        })?;
        *filling = Filling {
            expected: Some(points),
            ..Filling::default()
        };
        Ok(())
    }

    /// Loads the folder again, after `between` has changed it while the engine was closed.
    fn reload(&self, between: impl FnOnce() -> std::io::Result<()>) -> Result<(), IndexError> {
        let mut engine = self.engine.write();
        let Some(open) = engine.take() else {
            return Err(self.closed());
        };
        drop_engine(&self.folder, open)?;
        let done = between();
        *engine = Some(load_engine(&self.folder)?);
        done.map_err(|error| unavailable(&self.folder, &error))
    }

    /// Stores points, replacing those with the same id. Visible to searches at once, durable after a
    /// flush.
    pub(super) fn upsert(&self, points: Vec<Point>) -> Result<(), IndexError> {
        if points.iter().any(|point| point.sparse.is_empty()) {
            self.miscounts();
        }
        let mut filling = self.writer.lock();
        filling.points += points.len();
        self.update_as_writer([convert::upsert(points)])?;
        if let Some(expected) = filling.expected
            && layout::is_full(filling.points, expected, self.dimensions)
        {
            self.settle(&mut filling, expected)?;
        }
        Ok(())
    }

    /// Turns what a new collection was filled with so far into one segment that is read from the disk,
    /// still without a graph, and goes on with empty ones: what Edge holds of points that it may still
    /// change is 3 KB of memory for each.
    fn settle(&self, filling: &mut Filling, expected: usize) -> Result<(), IndexError> {
        self.mark_unflushed()?;
        self.read(|engine| {
            layout::aim_at_settled(engine, filling.settled + 1)?;
            engine.optimize()
        })?;
        self.flush_as_writer()?;
        self.reload(|| layout::copy_segments(&self.folder, expected, self.dimensions))?;
        filling.points = 0;
        filling.settled += 1;
        Ok(())
    }

    /// Opens a collection.
    pub(super) fn load(folder: &Path) -> Result<Self, IndexError> {
        if !folder.is_dir() {
            return Err(IndexError::Rejected {
                place: folder.display().to_string(),
                reason: "there is no such collection".to_owned(),
            });
        }
        let engine = load_engine(folder)?;
        let dimensions = engine
            .config()
            .vectors
            .get(DENSE)
            .map_or(0, |vector| vector.size);
        let shard = Self {
            folder: folder.to_owned(),
            dimensions,
            engine: RwLock::new(Some(engine)),
            writer: Mutex::default(),
            unflushed: AtomicBool::new(folder.join(UNFLUSHED).exists()),
            miscounted: AtomicBool::new(false),
        };
        if shard.unflushed.load(Ordering::Acquire) {
            shard.delete_old_copies()?;
            shard.flush()?;
        }
        Ok(shard)
    }

    /// Length of the dense vectors.
    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Makes the payload indexes that a collection from an earlier docent does not have.
    pub(super) fn complete_indexes(&self) -> Result<(), IndexError> {
        let known = self.read(|engine| Ok(engine.info().payload_schema))?;
        let missing: Vec<UpdateOperation> = layout::payload_indexes()
            .filter(|(field, _)| !known.contains_key(&layout::path(field)))
            .map(|(_, operation)| operation)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.update(missing)
    }

    /// Reads from the engine.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&EdgeShard) -> OperationResult<T>,
    ) -> Result<T, IndexError> {
        let engine = self.engine.read();
        let engine = engine.as_ref().ok_or_else(|| self.closed())?;
        work(engine).map_err(|error| engine_error(&self.folder, &error))
    }

    /// Writes, one operation after the other. Visible to searches at once, durable after a flush.
    pub(super) fn update(
        &self,
        operations: impl IntoIterator<Item = UpdateOperation>,
    ) -> Result<(), IndexError> {
        let _writer = self.writer.lock();
        self.update_as_writer(operations)
    }

    fn update_as_writer(
        &self,
        operations: impl IntoIterator<Item = UpdateOperation>,
    ) -> Result<(), IndexError> {
        self.mark_unflushed()?;
        self.read(|engine| {
            operations
                .into_iter()
                .try_for_each(|operation| engine.update(operation))
        })
    }

    /// Returns when everything written is on disk.
    pub(super) fn flush(&self) -> Result<(), IndexError> {
        let _writer = self.writer.lock();
        self.flush_as_writer()
    }

    /// Builds the graph of the dense vectors, drops what was deleted, and shortens a long log.
    pub(super) fn optimize(&self) -> Result<(), IndexError> {
        let mut filling = self.writer.lock();
        *filling = Filling::default();
        self.mark_unflushed()?;
        self.read(|engine| {
            layout::aim(engine)?;
            engine.optimize()
        })?;
        self.flush_as_writer()?;
        layout::forget_empty(&self.folder).map_err(|error| unavailable(&self.folder, &error))?;
        let miscounted = self.miscounted.swap(false, Ordering::AcqRel);
        if !miscounted && closed_logs(&self.folder).len() < LONG_LOG {
            return Ok(());
        }
        self.reload(|| Ok(()))
    }

    /// Has the system read what searches will touch. Edge drops it from memory when it loads a folder,
    /// and each question would wait for the disk, for a hundred questions or so.
    pub(super) fn warm(&self) -> Result<u64, IndexError> {
        files::read_ahead(&self.folder.join(layout::SEGMENTS))
            .map_err(|error| unavailable(&self.folder, &error))
    }

    /// Notes that points came without a sparse vector. When they get one, Edge 0.7.2 takes it for a
    /// replaced vector and does not count it (`InvertedIndexRam::upsert`); the number of vectors is
    /// what rarity is computed with, so that terms would weigh below zero. A folder that is loaded
    /// is counted anew: [`Shard::optimize`] loads it.
    pub(super) fn miscounts(&self) {
        self.miscounted.store(true, Ordering::Release);
    }

    pub(super) fn generation(&self) -> Result<Option<Uuid>, IndexError> {
        let text = files::read(&self.folder.join(GENERATION))
            .map_err(|error| unavailable(&self.folder, &error))?;
        Ok(text.and_then(|text| text.trim().parse().ok()))
    }

    pub(super) fn set_generation(&self, generation: Uuid) -> Result<(), IndexError> {
        let _writer = self.writer.lock();
        self.flush_as_writer()?;
        files::write(&self.folder, GENERATION, &format!("{generation}\n"))
            .map_err(|error| unavailable(&self.folder, &error))
    }

    /// Closes the engine, so that the folder can be removed. Later calls are rejected.
    pub(super) fn close(&self) {
        let _writer = self.writer.lock();
        if let Some(engine) = self.engine.write().take() {
            // What could not be flushed is about to be deleted.
            drop_engine(&self.folder, engine).ok();
        }
    }

    fn flush_as_writer(&self) -> Result<(), IndexError> {
        // A flush walks over every file, whatever was written.
        if !self.unflushed.load(Ordering::Acquire) {
            return Ok(());
        }
        let marker = self.folder.join(UNFLUSHED);
        let engine = self.engine.read();
        let engine = engine.as_ref().ok_or_else(|| self.closed())?;
        catch_unwind(AssertUnwindSafe(|| engine.flush()))
            .map_err(|panic| flush_failed(&self.folder, panic.as_ref()))?;
        if marker.exists() {
            fs::remove_file(&marker).map_err(|error| unavailable(&self.folder, &error))?;
        }
        self.unflushed.store(false, Ordering::Release);
        Ok(())
    }

    fn mark_unflushed(&self) -> Result<(), IndexError> {
        if !self.unflushed.load(Ordering::Acquire) {
            files::write(&self.folder, UNFLUSHED, "")
                .map_err(|error| unavailable(&self.folder, &error))?;
            self.unflushed.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Deletes every copy of the points that have more than one, and stores the newest again. A
    /// crash in between leaves the folder as it was: nothing is on disk before the next flush.
    fn delete_old_copies(&self) -> Result<(), IndexError> {
        let _writer = self.writer.lock();
        self.read(|engine| {
            let mut offset = None;
            loop {
                let (records, next) = engine.scroll(ScrollRequest {
                    offset,
                    limit: Some(BATCH),
                    filter: None,
                    with_payload: Some(WithPayloadInterface::Bool(false)),
                    with_vector: WithVector::Bool(false),
                    order_by: None,
                })?;
                let ids: Vec<PointId> = records.iter().map(|record| record.id).collect();
                if copies(engine, &ids)? > ids.len() {
                    let records = engine.retrieve(
                        &ids,
                        Some(WithPayloadInterface::Bool(true)),
                        Some(WithVector::Bool(true)),
                    )?;
                    engine.update(convert::delete(ids))?;
                    engine.update(convert::upsert_records(records))?;
                }
                offset = next;
                if offset.is_none() {
                    return Ok(());
                }
            }
        })
    }

    fn closed(&self) -> IndexError {
        IndexError::Rejected {
            place: self.folder.display().to_string(),
            reason: "the collection was removed".to_owned(),
        }
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        let marker = self.folder.join(UNFLUSHED);
        if let Some(engine) = self.engine.get_mut().take() {
            match drop_engine(&self.folder, engine) {
                Ok(()) => {
                    fs::remove_file(marker).ok();
                }
                Err(error) => tracing::error!(%error, "the index was closed without a flush"),
            }
        }
    }
}

/// Deletes the closed parts of the log, and loads what was flushed.
fn load_engine(folder: &Path) -> Result<EdgeShard, IndexError> {
    for log in closed_logs(folder) {
        fs::remove_file(log).map_err(|error| unavailable(folder, &error))?;
    }
    let loaded = catch_unwind(|| EdgeShard::load(folder, None));
    let error = match loaded {
        Ok(Ok(engine)) => return Ok(engine),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic_text(panic.as_ref()),
    };
    let place = folder.display().to_string();
    Err(if error.contains("WouldBlock") {
        IndexError::Unavailable {
            place,
            reason: "another process has it open; stop that one, or set QDRANT_URL to share an \
                     index"
                .to_owned(),
        }
    } else {
        IndexError::Damaged {
            place,
            reason: error,
        }
    })
}

/// The closed parts of the log but for the last, which tells where the numbers go on.
fn closed_logs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder.join("wal")) else {
        return Vec::new();
    };
    let mut closed: Vec<(u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let start = name.strip_prefix("closed-")?.parse().ok()?;
            Some((start, entry.path()))
        })
        .collect();
    closed.sort_unstable();
    closed.pop();
    closed.into_iter().map(|(_, path)| path).collect()
}

fn copies(engine: &EdgeShard, ids: &[PointId]) -> OperationResult<usize> {
    engine.count(layout::count_of(ids))
}

/// Drops a shard, which flushes it.
fn drop_engine(folder: &Path, engine: EdgeShard) -> Result<(), IndexError> {
    catch_unwind(AssertUnwindSafe(|| drop(engine)))
        .map_err(|panic| flush_failed(folder, panic.as_ref()))
}

fn flush_failed(folder: &Path, panic: &(dyn std::any::Any + Send)) -> IndexError {
    IndexError::Unavailable {
        place: folder.display().to_string(),
        reason: format!("it could not be flushed: {}", panic_text(panic)),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "the engine panicked".to_owned())
}

fn unavailable(folder: &Path, error: &std::io::Error) -> IndexError {
    IndexError::Unavailable {
        place: folder.display().to_string(),
        reason: error.to_string(),
    }
}
