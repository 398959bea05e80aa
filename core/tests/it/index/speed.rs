//! Figures, not promises: `cargo test -p docent-core --test it speed -- --ignored --nocapture`.

use std::fs;
use std::time::{Duration, Instant};

use docent_core::index::{CollectionSpec, Point, SearchRequest, VectorIndex, lexical};
use futures::future::join_all;
use tempfile::TempDir;

use super::backend::{embedded_in, groups, hybrid, id, payload, unit};

const DIMENSIONS: usize = 384;
const BATCH: u32 = 256;

#[test]
#[ignore = "measures"]
fn analysis_of_a_chunk() {
    let text = chunk(&mut Random(7), 300);
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..50 {
            std::hint::black_box(lexical::passage_vector(std::hint::black_box(&text), 200.0));
        }
        best = best.min(start.elapsed() / 50);
    }
    println!(
        "{} bytes, {} terms: {best:?}",
        text.len(),
        lexical::terms(&text).len()
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn points_and_searches() {
    let points = std::env::var("POINTS").map_or(5_000, |text| text.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let index = embedded_in(folder.path());
    let name = "measured".to_owned();
    let spec = CollectionSpec {
        name: name.clone(),
        dimensions: DIMENSIONS,
    };
    index.create(&spec).await.unwrap();
    println!("{points} points, {} MB at the start", resident());
    let mut random = Random(1);
    let mut spent = Duration::ZERO;
    for start in (0..points).step_by(BATCH as usize) {
        let batch = (start..points.min(start + BATCH)).map(|n| measured_point(&mut random, n));
        let batch = batch.collect();
        let begin = Instant::now();
        index.upsert(&name, batch).await.unwrap();
        spent += begin.elapsed();
    }
    println!("upsert: {:?} a point", spent / points);
    let begin = Instant::now();
    index.flush(&name).await.unwrap();
    println!("flush: {:?}; {} MB", begin.elapsed(), resident());
    searches(&index, &name).await;
    let begin = Instant::now();
    index.optimize(&name).await.unwrap();
    println!("optimize: {:?}; {} MB", begin.elapsed(), resident());
    searches(&index, &name).await;
    drop(index);
    let begin = Instant::now();
    let index = embedded_in(folder.path());
    let mut random = Random(99);
    index.search(&name, request(&mut random)).await.unwrap();
    println!(
        "load and first search: {:?}; {} MB",
        begin.elapsed(),
        resident()
    );
    searches(&index, &name).await;
    let change = (0..1_000_u32).map(|n| {
        let point = measured_point(&mut random, n);
        (point.id, point.payload, point.sparse)
    });
    let change: Vec<_> = change.collect();
    let begin = Instant::now();
    index.set_metadata(&name, change).await.unwrap();
    println!("set_metadata: {:?} a point", begin.elapsed() / 1_000);
    let begin = Instant::now();
    index.optimize(&name).await.unwrap();
    println!("optimize again: {:?}; {} MB", begin.elapsed(), resident());
    println!("on disk: {} MB", megabytes(folder.path()));
}

async fn searches(index: &VectorIndex, name: &str) {
    let mut random = Random(42);
    let mut alone = Vec::new();
    for _ in 0..200 {
        let request = request(&mut random);
        let begin = Instant::now();
        index.search(name, request).await.unwrap();
        alone.push(begin.elapsed());
    }
    for (arm, keep) in [("dense", true), ("sparse", false)] {
        let begin = Instant::now();
        for _ in 0..100 {
            let mut request = request(&mut random);
            if keep {
                request.sparse = None;
            } else {
                request.dense = None;
            }
            index.search(name, request).await.unwrap();
        }
        println!("  {arm} alone: {:?}", begin.elapsed() / 100);
    }
    let begin = Instant::now();
    let mut together = join_all((0..64).map(|_| {
        let request = request(&mut random);
        async move {
            let begin = Instant::now();
            index.search(name, request).await.unwrap();
            begin.elapsed()
        }
    }))
    .await;
    let all = begin.elapsed();
    alone.sort_unstable();
    together.sort_unstable();
    println!(
        "  fused: p50 {:?}, p95 {:?}; 64 at once: p50 {:?}, p95 {:?}, all {all:?}",
        alone[100], alone[190], together[32], together[60]
    );
}

fn request(random: &mut Random) -> SearchRequest {
    let question = chunk(random, 6);
    SearchRequest {
        filter: groups(&["everyone", "finance"]),
        candidates: 50,
        limit: 8,
        ..hybrid(
            Some(direction(random)),
            Some(lexical::question_vector(&question)),
        )
    }
}

fn measured_point(random: &mut Random, number: u32) -> Point {
    let mut payload = payload(&chunk(random, 200));
    payload.document_id = id(u128::from(number / 8));
    payload.groups = vec![
        if number.is_multiple_of(10) {
            "finance"
        } else {
            "everyone"
        }
        .to_owned(),
    ];
    Point {
        id: id(u128::from(Random(u64::from(number)).next())),
        dense: direction(random),
        sparse: lexical::passage_vector(&payload.lexical_text(), 200.0),
        payload,
    }
}

/// A direction near one of 500 centres, as embeddings of real texts lie in clusters.
fn direction(random: &mut Random) -> Vec<f32> {
    let mut centre = Random(random.next() % 500 + 1);
    let vector: Vec<f32> = (0..DIMENSIONS)
        .map(|_| centre.uniform() + 0.6 * random.uniform())
        .collect();
    unit(&vector)
}

/// Words with the skew of a language: the rarer, the longer.
fn chunk(random: &mut Random, words: usize) -> String {
    let mut text = String::new();
    for _ in 0..words {
        let rank = (1.0 / (f64::from(random.uniform()).abs() + 2e-5)).min(50_000.0) as u64;
        let mut word = Random(rank + 1);
        for _ in 0..(4 + rank % 6) {
            text.push(char::from(b'a' + (word.next() % 26) as u8));
        }
        text.push(if random.next().is_multiple_of(12) {
            '_'
        } else {
            ' '
        });
    }
    text
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From -1 to 1.
    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

/// Megabytes of memory that are resident, and of them the ones that are not file pages.
fn resident() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let (all, own) = (field("VmRSS"), field("RssAnon"));
    format!(
        "{} ({} own)",
        all.unwrap_or(0) / 1024,
        own.unwrap_or(0) / 1024
    )
}

fn megabytes(folder: &std::path::Path) -> u64 {
    fn bytes(folder: &std::path::Path) -> u64 {
        use std::os::unix::fs::MetadataExt;
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    bytes(&entry.path())
                } else {
                    entry.metadata().unwrap().blocks() * 512
                }
            })
            .sum()
    }
    bytes(folder) / 1_000_000
}
