//! The files around Edge's own: written whole, synced, and renamed into place.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

const LIVE: &str = "LIVE";
/// Ends of folders that are being made or removed.
pub(super) const NEW: &str = ".new";
const REMOVED: &str = ".removed";

/// Makes the index folder, and deletes what an interrupted creation or removal left in it.
pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && (name.ends_with(NEW) || name.ends_with(REMOVED)) {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// The names of the collections' folders.
pub(super) fn folders(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
            && is_collection_name(&name)
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whether a collection may be called so: a plain file name that no leftover has.
pub(super) fn is_collection_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty()
        && name.bytes().all(plain)
        && !name.starts_with('.')
        && !name.contains("..")
        && !name.ends_with(NEW)
        && !name.ends_with(REMOVED)
        && name != LIVE
}

/// The name in the `LIVE` file.
pub(super) fn read_live(folder: &Path) -> io::Result<Option<String>> {
    let name = read(&folder.join(LIVE))?.map(|text| text.trim().to_owned());
    Ok(name.filter(|name| is_collection_name(name)))
}

/// Replaces the `LIVE` file.
pub(super) fn write_live(folder: &Path, name: &str) -> io::Result<()> {
    write(folder, LIVE, &format!("{name}\n"))
}

/// A small file's text, if it is there.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a small file so that a crash leaves the old text or the new one.
pub(super) fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let passing = folder.join(format!(".{name}"));
    let mut file = File::create(&passing)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&passing, folder.join(name))?;
    sync_folder(folder)
}

/// Removes a folder so that a crash leaves all of it, or a leftover that is not taken for one.
pub(super) fn remove_folder(folder: &Path) -> io::Result<()> {
    let mut leftover = folder.as_os_str().to_owned();
    leftover.push(REMOVED);
    match fs::rename(folder, &leftover) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    sync_folder(folder.parent().unwrap_or(folder))?;
    fs::remove_dir_all(leftover)
}

/// Makes renames in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Copies a folder, and of its files only what was ever written: the engine makes files of 32 MB of
/// which an empty collection has used nothing.
pub(super) fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            copy_file(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Copies a file with its holes.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create_new(to)?);
    let length = from.metadata()?.len();
    to.set_len(length)?;
    let mut end = 0;
    while end < length {
        let start = match seek(&from, SeekFrom::Data(end)) {
            Ok(start) => start,
            // Nothing but a hole is left.
            Err(Errno::NXIO) => return Ok(()),
            // A file system that knows no holes: all of it is data.
            Err(Errno::INVAL) => end,
            Err(error) => return Err(error.into()),
        };
        end = match seek(&from, SeekFrom::Hole(start)) {
            Err(Errno::INVAL) => length,
            found => found?,
        };
        seek(&from, SeekFrom::Start(start))?;
        seek(&to, SeekFrom::Start(start))?;
        io::copy(&mut (&mut from).take(end - start), &mut to)?;
    }
    Ok(())
}

/// Most that is read ahead where the system does not say how much memory is free.
const READ_AHEAD: u64 = 1 << 30;

/// Reads the files of a folder once, so that the system has them in memory: vectors and graphs first,
/// texts last, and no more than half of the memory that is free. Gives the bytes read.
pub(super) fn read_ahead(folder: &Path) -> io::Result<u64> {
    let mut files = Vec::new();
    list_files(folder, &mut files)?;
    files.sort_by_key(|path| path.components().any(|part| part.as_os_str() == PAYLOADS));
    let most = available_memory().map_or(READ_AHEAD, |free| free / 2);
    let mut part = vec![0; 1 << 20];
    let mut read = 0;
    for path in files {
        // A file may be gone: a collection changes while it is used.
        let Ok(mut file) = File::open(&path) else {
            continue;
        };
        loop {
            let length = file.read(&mut part)?;
            read += length as u64;
            if read >= most {
                return Ok(read);
            }
            if length == 0 {
                break;
            }
        }
    }
    Ok(read)
}

/// The folder of a segment that holds what is stored beside its vectors.
const PAYLOADS: &str = "payload_storage";

fn list_files(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list_files(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Bytes that the system can give without swapping (Linux's `MemAvailable`).
fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    #[test]
    fn a_copied_folder_has_the_same_bytes_and_the_same_holes() {
        const LENGTH: u64 = 32 << 20;
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("inner/small"), "all of it").unwrap();
        fs::write(from.join("empty"), "").unwrap();
        let sparse = File::create(from.join("sparse")).unwrap();
        sparse.set_len(LENGTH).unwrap();
        sparse.write_all_at(b"first", 0).unwrap();
        sparse.write_all_at(b"second", LENGTH / 2 + 7).unwrap();
        let hole = File::create(from.join("hole")).unwrap();
        hole.set_len(LENGTH).unwrap();

        copy_folder(&from, &to).unwrap();
        for name in ["inner/small", "empty", "sparse", "hole"] {
            let read = |folder: &Path| fs::read(folder.join(name)).unwrap();
            assert!(read(&from) == read(&to), "{name}");
        }
        for name in ["sparse", "hole"] {
            let taken = to.join(name).metadata().unwrap().blocks() * 512;
            assert!(taken < LENGTH / 8, "{name}: {taken} bytes");
        }
    }
}
