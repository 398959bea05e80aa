//! Where records wait while Postgres is away: JSON lines in a file, in order, fsynced.
//!
//! Everything here blocks; the writer calls it on a thread of its own.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Deletion, Expiry, Purge, Record};

/// What Postgres will never take.
const REJECTED: &str = "rejected.jsonl";
/// Processes that share a folder: each takes the first file that nobody holds.
const SLOTS: usize = 64;
/// Read at once for a replay.
const PART_BYTES: usize = 1 << 20;

/// Some records from the front of the spool.
pub(super) struct Part {
    pub(super) records: Vec<Record>,
    /// Their length in the file: handed to [`Spool::advance`] when they are written.
    pub(super) bytes: u64,
}

pub(super) struct Spool {
    folder: PathBuf,
    max_bytes: u64,
    open: Option<Open>,
    /// Records lost since the spool was last empty.
    lost: u64,
}

struct Open {
    file: File,
    path: PathBuf,
    /// Replayed up to here.
    head: u64,
    len: u64,
    _lock: File,
}

impl Spool {
    pub(super) fn new(folder: PathBuf, max_bytes: u64) -> Self {
        Self {
            folder,
            max_bytes,
            open: None,
            lost: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.head == open.len)
    }

    /// Takes over what an earlier process left, its torn last line excepted.
    pub(super) fn open(&mut self) -> io::Result<()> {
        if self.open.is_none() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.folder)?;
            let mut open = first_free(&self.folder)?;
            adopt_others(&self.folder, &mut open)?;
            self.open = Some(open);
        }
        Ok(())
    }

    /// Appends records; they are on disk when it returns. What does not fit is lost, loudly.
    pub(super) fn append(&mut self, records: &[Record]) {
        if records.is_empty() {
            return;
        }
        let lost = match self.try_append(records) {
            Ok(lost) => lost,
            Err(error) => {
                tracing::error!(%error, folder = %self.folder.display(), "the spool cannot be written");
                records.len() as u64
            }
        };
        if lost > 0 && self.lost == 0 {
            tracing::error!(
                lost,
                max_bytes = self.max_bytes,
                "the spool is full: records are lost until Postgres answers again"
            );
        }
        self.lost += lost;
    }

    fn try_append(&mut self, records: &[Record]) -> io::Result<u64> {
        self.open()?;
        let mut lines = Vec::new();
        let mut ends = Vec::with_capacity(records.len());
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
            ends.push(lines.len());
        }
        let Some(open) = self.open.as_mut() else {
            return Ok(records.len() as u64);
        };
        if open.len + lines.len() as u64 > self.max_bytes && open.head > 0 {
            open.compact()?;
        }
        let room = self.max_bytes.saturating_sub(open.len) as usize;
        let kept = ends.partition_point(|end| *end <= room);
        if kept > 0 {
            lines.truncate(ends[kept - 1]);
            open.write(&lines)?;
        }
        Ok((records.len() - kept) as u64)
    }

    /// The next records to write, at most `limit`; lines that are no records are set aside.
    pub(super) fn next(&mut self, limit: usize) -> io::Result<Part> {
        let Some(open) = self.open.as_ref() else {
            return Ok(Part {
                records: Vec::new(),
                bytes: 0,
            });
        };
        let lines = open.read_lines()?;
        let mut bytes = 0;
        let mut records = Vec::new();
        let mut unreadable = Vec::new();
        for line in lines.split_inclusive(|byte| *byte == b'\n').take(limit) {
            bytes += line.len() as u64;
            match serde_json::from_slice(line) {
                Ok(record) => records.push(record),
                Err(_) => unreadable.push(line.to_vec()),
            }
        }
        for line in unreadable {
            self.set_aside(&line, "it is not a record of this docent");
        }
        Ok(Part { records, bytes })
    }

    /// Removes what was written: so many bytes at the front.
    pub(super) fn advance(&mut self, bytes: u64) -> io::Result<()> {
        let Some(open) = self.open.as_mut() else {
            return Ok(());
        };
        open.head += bytes;
        if open.head < open.len {
            return Ok(());
        }
        open.file.set_len(0)?;
        open.file.sync_data()?;
        (open.head, open.len) = (0, 0);
        if self.lost > 0 {
            tracing::error!(
                lost = self.lost,
                "records were lost while the spool was full"
            );
            self.lost = 0;
        }
        Ok(())
    }

    /// Moves a record that Postgres will never take to `rejected.jsonl`.
    pub(super) fn reject(&mut self, record: &Record, reason: &str) {
        let mut line = serde_json::to_vec(record).unwrap_or_default();
        line.push(b'\n');
        self.set_aside(&line, reason);
    }

    fn set_aside(&self, line: &[u8], reason: &str) {
        let path = self.folder.join(REJECTED);
        tracing::error!(reason, file = %path.display(), "a record was refused and set aside");
        let full = fs::metadata(&path).is_ok_and(|file| file.len() > self.max_bytes);
        if full {
            return;
        }
        let written = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .and_then(|()| lock_rejected(&self.folder))
            .and_then(|_lock| appendable(&path)?.write_all(line));
        if let Err(error) = written {
            tracing::error!(%error, file = %path.display(), "it could not be kept");
        }
    }

    /// Takes texts that have expired out of what waits here and of what was set aside. Nothing of the
    /// spool may be on its way to Postgres meanwhile.
    pub(super) fn expire(&mut self, expiries: &[Expiry]) {
        let kept = |line: &[u8]| !has_expired(line, expiries);
        let waiting = match self.open.as_mut() {
            Some(open) if open.head < open.len => open.keep(kept),
            _ => Ok(()),
        };
        let path = self.folder.join(REJECTED);
        let set_aside = if path.exists() {
            rewrite(&self.folder, &path, kept)
        } else {
            Ok(())
        };
        if let Err(error) = waiting.and(set_aside) {
            tracing::error!(%error, folder = %self.folder.display(), "texts that have expired may still be there");
        }
    }

    /// Takes the texts of deleted conversations, and of answers that a purged document was found for,
    /// out of what was set aside.
    pub(super) fn forget(&self, deletions: &[Deletion], purges: &[Purge]) {
        let path = self.folder.join(REJECTED);
        if (deletions.is_empty() && purges.is_empty()) || !path.exists() {
            return;
        }
        let kept = |line: &[u8]| {
            !deletions.iter().any(|deletion| is_of(line, deletion))
                && !purges.iter().any(|purge| shows(line, purge))
        };
        if let Err(error) = rewrite(&self.folder, &path, kept) {
            tracing::error!(%error, file = %path.display(), "what was deleted or purged may still be in it");
        }
    }
}

/// Takes lines out of what was set aside.
fn rewrite(folder: &Path, path: &Path, kept: impl Fn(&[u8]) -> bool) -> io::Result<()> {
    let _lock = lock_rejected(folder)?;
    let before = fs::read(path)?;
    let kept = filtered(&before, kept);
    if kept.len() == before.len() {
        return Ok(());
    }
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = appendable(&new)?;
    file.write_all(&kept)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// The lines that are kept.
fn filtered(lines: &[u8], kept: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    lines
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| kept(line))
        .flatten()
        .copied()
        .collect()
}

/// Whether a line holds a question from before its channel's moment.
fn has_expired(line: &[u8], expiries: &[Expiry]) -> bool {
    match serde_json::from_slice(line) {
        Ok(Record::Interaction(interaction)) => expiries
            .iter()
            .any(|expiry| interaction.channel == expiry.channel && interaction.at < expiry.before),
        _ => false,
    }
}

/// Whether a line that was set aside belongs to a deleted conversation. One that is no record is
/// believed to when it names the conversation.
fn is_of(line: &[u8], deletion: &Deletion) -> bool {
    match serde_json::from_slice(line) {
        Ok(Record::Interaction(interaction)) => {
            interaction.conversation_id == deletion.conversation_id
                && deletion
                    .caller
                    .as_ref()
                    .is_none_or(|caller| *caller == interaction.caller)
        }
        Ok(_) => false,
        Err(_) => String::from_utf8_lossy(line).contains(&deletion.conversation_id.to_string()),
    }
}

/// Whether a line that was set aside may quote a purged document: it names it.
fn shows(line: &[u8], purge: &Purge) -> bool {
    match serde_json::from_slice(line) {
        Ok(Record::Interaction(interaction)) => interaction
            .passages
            .iter()
            .any(|passage| passage.document_id == purge.document_id),
        Ok(_) => false,
        Err(_) => String::from_utf8_lossy(line).contains(&purge.document_id.to_string()),
    }
}

/// Processes may share the folder: what was set aside has one file and one lock for all of them.
fn lock_rejected(folder: &Path) -> io::Result<File> {
    let lock = appendable(&folder.join("rejected.lock"))?;
    lock.lock()?;
    Ok(lock)
}

impl Open {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self
            .file
            .write_all(lines)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line would spoil the next one.
            self.file.set_len(self.len)?;
            return Err(error);
        }
        self.len += lines.len() as u64;
        Ok(())
    }

    /// Whole lines from the head on.
    fn read_lines(&self) -> io::Result<Vec<u8>> {
        let left = (self.len - self.head) as usize;
        let mut size = PART_BYTES.min(left);
        loop {
            let mut bytes = vec![0; size];
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

    /// Gives the space of replayed lines back.
    fn compact(&mut self) -> io::Result<()> {
        self.keep(|_| true)
    }

    /// Leaves the lines that are kept, of those that were not replayed yet.
    fn keep(&mut self, kept: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut rest = vec![0; (self.len - self.head) as usize];
        self.file.read_exact_at(&mut rest, self.head)?;
        let rest = filtered(&rest, kept);
        let _ = fs::remove_file(&new);
        let mut file = appendable(&new)?;
        file.write_all(&rest)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        (self.file, self.head, self.len) = (file, 0, rest.len() as u64);
        Ok(())
    }
}

/// `records.jsonl`, or `records-1.jsonl` where another process holds that.
fn slot_path(folder: &Path, slot: usize) -> PathBuf {
    match slot {
        0 => folder.join("records.jsonl"),
        _ => folder.join(format!("records-{slot}.jsonl")),
    }
}

fn first_free(folder: &Path) -> io::Result<Open> {
    for slot in 0..SLOTS {
        let path = slot_path(folder, slot);
        let lock = appendable(&path.with_extension("lock"))?;
        if lock.try_lock().is_err() {
            continue;
        }
        let file = appendable(&path)?;
        let len = repair(&file)?;
        return Ok(Open {
            file,
            path,
            head: 0,
            len,
            _lock: lock,
        });
    }
    Err(io::Error::other(
        "64 processes hold a spool in this folder already",
    ))
}

/// Appends the files of processes that have ended to ours.
fn adopt_others(folder: &Path, ours: &mut Open) -> io::Result<()> {
    for slot in 0..SLOTS {
        let path = slot_path(folder, slot);
        if path == ours.path || !path.exists() {
            continue;
        }
        let lock = appendable(&path.with_extension("lock"))?;
        if lock.try_lock().is_err() {
            continue;
        }
        let other = appendable(&path)?;
        let len = repair(&other)?;
        let mut lines = vec![0; len as usize];
        other.read_exact_at(&mut lines, 0)?;
        // Ours is on disk before theirs goes; a crash in between doubles lines, not rows.
        ours.write(&lines)?;
        other.set_len(0)?;
    }
    Ok(())
}

/// Cuts a last line that a killed process did not finish. Returns the length.
fn repair(file: &File) -> io::Result<u64> {
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
            "the spool's last record was cut short and is dropped"
        );
    }
    Ok(end)
}

fn appendable(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}
