//! The engines that promises are checked on, and the points they are checked with.

use std::path::Path;

use docent_core::config;
use docent_core::config::Secret;
use docent_core::document::{EVERYONE, text_hash};
use docent_core::index::{
    CollectionSpec, Filter, Hit, Payload, Point, SearchRequest, SparseVector, VectorIndex, Weights,
    collection_name, lexical,
};
use docent_scripted::qdrant::ScriptedQdrant;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const DIMENSIONS: usize = 4;
pub(crate) const EAST: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];
pub(crate) const NORTH: [f32; DIMENSIONS] = [0.0, 1.0, 0.0, 0.0];

/// An engine with nothing in it.
pub(crate) struct Backend {
    pub(crate) kind: &'static str,
    pub(crate) index: VectorIndex,
    pub(crate) prefix: String,
    _server: Option<ScriptedQdrant>,
    _folder: TempDir,
}

impl Backend {
    /// The name of a collection of this backend.
    pub(crate) fn name(&self, embedding: &str) -> String {
        collection_name(&self.prefix, embedding, "layout")
    }

    /// A new collection.
    pub(crate) async fn collection(&self) -> String {
        let name = self.name("embedding");
        self.index.create(&spec(&name)).await.unwrap();
        name
    }
}

/// The embedded engine, the client with the test server, and the client with the server that
/// `QDRANT_URL` names, if it does.
pub(crate) async fn backends() -> Vec<Backend> {
    let mut backends = vec![embedded(), scripted().await];
    if let Ok(url) = std::env::var("QDRANT_URL") {
        let prefix = format!("docent-test-{}", Uuid::now_v7().simple());
        backends.push(open("server", &url, prefix, TempDir::new().unwrap(), None));
    }
    backends
}

pub(crate) fn embedded() -> Backend {
    let folder = TempDir::new().unwrap();
    open("embedded", "", "docent".to_owned(), folder, None)
}

async fn scripted() -> Backend {
    let folder = TempDir::new().unwrap();
    let server = ScriptedQdrant::start().await;
    let url = server.url().to_owned();
    open("endpoint", &url, "docent".to_owned(), folder, Some(server))
}

fn open(
    kind: &'static str,
    url: &str,
    prefix: String,
    folder: TempDir,
    server: Option<ScriptedQdrant>,
) -> Backend {
    let settings = settings(url, &prefix);
    let index = VectorIndex::open(&settings, folder.path()).unwrap();
    Backend {
        kind,
        index,
        prefix,
        _server: server,
        _folder: folder,
    }
}

/// Checks a promise on every engine, one after the other.
pub(crate) async fn on_each(check: impl AsyncFn(&Backend)) {
    for backend in backends().await {
        eprintln!("on {}", backend.kind);
        check(&backend).await;
        for name in backend.index.collections().await.unwrap() {
            backend.index.remove(&name).await.unwrap();
        }
    }
}

pub(crate) fn settings(url: &str, prefix: &str) -> config::Index {
    config::Index {
        qdrant_url: url.to_owned(),
        qdrant_api_key: Secret::default(),
        qdrant_api_key_file: std::path::PathBuf::new(),
        collection: prefix.to_owned(),
        quantization: config::Quantization::None,
        timeout_ms: 10_000,
    }
}

/// The embedded index in a folder that outlives it.
pub(crate) fn embedded_in(folder: &Path) -> VectorIndex {
    VectorIndex::open(&settings("", "docent"), folder).unwrap()
}

pub(crate) fn spec(name: &str) -> CollectionSpec {
    CollectionSpec {
        name: name.to_owned(),
        dimensions: DIMENSIONS,
    }
}

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A point about a text that everyone may read.
pub(crate) fn point(number: u128, text: &str, direction: [f32; DIMENSIONS]) -> Point {
    let payload = payload(text);
    Point {
        id: id(number),
        dense: unit(&direction),
        sparse: lexical::passage_vector(&payload.text, 8.0),
        payload,
    }
}

/// The same for the given groups only.
pub(crate) fn point_for(number: u128, text: &str, groups: &[&str]) -> Point {
    let mut point = point(number, text, [1.0, 0.0, 0.0, 0.0]);
    point.payload.groups = groups.iter().map(ToString::to_string).collect();
    point
}

pub(crate) fn payload(text: &str) -> Payload {
    Payload {
        document_id: id(1),
        source: "docs".to_owned(),
        uri: "https://docs.example/trips".to_owned(),
        path: "trips.md".to_owned(),
        title: "Trips".to_owned(),
        heading: vec!["Freshness".to_owned(), "Nightly".to_owned()],
        text: text.to_owned(),
        language: Some("en".to_owned()),
        ordinal: 0,
        pages: Vec::new(),
        text_hash: text_hash(text),
        asset: None,
        owner: None,
        owner_slack: None,
        owner_email: None,
        groups: vec![EVERYONE.to_owned()],
        status: None,
        updated_at: None,
        fresh_at: None,
        stale_at: None,
        curated: None,
    }
}

pub(crate) fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter().map(|value| value / length).collect()
}

/// A search by words.
pub(crate) fn by_words(question: &str) -> SearchRequest {
    SearchRequest {
        sparse: Some(lexical::question_vector(question)),
        ..hybrid(None, None)
    }
}

/// A search by direction.
pub(crate) fn by_direction(direction: [f32; DIMENSIONS]) -> SearchRequest {
    hybrid(Some(unit(&direction)), None)
}

pub(crate) fn hybrid(dense: Option<Vec<f32>>, sparse: Option<SparseVector>) -> SearchRequest {
    SearchRequest {
        dense,
        sparse,
        parts: Vec::new(),
        filter: Filter::default(),
        candidates: 20,
        limit: 10,
        weights: Weights::default(),
    }
}

pub(crate) fn groups(groups: &[&str]) -> Filter {
    Filter {
        groups: Some(groups.iter().map(ToString::to_string).collect()),
        ..Filter::default()
    }
}

/// The numbers of the points found, in order.
pub(crate) fn numbers(hits: &[Hit]) -> Vec<u128> {
    hits.iter().map(|hit| hit.id.as_u128()).collect()
}
