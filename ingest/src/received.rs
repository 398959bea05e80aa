//! Vectors that were paid for and are not, or no longer, in the index: those that have arrived and are
//! not yet durable there, and those of points that this run takes out, whose texts may turn up again
//! elsewhere (a section that moved to another document, a source under a new name). Both are kept in
//! files of the data folder, so that a killed run is completed without paying for them again.

use std::collections::HashSet;
use std::path::Path;

use parking_lot::Mutex;

use crate::vector_file::{Key, VectorFile, key, path};

/// Bytes from which on the file is emptied after a flush. Until then it is only written to: that is
/// cheapest.
const LARGE: u64 = 32 << 20;

/// What the files are named by.
pub(crate) const KINDS: [&str; 2] = ["received", "parted"];

/// The vectors of one collection.
pub(crate) struct Received {
    arrived: Mutex<Arrived>,
    parted: Mutex<VectorFile>,
}

struct Arrived {
    file: VectorFile,
    /// Size at which it is emptied next.
    large: u64,
    /// What an interrupted run left and nobody has asked for yet.
    left: HashSet<Key>,
}

impl Received {
    /// Reads what an interrupted run of the collection left, and goes on behind it. With `only_read`
    /// nothing is written.
    pub(crate) fn open(data: &Path, collection: &str, only_read: bool) -> Self {
        let [arrived, parted] =
            KINDS.map(|kind| VectorFile::open(path(data, kind, collection), only_read));
        let left = arrived.hashes().filter_map(|hash| key(&hash)).collect();
        Self {
            arrived: Mutex::new(Arrived {
                file: arrived,
                large: LARGE,
                left,
            }),
            parted: Mutex::new(parted),
        }
    }

    /// A vector that is in neither of this collection's points nor has to be paid for.
    pub(crate) fn get(&self, hash: &str) -> Option<Vec<f32>> {
        let mut arrived = self.arrived.lock();
        if let Some(key) = key(hash) {
            arrived.left.remove(&key);
        }
        let found = arrived.file.get(hash);
        drop(arrived);
        found.or_else(|| self.parted.lock().get(hash))
    }

    /// Whether [`Received::get`] has it.
    pub(crate) fn has(&self, hash: &str) -> bool {
        self.arrived.lock().file.contains(hash) || self.parted.lock().contains(hash)
    }

    /// Keeps what has arrived.
    pub(crate) fn add<'a>(&self, vectors: impl Iterator<Item = (&'a str, &'a [f32])>) {
        self.arrived.lock().file.add(vectors);
    }

    /// Keeps vectors of points that are to go.
    pub(crate) fn part<'a>(&self, vectors: impl Iterator<Item = (&'a str, &'a [f32])>) {
        let mut parted = self.parted.lock();
        let new: Vec<_> = vectors.filter(|(hash, _)| !parted.contains(hash)).collect();
        parted.add(new.into_iter());
    }

    /// The index was flushed: of a large file only what `is_open` says is not yet in it stays.
    pub(crate) fn flushed(&self, is_open: impl Fn(&str) -> bool) {
        let mut arrived = self.arrived.lock();
        if arrived.file.len() < arrived.large {
            return;
        }
        let open: Vec<(String, Vec<f32>)> = arrived
            .file
            .hashes()
            .filter(|hash| {
                is_open(hash) || key(hash).is_some_and(|key| arrived.left.contains(&key))
            })
            .filter_map(|hash| Some((hash.clone(), arrived.file.get(&hash)?)))
            .collect();
        arrived.file.empty();
        let kept = open
            .iter()
            .map(|(hash, vector)| (hash.as_str(), vector.as_slice()));
        arrived.file.add(kept);
        arrived.large = arrived.file.len() + LARGE;
    }

    /// The run is complete.
    pub(crate) fn remove(&self) {
        self.arrived.lock().file.remove();
        self.parted.lock().remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_large_file_what_is_in_the_index_goes_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let received = Received::open(folder.path(), "c", false);
        let vector: Vec<f32> = (0..1024).map(|at| f32::from(u8::from(at == 7))).collect();
        let hashes: Vec<String> = (0..9_000).map(|n| format!("{n:032x}")).collect();
        received.add(hashes.iter().map(|hash| (hash.as_str(), vector.as_slice())));
        received.flushed(|hash| hash == hashes[5]);
        assert_eq!(received.get(&hashes[5]), Some(vector.clone()));
        assert_eq!(received.get(&hashes[6]), None);
        drop(received);
        // So does what an interrupted run left, until it is asked for.
        let next = Received::open(folder.path(), "c", false);
        next.add(
            hashes[6..]
                .iter()
                .map(|hash| (hash.as_str(), vector.as_slice())),
        );
        next.flushed(|_| false);
        assert_eq!(next.get(&hashes[6]), None);
        assert_eq!(next.get(&hashes[5]), Some(vector.clone()));
        next.part([(hashes[6].as_str(), vector.as_slice())].into_iter());
        assert_eq!(next.get(&hashes[6]), Some(vector));
        next.remove();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
