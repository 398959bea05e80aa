//! Vectors that have arrived and are not yet durable in the index. They are kept in a file of the
//! data folder as well, so that a killed run is completed without paying for them again.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// Bytes from which on the file is emptied after a flush. Until then it is only written to: that is
/// cheapest, and batches that are between the embedder and the index stay in it.
const LARGE: u64 = 32 << 20;
/// Length of a text's hash, in hex digits.
const HASH: usize = 32;

/// The vectors of one collection. A file that cannot be written costs money after a kill and
/// nothing else, so it is no reason to stop.
pub(crate) struct Received {
    path: PathBuf,
    file: Mutex<Option<(File, u64)>>,
    /// By the hash of the embedded text: what an interrupted run left.
    left: HashMap<String, Vec<f32>>,
}

impl Received {
    /// Reads what an interrupted run of the collection left, and goes on behind it. With `dry_run`
    /// nothing is written.
    pub(crate) fn open(data: &Path, collection: &str, dry_run: bool) -> Self {
        let path = data.join(format!("received-{collection}"));
        let bytes = fs::read(&path).unwrap_or_default();
        let (left, whole) = parse(&bytes);
        let file = (!dry_run).then(|| append(&path, whole as u64)).and_then(|opened| {
            opened
                .inspect_err(|error| tracing::warn!(%error, file = %path.display(), "vectors cannot be kept in case the run is interrupted"))
                .ok()
        });
        Self {
            path,
            file: Mutex::new(file),
            left,
        }
    }

    /// A vector that an interrupted run received.
    pub(crate) fn get(&self, hash: &str) -> Option<&Vec<f32>> {
        self.left.get(hash)
    }

    /// Keeps what has arrived.
    pub(crate) fn add<'a>(&self, vectors: impl Iterator<Item = (&'a str, &'a [f32])>) {
        let mut records = Vec::new();
        for (hash, vector) in vectors.filter(|(hash, _)| hash.len() == HASH) {
            records.extend_from_slice(hash.as_bytes());
            records.extend_from_slice(&(vector.len() as u32).to_le_bytes());
            records.extend(vector.iter().flat_map(|x| x.to_le_bytes()));
        }
        let mut file = self.file.lock();
        if let Some((open, length)) = file.as_mut() {
            // One write: what a kill can cut is its end.
            match open.write_all(&records) {
                Ok(()) => *length += records.len() as u64,
                Err(error) => {
                    tracing::warn!(%error, "vectors are no longer kept in case the run is interrupted");
                    *file = None;
                }
            }
        }
    }

    /// The index was flushed: a large file is emptied.
    pub(crate) fn flushed(&self) {
        if let Some((file, length)) = self.file.lock().as_mut()
            && *length >= LARGE
            && file.set_len(0).is_ok()
        {
            *length = 0;
        }
    }

    /// The run is complete.
    pub(crate) fn remove(&self) {
        if self.file.lock().take().is_some() {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Opens the file behind its whole records.
fn append(path: &Path, whole: u64) -> io::Result<(File, u64)> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    file.set_len(whole)?;
    Ok((file, whole))
}

/// The whole records of a file and their bytes; after a power cut the rest may be anything.
fn parse(bytes: &[u8]) -> (HashMap<String, Vec<f32>>, usize) {
    let mut vectors = HashMap::new();
    let mut left = bytes;
    while let Some((hash, rest)) = left.split_at_checked(HASH)
        && let Some((length, rest)) = rest.split_first_chunk::<4>()
        && let Some((numbers, rest)) =
            rest.split_at_checked(u32::from_le_bytes(*length) as usize * 4)
    {
        let (numbers, _) = numbers.as_chunks::<4>();
        let vector: Vec<f32> = numbers
            .iter()
            .map(|four| f32::from_le_bytes(*four))
            .collect();
        let norm: f32 = vector.iter().map(|x| x * x).sum();
        let is_hash = hash.iter().all(u8::is_ascii_hexdigit);
        let Some(hash) = std::str::from_utf8(hash).ok().filter(|_| is_hash) else {
            break;
        };
        // Not so for NaN either.
        if !(0.98..1.02).contains(&norm) {
            break;
        }
        vectors.insert(hash.to_owned(), vector);
        left = rest;
    }
    (vectors, bytes.len() - left.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_received_is_read_up_to_a_record_that_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let hash = |letter: &str| letter.repeat(HASH);
        let received = Received::open(folder.path(), "c", false);
        let (a, b) = (hash("a"), hash("b"));
        received.add([(a.as_str(), [0.6_f32, 0.8].as_slice())].into_iter());
        received.add([(b.as_str(), [1.0_f32, 0.0].as_slice())].into_iter());
        drop(received);
        let path = folder.path().join("received-c");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 3]).unwrap();

        let again = Received::open(folder.path(), "c", false);
        assert_eq!(again.get(&a), Some(&vec![0.6, 0.8]));
        assert_eq!(again.get(&b), None);
        again.add([(b.as_str(), [0.0_f32, 1.0].as_slice())].into_iter());
        let third = Received::open(folder.path(), "c", true);
        assert_eq!(third.get(&a), Some(&vec![0.6, 0.8]));
        assert_eq!(third.get(&b), Some(&vec![0.0, 1.0]));
        again.remove();
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_vector_is_not_taken_for_one() {
        assert!(parse(&[0; 400]).0.is_empty());
        let mut zeros = "a".repeat(HASH).into_bytes();
        zeros.extend_from_slice(&2_u32.to_le_bytes());
        zeros.extend_from_slice(&[0; 8]);
        assert_eq!(parse(&zeros).1, 0);
    }
}
