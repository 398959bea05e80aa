//! Finding the files of a folder.

use std::fs::{File, FileType, Metadata};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use docent_core::config;
use docent_core::document::Outcome;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder};

use super::links::Links;
use super::{Content, Found, Listing, Problem, SourceError};

/// Extensions of the kinds that docent reads.
const EXTENSIONS: [&str; 26] = [
    "md", "markdown", "mdx", "html", "htm", "xhtml", "txt", "rst", "rest", "pdf", "docx", "docm",
    "pptx", "pptm", "xlsx", "xlsm", "csv", "tsv", "tab", "ipynb", "sql", "ddl", "json", "jsonl",
    "yaml", "yml",
];

/// Names without an extension that are prose. Others (`LICENSE`, `Makefile`) are not.
const PROSE: [&str; 6] = [
    "README",
    "CONTRIBUTING",
    "CHANGELOG",
    "FAQ",
    "GLOSSARY",
    "RUNBOOK",
];

/// Lists a folder (or a single file, which is then read whatever its extension is). Files larger
/// than `max_file_bytes` are problems. Fails only where nothing can be listed.
pub fn list(
    source: &config::Source,
    folder: &config::Folder,
    max_file_bytes: u64,
) -> Result<Listing, SourceError> {
    list_known(source, folder, max_file_bytes, is_known)
}

/// [`list`] of files that `is_known` knows.
pub(super) fn list_known(
    source: &config::Source,
    folder: &config::Folder,
    max_file_bytes: u64,
    is_known: fn(&Path) -> bool,
) -> Result<Listing, SourceError> {
    let root = folder
        .path
        .canonicalize()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => missing(source, folder),
            _ => unreadable(source, folder, &error),
        })?;
    if !root.is_dir() {
        return single_file(source, folder, &root, max_file_bytes);
    }
    std::fs::read_dir(&root).map_err(|error| unreadable(source, folder, &error))?;

    let include = globs(source, "include", &folder.include)?;
    let exclude = globs(source, "exclude", &folder.exclude)?;
    let mut lister = Lister {
        is_known,
        include,
        exclude: exclude.clone(),
        max_file_bytes,
        listing: Listing {
            root: root.clone(),
            ..Listing::default()
        },
    };
    let links = Arc::new(Links::default());
    let guard = Arc::clone(&links);
    let guarded_root = root.clone();
    let walk = WalkBuilder::new(&root)
        .hidden(true)
        .ignore(false)
        // Only rules inside the source count: the result is the same on every machine.
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .git_ignore(folder.gitignore)
        .require_git(false)
        .follow_links(true)
        .sort_by_file_name(Ord::cmp)
        .filter_entry(move |entry| {
            let relative = relative(&guarded_root, entry.path());
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            !exclude.matched(relative, is_folder).is_ignore() && guard.admits(entry, &guarded_root)
        })
        .build();
    for entry in walk {
        match entry {
            Ok(entry) => lister.take(&entry),
            Err(error) => lister.walk_failed(&error),
        }
    }
    let mut listing = lister.listing;
    listing.problems.append(&mut links.take_problems());
    listing.found.sort_by(|a, b| a.path.cmp(&b.path));
    listing.problems.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(listing)
}

/// Whether a folder or file can be opened.
pub(super) fn check(
    source: &config::Source,
    folder: &config::Folder,
) -> Result<String, SourceError> {
    let opened = std::fs::metadata(&folder.path).and_then(|metadata| {
        if metadata.is_dir() {
            std::fs::read_dir(&folder.path).map(drop)
        } else {
            File::open(&folder.path).map(drop)
        }
    });
    opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => missing(source, folder),
        _ => unreadable(source, folder, &error),
    })?;
    Ok(format!("{} can be read", folder.path.display()))
}

fn missing(source: &config::Source, folder: &config::Folder) -> SourceError {
    SourceError::Missing {
        name: source.name.clone(),
        path: folder.path.display().to_string(),
    }
}

fn unreadable(
    source: &config::Source,
    folder: &config::Folder,
    error: &std::io::Error,
) -> SourceError {
    SourceError::Unreadable {
        name: source.name.clone(),
        path: folder.path.display().to_string(),
        reason: error.to_string(),
    }
}

fn single_file(
    source: &config::Source,
    folder: &config::Folder,
    file: &Path,
    max_file_bytes: u64,
) -> Result<Listing, SourceError> {
    let metadata = file
        .metadata()
        .map_err(|error| unreadable(source, folder, &error))?;
    let root = file.parent().unwrap_or(file).to_path_buf();
    // The name that was given, not the one a link leads to: it is the document's identity.
    let name = folder.path.file_name().or(file.file_name());
    let name = PathBuf::from(name.unwrap_or_default());
    let mut lister = Lister {
        // A file that was named is read whatever its extension is.
        is_known: |_| true,
        include: Gitignore::empty(),
        exclude: Gitignore::empty(),
        max_file_bytes,
        listing: Listing {
            root,
            ..Listing::default()
        },
    };
    if let Some(path) = lister.name(&name) {
        lister.take_file(path, file.to_path_buf(), &metadata);
    }
    Ok(lister.listing)
}

pub(super) fn globs(
    source: &config::Source,
    key: &'static str,
    globs: &[String],
) -> Result<Gitignore, SourceError> {
    let mut builder = GitignoreBuilder::new("");
    let refused = |glob: &str, error: ignore::Error| SourceError::Glob {
        name: source.name.clone(),
        key,
        glob: glob.to_owned(),
        reason: match error {
            ignore::Error::Glob { err, .. } => err,
            other => other.to_string(),
        },
    };
    for glob in globs {
        builder
            .add_line(None, glob)
            .map_err(|error| refused(glob, error))?;
    }
    builder
        .build()
        .map_err(|error| refused(&globs.join(", "), error))
}

/// A path as seen from the source's root.
pub(super) fn relative<'a>(root: &Path, path: &'a Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

struct Lister {
    is_known: fn(&Path) -> bool,
    include: Gitignore,
    exclude: Gitignore,
    max_file_bytes: u64,
    listing: Listing,
}

impl Lister {
    fn take(&mut self, entry: &DirEntry) {
        let Some(kind) = entry.file_type() else {
            return;
        };
        let path = relative(&self.listing.root, entry.path()).to_path_buf();
        if kind.is_dir() || !self.wanted(&path) {
            return;
        }
        if let Some(what) = special(kind) {
            self.problem(&path, Outcome::Skipped(what.to_owned()));
            return;
        }
        if !(self.is_known)(&path) {
            let extension = path.extension().map_or("no extension".into(), |extension| {
                extension.to_string_lossy().to_lowercase()
            });
            *self.listing.ignored.entry(extension).or_default() += 1;
            return;
        }
        let Some(name) = self.name(&path) else {
            return;
        };
        let absolute = if entry.path_is_symlink() {
            entry.path().canonicalize()
        } else {
            Ok(entry.path().to_path_buf())
        };
        let opened = absolute.and_then(|absolute| Ok((absolute.metadata()?, absolute)));
        match opened {
            Ok((metadata, absolute)) => self.take_file(name, absolute, &metadata),
            Err(error) => self.problem(&path, Outcome::Failed(error.to_string())),
        }
    }

    fn take_file(&mut self, path: String, absolute: PathBuf, metadata: &Metadata) {
        let bytes = metadata.len();
        let outcome = match special(metadata.file_type()) {
            Some(what) => Outcome::Skipped(what.to_owned()),
            None if bytes > self.max_file_bytes => too_large(self.max_file_bytes),
            None => {
                self.listing.found.push(Found {
                    path,
                    bytes,
                    content: Content::File(absolute),
                    given: None,
                });
                return;
            }
        };
        self.listing.problems.push(Problem { path, outcome });
    }

    fn wanted(&self, path: &Path) -> bool {
        self.include.is_empty()
            || self
                .include
                .matched_path_or_any_parents(path, false)
                .is_ignore()
    }

    /// The path as text; a name that is no UTF-8 could not be asked for again, and is a problem.
    fn name(&mut self, path: &Path) -> Option<String> {
        let name = path.to_str().map(str::to_owned);
        if name.is_none() {
            self.problem(
                path,
                Outcome::Failed("its name is not valid UTF-8; rename it".to_owned()),
            );
        }
        name
    }

    fn problem(&mut self, path: &Path, outcome: Outcome) {
        self.listing.problems.push(Problem {
            path: path.to_string_lossy().into_owned(),
            outcome,
        });
    }

    fn walk_failed(&mut self, error: &ignore::Error) {
        let (path, outcome) = match cause(error) {
            Cause::Loop { child, ancestor } => {
                let ancestor = relative(&self.listing.root, ancestor);
                let ancestor = match ancestor.to_string_lossy() {
                    name if name.is_empty() => "the source itself".to_owned(),
                    name => name.into_owned(),
                };
                let reason = format!("a link that leads back to a folder above it: {ancestor}");
                (Some(child), Outcome::Skipped(reason))
            }
            Cause::Failed { path, reason } => (path, Outcome::Failed(reason)),
        };
        let Some(path) = path else {
            self.problem(Path::new("/"), outcome);
            return;
        };
        let relative = relative(&self.listing.root, path);
        if self.exclude.matched(relative, false).is_ignore() || is_hidden(relative) {
            return; // The walk fails on a link before it asks the filter (editors' lock files).
        }
        let mut name = relative.to_string_lossy().into_owned();
        let link = path.symlink_metadata().is_ok_and(|kind| kind.is_symlink());
        let outcome = match outcome {
            Outcome::Failed(_) if link && !path.exists() => {
                Outcome::Failed("a link to something that is not there".to_owned())
            }
            outcome => outcome,
        };
        if path.is_dir() && !link {
            name.push('/');
        }
        self.listing.problems.push(Problem {
            path: name,
            outcome,
        });
    }
}

pub(super) fn too_large(max_bytes: u64) -> Outcome {
    Outcome::Skipped(format!(
        "larger than {max_bytes} bytes (ingest.max_file_bytes)"
    ))
}

pub(super) fn special(kind: FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("a named pipe, not a file")
    } else if kind.is_socket() {
        Some("a socket, not a file")
    } else if kind.is_block_device() || kind.is_char_device() {
        Some("a device, not a file")
    } else {
        None
    }
}

fn is_known(path: &Path) -> bool {
    match path.extension() {
        Some(extension) => EXTENSIONS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known)),
        None => path
            .file_name()
            .is_some_and(|name| PROSE.iter().any(|known| name.eq_ignore_ascii_case(known))),
    }
}

fn is_hidden(relative: &Path) -> bool {
    relative
        .components()
        .any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
}

enum Cause<'a> {
    Loop {
        child: &'a Path,
        ancestor: &'a Path,
    },
    Failed {
        path: Option<&'a Path>,
        reason: String,
    },
}

fn cause(error: &ignore::Error) -> Cause<'_> {
    match error {
        ignore::Error::Loop { ancestor, child } => Cause::Loop { child, ancestor },
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            cause(err)
        }
        ignore::Error::WithPath { path, err } => match cause(err) {
            Cause::Failed { path: None, reason } => Cause::Failed {
                path: Some(path),
                reason,
            },
            inner => inner,
        },
        other => Cause::Failed {
            path: None,
            reason: other.to_string(),
        },
    }
}
