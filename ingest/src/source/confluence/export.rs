//! The export of a space, as Confluence's "Export space" makes it: XML, which says who may read each
//! page, or HTML, which does not.
//!
//! An HTML export holds what the person who made it could read, and nothing about anybody else: the
//! source's `groups` must fit all of it.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::Path;

use docent_core::config;
use docent_core::document::Outcome;

use super::super::package::Package;
use super::super::{Context, Listing, Problem};
use super::access::{Access, Readers, readers};
use super::html::{self, has_ending, page_id};
use super::shelf::{Kept, Readable, Shelf};
use super::xml::{self, Entities};
use crate::extract;

/// Deepest page tree; a deeper one goes round in a circle.
const MAX_DEPTH: usize = 100;
/// Where XML exports keep everything.
const ENTITIES: &str = "entities.xml";

pub(super) async fn list(
    context: &Context<'_>,
    wiki: &config::Confluence,
) -> Result<Listing, String> {
    let (wiki, cache) = (wiki.clone(), context.cache.clone());
    tokio::task::spawn_blocking(move || {
        let export = Export {
            shelf: Shelf::open(&cache)?,
            wiki,
        };
        export.list()
    })
    .await
    .unwrap_or_else(|error| Err(error.to_string()))
}

pub(super) fn check(wiki: &config::Confluence) -> Result<String, String> {
    let names = Package::open(&wiki.export)?.names();
    let path = wiki.export.display();
    if names.iter().any(|name| name == ENTITIES) {
        return Ok(format!("{path} is an XML export"));
    }
    let pages = names.iter().filter(|name| is_page(name)).count();
    if pages == 0 {
        return Err(not_an_export(&wiki.export));
    }
    Ok(format!("{path} is an HTML export of {pages} pages"))
}

fn not_an_export(path: &Path) -> String {
    format!(
        "{} is no export of a Confluence space: it has neither entities.xml nor pages of HTML",
        path.display()
    )
}

fn is_page(name: &str) -> bool {
    has_ending(name, "html") && page_id(name) != "index"
}

struct Export {
    shelf: Shelf,
    wiki: config::Confluence,
}

impl Export {
    fn list(&self) -> Result<Listing, String> {
        let mut package = Package::open(&self.wiki.export)?;
        let names = package.names();
        if names.iter().any(|name| name == ENTITIES) {
            let keep = &mut |id: &str, storage: String| {
                let version = 0;
                let _ = self.shelf.keep(id, &Kept { version, storage });
            };
            let entities = package.stream(ENTITIES, |xml| xml::read(BufReader::new(xml), keep))?;
            return Ok(self.pages_of_xml(&entities));
        }
        let pages: Vec<&String> = names.iter().filter(|name| is_page(name)).collect();
        if pages.is_empty() {
            return Err(not_an_export(&self.wiki.export));
        }
        let mut listing = Listing::default();
        let known: BTreeSet<&str> = pages.iter().map(|name| page_id(name)).collect();
        let uri = |name: &str| {
            let id = page_id(name);
            known.contains(id).then(|| self.uri(id)).flatten()
        };
        for name in pages {
            let id = page_id(name);
            let folder = name.split_once('/').map_or("export", |(folder, _)| folder);
            let path = format!("{folder}/{id}");
            let page = package
                .read(name)
                .map_err(Outcome::Failed)
                .and_then(|bytes| {
                    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
                    extract::guarded(|| html::read(&text, &uri))
                });
            match page {
                Ok(page) => {
                    let readable = Readable {
                        id: id.to_owned(),
                        title: page.title,
                        space: folder.to_owned(),
                        uri: self.uri(id),
                        above: page.above,
                        groups: None,
                        updated_at: page.changed,
                        path,
                    };
                    self.shelf.list(readable, Ok(page.markdown), &mut listing);
                }
                Err(outcome) => listing.problems.push(Problem { path, outcome }),
            }
        }
        Ok(listing)
    }

    fn pages_of_xml(&self, entities: &Entities) -> Listing {
        let mut listing = Listing::default();
        let access = entities.access();
        let mut readable = Vec::new();
        for (id, page) in &entities.pages {
            let space = entities
                .spaces
                .get(&page.space)
                .cloned()
                .unwrap_or_default();
            let path = format!("{}/{id}", if space.is_empty() { "export" } else { &space });
            let line = lineage(entities, id);
            let missing = Access::Unknown("a page above it is not in the export".to_owned());
            let along = line.iter().map(|id| match entities.pages.get(id) {
                Some(_) => access.get(id).unwrap_or(&Access::Open),
                None => &missing,
            });
            let groups = match readers(along, &self.wiki.group_names) {
                Readers::All => None,
                Readers::Groups(groups) => Some(groups),
                Readers::Nobody(reason) | Readers::Later(reason) => {
                    listing.withdrawn.insert(path.clone());
                    let outcome = Outcome::Skipped(reason);
                    listing.problems.push(Problem { path, outcome });
                    continue;
                }
            };
            let above = line
                .iter()
                .rev()
                .filter(|above| *above != id)
                .filter_map(|id| entities.pages.get(id))
                .map(|page| page.title.clone())
                .collect();
            readable.push(Readable {
                id: id.clone(),
                title: page.title.clone(),
                uri: self.uri(id),
                updated_at: extract::date(&page.changed),
                space,
                path,
                above,
                groups,
            });
        }
        readable.sort_by(|a, b| a.path.cmp(&b.path));
        self.shelf
            .write_all(readable, &entities.users, &mut listing);
        listing
    }

    /// `url` is where the exported space is, where it is still to be found.
    fn uri(&self, id: &str) -> Option<String> {
        let base = self.wiki.url.trim_end_matches('/');
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        (!base.is_empty() && is_number).then(|| format!("{base}/pages/viewpage.action?pageId={id}"))
    }
}

/// A page and what it stands below, nearest first.
fn lineage(entities: &Entities, id: &str) -> Vec<String> {
    let mut line = vec![id.to_owned()];
    while let Some(parent) = line
        .last()
        .and_then(|id| entities.pages.get(id))
        .and_then(|page| page.parent.clone())
    {
        if line.len() >= MAX_DEPTH || line.contains(&parent) {
            break;
        }
        line.push(parent);
    }
    line
}
