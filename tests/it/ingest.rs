//! What a run embeds, writes and removes.

use docent_core::index::Filter;
use docent_scripted::openai::{Script, ScriptedOpenAi};

use crate::support::World;

#[tokio::test]
async fn a_run_without_changes_asks_the_model_nothing_and_a_changed_paragraph_only_for_itself() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = World::new().await;
    world.embed_with(&model);
    world.config.embedding.dimensions = 0;
    let section = |number: usize, last: &str| {
        format!(
            "## Part {number}\n\n{}{last}\n\n",
            "A sentence of this very part. ".repeat(15)
        )
    };
    let text = |last: &str| {
        format!(
            "# Trips\n\n{}{}{}",
            section(1, "One."),
            section(2, last),
            section(3, "Three.")
        )
    };
    world.write("trips.md", &text("Two."));
    world.write("other.md", "# Stations\n\nStations are numbered.\n");
    world.ingest().await;
    let (requests, texts) = (model.embedding_requests(), model.embedded_texts().len());

    let again = world.ingest().await;
    assert_eq!(again.sources[0].documents.unchanged, 2);
    assert_eq!(
        model.embedding_requests(),
        requests,
        "a run without changes called the model"
    );

    world.write("trips.md", &text("Two, changed."));
    let changed = world.ingest().await;
    assert_eq!(changed.sources[0].documents.indexed, 1);
    assert_eq!(
        (
            changed.sources[0].chunks.embedded,
            changed.sources[0].chunks.reused
        ),
        (1, 2)
    );
    assert_eq!(model.embedded_texts().len(), texts + 1);

    std::fs::remove_file(world.docs().join("other.md")).unwrap();
    let removed = world.ingest().await;
    assert_eq!(removed.sources[0].documents.removed, 1);
    let app = world.app().await;
    let live = app.index.live().await.unwrap().unwrap();
    let points = app
        .index
        .points(&live, &Filter::default(), false)
        .await
        .unwrap();
    assert!(points.iter().all(|point| point.payload.path == "trips.md"));
    // What was counted of its words went with it.
    let mut terms = Vec::new();
    let reading = app
        .ledger
        .each_term(&live, |term, _| terms.push(term.to_owned()));
    reading.await.unwrap();
    assert!(!terms.is_empty());
    assert!(
        !terms.iter().any(|term| term.starts_with("number")),
        "{terms:?}"
    );
    app.close().await;
}

#[tokio::test]
async fn a_new_owner_or_group_is_written_without_a_model_call() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = World::new().await;
    world.embed_with(&model);
    world.write(
        "trips.md",
        "---\nowner: Old team\n---\n# Trips\n\nTrips are loaded hourly.\n",
    );
    world.ingest().await;
    let texts = model.embedded_texts().len();
    world.write(
        "trips.md",
        "---\nowner: New team\ngroups: [finance]\n---\n# Trips\n\nTrips are loaded hourly.\n",
    );
    let report = world.ingest().await;
    assert_eq!(report.sources[0].documents.indexed, 1);
    assert_eq!(model.embedded_texts().len(), texts);
    let app = world.app().await;
    let live = app.index.live().await.unwrap().unwrap();
    let points = app
        .index
        .points(&live, &Filter::default(), false)
        .await
        .unwrap();
    assert_eq!(points[0].payload.owner.as_deref(), Some("New team"));
    assert_eq!(points[0].payload.groups, ["finance"]);
    app.close().await;
}

#[tokio::test]
async fn a_dry_run_tells_the_tokens_and_writes_nothing() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = World::new().await;
    world.embed_with(&model);
    world.write("trips.md", "# Trips\n\nTrips are loaded hourly.\n");
    let app = std::sync::Arc::new(world.app().await);
    let request = docent::owner::IngestRequest {
        dry_run: true,
        ..Default::default()
    };
    let progress = docent_ingest::ProgressSender::default();
    let report = docent::commands::ingest::run(std::sync::Arc::clone(&app), &request, progress)
        .await
        .unwrap();
    assert_eq!(report.sources[0].documents.indexed, 1);
    assert!(report.sources[0].tokens > 0);
    assert_eq!(model.embedding_requests(), 0);
    assert_eq!(app.index.collections().await.unwrap(), Vec::<String>::new());
    crate::support::closed(app).await;
    assert_eq!(world.database.count("document").await, 0);
}

#[tokio::test]
async fn another_embedding_model_builds_a_new_collection_and_then_switches() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = World::new().await;
    world.embed_with(&model);
    world.write("trips.md", "# Trips\n\nTrips are loaded hourly.\n");
    world.ingest().await;
    let live = |app: docent_core::app::App| async move {
        let live = app.index.live().await.unwrap().unwrap();
        let all = app.index.collections().await.unwrap();
        app.close().await;
        (live, all)
    };
    let (before, _) = live(world.app().await).await;
    let texts = model.embedded_texts().len();

    // Another layout: a new collection, and every vector is used again.
    world.config.chunk.max_tokens = 200;
    let report = world.ingest().await;
    assert_eq!(report.sources[0].chunks.reused, 1);
    assert_eq!(model.embedded_texts().len(), texts);
    let (layout, all) = live(world.app().await).await;
    assert!(layout != before && all == [layout.clone()], "{all:?}");

    // Another model: its vectors never mix with the old ones.
    world.config.embedding.model = "scripted-other".to_owned();
    let report = world.ingest().await;
    assert_eq!(report.sources[0].chunks.embedded, 1);
    let (other, all) = live(world.app().await).await;
    assert!(other != layout && all == [other.clone()], "{all:?}");
}
