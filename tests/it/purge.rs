//! `docent purge`: nothing of a document is left, and it does not come back.

use std::sync::Arc;

use docent::commands::purge::{Done, PurgeRequest, Task, run};
use docent_core::app::App;
use docent_core::index::Filter;
use docent_core::ledger::PURGED_ANSWER;

use crate::binary::{Serving, docent, folder, text};
use crate::support::{World, ingest, write};

async fn world() -> World {
    let world = World::new().await;
    world.write(
        "guides/secret.md",
        "# Zebrafish project\n\nThe zebrafish project is led by Quentin.\n",
    );
    world.write("trips.md", "# Trips\n\nThe table trips is loaded hourly.\n");
    world
}

fn task(task: Task) -> PurgeRequest {
    PurgeRequest {
        task,
        configured: None,
    }
}

/// Everything that the database holds, as text.
async fn whole_ledger(world: &World) -> String {
    let mut all = String::new();
    for table in [
        "document",
        "term",
        "interaction",
        "passage",
        "cleaned",
        "ingest_run",
        "conversation",
        "feedback",
    ] {
        let rows = world
            .database
            .rows(&format!("SELECT t::text FROM {table} t"))
            .await;
        for row in rows {
            all.push_str(row[0].as_deref().unwrap_or_default());
            all.push('\n');
        }
    }
    all
}

async fn paths(app: &App) -> Vec<String> {
    let live = app.index.live().await.unwrap().unwrap();
    let points = app
        .index
        .points(&live, &Filter::default(), false)
        .await
        .unwrap();
    points.into_iter().map(|point| point.payload.path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_document_is_gone_everywhere_and_stays_out_until_it_is_allowed() {
    let world = world().await;
    world.ingest().await;
    let server = world.serve().await;
    let answer = server.ask("Who leads the zebrafish project?").await;
    assert_eq!(answer["outcome"], "answered", "{answer}");
    let uri = answer["citations"][0]["uri"].as_str().unwrap().to_owned();
    server.ask("How often is the table trips loaded?").await;
    let app = Arc::clone(&server.service.app);
    // Who read it says so.
    let rated = serde_json::json!({ "interaction_id": answer["interaction_id"], "rating": "up",
        "comment": "Right, it is Quentin." });
    let rate = || server.send("POST", "/v1/feedback", "", Some(rated.clone()));
    assert_eq!(rate().await.0, 204);
    app.ledger.flush().await;
    assert!(whole_ledger(&world).await.contains("it is Quentin"));

    // By the address that the citation shows.
    let Done::Purged(document, report) = run(&app, &task(Task::Purge(uri))).await.unwrap() else {
        panic!("it is known by its address");
    };
    assert_eq!(document.path, "guides/secret.md");
    assert_eq!((report.chunks, report.collections), (1, 1));
    assert_eq!(report.traces.answers, 1);
    assert!(report.traces.passages >= 1);
    assert_eq!(paths(&app).await, ["trips.md"]);
    let left = whole_ledger(&world).await;
    assert!(
        !left.contains("Quentin") && !left.contains("quentin"),
        "{left}"
    );
    assert!(!left.contains("secret.md"), "{left}");
    // Nor by somebody whose page still shows the answer; the thumb itself is kept.
    assert_eq!(rate().await.0, 204);
    let kept = "SELECT rating, comment FROM feedback";
    let expected = [[Some("up".to_owned()), None]];
    assert_eq!(world.database.rows(kept).await, expected);
    let kept = world
        .database
        .rows("SELECT answer FROM interaction ORDER BY at")
        .await;
    assert_eq!(kept[0][0].as_deref(), Some(PURGED_ANSWER));
    assert!(kept[1][0].as_deref().unwrap().contains("hourly"));

    // The next run does not bring it back, nor does one that compares everything.
    let report = ingest(&app).await;
    assert_eq!(
        (report.sources[0].purged, report.has_failures()),
        (1, false)
    );
    assert_eq!(paths(&app).await, ["trips.md"]);
    let Done::Listed(listed) = run(&app, &task(Task::List)).await.unwrap() else {
        panic!("a list is answered with a list");
    };
    assert_eq!(listed[0].path, "guides/secret.md");

    let allowed = run(&app, &task(Task::Allow("guides/secret.md".to_owned()))).await;
    assert!(matches!(allowed.unwrap(), Done::Allowed(_)));
    ingest(&app).await;
    assert_eq!(paths(&app).await.len(), 2);
    let again = server.ask("Who leads the zebrafish project?").await;
    assert_eq!(again["outcome"], "answered");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_recorded_after_the_purge_quotes_nothing_of_it() {
    let world = world().await;
    world.ingest().await;
    let app = Arc::new(world.app().await);
    // A turn that found the document before it was purged, and is recorded late.
    let live = app.index.live().await.unwrap().unwrap();
    let points = app
        .index
        .points(&live, &Filter::default(), false)
        .await
        .unwrap();
    let secret = points
        .iter()
        .find(|point| point.payload.path == "guides/secret.md")
        .unwrap();
    let done = run(&app, &task(Task::Purge("docs/guides/secret.md".to_owned()))).await;
    assert!(matches!(done.unwrap(), Done::Purged(..)));
    let interaction = serde_json::json!({ "interaction": {
        "id": uuid::Uuid::now_v7(), "at": chrono::Utc::now(), "conversation_id": uuid::Uuid::now_v7(),
        "message_id": null, "channel": "api", "caller": "anonymous", "origin": "person",
        "question": "Who leads it?", "question_embedding": null, "standalone_question": "Who leads it?",
        "answer": "Quentin leads it [1].", "outcome": "answered", "generator": "extractive",
        "fallback_reason": null, "retrieve_ms": 1, "first_token_ms": null, "total_ms": 2,
        "passages": [{"rank": 1, "point_id": secret.id, "document_id": secret.payload.document_id,
            "source": "docs", "path": "guides/secret.md", "title": "Zebrafish project", "score": 1.0,
            "cosine": null, "coverage": null, "cited_as": 1, "quote": "led by Quentin"}],
    }});
    let record = serde_json::from_value(interaction).unwrap();
    app.ledger.writer().write(record);
    app.ledger.flush().await;
    assert_eq!(world.database.count("interaction").await, 1);
    assert!(!whole_ledger(&world).await.contains("Quentin"));
    crate::support::closed(app).await;
}

#[test]
fn the_command_goes_through_a_running_serve_and_names_near_matches() {
    let folder = folder();
    let folder = folder.path();
    let configuration = "[[source]]\nname = \"docs\"\nkind = \"folder\"\npath = \"docs\"\n";
    std::fs::write(folder.join("docent.toml"), configuration).unwrap();
    write(
        &folder.join("docs"),
        "guides/riders.md",
        "# Riders\n\nRiders pay monthly.\n",
    );
    let within = || {
        let mut command = docent(&folder.join("data"));
        command.current_dir(folder);
        command
    };
    let purge = |arguments: &[&str]| {
        let mut command = within();
        command.arg("purge").args(arguments).output().unwrap()
    };
    assert!(within().arg("ingest").status().unwrap().success());
    let wrong = purge(&["guides/rider.md"]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = text(&wrong.stderr);
    assert!(
        said.starts_with(
            "error: no document is called `guides/rider.md`; almost:\n  docs/guides/riders.md"
        ),
        "{said}"
    );
    assert_eq!(purge(&["nothing-like-it-at-all"]).status.code(), Some(2));

    let _serving = Serving::start(&mut within(), &folder.join("data"));
    let done = purge(&["guides/riders.md"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let said = text(&done.stdout);
    assert!(
        said.starts_with("purged docs/guides/riders.md\n  1 chunks of 1 collections"),
        "{said}"
    );
    let listed = text(&purge(&["--list"]).stdout);
    assert!(listed.contains("docs/guides/riders.md"), "{listed}");
    let again = within().args(["ingest"]).output().unwrap();
    assert_eq!(again.status.code(), Some(0));
    assert!(text(&again.stdout).contains("1 left out because they were purged"));
}
