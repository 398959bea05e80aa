//! A gap is seen, exported and closed by the run that brings its document.

use docent::insights::keep;
use docent_core::ledger::{Feedback, Rating};
use serde_json::Value;

use crate::support::{TestServer, World, ingest};

const QUESTION: &str = "Who owns dim_scooters?";

/// What a table of a page says, as CSV without its byte order mark.
pub(super) async fn csv(server: &TestServer, page: &str) -> Vec<String> {
    let joint = if page.contains('?') { '&' } else { '?' };
    let url = format!("{}/insights/{page}{joint}format=csv", server.url);
    let response = server.http.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200, "{page}: {}", response.text().await.unwrap());
    let text = response.text().await.unwrap();
    text.trim_start_matches('\u{feff}').lines().map(str::to_owned).collect()
}

async fn use_counted(server: &TestServer) -> String {
    csv(server, "use?table=questions").await.last().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_gap_closes_when_a_run_brings_its_document_and_counts_as_no_use() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let app = &server.service.app;
    let asked = server.ask(QUESTION).await;
    assert_eq!(asked["outcome"], "abstained");
    server.ask("who owns DIM_scooters").await;
    app.ledger.flush().await;
    let open = csv(&server, "gaps?table=open").await;
    assert_eq!(open.len(), 2, "both wordings are one gap: {open:?}");
    assert!(open[1].contains("dim_scooters,1,2,0") || open[1].contains("DIM_scooters,1,2,0") || open[1].contains("?,1,2,0"), "{open:?}");

    // Asked again after a run that does not help: it stays.
    world.write("other.md", "# Other\n\nThe table dim_bikes is loaded weekly.\n");
    ingest(app).await;
    keep::once(&server.service).await;
    let open = csv(&server, "gaps?table=open").await;
    assert_eq!(open.len(), 2, "{open:?}");
    let times = || world.database.rows("SELECT times::text, closed_at IS NOT NULL || '' FROM gap ORDER BY 1");
    assert_eq!(times().await.len(), 2);

    // Not again before there is another run.
    keep::once(&server.service).await;
    assert!(times().await.iter().all(|row| row[0].as_deref() == Some("1")));

    let used = use_counted(&server).await;
    world.write("dim_scooters.md", "---\nowner: Fleet Analytics\n---\n# dim_scooters\n\nThe table dim_scooters is owned by Fleet Analytics. Fleet Analytics owns dim_scooters.\n");
    ingest(app).await;
    keep::once(&server.service).await;
    assert_eq!(csv(&server, "gaps?table=open").await.len(), 1);
    let closed = csv(&server, "gaps?table=closed").await;
    assert_eq!(closed.len(), 2, "{closed:?}");
    let run = app.ledger.newest_change().await.unwrap().unwrap();
    assert!(closed[1].ends_with(&run.to_string()), "{closed:?}");
    app.ledger.flush().await;
    assert_eq!(use_counted(&server).await, used, "asking again is no use");
    let asked_again = world.database.rows("SELECT DISTINCT origin FROM interaction ORDER BY 1").await;
    assert_eq!(asked_again.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_somebody_disliked_is_not_closed_by_the_same_answer() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let app = &server.service.app;
    let asked = server.ask("How often is fct_trips loaded?").await;
    assert_eq!(asked["outcome"], "answered");
    app.ledger.flush().await;
    let feedback = Feedback {
        interaction_id: asked["interaction_id"].as_str().unwrap().parse().unwrap(),
        rating: Rating::Down,
        comment: None,
    };
    assert!(app.ledger.rate("anonymous", &feedback).await.unwrap());
    world.write("other.md", "# Other\n\nThe table dim_bikes is loaded weekly.\n");
    ingest(app).await;
    keep::once(&server.service).await;
    assert_eq!(csv(&server, "gaps?table=open").await.len(), 2);
    world.write("fct_trips.md", "# fct_trips\n\nThe table fct_trips is loaded every five minutes.\n");
    ingest(app).await;
    keep::once(&server.service).await;
    assert_eq!(csv(&server, "gaps?table=open").await.len(), 1, "its document was changed");
    server.stop().await;
}

#[tokio::test]
async fn a_gap_becomes_a_line_of_a_question_set() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let asked = server.ask(QUESTION).await;
    server.service.app.ledger.flush().await;
    let id = asked["interaction_id"].as_str().unwrap();
    let url = format!("{}/insights/gaps/golden/{id}", server.url);
    let response = server.http.get(url).send().await.unwrap();
    assert!(response.headers()["content-disposition"].to_str().unwrap().contains(".jsonl"));
    let line = response.text().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gaps.jsonl");
    std::fs::write(&file, &line).unwrap();
    let set = docent::eval::questions::QuestionSet::read(&file, None).unwrap();
    assert_eq!(set.questions[0].question, QUESTION);
    assert!(set.questions[0].gold.is_empty());
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["lang"], "en");
    server.stop().await;
}
