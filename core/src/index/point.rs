//! What a collection stores of a chunk, and how it is asked for.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fusion::{Place, Weights};
use super::lexical::SparseVector;
use crate::document::{Chunk, Curated, Document, PageMark, Status};

/// Everything stored beside the vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    pub document_id: Uuid,
    pub source: String,
    pub uri: String,
    pub path: String,
    pub title: String,
    /// Heading path, outermost first.
    pub heading: Vec<String>,
    /// The chunk's Markdown, as quoted in answers.
    pub text: String,
    pub language: Option<String>,
    /// Position of the chunk in its document, from 0.
    pub ordinal: u32,
    /// Where pages of the original begin in `text` ([`Chunk::pages`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageMark>,
    /// [`text_hash`](crate::document::text_hash) of the exact text that was embedded.
    pub text_hash: String,
    pub asset: Option<String>,
    pub owner: Option<String>,
    pub owner_slack: Option<String>,
    pub owner_email: Option<String>,
    /// Who may read it; never empty.
    pub groups: Vec<String>,
    pub status: Option<Status>,
    pub updated_at: Option<DateTime<Utc>>,
    pub fresh_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_at: Option<DateTime<Utc>>,
    /// Of a curated answer: who gave it, and until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curated: Option<Curated>,
}

impl Payload {
    /// The payload of a chunk of a document, with the [`text_hash`](crate::document::text_hash) of
    /// its embedded text.
    pub fn of(document: &Document, chunk: &Chunk, text_hash: String) -> Self {
        let metadata = document.metadata.clone();
        Self {
            document_id: document.id,
            source: document.source.clone(),
            uri: metadata.uri,
            path: document.path.clone(),
            title: document.title.clone(),
            heading: chunk.heading.clone(),
            text: chunk.text.clone(),
            language: document.language.clone(),
            ordinal: chunk.ordinal,
            pages: chunk.pages.clone(),
            text_hash,
            asset: metadata.asset,
            owner: metadata.owner,
            owner_slack: metadata.owner_slack,
            owner_email: metadata.owner_email,
            groups: metadata.groups,
            status: metadata.status,
            updated_at: metadata.updated_at,
            fresh_at: metadata.fresh_at,
            stale_at: metadata.stale_at,
            curated: metadata.curated,
        }
    }

    /// The page of the original that a byte of `text` stands on, where it has pages.
    pub fn page_at(&self, at: usize) -> Option<u32> {
        let before = self.pages.partition_point(|mark| mark.at as usize <= at);
        Some(self.pages.get(before.checked_sub(1)?)?.page)
    }

    /// Where a person opens the document at a page: `#page=3`, as viewers of PDFs understand it.
    pub fn uri_at(&self, page: Option<u32>) -> String {
        match page {
            Some(page) if !self.uri.contains('#') => format!("{}#page={page}", self.uri),
            _ => self.uri.clone(),
        }
    }

    /// The text of the sparse side: title, headings and text, and the owner and status, which are
    /// searchable without being embedded.
    pub fn lexical_text(&self) -> String {
        let mut text = self.title.clone();
        for part in &self.heading {
            text.push('\n');
            text.push_str(part);
        }
        text.push('\n');
        text.push_str(&self.text);
        for part in [&self.asset, &self.owner].into_iter().flatten() {
            text.push('\n');
            text.push_str(part);
        }
        match self.status {
            Some(Status::Certified) => text.push_str("\ncertified"),
            Some(Status::Deprecated) => text.push_str("\ndeprecated"),
            None => {}
        }
        text
    }
}

/// A point to store.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// [`crate::document::point_id`].
    pub id: Uuid,
    /// Unit length, as long as the collection's dimensions.
    pub dense: Vec<f32>,
    pub sparse: SparseVector,
    pub payload: Payload,
}

/// A point as it stands in the index; `dense` only where it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPoint {
    pub id: Uuid,
    pub dense: Option<Vec<f32>>,
    pub payload: Payload,
}

/// A field whose values can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facet {
    Source,
    Owner,
    Asset,
}

impl Facet {
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Owner => "owner",
            Self::Asset => "asset",
        }
    }
}

/// A moment that documents are dated by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Updated,
    Fresh,
}

impl Moment {
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Updated => "updated_at",
            Self::Fresh => "fresh_at",
        }
    }

    pub(super) fn of(self, payload: &Payload) -> Option<DateTime<Utc>> {
        match self {
            Self::Updated => payload.updated_at,
            Self::Fresh => payload.fresh_at,
        }
    }
}

/// Which end of a row of moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Oldest,
    Newest,
}

/// A page of points, by ascending id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub points: Vec<StoredPoint>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<Uuid>,
}

/// Conditions that all must hold. The permission filter is always part of a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// At least one of these groups may read the point. `None` is for the ingest stage only.
    pub groups: Option<Vec<String>>,
    pub source: Option<String>,
    /// Any of these sources.
    pub sources: Option<Vec<String>>,
    pub document_id: Option<Uuid>,
    /// Any of these documents.
    pub documents: Option<Vec<Uuid>>,
    pub asset: Option<String>,
    /// Where people open the document. Not indexed: name other conditions as well.
    pub uri: Option<String>,
    /// The first chunk of each document only: one point a document.
    pub first: bool,
    /// Any of these.
    pub text_hash: Option<Vec<String>>,
    /// Any of these points.
    pub ids: Option<Vec<Uuid>>,
    /// None of these points.
    pub not_ids: Vec<Uuid>,
}

impl Filter {
    /// Whether it asks for one of no groups, documents or texts: nobody may read anything.
    pub(super) fn matches_nothing(&self) -> bool {
        self.groups.as_ref().is_some_and(Vec::is_empty)
            || self.sources.as_ref().is_some_and(Vec::is_empty)
            || self.documents.as_ref().is_some_and(Vec::is_empty)
            || self.text_hash.as_ref().is_some_and(Vec::is_empty)
            || self.ids.as_ref().is_some_and(Vec::is_empty)
    }
}

/// A hybrid search: a dense and a sparse arm, fused ([`crate::index::fusion`]), and the parts of a
/// question that asks several things at once, each searched by its words.
/// An arm that is `None` (or an empty sparse vector) is left out.
#[derive(Debug, Clone, Default)]
pub struct SearchRequest {
    pub dense: Option<Vec<f32>>,
    pub sparse: Option<SparseVector>,
    /// The words of each part, of a question that has several.
    pub parts: Vec<SparseVector>,
    pub filter: Filter,
    /// Candidates each arm hands to the fusion; at least `limit`.
    pub candidates: usize,
    /// Hits returned.
    pub limit: usize,
    pub weights: Weights,
}

impl SearchRequest {
    /// Leaves out arms that find nothing or weigh nothing; `None` where no arm is left or the
    /// filter matches nothing.
    pub(super) fn checked(mut self) -> Option<Self> {
        self.candidates = self.candidates.max(self.limit);
        let both = self.dense.is_some() && self.sparse.is_some();
        let weighs = |weight: f32| !both || weight > 0.0;
        self.dense = self
            .dense
            .filter(|vector| !vector.is_empty() && weighs(self.weights.dense));
        self.sparse = self
            .sparse
            .filter(|vector| !vector.is_empty() && weighs(self.weights.sparse));
        self.parts.retain(|part| !part.is_empty());
        let searched = self.dense.is_some() || self.sparse.is_some();
        (searched && !self.filter.matches_nothing()).then_some(self)
    }
}

/// A search result, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub id: Uuid,
    /// The fused score; of a question with parts, a sum of reciprocal ranks.
    pub score: f32,
    /// Cosine of question and point; `None` where the question has no vector.
    pub cosine: Option<f32>,
    /// Where each arm found it; nowhere for what only a part of the question did.
    pub dense_arm: Option<Place>,
    pub sparse_arm: Option<Place>,
    /// Its dense vector, so that a caller can compare hits.
    pub dense: Vec<f32>,
    pub payload: Payload,
}
