//! A file of vectors by the hash of the text that they are of: what a run has paid for and might
//! otherwise lose. Written to its end, read where it is asked for; in memory are only the places.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Length of a text's hash, in hex digits.
const HASH: usize = 32;
/// Longest vector, in numbers: a length beyond it is no length.
const LONGEST: usize = 1 << 16;

/// A hash as a number: half as long.
pub(crate) type Key = u128;

/// The number that a text's hash is; `None`: it is none.
pub(crate) fn key(hash: &str) -> Option<Key> {
    (hash.len() == HASH)
        .then(|| Key::from_str_radix(hash, 16).ok())
        .flatten()
}

/// Where the numbers of each vector begin, and how many they are.
type Places = HashMap<Key, (u64, u32)>;

/// The vectors of one file. One that cannot be written costs money after a kill and nothing else, so
/// it is no reason to stop.
pub(crate) struct VectorFile {
    path: PathBuf,
    /// `None`: there is none, it could not be opened, or writing to it failed.
    file: Option<File>,
    /// Bytes of whole records.
    length: u64,
    places: Places,
}

impl VectorFile {
    /// Opens a file behind its whole records, or makes it; with `only_read` neither is made nor changed.
    pub(crate) fn open(path: PathBuf, only_read: bool) -> Self {
        let mut opened = Self {
            path,
            file: None,
            length: 0,
            places: HashMap::new(),
        };
        let result = if only_read {
            File::open(&opened.path)
        } else {
            let mut options = OpenOptions::new();
            options.read(true).append(true).create(true).mode(0o600);
            options.open(&opened.path)
        };
        let read = result.and_then(|mut file| {
            (opened.places, opened.length) = read(&mut file)?;
            if !only_read {
                file.set_len(opened.length)?;
            }
            Ok(file)
        });
        match read {
            Ok(file) => opened.file = Some(file),
            Err(error) if only_read && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => opened.give_up(&error),
        }
        opened
    }

    fn give_up(&mut self, error: &io::Error) {
        tracing::warn!(%error, file = %self.path.display(), "vectors cannot be kept in case the run is interrupted");
        self.file = None;
        self.places.clear();
    }

    /// Bytes of it.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Whether a vector is there.
    pub(crate) fn contains(&self, hash: &str) -> bool {
        key(hash).is_some_and(|key| self.places.contains_key(&key))
    }

    /// The vector of a text.
    pub(crate) fn get(&self, hash: &str) -> Option<Vec<f32>> {
        let (at, numbers) = *self.places.get(&key(hash)?)?;
        let mut bytes = vec![0; numbers as usize * 4];
        self.file.as_ref()?.read_exact_at(&mut bytes, at).ok()?;
        Some(numbers_of(&bytes))
    }

    /// Every hash that is there.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = String> {
        self.places.keys().map(|key| format!("{key:032x}"))
    }

    /// Adds vectors. One write: what a kill can cut is its end.
    pub(crate) fn add<'a>(&mut self, vectors: impl Iterator<Item = (&'a str, &'a [f32])>) {
        let Some(file) = &mut self.file else {
            return;
        };
        let mut records = Vec::new();
        let mut places = Vec::new();
        for (hash, vector) in vectors {
            let Some(key) = key(hash).filter(|_| vector.len() <= LONGEST) else {
                continue;
            };
            records.extend_from_slice(hash.as_bytes());
            records.extend_from_slice(&(vector.len() as u32).to_le_bytes());
            places.push((
                key,
                (self.length + records.len() as u64, vector.len() as u32),
            ));
            records.extend(vector.iter().flat_map(|x| x.to_le_bytes()));
        }
        match file.write_all(&records) {
            Ok(()) => {
                self.length += records.len() as u64;
                self.places.extend(places);
            }
            Err(error) => self.give_up(&error),
        }
    }

    /// Takes everything out.
    pub(crate) fn empty(&mut self) {
        self.places.clear();
        if let Some(file) = &self.file
            && file.set_len(0).is_ok()
        {
            self.length = 0;
        }
    }

    /// Takes the file away.
    pub(crate) fn remove(&mut self) {
        if self.file.take().is_some() {
            fs::remove_file(&self.path).ok();
        }
        self.places.clear();
    }
}

/// What the name of a file of vectors begins with: `received-` and `parted-`.
pub(crate) fn path(data: &Path, kind: &str, collection: &str) -> PathBuf {
    data.join(format!("{kind}-{collection}"))
}

/// The places of the whole records, and their bytes; after a power cut the rest may be anything.
fn read(file: &mut File) -> io::Result<(Places, u64)> {
    file.rewind()?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut places = HashMap::new();
    let mut length = 0;
    let mut head = [0; HASH + 4];
    let mut bytes = Vec::new();
    while reader.read_exact(&mut head).is_ok() {
        let (hash, numbers) = head.split_at(HASH);
        let hash = std::str::from_utf8(hash).ok().and_then(key);
        let numbers = numbers.try_into().map_or(0, u32::from_le_bytes);
        let (Some(key), 1..=LONGEST) = (hash, numbers as usize) else {
            break;
        };
        bytes.resize(numbers as usize * 4, 0);
        if reader.read_exact(&mut bytes).is_err() {
            break;
        }
        let norm: f32 = numbers_of(&bytes).iter().map(|x| x * x).sum();
        // Not so for NaN either.
        if !(0.98..1.02).contains(&norm) {
            break;
        }
        places.insert(key, (length + head.len() as u64, numbers));
        length += (head.len() + bytes.len()) as u64;
    }
    Ok((places, length))
}

fn numbers_of(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers
        .iter()
        .map(|four| f32::from_le_bytes(*four))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(letter: &str) -> String {
        letter.repeat(HASH)
    }

    fn one<'a>(hash: &'a str, vector: &'a [f32]) -> impl Iterator<Item = (&'a str, &'a [f32])> {
        [(hash, vector)].into_iter()
    }

    #[test]
    fn what_a_killed_run_kept_is_read_up_to_a_record_that_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        let (a, b) = (hash("a"), hash("b"));
        let mut file = VectorFile::open(path.clone(), false);
        file.add(one(&a, &[0.6, 0.8]));
        file.add(one(&b, &[1.0, 0.0]));
        assert_eq!(file.get(&b), Some(vec![1.0, 0.0]));
        drop(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 3]).unwrap();

        let looking = VectorFile::open(path.clone(), true);
        assert_eq!(looking.get(&a), Some(vec![0.6, 0.8]));
        assert_eq!(fs::read(&path).unwrap().len(), whole.len() - 3);
        let mut again = VectorFile::open(path.clone(), false);
        assert_eq!(again.get(&a), Some(vec![0.6, 0.8]));
        assert_eq!(again.get(&b), None);
        again.add(one(&b, &[0.0, 1.0]));
        let third = VectorFile::open(path.clone(), true);
        assert_eq!(third.get(&b), Some(vec![0.0, 1.0]));
        let mut hashes: Vec<String> = third.hashes().collect();
        hashes.sort();
        assert_eq!(hashes, [a.clone(), b]);
        again.empty();
        assert!(again.get(&a).is_none() && again.len() == 0);
        again.add(one(&a, &[0.6, 0.8]));
        assert_eq!(again.get(&a), Some(vec![0.6, 0.8]));
        again.remove();
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_vector_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v");
        fs::write(&path, [0; 400]).unwrap();
        assert_eq!(VectorFile::open(path.clone(), true).len(), 0);
        let mut zeros = hash("a").into_bytes();
        zeros.extend_from_slice(&2_u32.to_le_bytes());
        zeros.extend_from_slice(&[0; 8]);
        fs::write(&path, zeros).unwrap();
        assert_eq!(VectorFile::open(path.clone(), false).len(), 0);
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
