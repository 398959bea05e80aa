//! Conversations of two turns without a chat model, from the project's own question set: the second
//! question means nothing without the first.

use std::path::{Path, PathBuf};

use docent_core::config::Source;
use serde_json::{Value, json};

use crate::support::World;

/// The gold passage has to be among the first of this many.
const FIRST: usize = 5;

#[tokio::test]
async fn a_follow_up_finds_what_the_question_before_was_about() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/docs");
    let missed = missed("demo", demo).await;
    assert!(missed.is_empty(), "{missed:#?}");
}

/// The other six are about documents that are not in this repository (`tests/eval/README.md`).
#[tokio::test]
#[ignore = "needs Mozilla's documents: set DATA_DOCS to a clone of mozilla/data-docs"]
async fn a_follow_up_finds_it_among_many_documents() {
    let docs = std::env::var("DATA_DOCS").unwrap();
    let missed = missed("mozilla-data-docs", PathBuf::from(docs)).await;
    // Eight of all ten, and the demo's four are found.
    assert!(missed.len() <= 2, "{missed:#?}");
}

/// The second questions of a corpus whose gold passage is not among the first, with what is.
async fn missed(corpus: &str, docs: PathBuf) -> Vec<String> {
    let mut world = World::new().await;
    world.config.sources[0].kind = Source::folder(String::new(), docs).kind;
    world.ingest().await;
    let server = world.serve().await;
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eval/follow-ups.jsonl");
    let set = std::fs::read_to_string(set).unwrap();
    let rows: Vec<Value> = set
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|row: &Value| row["corpus"] == corpus)
        .collect();
    assert!(rows.len() >= 4);
    let mut asked = Vec::new();
    for row in &rows {
        let first = server.ask(row["turns"][0].as_str().unwrap()).await;
        let follow = json!({
            "question": row["turns"][1],
            "conversation_id": first["conversation_id"],
        });
        asked.push(server.ask_body(&follow).await);
    }
    server.stop().await;
    let mut missed = Vec::new();
    for (row, answer) in rows.iter().zip(&asked) {
        let id = answer["interaction_id"].as_str().unwrap();
        let found = world
            .database
            .rows(&format!(
                "SELECT path FROM passage WHERE interaction_id = '{id}' AND rank <= {FIRST} \
                 ORDER BY rank"
            ))
            .await;
        let found: Vec<&str> = found.iter().filter_map(|row| row[0].as_deref()).collect();
        let gold = row["gold"].as_array().unwrap().iter();
        let hit = gold
            .filter_map(|gold| gold["path"].as_str())
            .any(|path| found.contains(&path));
        if !hit {
            let searched = &answer["standalone_question"];
            missed.push(format!("{}: {searched} found {found:?}", row["id"]));
        }
    }
    missed
}
