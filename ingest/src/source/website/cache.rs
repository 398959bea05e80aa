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

/// The files that are kept of a document below a source's cache.
pub(in crate::source) fn kept_of(cache: &Path, path: &str) -> Vec<PathBuf> {
    let folder = Cache::below(cache).folder;
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_of = |about: &Path| {
        let page = fs::read(about).ok();
        let page = page.and_then(|bytes| serde_json::from_slice::<Page>(&bytes).ok());
        page.is_some_and(|page| page.path == path)
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "json") && is_of(file))
        .flat_map(|about| [about.with_extension("body"), about])
        .collect()
}

fn write(folder: &Path, to: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_document_is_found_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::below(folder.path());
        cache.make().unwrap();
        let page = |path: &str| Page {
            version: VERSION,
            uri: format!("https://example.com/{path}"),
            path: path.to_owned(),
            validators: Validators::default(),
            is_html: true,
            is_document: true,
            bytes: 4,
            links: Vec::new(),
            modified: None,
        };
        let url = |path: &str| Url::parse(&format!("https://example.com/{path}")).unwrap();
        for path in ["a", "b"] {
            cache.put(&url(path), &page(path), b"text").unwrap();
        }
        let kept = kept_of(folder.path(), "a");
        assert_eq!(kept.len(), 2);
        for file in kept {
            fs::remove_file(file).unwrap();
        }
        assert_eq!(cache.get(&url("a")), None);
        assert!(cache.get(&url("b")).is_some());
        assert!(kept_of(&folder.path().join("nowhere"), "a").is_empty());
    }
}
