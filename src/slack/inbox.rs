//! Where events wait while Postgres is away: JSON lines in a file of the data folder, fsynced before
//! Slack hears that they have arrived.
//!
//! Everything here blocks. What was read twice is written twice: the ledger keeps each event once.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use docent_core::ledger::SlackEvent;
use parking_lot::Mutex;

/// Processes that share a folder: each takes the first file that nobody holds.
const SLOTS: usize = 64;
/// Read at once.
const PART_BYTES: u64 = 1 << 20;

/// Why an event could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InboxError {
    #[error("the inbox of Slack is full (slack.inbox_max_bytes)")]
    Full,
    #[error("the inbox of Slack at {path} cannot be written: {error}")]
    Broken { path: PathBuf, error: io::Error },
}

pub(crate) struct Inbox {
    folder: PathBuf,
    max_bytes: u64,
    /// `None`: not opened yet.
    open: Mutex<Option<Open>>,
    /// Held while the disk is waited for. What came meanwhile is on it with the next wait.
    synced: Mutex<u64>,
}

struct Open {
    file: File,
    path: PathBuf,
    /// Written to the ledger up to here.
    head: u64,
    len: u64,
    /// Bytes ever written by this process, for [`Inbox::synced`].
    written: u64,
    _lock: File,
}

/// Some events from the front.
pub(crate) struct Part {
    pub(crate) events: Vec<SlackEvent>,
    bytes: u64,
}

impl Part {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl Inbox {
    pub(crate) fn new(folder: PathBuf, max_bytes: u64) -> Self {
        Self {
            folder,
            max_bytes,
            open: Mutex::default(),
            synced: Mutex::default(),
        }
    }

    /// Appends an event; it is on disk when this returns.
    pub(crate) fn append(&self, event: &SlackEvent) -> Result<(), InboxError> {
        let mut line = serde_json::to_vec(event).map_err(|error| self.broken(error.into()))?;
        line.push(b'\n');
        let (file, mine) = {
            let mut open = self.open.lock();
            let open = self.opened(&mut open).map_err(|error| self.broken(error))?;
            if open.len + line.len() as u64 > self.max_bytes {
                return Err(InboxError::Full);
            }
            open.write(&line).map_err(|error| self.broken(error))?;
            let file = open.file.try_clone().map_err(|error| self.broken(error))?;
            (file, open.written)
        };
        let mut synced = self.synced.lock();
        if *synced < mine {
            let written = self.open.lock().as_ref().map_or(mine, |open| open.written);
            file.sync_data().map_err(|error| self.broken(error))?;
            *synced = written;
        }
        Ok(())
    }

    /// The next events, at most `limit`; files of processes that have ended are taken over first.
    pub(crate) fn next(&self, limit: usize) -> io::Result<Part> {
        let mut open = self.open.lock();
        if open.is_none() && !self.folder.exists() {
            return Ok(Part {
                events: Vec::new(),
                bytes: 0,
            });
        }
        let open = self.opened(&mut open)?;
        if open.head == open.len {
            adopt_others(&self.folder, open)?;
        }
        let mut part = Part {
            events: Vec::new(),
            bytes: 0,
        };
        for line in open
            .read_lines()?
            .split_inclusive(|byte| *byte == b'\n')
            .take(limit)
        {
            part.bytes += line.len() as u64;
            if let Ok(event) = serde_json::from_slice(line) {
                part.events.push(event);
            } else {
                tracing::error!("a line of Slack's inbox is no event and is dropped");
            }
        }
        Ok(part)
    }

    /// Removes a part that is in the ledger now.
    pub(crate) fn advance(&self, part: &Part) -> io::Result<()> {
        let mut open = self.open.lock();
        let Some(open) = open.as_mut() else {
            return Ok(());
        };
        open.head += part.bytes;
        if open.head >= open.len {
            open.file.set_len(0)?;
            open.file.sync_data()?;
            (open.head, open.len) = (0, 0);
        }
        Ok(())
    }

    fn opened<'a>(&self, open: &'a mut Option<Open>) -> io::Result<&'a mut Open> {
        if let Some(open) = open {
            return Ok(open);
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let first = first_free(&self.folder)?;
        // The name must last as the bytes do.
        File::open(&self.folder)?.sync_all()?;
        Ok(open.insert(first))
    }

    fn broken(&self, error: io::Error) -> InboxError {
        InboxError::Broken {
            path: self.folder.clone(),
            error,
        }
    }
}

impl Open {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(line) {
            // Half a line would spoil the next one.
            self.file.set_len(self.len)?;
            return Err(error);
        }
        self.len += line.len() as u64;
        self.written += line.len() as u64;
        Ok(())
    }

    /// Whole lines from the head on.
    fn read_lines(&self) -> io::Result<Vec<u8>> {
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
}

fn path_of(folder: &Path, slot: usize) -> PathBuf {
    folder.join(format!("inbox-{slot}.jsonl"))
}

fn first_free(folder: &Path) -> io::Result<Open> {
    for slot in 0..SLOTS {
        let path = path_of(folder, slot);
        let lock = appendable(&path.with_extension("lock"))?;
        if lock.try_lock().is_err() {
            continue;
        }
        let file = appendable(&path)?;
        let len = whole_lines(&file)?;
        return Ok(Open {
            file,
            path,
            head: 0,
            len,
            written: 0,
            _lock: lock,
        });
    }
    Err(io::Error::other(
        "64 processes hold an inbox in this folder already",
    ))
}

/// Appends what processes that have ended have left to ours.
fn adopt_others(folder: &Path, ours: &mut Open) -> io::Result<()> {
    for slot in 0..SLOTS {
        let path = path_of(folder, slot);
        if path == ours.path || !path.exists() {
            continue;
        }
        let lock = appendable(&path.with_extension("lock"))?;
        if lock.try_lock().is_err() {
            continue;
        }
        let other = appendable(&path)?;
        let len = whole_lines(&other)?;
        if len == 0 {
            continue;
        }
        let mut lines = vec![0; len as usize];
        other.read_exact_at(&mut lines, 0)?;
        ours.write(&lines)?;
        // Ours is on disk before theirs goes.
        ours.file.sync_data()?;
        other.set_len(0)?;
    }
    Ok(())
}

/// Cuts a last line that a killed process did not finish: Slack was not told that it had arrived.
fn whole_lines(file: &File) -> io::Result<u64> {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use docent_core::ledger::SlackKind;
    use serde_json::json;

    use super::*;

    fn event(number: usize) -> SlackEvent {
        SlackEvent {
            event_id: format!("Ev{number}"),
            kind: SlackKind::Question,
            team: "T1".to_owned(),
            channel: None,
            ts: None,
            thread: None,
            asker: None,
            conversation_id: None,
            payload: json!({ "text": "why?" }),
        }
    }

    fn ids(part: &Part) -> Vec<&str> {
        let ids = part.events.iter().map(|event| event.event_id.as_str());
        ids.collect()
    }

    #[test]
    fn events_come_out_in_their_order_and_the_next_process_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::new(folder.path().join("slack"), 1 << 20);
        assert!(inbox.next(10).unwrap().events.is_empty());
        for number in 0..5 {
            inbox.append(&event(number)).unwrap();
        }
        let part = inbox.next(2).unwrap();
        assert_eq!(ids(&part), ["Ev0", "Ev1"]);
        inbox.advance(&part).unwrap();
        // Another process beside it has a file of its own.
        let beside = Inbox::new(folder.path().join("slack"), 1 << 20);
        beside.append(&event(7)).unwrap();
        drop(inbox);
        let part = beside.next(10).unwrap();
        assert_eq!(ids(&part), ["Ev7"]);
        beside.advance(&part).unwrap();
        // What the one that ended had not written yet is taken over, its head forgotten.
        let part = beside.next(10).unwrap();
        assert_eq!(ids(&part), ["Ev0", "Ev1", "Ev2", "Ev3", "Ev4"]);
        beside.advance(&part).unwrap();
        assert!(beside.next(10).unwrap().events.is_empty());
    }

    #[test]
    fn the_inbox_is_bounded_private_and_survives_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::new(folder.path().join("slack"), 300);
        inbox.append(&event(0)).unwrap();
        let mut full = 0;
        for number in 1..10 {
            full += usize::from(matches!(
                inbox.append(&event(number)),
                Err(InboxError::Full)
            ));
        }
        assert!(full >= 7, "{full}");
        drop(inbox);
        let path = folder.path().join("slack/inbox-0.jsonl");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut file = appendable(&path).unwrap();
        file.write_all(b"{\"event_id\":").unwrap();
        let inbox = Inbox::new(folder.path().join("slack"), 300);
        assert_eq!(ids(&inbox.next(1).unwrap()), ["Ev0"]);
    }
}
