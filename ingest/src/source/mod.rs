//! Where documents come from. [`list()`] finds the files of a source, [`read()`] opens one of them.
//!
//! Neither trusts what it finds: a folder that other people write to may hold links that lead out
//! of it, pipes that block, files that change while they are read. Each becomes a problem of its
//! own path, and the rest goes on.

pub mod dbt;
mod include;
mod prose;
mod read;
mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;

use docent_core::document::Outcome;

use crate::extract::FrontMatter;

pub use read::{EXTRACTOR_VERSION, Raw, read};
pub use walk::list;

/// What a source holds.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The folder that every path below is relative to, without links in it. Where the source is a
    /// single file, the folder that it lies in.
    pub root: PathBuf,
    /// The files to read, sorted by path.
    pub found: Vec<Found>,
    /// What could not be listed, sorted by path. A folder that could not be opened ends in `/`:
    /// nothing is known of the documents below it, so they must not be taken for removed.
    pub problems: Vec<Problem>,
    /// Files of kinds that docent does not read, counted by extension (`png`, `rs`, or
    /// `no extension`).
    pub ignored: BTreeMap<String, usize>,
}

/// A file of a known kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Relative to the root, `/` between parts.
    pub path: String,
    /// Where to open it; for a link, its target.
    pub absolute: PathBuf,
    /// Size in bytes when it was listed.
    pub bytes: u64,
}

/// A document that docent writes itself from what a source tells.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeDocument {
    /// Lasting and unique within the source, `/` between parts.
    pub path: String,
    pub markdown: String,
    pub given: FrontMatter,
}

/// A path that gives no document, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub path: String,
    /// `Skipped` or `Failed`.
    pub outcome: Outcome,
}

/// Why a source could not be listed at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is nothing at the path.
    #[error(
        "source \"{name}\": there is no file or folder {path}; check source.path, or the path on the command line"
    )]
    Missing { name: String, path: String },
    /// It is there, but cannot be opened.
    #[error("source \"{name}\": cannot read {path}: {reason}")]
    Unreadable {
        name: String,
        path: String,
        reason: String,
    },
    /// `include` or `exclude` holds something that is no glob.
    #[error("source \"{name}\": {key} = \"{glob}\" is no glob: {reason}")]
    Glob {
        name: String,
        key: &'static str,
        glob: String,
        reason: String,
    },
}
