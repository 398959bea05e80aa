//! A service at rest: how soon it is ready, and what it holds in memory besides an index.

use std::process::Command;

use crate::machine::{ServeProcess, memory_mb};
use crate::table::Table;

pub(crate) async fn run(table: &mut Table) {
    if !table.wants("service") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let docs = folder.path().join("docs");
    let data = folder.path().join("data");
    std::fs::create_dir(&docs).expect("a folder");
    std::fs::write(
        docs.join("a.md"),
        "# Trips\n\nThe table fct_trips is loaded hourly.\n",
    )
    .expect("a file");
    let ingested = Command::new(env!("CARGO_BIN_EXE_docent"))
        .arg("--data")
        .arg(&data)
        .arg("ingest")
        .arg(&docs)
        .output()
        .expect("docent runs");
    assert!(ingested.status.success());
    // The second start is a warm one.
    ServeProcess::start(&data, &[]).await.stop();
    let serve = ServeProcess::start(&data, &[]).await;
    table.at_most(
        "service: warm start until ready",
        serve.ready_in.as_secs_f64(),
        1.0,
        "s",
    );
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let asked = http
        .post(format!("{}/v1/chat", serve.url))
        .header("content-type", "application/json")
        .body(r#"{"question": "How often is fct_trips loaded?"}"#)
        .send()
        .await
        .expect("an answer");
    assert_eq!(asked.status(), 200);
    table.at_most(
        "service: memory at rest, after a question",
        memory_mb(serve.id),
        150.0,
        "MB",
    );
    serve.stop();
}
