//! Quantized collections of the embedded engine.

use std::fs;
use std::path::Path;

use docent_core::config::Quantization;
use docent_core::index::{CollectionSpec, Point, SearchRequest, VectorIndex, dot};
use tempfile::TempDir;

use super::backend::{hybrid, id, payload, settings, unit};

const DIMENSIONS: usize = 384;
/// Enough for a graph (10 MB of vectors): only then anything is quantized.
const POINTS: u32 = 7_000;

/// A direction of its own for each number.
fn direction(number: u32) -> Vec<f32> {
    let mut state = u64::from(number) + 1;
    let vector: Vec<f32> = (0..DIMENSIONS)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        })
        .collect();
    unit(&vector)
}

fn holds(folder: &Path, part: &str) -> bool {
    fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let path = entry.path();
        let named = entry.file_name().to_string_lossy().contains(part);
        named || (path.is_dir() && holds(&path, part))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quantized_collection_scores_what_it_finds_by_the_vectors_themselves() {
    let folder = TempDir::new().unwrap();
    let mut settings = settings("", "docent");
    settings.quantization = Quantization::Int8;
    let index = VectorIndex::open(&settings, folder.path()).unwrap();
    let name = "quantized";
    let spec = CollectionSpec {
        name: name.to_owned(),
        dimensions: DIMENSIONS,
    };
    index.create(&spec).await.unwrap();
    for first in (0..POINTS).step_by(1_000) {
        let points = (first..first + 1_000).map(|number| Point {
            id: id(u128::from(number)),
            dense: direction(number),
            sparse: docent_core::index::lexical::passage_vector("trips", 8.0),
            payload: payload("trips"),
        });
        index.upsert(name, points.collect()).await.unwrap();
    }
    index.optimize(name).await.unwrap();
    assert!(holds(folder.path(), "quantized"), "nothing was quantized");

    for number in (0..POINTS).step_by(700) {
        let asked = direction(number);
        let request = SearchRequest {
            limit: 3,
            ..hybrid(Some(asked.clone()), None)
        };
        let hits = index.search(name, request).await.unwrap();
        assert_eq!(hits[0].id, id(u128::from(number)));
        for hit in &hits {
            let exact = dot(&asked, &direction(hit.id.as_u128() as u32));
            assert!((hit.cosine.unwrap() - exact).abs() < 1e-5);
        }
    }
}
