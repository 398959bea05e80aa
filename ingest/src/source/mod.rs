//! Where documents come from. [`list()`] finds the documents of a source, [`read()`] opens one.
//!
//! A source either names files (a folder, a checkout, pages that it fetched into its cache) or writes
//! documents itself, as Markdown. What it knows of a document besides its text ([`Found::given`]) is
//! put together with what the document says of itself by `extract::FrontMatter::over`.
//!
//! None of it is trusted: a folder that other people write to may hold links that lead out of it,
//! pipes that block, files that change while they are read; a server may answer anything. Each
//! becomes a problem of its own path, and the rest goes on.

mod confluence;
pub mod contracts;
pub mod dbt;
mod git;
mod include;
mod links;
mod net;
mod package;
mod prose;
mod read;
mod slack;
pub(crate) mod uri;
mod walk;
mod website;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use docent_core::config::{self, SourceKind};
use docent_core::document::{Outcome, text_hash};

use crate::extract::FrontMatter;
use crate::report::ProgressSender;

pub use read::{EXTRACTOR_VERSION, Raw, read};
pub use walk::list as list_folder;

/// What a source is listed with.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    pub source: &'a config::Source,
    /// The source's own folder for what it fetched: `cache/NAME` in the data folder. Made when it is
    /// first needed; what is lost there is only fetched again.
    pub cache: PathBuf,
    /// Larger documents are problems.
    pub max_file_bytes: u64,
    pub progress: ProgressSender,
}

/// What a source holds.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The folder that every path below is relative to, without links in it. Where the source is a
    /// single file, the folder that it lies in. Empty where documents are no files of one folder.
    pub root: PathBuf,
    /// The documents to read, sorted by path.
    pub found: Vec<Found>,
    /// What could not be listed, sorted by path. A folder that could not be opened ends in `/`:
    /// nothing is known of the documents below it, so they must not be taken for removed.
    pub problems: Vec<Problem>,
    /// Files of kinds that docent does not read, counted by extension (`png`, `rs`, or
    /// `no extension`).
    pub ignored: BTreeMap<String, usize>,
    /// Why not everything could be looked at, where it could not: a limit was reached. Then only
    /// `gone` is removed.
    pub incomplete: Option<String>,
    /// Paths that are known to be gone. Of a complete listing nothing has to stand here.
    pub gone: BTreeSet<String>,
    /// Paths, and folders that end in `/`, that may not be read any more, or by nobody knows whom.
    /// They are taken out whatever else holds removals back.
    pub withdrawn: BTreeSet<String>,
}

/// A document of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Relative to the root, `/` between parts. With the source's name it is the document's
    /// identity: it stays the same when title and text change.
    pub path: String,
    /// Size in bytes when it was listed.
    pub bytes: u64,
    pub content: Content,
    /// What the source knows about it, where it knows anything: most files of a folder are listed without.
    pub given: Option<Box<FrontMatter>>,
}

/// Where the text of a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file of the source's folder (for a link, its target): it may have front matter, includes
    /// what it names, and was changed when the file was.
    File(PathBuf),
    /// A file that the source keeps in its cache; its time says nothing about the document.
    Kept(PathBuf, Form),
    /// Markdown that the source wrote itself.
    Made(String),
}

/// What the bytes of a document are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As path and bytes say; front matter and mdBook includes hold.
    Named,
    /// A page of HTML, whatever its path is.
    Html,
    /// Markdown that the source wrote itself. What looks like front matter in it is text: only
    /// [`Found::given`] says who may read it.
    Made,
}

impl Content {
    pub fn form(&self) -> Form {
        match self {
            Self::File(_) => Form::Named,
            Self::Kept(_, form) => *form,
            Self::Made(_) => Form::Made,
        }
    }

    /// The file that it is read from.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) | Self::Kept(file, _) => Some(file),
            Self::Made(_) => None,
        }
    }
}

impl Found {
    /// A document that the source wrote itself.
    pub fn made(path: String, markdown: String, given: FrontMatter) -> Self {
        Self {
            path,
            bytes: markdown.len() as u64,
            content: Content::Made(markdown),
            given: Some(Box::new(given)),
        }
    }
}

/// Tries a source without listing it: whether it can be reached, and whether its token is accepted.
/// Answers with what was found.
pub async fn check(context: &Context<'_>) -> Result<String, SourceError> {
    match &context.source.kind {
        SourceKind::Folder(folder) | SourceKind::Contracts(folder) => {
            walk::check(context.source, folder)
        }
        SourceKind::Git(git) => git::check(context, git).await,
        SourceKind::Website(site) => website::check(context, site).await,
        SourceKind::Confluence(wiki) => confluence::check(context, wiki).await,
        SourceKind::Slack(export) => slack::check(context, export),
        SourceKind::Dbt(project) => dbt::check(context, project).await,
        SourceKind::Answers => Ok("curated answers, which are in the ledger".to_owned()),
    }
}

/// The files that a website, wiki or chat keeps of a document below its cache.
pub(crate) fn kept_of(cache: &Path, path: &str) -> Vec<PathBuf> {
    let mut files = vec![cache.join("made").join(format!("{}.md", text_hash(path)))];
    // A wiki's page is kept by its id, with which its path ends.
    if let Some((_, id)) = path.rsplit_once('/') {
        files.push(cache.join("pages").join(format!("{}.json", text_hash(id))));
    }
    files.extend(website::kept_of(cache, path));
    files
}

/// What to say where a token is configured and not there.
fn missing_token(variable: &str, file: &Path) -> String {
    if variable.is_empty() {
        format!("token_file {} cannot be read, or is empty", file.display())
    } else {
        format!("the environment variable {variable} (token_env) is not set")
    }
}

/// A path that gives no document, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub path: String,
    /// `Skipped` or `Failed`.
    pub outcome: Outcome,
}

/// Finds the documents of a source. Fails where nothing is known of the source as a whole (it is
/// not there, a token is refused): then nothing of it is removed.
pub async fn list(context: &Context<'_>) -> Result<Listing, SourceError> {
    let mut listing = match &context.source.kind {
        SourceKind::Folder(folder) => walk::list(context.source, folder, context.max_file_bytes)?,
        SourceKind::Git(git) => git::list(context, git).await?,
        SourceKind::Website(site) => website::list(context, site).await?,
        SourceKind::Confluence(wiki) => confluence::list(context, wiki).await?,
        SourceKind::Slack(export) => slack::list(context, export).await?,
        SourceKind::Dbt(project) => dbt::list(context, project).await?,
        SourceKind::Contracts(folder) => {
            contracts::list(context.source, folder, context.max_file_bytes)?
        }
        // They are in the ledger, not in any place of their own: `crate::answers::listing`.
        SourceKind::Answers => Listing::default(),
    };
    listing.found.sort_by(|a, b| a.path.cmp(&b.path));
    listing.problems.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(listing)
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
    /// Another program or server does not give what is there; `reason` names it and the way out.
    #[error("source \"{name}\": {reason}")]
    Refused { name: String, reason: String },
    /// `include` or `exclude` holds something that is no glob.
    #[error("source \"{name}\": {key} = \"{glob}\" is no glob: {reason}")]
    Glob {
        name: String,
        key: &'static str,
        glob: String,
        reason: String,
    },
}
