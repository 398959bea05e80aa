//! What docent knows, for whoever asks: `/v1/sources`, and the pages `/sources`.
//!
//! Everything is read from the live collection, through the filter of the caller's groups: what they
//! may not read is not named, not counted, and dates nothing. The ledger, whose tables know no groups,
//! is asked for the last runs of sources that are shown already, and for nothing else.

mod api;
mod page;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use docent_core::app::App;
use docent_core::index::{End, Facet, Filter, IndexError, Moment, Payload};
use docent_core::ledger::LastRun;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) use api::{__path_list, __path_read, list, read};
pub(super) use page::routes;

use crate::chat::{Caller, ChatError};
use crate::server::problem::Problem;

/// Sources that are shown.
const SOURCES: usize = 1000;
/// Owners that are named of a source.
const OWNERS: usize = 20;
/// Assets that are counted of a source.
const ASSETS: usize = 100_000;
/// Documents of a page, where nothing else is asked for, and at the most.
const PAGE: usize = 50;
const PAGE_MAX: usize = 200;

/// A source, as far as the caller may read it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KnownSource {
    name: String,
    /// What the configuration says that it is; `None` while the ledger is away.
    kind: Option<String>,
    documents: u64,
    assets: u64,
    /// Whose documents they are, the owners of most first.
    owners: Vec<Owned>,
    oldest_change: Option<DateTime<Utc>>,
    newest_change: Option<DateTime<Utc>>,
    /// The data that the documents describe: as of when, at the newest and at the oldest.
    fresh_at: Option<DateTime<Utc>>,
    oldest_fresh_at: Option<DateTime<Utc>>,
    #[schema(value_type = Option<Object>)]
    last_run: Option<LastRun>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Owned {
    name: String,
    documents: u64,
}

/// A document of a source.
#[derive(Debug, Serialize, ToSchema)]
struct KnownDocument {
    id: Uuid,
    title: String,
    uri: String,
    path: String,
    asset: Option<String>,
    owner: Option<String>,
    status: Option<&'static str>,
    updated_at: Option<DateTime<Utc>>,
    fresh_at: Option<DateTime<Utc>>,
}

/// Documents by their place in the index, and where the next page of them begins.
struct Documents {
    documents: Vec<KnownDocument>,
    next: Option<Uuid>,
}

impl From<Payload> for KnownDocument {
    fn from(payload: Payload) -> Self {
        Self {
            id: payload.document_id,
            title: payload.title,
            uri: payload.uri,
            path: payload.path,
            asset: payload.asset,
            owner: payload.owner,
            status: payload.status.map(docent_core::document::Status::name),
            updated_at: payload.updated_at,
            fresh_at: payload.fresh_at,
        }
    }
}

/// Each source that holds a document which the caller may read, by name.
async fn sources(app: &App, caller: &Caller) -> Result<Vec<KnownSource>, Problem> {
    let Some(live) = live(app).await? else {
        return Ok(Vec::new());
    };
    let readable = of(caller, None);
    let counted = app.index.facet(&live, Facet::Source, &readable, SOURCES);
    let counted = counted.await.map_err(unavailable)?;
    let names: Vec<String> = counted.iter().map(|(name, _)| name.clone()).collect();
    let mut runs = last_runs(app, &names).await;
    let mut sources = Vec::with_capacity(counted.len());
    for (name, documents) in counted {
        let run = runs.remove(&name);
        let known = described(app, &live, caller, name, documents, run).await;
        sources.push(known.map_err(unavailable)?);
    }
    sources.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(sources)
}

/// One of them; `None` where there is none of this name that the caller may read anything of.
async fn source(app: &App, caller: &Caller, name: &str) -> Result<Option<KnownSource>, Problem> {
    let Some(live) = live(app).await? else {
        return Ok(None);
    };
    let documents = app.index.count(&live, &of(caller, Some(name))).await;
    let documents = documents.map_err(unavailable)?;
    if documents == 0 {
        return Ok(None);
    }
    let names = [name.to_owned()];
    let run = last_runs(app, &names).await.remove(name);
    let known = described(app, &live, caller, name.to_owned(), documents, run).await;
    known.map(Some).map_err(unavailable)
}

/// A page of a source's documents.
async fn documents(
    app: &App,
    caller: &Caller,
    name: &str,
    cursor: Option<Uuid>,
    limit: Option<usize>,
) -> Result<Documents, Problem> {
    let Some(live) = live(app).await? else {
        return Ok(Documents {
            documents: Vec::new(),
            next: None,
        });
    };
    let limit = limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let filter = of(caller, Some(name));
    let page = app.index.page(&live, &filter, cursor, limit).await;
    let page = page.map_err(unavailable)?;
    let documents = page.points.into_iter().map(|point| point.payload.into());
    Ok(Documents {
        documents: documents.collect(),
        next: page.next,
    })
}

async fn described(
    app: &App,
    live: &str,
    caller: &Caller,
    name: String,
    documents: u64,
    run: Option<(String, LastRun)>,
) -> Result<KnownSource, IndexError> {
    let filter = of(caller, Some(&name));
    let index = &app.index;
    let moment = async |moment, end| match index.moment(live, moment, end, &filter).await {
        // A collection from before moments were in order: its next run sees to that.
        Err(IndexError::Rejected { .. }) => Ok(None),
        found => found,
    };
    let owners = index.facet(live, Facet::Owner, &filter, OWNERS).await?;
    let assets = index.facet(live, Facet::Asset, &filter, ASSETS).await?;
    let (kind, last_run) = run.unzip();
    Ok(KnownSource {
        kind,
        documents,
        assets: assets.len() as u64,
        owners: owners
            .into_iter()
            .map(|(name, documents)| Owned { name, documents })
            .collect(),
        oldest_change: moment(Moment::Updated, End::Oldest).await?,
        newest_change: moment(Moment::Updated, End::Newest).await?,
        fresh_at: moment(Moment::Fresh, End::Newest).await?,
        oldest_fresh_at: moment(Moment::Fresh, End::Oldest).await?,
        last_run,
        name,
    })
}

/// One point for each document that the caller may read.
fn of(caller: &Caller, source: Option<&str>) -> Filter {
    Filter {
        groups: Some(caller.groups.clone()),
        source: source.map(str::to_owned),
        first: true,
        ..Filter::default()
    }
}

/// Kind and last run by source. While the ledger is away nothing is known of them, and the rest is
/// shown all the same.
async fn last_runs(app: &App, names: &[String]) -> HashMap<String, (String, LastRun)> {
    match app.ledger.last_runs_of(names).await {
        Ok(runs) => runs,
        Err(error) => {
            tracing::warn!(%error, "the last runs of the sources are not shown");
            HashMap::new()
        }
    }
}

async fn live(app: &App) -> Result<Option<String>, Problem> {
    app.index.live().await.map_err(unavailable)
}

fn unavailable(error: IndexError) -> Problem {
    Problem::from(ChatError::Index(error))
}
