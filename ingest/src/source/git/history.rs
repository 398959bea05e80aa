//! When each file was last changed, and by which commit.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The commit that a file's present text came with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) commit: String,
    /// `None`: the history does not reach back so far.
    pub(super) at: Option<DateTime<Utc>>,
}

/// Reads the output of `git log --format=%x01%H %ct --name-only -z`, newest commit first: the first
/// commit that names a file is the one that changed it last.
pub(super) fn from_log(log: &[u8]) -> HashMap<String, Change> {
    let mut changes = HashMap::new();
    let mut change: Option<Change> = None;
    for part in log.split(|byte| *byte == 0) {
        let part = String::from_utf8_lossy(part);
        let part = part.trim_start_matches('\n');
        if let Some(head) = part.strip_prefix('\u{1}') {
            change = head.split_once(' ').map(|(commit, at)| Change {
                commit: commit.to_owned(),
                at: at
                    .trim()
                    .parse()
                    .ok()
                    .and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            });
        } else if let Some(change) = &change
            && !part.is_empty()
        {
            changes
                .entry(part.to_owned())
                .or_insert_with(|| change.clone());
        }
    }
    changes
}

/// What was seen of a file without a history: its text's id, and the commit that it came with.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen {
    blob: String,
    change: Change,
}

/// Without a history, a file keeps the commit that it was first seen at, so that its address and its
/// date stay as they are while other files change. What is lost is guessed anew: nothing is known of
/// when a file was changed that is seen for the first time.
pub(super) fn from_memory(memory: &Path, listed: &[u8], head: &Change) -> HashMap<String, Change> {
    let before: BTreeMap<String, Seen> = std::fs::read(memory)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let mut now = BTreeMap::new();
    for entry in listed.split(|byte| *byte == 0) {
        // MODE BLOB STAGE, a tab, and the path.
        let entry = String::from_utf8_lossy(entry);
        let Some((about, path)) = entry.split_once('\t') else {
            continue;
        };
        let Some(blob) = about.split(' ').nth(1) else {
            continue;
        };
        let seen = match before.get(path) {
            Some(seen) if seen.blob == blob => seen.clone(),
            known => Seen {
                blob: blob.to_owned(),
                change: Change {
                    commit: head.commit.clone(),
                    at: head.at.filter(|_| known.is_some()),
                },
            },
        };
        now.insert(path.to_owned(), seen);
    }
    if let Ok(bytes) = serde_json::to_vec(&now) {
        let _ = std::fs::write(memory, bytes);
    }
    now.into_iter()
        .map(|(path, seen)| (path, seen.change))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_commit_that_names_a_file_changed_it() {
        let log = "\u{1}b2 1700000100\0\ndocs/a.md\0\u{1}a1 1700000000\0\ndocs/a.md\0docs/b c.md\0";
        let changes = from_log(log.as_bytes());
        assert_eq!(changes["docs/a.md"].commit, "b2");
        assert_eq!(changes["docs/b c.md"].commit, "a1");
        assert_eq!(
            changes["docs/b c.md"].at.unwrap().timestamp(),
            1_700_000_000
        );
        assert!(from_log(b"").is_empty());
    }

    #[test]
    fn without_history_a_file_keeps_the_commit_it_was_first_seen_at() {
        let folder = tempfile::tempdir().unwrap();
        let memory = folder.path().join("seen.json");
        let head = |commit: &str| Change {
            commit: commit.to_owned(),
            at: DateTime::from_timestamp(1_700_000_000, 0),
        };
        let first = from_memory(
            &memory,
            b"100644 x1 0\ta.md\0100644 y1 0\tb.md\0",
            &head("one"),
        );
        assert_eq!(
            first["a.md"],
            Change {
                commit: "one".to_owned(),
                at: None
            }
        );
        let second = from_memory(
            &memory,
            b"100644 x1 0\ta.md\0100644 y2 0\tb.md\0",
            &head("two"),
        );
        assert_eq!(second["a.md"], first["a.md"]);
        assert_eq!(second["b.md"], head("two"));
    }
}
