//! A website: the pages of its sitemap, or those that its links lead to, below a prefix.
//!
//! What was fetched is kept with its validators (`ETag`, `Last-Modified`), so that a page that has not
//! changed costs one conditional request, and its links are still known. A page that does not answer
//! keeps its document and its links; one that is gone (404, 410) goes; what a limit kept from being
//! looked at stays.

mod cache;
mod page;
mod robots;
mod scope;
mod sitemap;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use docent_core::config;
use docent_core::document::Outcome;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use reqwest::Url;
use tokio::time::Instant;

pub(super) use self::cache::kept_of;
use self::cache::{Cache, Page};
use self::robots::Robots;
use self::scope::{Scope, document_path, tidy};
use super::net::{AllowedHosts, FetchError, Fetched, Fetcher, Limits};
use super::{Content, Context, Form, Found, Listing, Problem, SourceError};
use crate::extract::FrontMatter;
use crate::report::Progress;

/// Longest time for one page.
const REQUEST: Duration = Duration::from_mins(1);
/// Sitemaps that are read; one holds up to 50,000 addresses.
const MAX_SITEMAPS: usize = 1_000;
/// After so many pages a run says how far it has come.
const TELL_EVERY: usize = 500;

/// Walks the site.
pub(super) async fn list(
    context: &Context<'_>,
    site: &config::Website,
) -> Result<Listing, SourceError> {
    let walk = Walk::new(context, site)?;
    walk.cache.make().map_err(|error| {
        walk.refused(format!("cannot write {}: {error}", context.cache.display()))
    })?;
    let robots = walk.robots().await?;
    let walk = Walk {
        delay: walk.delay.max(robots.delay),
        robots,
        ..walk
    };
    let deadline = Instant::now() + Duration::from_secs(site.timeout_seconds.max(1));
    let listed = tokio::time::timeout_at(deadline, walk.sitemap())
        .await
        .map_err(|_| walk.refused("its sitemap did not come in time".to_owned()))??;
    walk.pages(listed, deadline).await
}

/// Whether the first page can be fetched.
pub(super) async fn check(
    context: &Context<'_>,
    site: &config::Website,
) -> Result<String, SourceError> {
    let walk = Walk::new(context, site)?;
    let robots = walk.robots().await?;
    let start = &walk.scope.start;
    if !robots.allows(&path_of(start)) {
        return Err(walk.refused(format!("its robots.txt keeps docent from {start}")));
    }
    walk.fetcher
        .get(start, None, |url| walk.scope.holds(url))
        .await
        .map_err(|error| walk.failed(start, &error))?;
    Ok(format!("{start} answers"))
}

struct Walk<'a> {
    context: &'a Context<'a>,
    site: &'a config::Website,
    scope: Scope,
    fetcher: Fetcher,
    cache: Cache,
    robots: Robots,
    /// Pause between two requests.
    delay: Duration,
    /// When the next request may be sent.
    next: tokio::sync::Mutex<Instant>,
    /// Bytes that this run has fetched.
    fetched: AtomicU64,
    /// robots.txt and sitemaps that are kept.
    lists: tokio::sync::Mutex<HashSet<Url>>,
}

/// What came of one address.
struct Visit {
    url: Url,
    /// As it was kept before.
    known: Option<Page>,
    result: Result<Page, FetchError>,
}

impl<'a> Walk<'a> {
    fn new(context: &'a Context<'a>, site: &'a config::Website) -> Result<Self, SourceError> {
        let scope = Scope::of(context.source, site)?;
        let refused = |reason: String| SourceError::Refused {
            name: context.source.name.clone(),
            reason,
        };
        let limits = Limits {
            body_bytes: context.max_file_bytes,
            request: REQUEST,
        };
        let hosts = AllowedHosts::of(&site.allow_hosts);
        if site.token.is_empty()
            && !(site.token_env.is_empty() && site.token_file.as_os_str().is_empty())
        {
            return Err(refused(super::missing_token(
                &site.token_env,
                &site.token_file,
            )));
        }
        Ok(Self {
            fetcher: Fetcher::new(&scope.start, hosts, limits, site.token.expose())
                .map_err(|error| refused(error.to_string()))?,
            cache: Cache::below(&context.cache),
            context,
            site,
            scope,
            robots: Robots::default(),
            delay: Duration::from_millis(site.delay_ms),
            next: tokio::sync::Mutex::new(Instant::now()),
            fetched: AtomicU64::new(0),
            lists: tokio::sync::Mutex::default(),
        })
    }

    fn refused(&self, reason: String) -> SourceError {
        SourceError::Refused {
            name: self.context.source.name.clone(),
            reason,
        }
    }

    /// Why the whole source fails with one address.
    fn failed(&self, url: &Url, error: &FetchError) -> SourceError {
        let way_out = match error {
            FetchError::Refused(_) => {
                "; give it a token (token_env, token_file), or another if it has expired"
            }
            FetchError::LeadsOut(_) => "; write the address that it leads to as the source's url",
            _ => "",
        };
        self.refused(format!("{url}: {error}{way_out}"))
    }

    /// The site's robots.txt. One that is not there allows everything; one that cannot be read
    /// allows nothing (RFC 9309).
    async fn robots(&self) -> Result<Robots, SourceError> {
        let Ok(url) = self.scope.start.join("/robots.txt") else {
            return Ok(Robots::default());
        };
        match self.list_of(&url, robots::MAX_BYTES).await {
            Ok(bytes) => Ok(Robots::parse(&String::from_utf8_lossy(&bytes))),
            Err(FetchError::Gone(_) | FetchError::Refused(_)) => Ok(Robots::default()),
            Err(error) => Err(self.failed(&url, &error)),
        }
    }

    /// A robots.txt or a sitemap, kept like a page.
    async fn list_of(&self, url: &Url, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let fetcher = self.fetcher.with_body_bytes(max_bytes);
        let known = self.cache.get(url);
        let validators = known.as_ref().map(|page| &page.validators);
        let bytes = match fetcher.get(url, validators, |_| true).await? {
            Fetched::NotModified => match std::fs::read(self.cache.body(url)) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.cache.forget(url);
                    return Err(FetchError::Unreachable(format!(
                        "its copy is lost: {error}"
                    )));
                }
            },
            Fetched::Body(body) => {
                // Without a copy it is only asked for in full the next time.
                let _ = self.cache.put(url, &Page::list(&body), &body.bytes);
                body.bytes
            }
        };
        self.lists.lock().await.insert(url.clone());
        Ok(bytes)
    }

    /// The pages that the site's sitemaps list, with when they were changed; nothing where it has no
    /// sitemap, or none is to be used.
    async fn sitemap(&self) -> Result<Vec<(Url, Option<String>)>, SourceError> {
        let start = &self.scope.start;
        let (mut waiting, wanted): (VecDeque<Url>, bool) = match self.site.sitemap.as_str() {
            "none" => return Ok(Vec::new()),
            "auto" if self.robots.sitemaps.is_empty() => {
                (start.join("/sitemap.xml").into_iter().collect(), false)
            }
            "auto" => {
                let named = self.robots.sitemaps.iter();
                (named.filter_map(|map| start.join(map).ok()).collect(), true)
            }
            address => match start.join(address) {
                Ok(url) => (VecDeque::from([url]), true),
                Err(error) => {
                    return Err(self.refused(format!("sitemap = \"{address}\": {error}")));
                }
            },
        };
        let mut pages = Vec::new();
        let mut seen: HashSet<Url> = waiting.iter().cloned().collect();
        while let Some(url) = waiting.pop_front() {
            let sitemap = match self.list_of(&url, sitemap::MAX_BYTES).await {
                Ok(bytes) => match sitemap::parse(&bytes) {
                    Ok(sitemap) => sitemap,
                    // A site without a sitemap may answer anything at its usual place.
                    Err(_) if !wanted => return Ok(Vec::new()),
                    Err(reason) => return Err(self.refused(format!("{url}: {reason}"))),
                },
                Err(FetchError::Gone(_) | FetchError::LeadsOut(_)) if !wanted => {
                    return Ok(Vec::new());
                }
                Err(error) => return Err(self.failed(&url, &error)),
            };
            let listed = sitemap.pages.into_iter();
            pages.extend(
                listed
                    .filter_map(|(page, changed)| Some((tidy(url.join(&page).ok()?), changed)))
                    .filter(|(page, _)| self.scope.wants(page)),
            );
            for further in sitemap.sitemaps {
                if let Ok(further) = url.join(&further)
                    && seen.len() < MAX_SITEMAPS
                    && seen.insert(further.clone())
                {
                    waiting.push_back(further);
                }
            }
        }
        Ok(pages)
    }

    /// Fetches the listed pages; where none are listed, the first page and what it leads to.
    async fn pages(
        &self,
        listed: Vec<(Url, Option<String>)>,
        deadline: Instant,
    ) -> Result<Listing, SourceError> {
        let crawls = listed.is_empty();
        let mut harvest = Harvest::default();
        let mut queue: VecDeque<Url> = VecDeque::new();
        if crawls {
            queue.push_back(self.scope.start.clone());
        }
        for (url, changed) in listed {
            if let Some(changed) = changed.as_deref().and_then(crate::extract::date) {
                harvest.changed.insert(url.clone(), changed);
            }
            queue.push_back(url);
        }
        let mut seen: HashSet<Url> = HashSet::new();
        let mut running = FuturesUnordered::new();
        let at_once = if self.delay.is_zero() {
            self.site.concurrency.max(1)
        } else {
            1
        };
        loop {
            while running.len() < at_once
                && let Some(url) = queue.pop_front()
            {
                if seen.contains(&url) || !self.robots.allows(&path_of(&url)) {
                    continue;
                }
                if let Some(limit) = self.limit(seen.len()) {
                    harvest.listing.incomplete = Some(limit);
                    queue.clear();
                    break;
                }
                seen.insert(url.clone());
                running.push(self.visit(url));
            }
            let visit = match tokio::time::timeout_at(deadline, running.next()).await {
                Ok(Some(visit)) => visit,
                Ok(None) => break,
                Err(_) => {
                    let seconds = self.site.timeout_seconds;
                    harvest.listing.incomplete =
                        Some(format!("{seconds} seconds were over (timeout_seconds)"));
                    break;
                }
            };
            if visit.url == self.scope.start
                && crawls
                && let Err(error) = &visit.result
            {
                return Err(self.failed(&visit.url, error));
            }
            let links = harvest.take(self, visit);
            if crawls {
                let new = |link: &Url| !seen.contains(link) && self.scope.wants(link);
                let links = links.iter().filter_map(|link| Url::parse(link).ok());
                queue.extend(links.filter(new));
            }
            if seen.len().is_multiple_of(TELL_EVERY) {
                self.context.progress.send(Progress::Note {
                    text: format!(
                        "{}: {} pages looked at",
                        self.context.source.name,
                        seen.len()
                    ),
                });
            }
        }
        drop(running);
        if harvest.listing.incomplete.is_none() {
            seen.extend(self.lists.lock().await.drain());
            self.cache.keep_only(&seen);
        }
        Ok(harvest.listing(self))
    }

    /// Why no further page is fetched, where one must not be.
    fn limit(&self, pages: usize) -> Option<String> {
        if pages >= self.site.max_pages {
            return Some(format!("it has more than {pages} pages (max_pages)"));
        }
        (self.fetched.load(Ordering::Relaxed) >= self.site.max_bytes)
            .then(|| format!("{} bytes were fetched (max_bytes)", self.site.max_bytes))
    }

    async fn visit(&self, url: Url) -> Visit {
        self.pause().await;
        let cached = self.cache.get(&url);
        let known = cached.clone();
        let validators = cached.as_ref().map(|page| &page.validators);
        let fetched = self
            .fetcher
            .get(&url, validators, |to| self.scope.holds(to))
            .await;
        let result = match (fetched, cached) {
            (Ok(Fetched::NotModified), Some(page)) => Ok(page),
            (Ok(Fetched::NotModified), None) => Err(FetchError::Unreachable(
                "it answered a plain request with 304".to_owned(),
            )),
            (Ok(Fetched::Body(body)), _) => {
                self.fetched
                    .fetch_add(body.bytes.len() as u64, Ordering::Relaxed);
                let (page, text) = page::read(&self.scope, *body).await;
                self.cache
                    .put(&url, &page, &text)
                    .map(|()| page)
                    .map_err(|error| FetchError::Unreachable(format!("cannot be kept: {error}")))
            }
            (Err(error @ FetchError::Gone(_)), _) => {
                self.cache.forget(&url);
                Err(error)
            }
            (Err(error), _) => Err(error),
        };
        Visit { url, known, result }
    }

    /// Waits until the next request may be sent.
    async fn pause(&self) {
        if self.delay.is_zero() {
            return;
        }
        let mut next = self.next.lock().await;
        tokio::time::sleep_until(*next).await;
        *next = Instant::now() + self.delay;
    }
}

/// What the walk has found.
#[derive(Default)]
struct Harvest {
    listing: Listing,
    /// By path: two addresses with one canonical address are one document.
    found: BTreeMap<String, Found>,
    ranks: HashMap<String, (bool, Url)>,
    /// What the sitemap says.
    changed: HashMap<Url, chrono::DateTime<chrono::Utc>>,
}

impl Harvest {
    /// Counts an address, and gives the links to go on with.
    fn take(&mut self, walk: &Walk<'_>, visit: Visit) -> Vec<String> {
        let Visit { url, known, result } = visit;
        let path = known
            .as_ref()
            .map_or_else(|| document_path(&url), |page| page.path.clone());
        match result {
            Ok(page) => {
                if page.is_document {
                    self.add(walk, &url, &page);
                } else {
                    let kind = "no document".to_owned();
                    *self.listing.ignored.entry(kind).or_default() += 1;
                }
                page.links
            }
            // What leads out of the source now is not in it any more.
            Err(FetchError::Gone(_) | FetchError::LeadsOut(_)) => {
                self.listing.gone.insert(path);
                Vec::new()
            }
            Err(error) => {
                self.listing.problems.push(Problem {
                    path,
                    outcome: Outcome::Failed(error.to_string()),
                });
                known.map(|page| page.links).unwrap_or_default()
            }
        }
    }

    /// Of several addresses with one canonical address that one is read, or else the first by name,
    /// so that it is the same in every run.
    fn add(&mut self, walk: &Walk<'_>, url: &Url, page: &Page) {
        let rank = (page.uri != url.as_str(), url.clone());
        if self.ranks.get(&page.path).is_some_and(|best| *best <= rank) {
            return;
        }
        self.ranks.insert(page.path.clone(), rank);
        let form = if page.is_html {
            Form::Html
        } else {
            Form::Named
        };
        let found = Found {
            path: page.path.clone(),
            bytes: page.bytes,
            content: Content::Kept(walk.cache.body(url), form),
            given: Some(Box::new(FrontMatter {
                uri: Some(page.uri.clone()),
                updated_at: page.modified.or(self.changed.get(url).copied()),
                // A page must not widen who may read it.
                groups: Some(walk.context.source.groups.clone()),
                ..FrontMatter::default()
            })),
        };
        self.found.insert(page.path.clone(), found);
    }

    fn listing(self, walk: &Walk<'_>) -> Listing {
        let mut listing = self.listing;
        listing
            .problems
            .retain(|problem| !self.found.contains_key(&problem.path));
        listing.gone.retain(|path| !self.found.contains_key(path));
        listing.found = self.found.into_values().collect();
        tracing::debug!(source = %walk.context.source.name, found = listing.found.len(), "walked");
        listing
    }
}

/// Path and query, as robots.txt speaks of them.
fn path_of(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
