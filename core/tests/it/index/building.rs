//! A collection of the embedded engine that many points are written to, and read after.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::backend::{by_words, embedded_in, id, point, spec};

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
