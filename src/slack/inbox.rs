//! Where events wait while Postgres is away: JSON lines in a file of the data folder, fsynced before
//! Slack hears that they have arrived.
//!
//! Everything here blocks. What was read twice is written twice: the ledger keeps each event once.

use std::io;
use std::path::PathBuf;

use docent_core::ledger::SlackEvent;
use docent_core::lines::Lines;
use parking_lot::Mutex;

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
    /// Its lines are let go of when the ledger has them; `None`: not opened yet.
    open: Mutex<Option<Lines>>,
    /// Held while the disk is waited for. What came meanwhile is on it with the next wait.
    synced: Mutex<u64>,
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
            if open.bytes() + line.len() as u64 > self.max_bytes {
                return Err(InboxError::Full);
            }
            open.append(&line).map_err(|error| self.broken(error))?;
            let file = open.file().map_err(|error| self.broken(error))?;
            (file, open.written())
        };
        let mut synced = self.synced.lock();
        if *synced < mine {
            let written = self.open.lock().as_ref().map_or(mine, Lines::written);
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
        if open.is_empty() {
            open.adopt_others()?;
        }
        let mut part = Part {
            events: Vec::new(),
            bytes: 0,
        };
        for line in open
            .read()?
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
        open.advance(part.bytes).map(drop)
    }

    fn opened<'a>(&self, open: &'a mut Option<Lines>) -> io::Result<&'a mut Lines> {
        match open {
            Some(open) => Ok(open),
            None => Ok(open.insert(Lines::hold(&self.folder, name)?)),
        }
    }

    fn broken(&self, error: io::Error) -> InboxError {
        InboxError::Broken {
            path: self.folder.clone(),
            error,
        }
    }
}

fn name(slot: usize) -> String {
    format!("inbox-{slot}.jsonl")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
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
        let mut file = docent_core::lines::appendable(&path).unwrap();
        file.write_all(b"{\"event_id\":").unwrap();
        let inbox = Inbox::new(folder.path().join("slack"), 300);
        assert_eq!(ids(&inbox.next(1).unwrap()), ["Ev0"]);
    }
}
