//! What the pipeline costs beside the embedder, and what a run costs that has nothing to do.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::machine::ScriptedProcess;
use crate::table::Table;
use crate::words::{self, Random};

/// Documents of the pipeline's line; their chunks are what is counted.
const DOCUMENTS: usize = 2000;
/// Documents of the line without changes.
const UNCHANGED: usize = 10_000;

pub(crate) fn run(table: &mut Table) {
    if table.wants("ingest pipeline") {
        pipeline(table);
    }
    if table.wants("ingest unchanged") {
        unchanged(table);
    }
}

/// Markdown like a product document: sections, a list, a table, code.
fn document(number: usize) -> String {
    let mut random = Random(number as u64);
    let mut text = format!("# Table {number}\n\nThe table `fct_{number}` is loaded hourly.\n");
    for section in 0..6 {
        let (prose, column) = (words::text(&mut random, 60), words::any_word(&mut random));
        let _ = write!(
            text,
            "\n## Section {section}\n\n{prose}.\n\n- loaded at minute {section} past the hour\n\
             - owned by {column}\n\n| column | type | meaning |\n|---|---|---|\n\
             | {column}_id | bigint | key of {number} |\n| {column} | numeric | amount |\n\n\
             ```sql\nselect count(*) from fct_{number} where {column} = {section};\n```\n"
        );
    }
    text
}

fn write_documents(folder: &Path, count: usize, text: impl Fn(usize) -> String) {
    for number in 0..count {
        let folder = folder.join((number % 100).to_string());
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{number}.md")), text(number)).expect("a file");
    }
}

/// One `docent ingest --json`; its report, its CPU seconds and its wall seconds.
fn ingest(data: &Path, docs: &Path, model: &ScriptedProcess) -> (serde_json::Value, f64, f64) {
    let started = Instant::now();
    // `times` of the shell tells the CPU time of the child.
    let output = Command::new("sh")
        .args([
            "-c",
            "\"$@\"; times >&2",
            "sh",
            env!("CARGO_BIN_EXE_docent"),
            "--data",
        ])
        .arg(data)
        .args(["ingest", "--json"])
        .arg(docs)
        .env("DOCENT_EMBEDDING__KIND", "openai")
        .env("DOCENT_EMBEDDING__BASE_URL", &model.base_url)
        .env("DOCENT_EMBEDDING__TOKENIZER", "bytes")
        .output()
        .expect("docent runs");
    let wall = started.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let times = said.lines().last().expect("the times of the children");
    let cpu = times.split_whitespace().map(seconds).sum();
    let report = serde_json::from_slice(&output.stdout).expect("a report");
    (report, cpu, wall)
}

/// `0m1.230s` in seconds.
fn seconds(text: &str) -> f64 {
    let (minutes, seconds) = text.trim_end_matches('s').split_once('m').expect("minutes");
    minutes.parse::<f64>().expect("minutes") * 60.0 + seconds.parse::<f64>().expect("seconds")
}

fn pipeline(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a folder");
    let model = ScriptedProcess::start(0, 0);
    let docs = folder.path().join("docs");
    write_documents(&docs, DOCUMENTS, document);
    let few = folder.path().join("few");
    write_documents(&few, 1, document);
    // What starting and stopping costs (Postgres, tables) is not the pipeline's.
    let (_, start_cpu, start_wall) = ingest(&folder.path().join("small"), &few, &model);
    let (report, cpu, wall) = ingest(&folder.path().join("data"), &docs, &model);
    let chunks = report["sources"][0]["chunks"]["embedded"]
        .as_f64()
        .expect("chunks");
    table.note("ingest pipeline: chunks", chunks, "chunks");
    table.at_most(
        "ingest pipeline: CPU of a chunk",
        (cpu - start_cpu) / chunks * 1e6,
        100.0,
        "µs",
    );
    table.note(
        "ingest pipeline: wall of a chunk",
        (wall - start_wall) / chunks * 1e6,
        "µs",
    );
}

fn unchanged(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a folder");
    let model = ScriptedProcess::start(0, 0);
    let docs = folder.path().join("docs");
    let data = folder.path().join("data");
    write_documents(&docs, UNCHANGED, |number| {
        format!("# Table {number}\n\nThe table fct_{number} is loaded hourly.\n")
    });
    ingest(&data, &docs, &model);
    let (report, _, wall) = ingest(&data, &docs, &model);
    let source = &report["sources"][0];
    assert_eq!(source["documents"]["unchanged"], UNCHANGED);
    let run = report["duration_ms"].as_f64().expect("a duration") / 1000.0;
    table.at_most("ingest unchanged: run over 10,000 documents", run, 2.0, "s");
    table.note("ingest unchanged: with start and stop", wall, "s");
    let tokens = source["tokens"].as_f64().expect("tokens");
    table.at_most("ingest unchanged: tokens embedded", tokens, 0.0, "tokens");
}
