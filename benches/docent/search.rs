//! `cargo bench -- million`: the search alone over a million chunks in the embedded index, with dense
//! vectors as they are and quantized. Takes the better part of an hour, so it is not part of the rest;
//! `VECTORS=int8` (or `float32`) and `POINTS` take less.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use docent_core::config::{self, Overrides, Quantization};
use docent_core::document::{EVERYONE, document_id, point_id, text_hash};
use docent_core::index::{
    CollectionSpec, Filter, Payload, Point, Question, SearchRequest, TermFrequencies, VectorIndex,
    dot, lexical,
};
use serde::{Deserialize, Serialize};

use crate::machine::{disk_mb, memory_mb};
use crate::table::Table;
use crate::words::{self, Random};

/// Argument that makes this program the one that searches.
pub(crate) const SEARCHES: &str = "--searches";

const COLLECTION: &str = "measured";
const DIMENSIONS: usize = 384;
const UPSERT: usize = 1000;
const QUESTIONS: usize = 200;
/// Questions whose nearest vectors are looked up one by one, to tell what the graph misses.
const EXACT: usize = 50;
const NEAREST: usize = 10;

/// What the searching process tells.
#[derive(Serialize, Deserialize)]
struct Searched {
    load_ms: f64,
    both_ms: f64,
    both_p95_ms: f64,
    dense_ms: f64,
    words_ms: f64,
    memory_mb: f64,
    recall: f64,
}

pub(crate) async fn run(table: &mut Table) {
    if !table.asks_for("million") {
        return;
    }
    let points = std::env::var("POINTS").map_or(1_000_000, |text| text.parse().expect("a number"));
    let only = std::env::var("VECTORS").ok();
    for (quantization, name) in [
        (Quantization::None, "float32"),
        (Quantization::Int8, "int8"),
    ] {
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let started = Instant::now();
        build(folder.path(), quantization, points, table, name).await;
        let whole = started.elapsed().as_secs_f64();
        table.note(&format!("search, {name}: built in all"), whole, "s");
        let program = std::env::current_exe().expect("this program");
        let output = Command::new(program)
            .arg(SEARCHES)
            .arg(folder.path())
            .arg(points.to_string())
            .output()
            .expect("the searches");
        let said = String::from_utf8_lossy(&output.stderr);
        let searched: Searched = serde_json::from_slice(&output.stdout).expect(&said);
        for (what, value, unit) in [
            ("load, read ahead, first search", searched.load_ms, "ms"),
            ("both arms, median", searched.both_ms, "ms"),
            ("both arms, 95%", searched.both_p95_ms, "ms"),
            ("dense arm, median", searched.dense_ms, "ms"),
            ("words, median", searched.words_ms, "ms"),
            ("memory", searched.memory_mb, "MB"),
            ("on disk", disk_mb(folder.path()), "MB"),
            ("recall@10 of the dense arm", searched.recall, ""),
        ] {
            table.note(&format!("search, {name}: {what}"), value, unit);
        }
    }
}

fn open(folder: &Path, quantization: Quantization) -> VectorIndex {
    let mut config = config::load(&Overrides::default()).expect("the defaults");
    config.index.quantization = quantization;
    VectorIndex::open(&config.index, folder).expect("an index")
}

async fn build(
    folder: &Path,
    quantization: Quantization,
    points: usize,
    table: &mut Table,
    name: &str,
) {
    let index = open(folder, quantization);
    let spec = CollectionSpec {
        name: COLLECTION.to_owned(),
        dimensions: DIMENSIONS,
    };
    index.create(&spec).await.expect("a collection");
    index.spread(COLLECTION, points).await.expect("segments");
    let mut writing = 0.0;
    for first in (0..points).step_by(UPSERT) {
        let batch = (first..points.min(first + UPSERT)).map(point).collect();
        let started = Instant::now();
        index.upsert(COLLECTION, batch).await.expect("an upsert");
        writing += started.elapsed().as_secs_f64();
    }
    table.note(&format!("search, {name}: points"), points as f64, "");
    table.note(&format!("search, {name}: written in"), writing, "s");
    let started = Instant::now();
    index.optimize(COLLECTION).await.expect("a graph");
    let graph = started.elapsed().as_secs_f64();
    table.note(&format!("search, {name}: graph in"), graph, "s");
}

/// The process that searches: its memory is that of the searches alone.
pub(crate) async fn searches(folder: &Path, points: usize) {
    let index = open(folder, Quantization::None);
    let started = Instant::now();
    // As `serve` does when it starts.
    index.warm(COLLECTION).await.expect("the index in memory");
    index
        .search(COLLECTION, request(0, true, true))
        .await
        .expect("a search");
    let load_ms = milliseconds(started);
    // Once unmeasured: faults of pages are not what is measured.
    timed(&index, true, true).await;
    let both = timed(&index, true, true).await;
    let dense = timed(&index, true, false).await;
    let words = timed(&index, false, true).await;
    let searched = Searched {
        load_ms,
        both_ms: both[both.len() / 2],
        both_p95_ms: both[both.len() * 95 / 100],
        dense_ms: dense[dense.len() / 2],
        words_ms: words[words.len() / 2],
        memory_mb: memory_mb(std::process::id()),
        recall: recall(&index, points).await,
    };
    serde_json::to_writer(std::io::stdout(), &searched).expect("a reader");
}

/// Milliseconds of each search, ascending.
async fn timed(index: &VectorIndex, dense: bool, words: bool) -> Vec<f64> {
    let mut times = Vec::new();
    for number in 0..QUESTIONS {
        let request = request(number, dense, words);
        let started = Instant::now();
        index.search(COLLECTION, request).await.expect("a search");
        times.push(milliseconds(started));
    }
    times.sort_unstable_by(f64::total_cmp);
    times
}

/// The share of the truly nearest points that the dense arm finds.
async fn recall(index: &VectorIndex, points: usize) -> f64 {
    let asked: Vec<Vec<f32>> = (0..EXACT)
        .map(|number| direction(question_seed(number)))
        .collect();
    let mut nearest: Vec<Vec<(f32, usize)>> = vec![Vec::new(); EXACT];
    for number in 0..points {
        let vector = direction(number as u64);
        for (asked, nearest) in asked.iter().zip(&mut nearest) {
            let cosine = dot(asked, &vector);
            if nearest.len() < NEAREST || cosine > nearest[NEAREST - 1].0 {
                let at = nearest.partition_point(|(other, _)| *other >= cosine);
                nearest.insert(at, (cosine, number));
                nearest.truncate(NEAREST);
            }
        }
    }
    let mut found = 0;
    for (number, nearest) in nearest.iter().enumerate() {
        let mut request = request(number, true, false);
        request.limit = NEAREST;
        let hits = index.search(COLLECTION, request).await.expect("a search");
        let ids: Vec<_> = nearest
            .iter()
            .map(|(_, number)| point_of(*number))
            .collect();
        found += hits.iter().filter(|hit| ids.contains(&hit.id)).count();
    }
    found as f64 / (EXACT * NEAREST) as f64
}

fn request(number: usize, dense: bool, words: bool) -> SearchRequest {
    let mut random = Random(question_seed(number));
    let text = format!(
        "{} {}",
        words::text(&mut random, 5),
        words::word(2_000 + random.below(10_000))
    );
    let question = Question::new(&text, &TermFrequencies::default());
    SearchRequest {
        dense: dense.then(|| direction(question_seed(number))),
        sparse: words.then(|| question.sparse_vector()),
        filter: Filter {
            groups: Some(vec![EVERYONE.to_owned()]),
            ..Filter::default()
        },
        candidates: 50,
        limit: 32,
        ..SearchRequest::default()
    }
}

fn question_seed(number: usize) -> u64 {
    u64::MAX / 2 + number as u64
}

fn point_of(number: usize) -> uuid::Uuid {
    point_id(
        document_id("bench", &(number / 10).to_string()),
        &number.to_string(),
        0,
    )
}

fn point(number: usize) -> Point {
    let mut random = Random(number as u64);
    let text = format!("Chunk {number}: {}", words::text(&mut random, 60));
    let payload = Payload {
        document_id: document_id("bench", &(number / 10).to_string()),
        source: "bench".to_owned(),
        uri: String::new(),
        path: format!("{}.md", number / 10),
        title: format!("Document {}", number / 10),
        heading: vec!["Part".to_owned()],
        language: Some("en".to_owned()),
        ordinal: (number % 10) as u32,
        pages: Vec::new(),
        text_hash: text_hash(&text),
        text,
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
    };
    Point {
        id: point_of(number),
        dense: direction(number as u64),
        sparse: lexical::passage_vector(&payload.lexical_text(), 65.0),
        payload,
    }
}

/// A direction near one of 2,000 centres, as embeddings of real texts lie in clusters.
fn direction(seed: u64) -> Vec<f32> {
    const CENTRES: usize = 2_000;
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    random.below(2);
    let mut centre = Random((random.below(CENTRES) as u64).wrapping_mul(0x94d0_49bb_1331_11eb));
    let vector: Vec<f64> = (0..DIMENSIONS)
        .map(|_| centre.share() - 0.5 + 0.6 * (random.share() - 0.5))
        .collect();
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    vector.iter().map(|value| (value / length) as f32).collect()
}

fn milliseconds(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1000.0
}
