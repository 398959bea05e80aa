//! Reading one file, whatever has become of it since it was listed.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use docent_core::document::Outcome;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{Content, Form, Found, include, walk};
use crate::extract::FrontMatter;

/// Part of every [`Raw::raw_hash`]: raise it when extraction or cleaning give another text for the
/// same file, and the next run reads every document anew.
pub const EXTRACTOR_VERSION: u32 = 2;

/// A file as it was read.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Relative to the source's root, `/` between parts.
    pub path: String,
    /// What it holds; in Markdown, mdBook includes are replaced by what they name.
    pub bytes: Vec<u8>,
    pub form: Form,
    /// When the file itself last changed.
    pub modified: Option<DateTime<Utc>>,
    /// What the source knows about it.
    pub given: FrontMatter,
    /// Files whose text was included, relative to the root, in order, each once.
    pub included: Vec<String>,
    /// What a person should know although the document is indexed: includes that failed.
    pub notes: Vec<String>,
    /// Hex BLAKE3 (32 digits) of the bytes, includes and all, of what is given, and of
    /// [`EXTRACTOR_VERSION`]. The same hash means the same document.
    pub raw_hash: String,
}

/// Reads a file of a listing, at most `max_bytes` of it with everything it includes; a larger one
/// is not read at all. Never blocks on what is no regular file.
pub fn read(found: &Found, root: &Path, max_bytes: u64) -> Result<Raw, Outcome> {
    let (bytes, modified) = match &found.content {
        Content::File(file) => read_file(file, max_bytes)?,
        Content::Kept(file, _) => (read_file(file, max_bytes)?.0, None),
        Content::Made(text) if text.len() as u64 > max_bytes => {
            return Err(walk::too_large(max_bytes));
        }
        Content::Made(text) => (text.clone().into_bytes(), None),
    };
    let mut raw = Raw {
        path: found.path.clone(),
        bytes,
        form: found.content.form(),
        modified,
        given: found.given.as_deref().cloned().unwrap_or_default(),
        included: Vec::new(),
        notes: Vec::new(),
        raw_hash: String::new(),
    };
    let may_include = raw.form == Form::Named && !root.as_os_str().is_empty();
    if let Some(file) = found.content.file().filter(|_| may_include)
        && is_markdown(&found.path)
        && include::has_directive(&raw.bytes)
    {
        let resolved = include::resolve(&raw.bytes, file, root, max_bytes);
        raw.bytes = resolved.bytes;
        raw.included = resolved.included;
        raw.notes = resolved.notes;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&EXTRACTOR_VERSION.to_le_bytes());
    hasher.update(&raw.bytes);
    if raw.given != FrontMatter::default() {
        hasher.update(&serde_json::to_vec(&raw.given).unwrap_or_default());
    }
    raw.raw_hash = hasher.finalize().to_hex().to_string();
    raw.raw_hash.truncate(32);
    Ok(raw)
}

/// The bytes of a regular file and when it changed.
pub(super) fn read_file(
    path: &Path,
    max_bytes: u64,
) -> Result<(Vec<u8>, Option<DateTime<Utc>>), Outcome> {
    // NONBLOCK: opening a pipe without a writer would wait for one. NOFOLLOW: the listing resolved
    // links, so one that stands here now was put there since.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => vanished(),
        Errno::LOOP => Outcome::Failed("became a link while it was read".to_owned()),
        Errno::NXIO => Outcome::Skipped("a socket, not a file".to_owned()),
        other => Outcome::Failed(std::io::Error::from(other).to_string()),
    })?;
    let mut file = File::from(file);
    let failed = |error: std::io::Error| Outcome::Failed(error.to_string());
    let metadata = file.metadata().map_err(failed)?;
    if let Some(what) = walk::special(metadata.file_type()) {
        return Err(Outcome::Skipped(what.to_owned()));
    }
    if !metadata.is_file() {
        return Err(Outcome::Skipped("a folder, not a file".to_owned()));
    }
    if metadata.len() > max_bytes {
        return Err(walk::too_large(max_bytes));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    // One byte more than allowed shows that the file has grown meanwhile.
    file.by_ref()
        .take(max_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > max_bytes {
        return Err(walk::too_large(max_bytes));
    }
    let modified = metadata.modified().ok().map(DateTime::from);
    Ok((bytes, modified))
}

fn vanished() -> Outcome {
    Outcome::Failed("vanished while it was read".to_owned())
}

fn is_markdown(path: &str) -> bool {
    Path::new(path).extension().is_none_or(|extension| {
        ["md", "markdown", "mdx"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}
