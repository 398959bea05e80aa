//! Where records wait while Postgres is away: JSON lines in a file, in order, fsynced.
//!
//! Everything here blocks; the writer calls it on a thread of its own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Deletion, Expiry, Purge, Record};
use crate::lines::{Lines, appendable, filtered, make_folder, replaced};

/// What Postgres will never take.
const REJECTED: &str = "rejected.jsonl";

/// Some records from the front of the spool.
pub(super) struct Part {
    pub(super) records: Vec<Record>,
    /// Their length in the file: handed to [`Spool::advance`] when they are written.
    pub(super) bytes: u64,
}

pub(super) struct Spool {
    folder: PathBuf,
    max_bytes: u64,
    /// Its lines are let go of as they are replayed.
    open: Option<Lines>,
    /// Records lost since the spool was last empty.
    lost: u64,
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
        self.open.as_ref().is_none_or(Lines::is_empty)
    }

    /// Takes over what an earlier process left, its torn last line excepted.
    pub(super) fn open(&mut self) -> io::Result<()> {
        if self.open.is_none() {
            let mut open = Lines::hold(&self.folder, name)?;
            open.adopt_others()?;
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
        if open.bytes() + lines.len() as u64 > self.max_bytes && open.has_space_to_give() {
            open.keep(|_| true)?;
        }
        let room = self.max_bytes.saturating_sub(open.bytes()) as usize;
        let kept = ends.partition_point(|end| *end <= room);
        if kept > 0 {
            lines.truncate(ends[kept - 1]);
            open.append_synced(&lines)?;
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
        let lines = open.read()?;
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
        if open.advance(bytes)? && self.lost > 0 {
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
        let written = make_folder(&self.folder)
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
            Some(open) if !open.is_empty() => open.keep(kept),
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
    replaced(path, &kept).map(drop)
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

/// `records.jsonl`, or `records-1.jsonl` where another process holds that.
fn name(slot: usize) -> String {
    match slot {
        0 => "records.jsonl".to_owned(),
        _ => format!("records-{slot}.jsonl"),
    }
}
