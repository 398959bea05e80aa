//! What an answer rests on: documents, as the index has them now.

use std::collections::HashMap;

use axum::http::StatusCode;
use docent_core::app::App;
use docent_core::document::groups_of_both;
use docent_core::index::{Filter, IndexError, Payload};
use uuid::Uuid;

use crate::chat::{Caller, ChatError};
use crate::server::problem::Problem;

/// Documents that an answer may rest on.
const MOST: usize = 50;

/// Documents with what they said and who may read all of them.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) documents: Vec<Uuid>,
    /// Content hashes, in the same order.
    pub(super) hashes: Vec<String>,
    /// `None`: there are no documents that could say.
    pub(super) groups: Option<Vec<String>>,
}

/// Finds documents by id or address among those that the caller may read. One that they may not read is
/// as unknown as one that is not there.
pub(super) async fn find(
    app: &App,
    caller: &Caller,
    named: &[String],
) -> Result<Evidence, Problem> {
    if named.len() > MOST {
        return Err(invalid(format!(
            "an answer rests on {MOST} documents at the most"
        )));
    }
    if named.is_empty() {
        return Ok(Evidence::default());
    }
    let live = app.index.live().await.map_err(unavailable)?;
    let live = live.ok_or_else(|| Problem::from(ChatError::NothingIngested))?;
    let mut found: Vec<Payload> = Vec::new();
    for name in named {
        let document = one(app, &live, caller, name).await.map_err(unavailable)?;
        let Some(document) = document else {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "evidence_unknown",
                format!(
                    "you may read no document `{name}`; evidence is named by address (uri) or id, as \
                     citations and GET /v1/sources/NAME show them"
                ),
            ));
        };
        if found
            .iter()
            .all(|known| known.document_id != document.document_id)
        {
            found.push(document);
        }
    }
    let documents: Vec<Uuid> = found.iter().map(|document| document.document_id).collect();
    let hashes = app.ledger.content_hashes(&live, &documents).await;
    let mut hashes = hashes.map_err(Problem::from)?;
    let groups = found.iter().map(|document| document.groups.clone());
    let groups = groups.reduce(|left, right| groups_of_both(&left, &right));
    if groups.as_ref().is_some_and(Vec::is_empty) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "evidence_unreadable",
            "no group may read all of this evidence, so nobody could read the answer; rest it on less",
        ));
    }
    Ok(Evidence {
        hashes: documents
            .iter()
            .map(|id| hashes.remove(id).unwrap_or_default())
            .collect(),
        documents,
        groups,
    })
}

async fn one(
    app: &App,
    live: &str,
    caller: &Caller,
    name: &str,
) -> Result<Option<Payload>, IndexError> {
    let filter = Filter {
        groups: Some(caller.groups.clone()),
        first: true,
        ..Filter::default()
    };
    let by = async |filter: Filter| {
        let page = app.index.page(live, &filter, None, 1).await?;
        Ok(page.points.into_iter().next().map(|point| point.payload))
    };
    if let Ok(id) = name.parse() {
        return by(Filter {
            document_id: Some(id),
            ..filter
        })
        .await;
    }
    // A citation's address opens at its page.
    let whole = name.rsplit_once("#page=").map_or(name, |(whole, _)| whole);
    by(Filter {
        uri: Some(whole.to_owned()),
        ..filter
    })
    .await
}

/// The first chunks of documents, whoever may read them.
pub(super) async fn payloads(
    app: &App,
    live: &str,
    documents: &[Uuid],
) -> Result<HashMap<Uuid, Payload>, Problem> {
    let mut payloads = HashMap::new();
    for documents in documents.chunks(500) {
        let filter = Filter {
            documents: Some(documents.to_vec()),
            first: true,
            ..Filter::default()
        };
        let points = app.index.points(live, &filter, false).await;
        let points = points.map_err(unavailable)?.into_iter();
        payloads.extend(points.map(|point| (point.payload.document_id, point.payload)));
    }
    Ok(payloads)
}

pub(super) fn unavailable(error: IndexError) -> Problem {
    Problem::from(ChatError::Index(error))
}

pub(super) fn invalid(text: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "answer_invalid", text)
}
