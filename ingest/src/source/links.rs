//! Links in a source: which of them the walk follows.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use docent_core::document::Outcome;
use ignore::DirEntry;

use super::Problem;
use super::walk::relative;

/// Decides which links are followed: those that stay inside the root, and each folder once. Two
/// folders full of links to each other would otherwise be walked in every order there is.
#[derive(Default)]
pub(super) struct Links {
    folders: Mutex<HashSet<PathBuf>>,
    problems: Mutex<Vec<Problem>>,
}

impl Links {
    /// Whether the walk goes on with an entry; why it does not is kept as a problem.
    pub(super) fn admits(&self, entry: &DirEntry, root: &Path) -> bool {
        if !entry.path_is_symlink() || entry.depth() == 0 {
            return true;
        }
        let Ok(target) = entry.path().canonicalize() else {
            return true; // The walk itself reports it.
        };
        let reason = if !target.starts_with(root) {
            "a link that leads out of the source"
        } else if target.is_dir() && !self.is_first(&target) {
            "a link to a folder that another link already led to"
        } else {
            return true;
        };
        lock(&self.problems).push(Problem {
            path: relative(root, entry.path()).to_string_lossy().into_owned(),
            outcome: Outcome::Skipped(reason.to_owned()),
        });
        false
    }

    fn is_first(&self, target: &Path) -> bool {
        lock(&self.folders).insert(target.to_path_buf())
    }

    /// The links that were not followed.
    pub(super) fn take_problems(&self) -> Vec<Problem> {
        std::mem::take(&mut *lock(&self.problems))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
