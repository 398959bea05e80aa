//! What is kept of a Confluence: each page's text as it came, and the Markdown that it became.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use docent_core::document::{Outcome, text_hash};
use serde::{Deserialize, Serialize};

use super::super::{Content, Form, Found, Listing, Problem};
use super::{Names, storage};
use crate::extract::{self, FrontMatter};

/// A page's text as it came.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) version: u64,
    pub(super) storage: String,
}

/// A page that may be indexed.
#[derive(Debug)]
pub(super) struct Readable {
    pub(super) id: String,
    pub(super) title: String,
    /// The key of its space.
    pub(super) space: String,
    /// The document's path.
    pub(super) path: String,
    pub(super) uri: Option<String>,
    /// Titles of the pages above it, outermost first.
    pub(super) above: Vec<String>,
    /// `None`: whoever may read the source.
    pub(super) groups: Option<Vec<String>>,
    pub(super) updated_at: Option<DateTime<Utc>>,
}

/// Two folders in the source's cache.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    bodies: PathBuf,
    made: PathBuf,
}

impl Shelf {
    pub(super) fn open(cache: &Path) -> Result<Self, String> {
        let shelf = Self {
            bodies: cache.join("pages"),
            made: cache.join("made"),
        };
        for folder in [&shelf.bodies, &shelf.made] {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("cannot write {}: {error}", folder.display()))?;
        }
        Ok(shelf)
    }

    fn body(&self, id: &str) -> PathBuf {
        self.bodies.join(format!("{}.json", text_hash(id)))
    }

    pub(super) fn keep(&self, id: &str, kept: &Kept) -> std::io::Result<()> {
        std::fs::write(self.body(id), serde_json::to_vec(kept)?)
    }

    pub(super) fn kept(&self, id: &str) -> Option<Kept> {
        serde_json::from_slice(&std::fs::read(self.body(id)).ok()?).ok()
    }

    /// Writes each page's Markdown to a file of its own, and lists it.
    pub(super) fn write_all(
        &self,
        pages: Vec<Readable>,
        users: &HashMap<String, String>,
        listing: &mut Listing,
    ) {
        let uris: HashMap<(String, String), String> = pages
            .iter()
            .filter_map(|page| Some(((page.space.clone(), page.title.clone()), page.uri.clone()?)))
            .collect();
        let user = |id: &str| users.get(id).filter(|name| !name.is_empty()).cloned();
        for readable in pages {
            let page = |space: &str, title: &str| {
                let space = if space.is_empty() {
                    &readable.space
                } else {
                    space
                };
                uris.get(&(space.to_owned(), title.to_owned())).cloned()
            };
            let names = Names {
                page: &page,
                user: &user,
            };
            let text = self
                .kept(&readable.id)
                .ok_or_else(|| Outcome::Failed("its text was not kept".to_owned()))
                .and_then(|kept| extract::guarded(|| storage::markdown(&kept.storage, &names)));
            self.list(readable, text, listing);
        }
    }

    /// Writes a page's Markdown to a file of its own, and lists it.
    pub(super) fn list(
        &self,
        readable: Readable,
        text: Result<String, Outcome>,
        listing: &mut Listing,
    ) {
        let file = self.made.join(format!("{}.md", text_hash(&readable.path)));
        let written = text.and_then(|text| {
            std::fs::write(&file, &text)
                .map(|()| text.len() as u64)
                .map_err(|error| Outcome::Failed(format!("cannot be kept: {error}")))
        });
        match written {
            Ok(bytes) => listing.found.push(Found {
                path: readable.path,
                bytes,
                content: Content::Kept(file, Form::Made),
                given: Some(Box::new(FrontMatter {
                    title: Some(readable.title),
                    uri: readable.uri,
                    groups: readable.groups,
                    updated_at: readable.updated_at,
                    above: readable.above,
                    ..FrontMatter::default()
                })),
            }),
            Err(outcome) => listing.problems.push(Problem {
                path: readable.path,
                outcome,
            }),
        }
    }
}
