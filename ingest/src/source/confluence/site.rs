//! A Confluence site: which pages there are, who may read them, and their text.
//!
//! Lists of pages are read at every run, without their text; the text of a page is fetched when its
//! version is another than the one kept. Restrictions have no version and are asked for each time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use docent_core::config;
use docent_core::document::Outcome;
use futures::StreamExt as _;

use super::super::{Context, Listing, Problem, missing_token};
use super::access::{Access, Readers, readers};
use super::api::{Api, ApiError, PAGE, Page, Restriction, Space, Subject};
use super::shelf::{Kept, Readable, Shelf};
use super::storage;
use crate::extract;
use crate::report::Progress;

/// Pages whose text is fetched with one request.
const BODIES: usize = 50;
/// Deepest page tree; a deeper one goes round in a circle.
const MAX_DEPTH: usize = 100;

pub(super) async fn list(
    context: &Context<'_>,
    wiki: &config::Confluence,
) -> Result<Listing, String> {
    let site = Site::new(context, wiki)?;
    let seconds = wiki.timeout_seconds.max(1);
    tokio::time::timeout(Duration::from_secs(seconds), site.list())
        .await
        .map_err(|_| {
            format!("was not read within {seconds} seconds (timeout_seconds); what came is kept")
        })?
        .map_err(|error| error.to_string())
}

pub(super) async fn check(wiki: &config::Confluence) -> Result<String, String> {
    let api = connect(wiki)?;
    let spaces = spaces(&api, wiki)
        .await
        .map_err(|error| error.to_string())?;
    if wiki.spaces.is_empty() {
        let any: Vec<Space> = api
            .first("api/v2/spaces?limit=1")
            .await
            .map_err(|error| error.to_string())?;
        return Ok(format!("{} answers, {} space seen", api.base, any.len()));
    }
    let keys: Vec<&str> = spaces.iter().map(|space| space.key.as_str()).collect();
    Ok(format!("{} shows {}", api.base, keys.join(", ")))
}

fn connect(wiki: &config::Confluence) -> Result<Api, String> {
    if wiki.url.is_empty() {
        return Err("needs `url` (https://NAME.atlassian.net/wiki), or `export`".to_owned());
    }
    if wiki.spaces.is_empty() && wiki.labels.is_empty() {
        return Err("needs `spaces` or `labels`: which pages are to be read?".to_owned());
    }
    let has_token = !(wiki.token_env.is_empty() && wiki.token_file.as_os_str().is_empty());
    if has_token && wiki.token.is_empty() {
        return Err(missing_token(&wiki.token_env, &wiki.token_file));
    }
    Api::new(wiki)
}

/// The configured spaces. One that the token does not see is an error: its pages would be taken for
/// removed.
async fn spaces(api: &Api, wiki: &config::Confluence) -> Result<Vec<Space>, ApiError> {
    if wiki.spaces.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<String> = wiki.spaces.iter().map(|key| query("keys", key)).collect();
    let path = format!("api/v2/spaces?limit={PAGE}&{}", keys.join("&"));
    let found: Vec<Space> = api.all(&path, wiki.spaces.len()).await?;
    for key in &wiki.spaces {
        if !found.iter().any(|space| space.key == *key) {
            let reason = format!(
                "there is no space {key}, or the token's account may not see it; take it out of \
                 `spaces` where that is meant"
            );
            return Err(ApiError::Failed(api.base.clone(), reason));
        }
    }
    Ok(found)
}

fn query(name: &str, value: &str) -> String {
    let value: String = value
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                (byte as char).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    format!("{name}={value}")
}

struct Site<'a> {
    context: &'a Context<'a>,
    wiki: &'a config::Confluence,
    api: Api,
    shelf: Shelf,
}

/// Something in the page tree.
#[derive(Debug, Clone)]
struct Node {
    title: String,
    parent: Option<(String, String)>,
}

impl Node {
    fn of(page: &Page) -> Self {
        let kind = page.parent_type.clone().unwrap_or_default();
        Self {
            title: page.title.clone(),
            parent: page.parent_id.clone().map(|id| (kind, id)),
        }
    }
}

impl<'a> Site<'a> {
    fn new(context: &'a Context<'a>, wiki: &'a config::Confluence) -> Result<Self, String> {
        Ok(Self {
            api: connect(wiki)?,
            shelf: Shelf::open(&context.cache)?,
            context,
            wiki,
        })
    }

    async fn list(&self) -> Result<Listing, ApiError> {
        let mut listing = Listing::default();
        let (mut pages, spaces) = self.pages().await?;
        if pages.len() > self.wiki.max_pages {
            pages.truncate(self.wiki.max_pages);
            let limit = format!("it has more than {} pages (max_pages)", self.wiki.max_pages);
            listing.incomplete = Some(limit);
        }
        let (tree, mut access) = self.tree(&pages).await?;
        self.restrictions(&tree, &mut access).await?;
        let failed = self.fetch_bodies(&pages).await?;

        let path = |page: &Page| {
            let space = spaces.get(&page.space_id).unwrap_or(&page.space_id);
            format!("{space}/{}", page.id)
        };
        let mut readable = Vec::new();
        for page in pages {
            let path = path(&page);
            let line = lineage(&tree, &page.id);
            let along = line.iter().rev().chain([&page.id]);
            let groups = match readers(
                along.filter_map(|id| access.get(id)),
                &self.wiki.group_names,
            ) {
                Readers::All => None,
                Readers::Groups(groups) => Some(groups),
                Readers::Nobody(reason) => {
                    listing.withdrawn.insert(path.clone());
                    let outcome = Outcome::Skipped(reason);
                    listing.problems.push(Problem { path, outcome });
                    continue;
                }
                Readers::Later(reason) => {
                    let outcome = Outcome::Failed(reason);
                    listing.problems.push(Problem { path, outcome });
                    continue;
                }
            };
            if let Some(reason) = failed.get(&page.id) {
                let outcome = Outcome::Failed(reason.clone());
                listing.problems.push(Problem { path, outcome });
                continue;
            }
            let above: Vec<String> = line
                .iter()
                .rev()
                .filter_map(|id| tree.get(id))
                .map(|node| node.title.clone())
                .collect();
            let created = page
                .version
                .as_ref()
                .and_then(|one| one.created_at.as_deref());
            readable.push(Readable {
                uri: Some(self.uri(&page)),
                space: spaces.get(&page.space_id).cloned().unwrap_or_default(),
                updated_at: created.and_then(extract::date),
                path,
                above,
                groups,
                id: page.id,
                title: page.title,
            });
        }
        let users = self.users(&readable).await;
        let shelf = self.shelf.clone();
        let listed = tokio::task::spawn_blocking(move || {
            shelf.write_all(readable, &users, &mut listing);
            listing
        });
        listed
            .await
            .map_err(|error| ApiError::Failed(self.api.base.clone(), error.to_string()))
    }

    fn uri(&self, page: &Page) -> String {
        let base = self.api.base.as_str().trim_end_matches('/');
        if page.links.webui.is_empty() {
            return format!("{base}/pages/viewpage.action?pageId={}", page.id);
        }
        format!("{base}{}", page.links.webui)
    }

    /// The pages of the configured spaces and labels, each once, and the keys of their spaces.
    async fn pages(&self) -> Result<(Vec<Page>, HashMap<String, String>), ApiError> {
        let (api, wiki, max) = (&self.api, self.wiki, self.wiki.max_pages);
        let spaces = spaces(api, wiki).await?;
        let mut keys: HashMap<String, String> = spaces
            .iter()
            .map(|space| (space.id.clone(), space.key.clone()))
            .collect();
        let mut pages: BTreeMap<String, Page> = BTreeMap::new();
        let mut add = |listed: Vec<Page>| {
            pages.extend(listed.into_iter().map(|page| (page.id.clone(), page)));
        };
        if wiki.labels.is_empty() {
            for space in &spaces {
                let id = &space.id;
                let path = format!("api/v2/spaces/{id}/pages?limit={PAGE}&status=current");
                add(api.all(&path, max).await?);
            }
        }
        for label in &wiki.labels {
            let Some(id) = api.label(label).await? else {
                continue;
            };
            let path = format!("api/v2/labels/{id}/pages?limit={PAGE}");
            let mut labelled: Vec<Page> = api.all(&path, max).await?;
            if !spaces.is_empty() {
                labelled.retain(|page| keys.contains_key(&page.space_id));
            }
            add(labelled);
        }
        let unknown: BTreeSet<&str> = pages
            .values()
            .map(|page| page.space_id.as_str())
            .filter(|id| !id.is_empty() && !keys.contains_key(*id))
            .collect();
        let mut found: Vec<Space> = Vec::new();
        for ids in unknown.into_iter().collect::<Vec<_>>().chunks(PAGE) {
            let ids: Vec<String> = ids.iter().map(|id| query("ids", id)).collect();
            let path = format!("api/v2/spaces?limit={PAGE}&{}", ids.join("&"));
            found.extend(api.all::<Space>(&path, PAGE).await?);
        }
        keys.extend(found.into_iter().map(|space| (space.id, space.key)));
        let pages: Vec<Page> = pages.into_values().collect();
        self.context.progress.send(Progress::Note {
            text: format!("{}: {} pages", self.context.source.name, pages.len()),
        });
        Ok((pages, keys))
    }

    /// The pages and all that they stand below. What cannot be read of it is noted, for its
    /// restriction is one of theirs.
    async fn tree(
        &self,
        pages: &[Page],
    ) -> Result<(HashMap<String, Node>, HashMap<String, Access>), ApiError> {
        let mut access = HashMap::new();
        let mut tree: HashMap<String, Node> = pages
            .iter()
            .map(|page| (page.id.clone(), Node::of(page)))
            .collect();
        for _ in 0..MAX_DEPTH {
            let missing: BTreeSet<(String, String)> = tree
                .values()
                .filter_map(|node| node.parent.clone())
                .filter(|(_, id)| !tree.contains_key(id) && !access.contains_key(id))
                .collect();
            if missing.is_empty() {
                break;
            }
            let asked = missing.into_iter().map(|(kind, id)| async move {
                let parent = self.api.parent(&kind, &id).await;
                (kind, id, parent)
            });
            let mut answers = futures::stream::iter(asked).buffer_unordered(self.at_once());
            while let Some((kind, id, answer)) = answers.next().await {
                match answer {
                    Ok(parent) => {
                        tree.insert(id, Node::of(&parent));
                    }
                    Err(error @ ApiError::Token(_)) => return Err(error),
                    Err(error) => {
                        let what = format!("it stands below the {kind} {id}: {error}");
                        access.insert(id, unknown(&error, what));
                    }
                }
            }
        }
        Ok((tree, access))
    }

    fn at_once(&self) -> usize {
        self.wiki.concurrency.max(1)
    }

    /// Asks for the restriction of everything in the tree.
    async fn restrictions(
        &self,
        tree: &HashMap<String, Node>,
        access: &mut HashMap<String, Access>,
    ) -> Result<(), ApiError> {
        let ids: Vec<String> = tree.keys().cloned().collect();
        let asked = ids.into_iter().map(|id| async move {
            let restriction = self.api.restriction(&id).await;
            (id, restriction)
        });
        let mut answers = futures::stream::iter(asked).buffer_unordered(self.at_once());
        while let Some((id, answer)) = answers.next().await {
            let found = match answer {
                Ok(restriction) => access_of(restriction),
                Err(error @ ApiError::Token(_)) => return Err(error),
                Err(error) => {
                    let what = format!("the restriction of {id} cannot be read: {error}");
                    unknown(&error, what)
                }
            };
            access.insert(id, found);
        }
        Ok(())
    }

    /// Fetches the text of pages whose version is not the one kept. Answers with those that could
    /// not be fetched, by id.
    async fn fetch_bodies(&self, pages: &[Page]) -> Result<HashMap<String, String>, ApiError> {
        let mut failed = HashMap::new();
        let changed: Vec<String> = pages
            .iter()
            .filter(|page| {
                let kept = self.shelf.kept(&page.id);
                kept.is_none_or(|kept| {
                    Some(kept.version) != page.version.as_ref().map(|v| v.number)
                })
            })
            .map(|page| page.id.clone())
            .collect();
        let parts: Vec<Vec<String>> = changed.chunks(BODIES).map(<[_]>::to_vec).collect();
        let asked = parts.into_iter().map(|ids| async move {
            let named: Vec<String> = ids.iter().map(|id| query("id", id)).collect();
            let path = format!(
                "api/v2/pages?limit={BODIES}&body-format=storage&{}",
                named.join("&")
            );
            (ids, self.api.all::<Page>(&path, BODIES).await)
        });
        let mut answers = futures::stream::iter(asked).buffer_unordered(self.at_once());
        while let Some((asked, answer)) = answers.next().await {
            let fetched = match answer {
                Ok(fetched) => fetched,
                Err(error @ ApiError::Token(_)) => return Err(error),
                Err(error) => {
                    let reason = error.to_string();
                    failed.extend(asked.into_iter().map(|id| (id, reason.clone())));
                    continue;
                }
            };
            let mut missing: HashSet<&str> = asked.iter().map(String::as_str).collect();
            for page in &fetched {
                missing.remove(page.id.as_str());
                let storage = page.body.storage.as_ref().map(|storage| &storage.value);
                let kept = Kept {
                    version: page.version.as_ref().map_or(0, |version| version.number),
                    storage: storage.cloned().unwrap_or_default(),
                };
                if let Err(error) = self.shelf.keep(&page.id, &kept) {
                    failed.insert(page.id.clone(), format!("cannot be kept: {error}"));
                }
            }
            for id in missing {
                failed.insert(id.to_owned(), "Confluence did not give its text".to_owned());
            }
        }
        Ok(failed)
    }

    /// Names of the people who are mentioned; without them mentions are left out.
    async fn users(&self, pages: &[Readable]) -> HashMap<String, String> {
        let file = self.context.cache.join("users.json");
        let mut users: HashMap<String, String> = std::fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let mentioned: BTreeSet<String> = pages
            .iter()
            .filter_map(|readable| self.shelf.kept(&readable.id))
            .flat_map(|kept| storage::mentions(&kept.storage))
            .filter(|id| !users.contains_key(id))
            .collect();
        for ids in mentioned.into_iter().collect::<Vec<_>>().chunks(PAGE) {
            match self.api.users(ids).await {
                Ok(found) => {
                    users.extend(
                        found
                            .into_iter()
                            .map(|user| (user.account_id, user.display_name)),
                    );
                }
                Err(error) => {
                    tracing::warn!(source = %self.context.source.name, "no names of people: {error}");
                }
            }
        }
        if let Ok(bytes) = serde_json::to_vec(&users) {
            let _ = std::fs::write(&file, bytes);
        }
        users
    }
}

/// Ids of what a page stands below, nearest first.
fn lineage(tree: &HashMap<String, Node>, id: &str) -> Vec<String> {
    let mut line: Vec<String> = Vec::new();
    let mut at = id;
    while let Some((_, parent)) = tree.get(at).and_then(|node| node.parent.as_ref()) {
        if line.len() >= MAX_DEPTH || line.contains(parent) {
            break;
        }
        line.push(parent.clone());
        at = parent;
    }
    line
}

fn unknown(error: &ApiError, what: String) -> Access {
    if error.is_final() {
        Access::Unknown(what)
    } else {
        Access::NotNow(what)
    }
}

fn access_of(restriction: Restriction) -> Access {
    let subjects = restriction.restrictions;
    let people = subjects.user.results.len();
    let groups: BTreeSet<String> = subjects
        .group
        .results
        .into_iter()
        .filter_map(|Subject { name }| name)
        .collect();
    if people == 0 && groups.is_empty() {
        return Access::Open;
    }
    Access::Only { groups, people }
}
