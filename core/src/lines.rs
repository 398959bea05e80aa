//! Lines that wait in a file until somebody has taken them: what was written is there after a crash, and
//! processes that share the folder have a file each.
//!
//! A process takes the first file whose lock nobody holds, and takes over what processes that have ended
//! left. A last line that was not finished is cut away: nobody was told that it had arrived. A crash between
//! taking over and letting go doubles lines, so whoever takes them has to know them again.
//!
//! Everything here blocks.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Processes that share a folder: each takes the first file that nobody holds.
const SLOTS: usize = 64;
/// Read at once.
const PART_BYTES: u64 = 1 << 20;

/// A file of lines that this process holds alone.
#[derive(Debug)]
pub struct Lines {
    file: File,
    path: PathBuf,
    folder: PathBuf,
    /// The name of each file of the folder.
    name: fn(usize) -> String,
    /// Taken up to here.
    head: u64,
    len: u64,
    /// Bytes ever written by this process.
    written: u64,
    _lock: File,
}

impl Lines {
    /// Holds the first file of a folder that nobody holds, and makes the folder (0700) where there is none.
    /// `name` says what the files are called, by their number.
    pub fn hold(folder: &Path, name: fn(usize) -> String) -> io::Result<Self> {
        make_folder(folder)?;
        for slot in 0..SLOTS {
            let path = folder.join(name(slot));
            let Some((file, len, lock)) = held(&path)? else {
                continue;
            };
            // The name must last as the bytes do.
            File::open(folder)?.sync_all()?;
            return Ok(Self {
                file,
                path,
                folder: folder.to_owned(),
                name,
                head: 0,
                len,
                written: 0,
                _lock: lock,
            });
        }
        Err(io::Error::other(format!(
            "{SLOTS} processes hold a file in {} already",
            folder.display()
        )))
    }

    /// Appends the lines of processes that have ended. They are on disk here before they go there.
    pub fn adopt_others(&mut self) -> io::Result<()> {
        for slot in 0..SLOTS {
            let path = self.folder.join((self.name)(slot));
            if path == self.path || !path.exists() {
                continue;
            }
            let Some((other, len, _lock)) = held(&path)? else {
                continue;
            };
            if len == 0 {
                continue;
            }
            let mut lines = vec![0; len as usize];
            other.read_exact_at(&mut lines, 0)?;
            self.append_synced(&lines)?;
            other.set_len(0)?;
        }
        Ok(())
    }

    /// Appends whole lines. They are on disk after the next [`Self::file`] is synced.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.add(lines, false)
    }

    /// Appends whole lines, which are on disk when this returns.
    pub fn append_synced(&mut self, lines: &[u8]) -> io::Result<()> {
        self.add(lines, true)
    }

    fn add(&mut self, lines: &[u8], synced: bool) -> io::Result<()> {
        let mut added = self.file.write_all(lines);
        if synced {
            added = added.and_then(|()| self.file.sync_data());
        }
        if let Err(error) = added {
            // Half a line would spoil the next one.
            self.file.set_len(self.len)?;
            return Err(error);
        }
        self.len += lines.len() as u64;
        self.written += lines.len() as u64;
        Ok(())
    }

    /// Whole lines from the front, about 1 MiB of them; at least one, where there is one.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let left = self.len - self.head;
        let mut size = PART_BYTES.min(left);
        loop {
            let mut bytes = vec![0; size as usize];
            self.file.read_exact_at(&mut bytes, self.head)?;
            if let Some(newline) = bytes.iter().rposition(|byte| *byte == b'\n') {
                bytes.truncate(newline + 1);
                return Ok(bytes);
            }
            if size == left {
                return Ok(bytes);
            }
            size = (size * 2).min(left);
        }
    }

    /// Lets go of so many bytes at the front. Answers whether nothing is left; the file is empty then.
    pub fn advance(&mut self, bytes: u64) -> io::Result<bool> {
        self.head += bytes;
        if self.head < self.len {
            return Ok(false);
        }
        self.file.set_len(0)?;
        self.file.sync_data()?;
        (self.head, self.len) = (0, 0);
        Ok(true)
    }

    /// Leaves the lines that are kept, of those that were not let go of, and gives the space of the others
    /// back.
    pub fn keep(&mut self, kept: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        let mut rest = vec![0; (self.len - self.head) as usize];
        self.file.read_exact_at(&mut rest, self.head)?;
        let rest = filtered(&rest, kept);
        self.file = replaced(&self.path, &rest)?;
        (self.head, self.len) = (0, rest.len() as u64);
        Ok(())
    }

    /// Whether everything was let go of.
    pub fn is_empty(&self) -> bool {
        self.head == self.len
    }

    /// Bytes that the file takes, with those that were let go of and whose space was not given back.
    pub fn bytes(&self) -> u64 {
        self.len
    }

    /// Whether the file has space that [`Self::keep`] would give back.
    pub fn has_space_to_give(&self) -> bool {
        self.head > 0
    }

    /// Bytes that this process has written since it holds the file.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The file, to be synced while others write.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

/// A file with its length in whole lines and its lock. `None`: a process that lives holds it.
fn held(path: &Path) -> io::Result<Option<(File, u64, File)>> {
    let lock = appendable(&path.with_extension("lock"))?;
    if lock.try_lock().is_err() {
        return Ok(None);
    }
    let file = appendable(path)?;
    let len = whole_lines(&file, path)?;
    Ok(Some((file, len, lock)))
}

/// Cuts a last line that a killed process did not finish. Answers the length.
fn whole_lines(file: &File, path: &Path) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let mut end = len;
    let mut byte = [0];
    while end > 0 {
        file.read_exact_at(&mut byte, end - 1)?;
        if byte[0] == b'\n' {
            break;
        }
        end -= 1;
    }
    if end < len {
        file.set_len(end)?;
        tracing::warn!(
            bytes = len - end,
            file = %path.display(),
            "the last line was cut short when a process was killed, and is dropped"
        );
    }
    Ok(end)
}

/// The lines that are kept.
pub fn filtered(lines: &[u8], kept: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    lines
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| kept(line))
        .flatten()
        .copied()
        .collect()
}

/// Puts other lines into a file, all of them or none. Answers the file to append to.
pub fn replaced(path: &Path, lines: &[u8]) -> io::Result<File> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = appendable(&new)?;
    file.write_all(lines)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    Ok(file)
}

/// A folder that only its owner looks into.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// A file to append to and to read (0600).
pub fn appendable(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn name(slot: usize) -> String {
        format!("lines-{slot}.jsonl")
    }

    #[test]
    fn a_process_has_a_file_of_its_own_and_takes_over_what_others_left() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("deep/lines");
        let mut one = Lines::hold(&folder, name).unwrap();
        let mut two = Lines::hold(&folder, name).unwrap();
        one.append_synced(b"1\n2\n").unwrap();
        two.append(b"3\n").unwrap();
        two.adopt_others().unwrap();
        assert_eq!(two.read().unwrap(), b"3\n", "the other process lives");
        assert!(!one.advance(2).unwrap());
        assert_eq!(one.read().unwrap(), b"2\n");
        drop(one);
        two.adopt_others().unwrap();
        // How far the other was is not known any more.
        assert_eq!(two.read().unwrap(), b"3\n1\n2\n");
        assert_eq!(two.written(), 6);
        two.keep(|line| line != b"1\n").unwrap();
        assert_eq!(two.read().unwrap(), b"3\n2\n");
        assert!(two.advance(4).unwrap() && two.is_empty());
        assert_eq!(fs::read(folder.join("lines-1.jsonl")).unwrap(), b"");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("lines-1.jsonl")), 0o600);
    }

    #[test]
    fn a_line_that_was_not_finished_is_cut_and_a_long_one_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let long = [vec![b'x'; 3 << 20], b"\n".to_vec()].concat();
        fs::write(folder.path().join(name(0)), [&long[..], b"torn"].concat()).unwrap();
        let lines = Lines::hold(folder.path(), name).unwrap();
        assert_eq!(lines.bytes(), long.len() as u64);
        assert!(lines.read().unwrap() == long);
    }
}
