//! What the embedded engine promises across restarts, kills and damage.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use docent_core::config::Secret;
use docent_core::index::{CollectionSpec, Filter, IndexError, VectorIndex, collection_name};
use tempfile::TempDir;
use uuid::Uuid;

use super::backend::{
    by_words, embedded, embedded_in, groups, numbers, point, point_for, settings, spec,
};

const EAST: [f32; 4] = [1.0, 0.0, 0.0, 0.0];

fn name() -> String {
    collection_name("docent", "embedding", "layout")
}

async fn count(index: &VectorIndex) -> u64 {
    index.count(&name(), &Filter::default()).await.unwrap()
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let generation = Uuid::now_v7();
    let index = embedded_in(folder.path());
    index.create(&spec(&name())).await.unwrap();
    let points = vec![point(1, "trips", EAST), point(2, "docks", EAST)];
    index.upsert(&name(), points).await.unwrap();
    index.switch(&name()).await.unwrap();
    index.set_generation(&name(), generation).await.unwrap();
    // Not flushed by anyone: closing does it.
    index
        .upsert(&name(), vec![point(3, "stations", EAST)])
        .await
        .unwrap();
    let before = index
        .points(&name(), &Filter::default(), true)
        .await
        .unwrap();
    drop(index);

    let index = embedded_in(folder.path());
    assert_eq!(index.live().await.unwrap(), Some(name()));
    assert_eq!(index.generation(&name()).await.unwrap(), Some(generation));
    assert_eq!(
        index
            .points(&name(), &Filter::default(), true)
            .await
            .unwrap(),
        before
    );
    let hits = index.search(&name(), by_words("stations")).await.unwrap();
    assert_eq!(numbers(&hits), [3]);
}

/// What was flushed is there in a copy that was made while the index was open and being written.
#[tokio::test]
async fn what_was_flushed_survives_a_crash() {
    let folder = TempDir::new().unwrap();
    let index = embedded_in(folder.path());
    index.create(&spec(&name())).await.unwrap();
    let points = |range: std::ops::Range<u128>| range.map(|n| point(n, "trips", EAST)).collect();
    index.upsert(&name(), points(1..101)).await.unwrap();
    index.flush(&name()).await.unwrap();
    index.upsert(&name(), points(101..201)).await.unwrap();

    let copy = TempDir::new().unwrap();
    copy_folder(folder.path(), copy.path());
    let crashed = embedded_in(copy.path());
    let found = count(&crashed).await;
    assert!((100..=200).contains(&found), "{found}");
    // And it goes on from there: nothing that is written later is taken for old.
    crashed.upsert(&name(), points(1..301)).await.unwrap();
    assert_eq!(count(&crashed).await, 300);
}

/// A process is killed again and again while it writes and flushes.
#[tokio::test]
async fn a_killed_process_leaves_an_index_that_opens_with_all_it_had_flushed() {
    let folder = TempDir::new().unwrap();
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "index::durability::writes_until_killed"])
            .args(["--ignored", "--nocapture"])
            .env("DOCENT_TEST_FOLDER", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut flushed = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("flushed ") {
                flushed = number.parse().unwrap();
                if flushed >= round * 300 {
                    break;
                }
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let index = embedded_in(folder.path());
        let points = index
            .points(&name(), &Filter::default(), true)
            .await
            .unwrap();
        assert!(
            points.len() as u64 >= flushed,
            "{} of {flushed}",
            points.len()
        );
        assert_eq!(
            count(&index).await,
            points.len() as u64,
            "a point has two copies"
        );
        assert!(points.iter().all(|point| point.dense.is_some()));
    }
}

/// Not a test: the process that the test above kills. It adds points, and keeps changing the
/// payloads of those it has.
#[tokio::test]
#[ignore = "is started by the test above it"]
async fn writes_until_killed() {
    let folder = std::env::var_os("DOCENT_TEST_FOLDER").expect("is started by the test above");
    let index = embedded_in(Path::new(&folder));
    index.create(&spec(&name())).await.unwrap();
    let mut next = u128::from(count(&index).await) + 1;
    loop {
        let points = (next..next + 50).map(|n| point(n, "trips and docks", EAST));
        index.upsert(&name(), points.collect()).await.unwrap();
        let changes = (next..next + 50).step_by(5).map(|number| {
            let changed = point_for(number, "moved", &["finance"]);
            (changed.id, changed.payload, changed.sparse)
        });
        index
            .set_metadata(&name(), changes.collect())
            .await
            .unwrap();
        index.flush(&name()).await.unwrap();
        next += 50;
        println!("flushed {}", next - 1);
    }
}

/// A crash can leave a point in two segments. The old copy must not be found by those who may no
/// longer read it.
#[tokio::test]
async fn an_old_copy_of_a_point_is_gone_after_a_crash() {
    let folder = TempDir::new().unwrap();
    let index = embedded_in(folder.path());
    index.create(&spec(&name())).await.unwrap();
    let open_to_all = vec![
        point_for(1, "salaries", &["everyone"]),
        point(2, "trips", EAST),
    ];
    index.upsert(&name(), open_to_all).await.unwrap();
    index.flush(&name()).await.unwrap();
    let segments = folder.path().join(name()).join("segments");
    let segment = only_folder(&segments);
    let old = TempDir::new().unwrap();
    copy_folder(&segment, old.path());
    let withdrawn = vec![point_for(1, "salaries", &["finance"])];
    index.upsert(&name(), withdrawn).await.unwrap();
    drop(index);

    copy_folder(old.path(), &segments.join(Uuid::now_v7().to_string()));
    let marker = folder.path().join(name()).join("unflushed");
    let search = async || {
        let index = embedded_in(folder.path());
        let mut request = by_words("salaries");
        request.filter = groups(&["everyone"]);
        numbers(&index.search(&name(), request).await.unwrap())
    };
    assert_eq!(
        search().await,
        [1],
        "the engine alone finds the old copy: why the marker is there"
    );
    fs::write(&marker, "").unwrap();
    assert_eq!(search().await, [0; 0]);
    assert!(!marker.exists());
    assert_eq!(count(&embedded_in(folder.path())).await, 2);
}

#[tokio::test]
async fn the_log_does_not_grow_for_ever_and_later_writes_still_count() {
    let folder = TempDir::new().unwrap();
    let index = embedded_in(folder.path());
    index.create(&spec(&name())).await.unwrap();
    // Much to log, and little to analyse.
    let text = format!("trips {}", "=".repeat(72_000));
    for round in 0..30 {
        let points = (0..50).map(|n| point(round * 50 + n, &text, EAST));
        index.upsert(&name(), points.collect()).await.unwrap();
    }
    let logs = || {
        let entries = fs::read_dir(folder.path().join(name()).join("wal")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("closed-")).count()
    };
    assert!(
        logs() > 8,
        "{} closed parts: too little was written to tell",
        logs()
    );
    index.optimize(&name()).await.unwrap();
    assert!(logs() <= 1, "{} closed parts", logs());
    for number in [3, 5_000] {
        let changed = vec![point(number, "docks", EAST)];
        index.upsert(&name(), changed).await.unwrap();
    }
    drop(index);
    let index = embedded_in(folder.path());
    index
        .upsert(&name(), vec![point(4, "docks", EAST)])
        .await
        .unwrap();
    assert_eq!(count(&index).await, 1_501);
    let hits = index.search(&name(), by_words("docks")).await.unwrap();
    assert_eq!(numbers(&hits), [3, 4, 5_000]);
}

#[tokio::test]
async fn optimizing_many_points_builds_the_graph() {
    let folder = TempDir::new().unwrap();
    let index = embedded_in(folder.path());
    let spec = CollectionSpec {
        name: name(),
        dimensions: 384,
    };
    index.create(&spec).await.unwrap();
    for batch in 0..32 {
        let points = (0..250).map(|n| {
            let number = batch * 250 + n;
            let mut point = point(number, "trips", EAST);
            point.dense = (0..384)
                .map(|at| ((number * 31 + at * 17) as f32).sin())
                .collect();
            point
        });
        index.upsert(&name(), points.collect()).await.unwrap();
    }
    index.optimize(&name()).await.unwrap();
    drop(index);
    let shard = qdrant_edge::EdgeShard::load(&folder.path().join(name()), None).unwrap();
    let info = shard.info();
    assert_eq!(info.points_count, 8_000);
    assert!(
        info.indexed_vectors_count >= 8_000,
        "{}",
        info.indexed_vectors_count
    );
}

#[tokio::test]
async fn a_damaged_collection_says_so_and_can_be_made_again() {
    let folder = TempDir::new().unwrap();
    let index = embedded_in(folder.path());
    index.create(&spec(&name())).await.unwrap();
    drop(index);
    let segment = only_folder(&folder.path().join(name()).join("segments"));
    fs::write(segment.join("segment.json"), "{}").unwrap();

    let index = embedded_in(folder.path());
    let error = index.count(&name(), &Filter::default()).await.unwrap_err();
    assert!(matches!(error, IndexError::Damaged { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&name()), "{text}");
    assert!(
        text.ends_with("`docent ingest --full` rebuilds it"),
        "{text}"
    );
    index.remove(&name()).await.unwrap();
    index.create(&spec(&name())).await.unwrap();
    assert_eq!(count(&index).await, 0);
}

#[tokio::test]
async fn a_folder_in_use_is_not_taken_for_a_damaged_one() {
    let folder = TempDir::new().unwrap();
    let first = embedded_in(folder.path());
    first.create(&spec(&name())).await.unwrap();
    let second = embedded_in(folder.path());
    let error = second.count(&name(), &Filter::default()).await.unwrap_err();
    assert!(matches!(error, IndexError::Unavailable { .. }), "{error}");
    assert!(
        error.to_string().contains("another process has it open"),
        "{error}"
    );
}

#[tokio::test]
async fn what_an_interrupted_creation_or_removal_left_is_cleared_away() {
    let folder = TempDir::new().unwrap();
    for leftover in [".new", ".removed"] {
        fs::create_dir_all(folder.path().join(name() + leftover).join("segments")).unwrap();
    }
    let index = embedded_in(folder.path());
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    index.create(&spec(&name())).await.unwrap();
}

#[tokio::test]
async fn a_name_cannot_lead_out_of_the_folder() {
    let backend = embedded();
    for name in ["../outside", "a/b", "", ".hidden", "LIVE", "x.new", "ü"] {
        let error = backend.index.create(&spec(name)).await.unwrap_err();
        assert!(
            matches!(error, IndexError::Rejected { .. }),
            "{name}: {error}"
        );
        assert!(backend.index.remove(name).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_named_without_its_key() {
    let mut settings = settings("http://user:hunter2@127.0.0.1:1", "docent");
    settings.qdrant_api_key = Secret::new("s3cret-key");
    let index = VectorIndex::open(&settings, Path::new("/nowhere")).unwrap();
    let error = index.ready().await.unwrap_err();
    assert!(matches!(error, IndexError::Unavailable { .. }), "{error}");
    for text in [error.to_string(), format!("{error:?} {index:?}")] {
        assert!(text.contains("http://127.0.0.1:1"), "{text}");
        assert!(
            !text.contains("hunter2") && !text.contains("s3cret"),
            "{text}"
        );
    }
    let upsert = index.upsert("docent", vec![point(1, "x", EAST)]).await;
    assert!(matches!(upsert, Err(IndexError::Unavailable { .. })));
}

fn only_folder(parent: &Path) -> PathBuf {
    let mut entries = fs::read_dir(parent)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let folder = entries.next().unwrap();
    assert!(entries.next().is_none(), "more than one segment");
    folder
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
