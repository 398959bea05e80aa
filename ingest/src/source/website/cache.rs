//! What was fetched: a page's text and what its server said of it, two files a page. Whatever is lost
//! or broken here is fetched again.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use docent_core::document::text_hash;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::super::net::{Body, Validators};

/// Raise it when a page is read differently: what was kept is then fetched again.
pub(super) const VERSION: u32 = 1;

/// What is known of a fetched page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) version: u32,
    /// The address that the document is known by.
    pub(super) uri: String,
    /// The document's path.
    pub(super) path: String,
    pub(super) validators: Validators,
    pub(super) is_html: bool,
    /// Whether docent reads its kind and the page wants to be found.
    pub(super) is_document: bool,
    pub(super) bytes: u64,
    /// Addresses that it leads to, below the prefix.
    pub(super) links: Vec<String>,
    pub(super) modified: Option<DateTime<Utc>>,
}

impl Page {
    /// Something that only lists pages.
    pub(super) fn list(body: &Body) -> Self {
        Self {
            version: VERSION,
            uri: body.url.to_string(),
            path: String::new(),
            validators: body.validators.clone(),
            is_html: false,
            is_document: false,
            bytes: body.bytes.len() as u64,
            links: Vec::new(),
            modified: None,
        }
    }
}

/// A folder of pages.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// A cache below a folder, which need not be there yet.
    pub(super) fn below(folder: &Path) -> Self {
        Self {
            folder: folder.join("pages"),
        }
    }

    pub(super) fn make(&self) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)
    }

    /// The file that a page's text lies in.
    pub(super) fn body(&self, url: &Url) -> PathBuf {
        self.folder
            .join(format!("{}.body", text_hash(url.as_str())))
    }

    fn about(&self, url: &Url) -> PathBuf {
        self.folder
            .join(format!("{}.json", text_hash(url.as_str())))
    }

    /// What is known of a page, where its text is there too.
    pub(super) fn get(&self, url: &Url) -> Option<Page> {
        let page: Page = serde_json::from_slice(&fs::read(self.about(url)).ok()?).ok()?;
        let length = fs::metadata(self.body(url)).ok()?.len();
        (length == page.bytes && page.version == VERSION).then_some(page)
    }

    /// Keeps a page: first its text, then what is known of it, each whole or not at all.
    pub(super) fn put(&self, url: &Url, page: &Page, text: &[u8]) -> std::io::Result<()> {
        let about = serde_json::to_vec(page)?;
        // What is known must not stand beside a newer text.
        let _ = fs::remove_file(self.about(url));
        write(&self.folder, &self.body(url), text)?;
        write(&self.folder, &self.about(url), &about)
    }

    pub(super) fn forget(&self, url: &Url) {
        let _ = fs::remove_file(self.about(url));
        let _ = fs::remove_file(self.body(url));
    }

    /// Removes the pages that a complete walk did not come by.
    pub(super) fn keep_only(&self, seen: &HashSet<Url>) {
        let kept: HashSet<PathBuf> = seen
            .iter()
            .flat_map(|url| [self.body(url), self.about(url)])
            .collect();
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            if !kept.contains(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn write(folder: &Path, to: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(to)?;
    Ok(())
}
