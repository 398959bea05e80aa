//! A collection of the embedded engine that many points are written to, and read after.

use std::fs;
use std::path::Path;

use docent_core::index::{CollectionSpec, Filter, Point, VectorIndex};
use tempfile::TempDir;

use super::backend::{by_words, embedded_in, id, point, point_for, spec, unit};

/// Points of the collection; a segment is filled with 750 or so.
const POINTS: u128 = 3_000;

fn segments(folder: &Path, name: &str) -> usize {
    let entries = fs::read_dir(folder.join(name).join("segments")).unwrap();
    entries.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_points_are_spread_found_and_read_ahead() {
    let folder = TempDir::new().unwrap();
    let name = "spread";
    let index = embedded_in(folder.path());
    index.create(&spec(name)).await.unwrap();
    index.spread(name, POINTS as usize).await.unwrap();
    assert_eq!(segments(folder.path(), name), 4);
    for first in (0..POINTS).step_by(500) {
        let points = (first..first + 500).map(|number| {
            let text = format!("common word{number}");
            point(number, &text, [1.0, 0.0, 0.0, 0.0])
        });
        index.upsert(name, points.collect()).await.unwrap();
    }
    // There are points by now.
    index.spread(name, 1_000_000).await.unwrap();
    assert_eq!(segments(folder.path(), name), 4);
    index.optimize(name).await.unwrap();
    index.flush(name).await.unwrap();
    drop(index);

    let index = embedded_in(folder.path());
    let read = index.warm(name).await.unwrap();
    let vectors = POINTS as u64 * 4 * size_of::<f32>() as u64;
    assert!(read > vectors, "{read} bytes were read");
    for number in (0..POINTS).step_by(271) {
        let question = by_words(&format!("word{number}"));
        let hits = index.search(name, question).await.unwrap();
        assert_eq!(hits[0].id, id(number));
    }
    assert!(index.warm("not-there").await.is_err());
}

/// Edge reads 2 MB for each index of missing values whenever it loads a segment, and docent never asks for
/// what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_filled_has_no_indexes_of_missing_values_and_all_others() {
    let folder = TempDir::new().unwrap();
    let name = "lean";
    let index = embedded_in(folder.path());
    index.create(&spec(name)).await.unwrap();
    index.spread(name, POINTS as usize).await.unwrap();
    let points = (0..POINTS).map(|number| point_for(number, "trips", &[&format!("g{number}")]));
    index.upsert(name, points.collect()).await.unwrap();
    index.flush(name).await.unwrap();
    drop(index);

    let segments = fs::read_dir(folder.path().join(name).join("segments")).unwrap();
    for segment in segments {
        let indexes = segment.unwrap().path().join("payload_index");
        let names: Vec<String> = fs::read_dir(indexes)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let ending = |end: &str| names.iter().filter(|name| name.ends_with(end)).count();
        assert_eq!(ending("-null"), 0, "{names:?}");
        assert_eq!(ending("-map") + ending("-numeric"), 10, "{names:?}");
    }
    let index = embedded_in(folder.path());
    let of_one = Filter {
        groups: Some(vec!["g7".to_owned()]),
        ..Filter::default()
    };
    let found = index.points(name, &of_one, false).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, id(7));
}

/// Numbers of a vector: enough for 25,000 of them to get a graph.
const LONG: usize = 112;

fn long_point(number: u128, text: &str) -> Point {
    let mut dense = vec![0.1; LONG];
    dense[number as usize % LONG] = 1.0;
    Point {
        dense: unit(&dense),
        ..point(number, text, [1.0, 0.0, 0.0, 0.0])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_collection_is_settled_while_it_is_filled_and_stays_whole() {
    const MANY: u128 = 27_000;
    let folder = TempDir::new().unwrap();
    let name = "settled";
    let index = embedded_in(folder.path());
    let spec = CollectionSpec {
        dimensions: LONG,
        ..spec(name)
    };
    index.create(&spec).await.unwrap();
    index.spread(name, MANY as usize).await.unwrap();
    let kept = folder.path().join(name).join("empty-segment");
    assert!(kept.is_dir());
    for first in (0..MANY).step_by(1_000) {
        let points = (first..first + 1_000).map(|number| {
            let text = format!("common word{number}");
            long_point(number, &text)
        });
        index.upsert(name, points.collect()).await.unwrap();
    }
    // Two that hold 13,000 each, the one that took their place while they were settled, fifteen copies.
    assert_eq!(segments(folder.path(), name), 18);
    let all = Filter::default();
    assert_eq!(index.count(name, &all).await.unwrap(), MANY as u64);

    // What is settled can be replaced and deleted as well.
    index
        .upsert(name, vec![long_point(7, "another text")])
        .await
        .unwrap();
    index.delete(name, &[id(8), id(26_500)]).await.unwrap();
    let found = async |index: &VectorIndex, question: &str| {
        let hits = index.search(name, by_words(question)).await.unwrap();
        hits.first().map(|hit| hit.id)
    };
    let check = async |index: &VectorIndex| {
        assert_eq!(index.count(name, &all).await.unwrap(), MANY as u64 - 2);
        for number in [0, 12_999, 13_001, 25_999, 26_001, 26_999] {
            let question = format!("word{number}");
            assert_eq!(found(index, &question).await, Some(id(number)));
        }
        assert_eq!(found(index, "another").await, Some(id(7)));
        for gone in [7, 8, 26_500] {
            // Its parts stand in others.
            let question = format!("word{gone}");
            assert_ne!(found(index, &question).await, Some(id(gone)), "{gone}");
        }
        let of_text = Filter {
            text_hash: Some(vec![
                point(9, "common word9", [1.0, 0.0, 0.0, 0.0])
                    .payload
                    .text_hash,
            ]),
            ..Filter::default()
        };
        assert_eq!(index.count(name, &of_text).await.unwrap(), 1);
    };
    check(&index).await;
    index.optimize(name).await.unwrap();
    index.flush(name).await.unwrap();
    assert_eq!(segments(folder.path(), name), 2);
    assert!(!kept.exists());
    check(&index).await;
    drop(index);
    check(&embedded_in(folder.path())).await;
}
