//! How busy a run keeps a provider that takes eight requests at once, and what it holds in memory while
//! it reads a hundred thousand documents.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use docent_scripted::openai::{Script, ScriptedOpenAi};
use tokio::runtime::Runtime;

use crate::machine::{self, ScriptedProcess};
use crate::table::Table;
use crate::words::{self, Random};

/// Requests that the provider takes at once, what each takes, and how many there are.
const AT_ONCE: usize = 8;
const TAKES: Duration = Duration::from_millis(50);
const REQUESTS: usize = 2400;
const TEXTS: usize = 8;
/// Documents of the line of memory.
const MANY: usize = 100_000;

pub(crate) fn run(table: &mut Table, runtime: &Runtime) {
    if table.wants("ingest pace") {
        pace(table, runtime);
    }
    if table.wants("ingest memory") {
        memory(table);
    }
}

fn write_documents(folder: &Path, count: usize) {
    for number in 0..count {
        let folder = folder.join((number % 500).to_string());
        if number < 500 {
            std::fs::create_dir_all(&folder).expect("a folder");
        }
        let mut random = Random(number as u64);
        let text = format!(
            "# Table {number}\n\nThe table `fct_{number}` is loaded hourly. {}.\n",
            words::text(&mut random, 40)
        );
        std::fs::write(folder.join(format!("{number}.md")), text).expect("a file");
    }
}

fn ingest(data: &Path, docs: &Path, base_url: &str, batch_texts: usize) -> Child {
    Command::new(env!("CARGO_BIN_EXE_docent"))
        .arg("--data")
        .arg(data)
        .args(["ingest", "--json"])
        .arg(docs)
        .env("DOCENT_EMBEDDING__KIND", "openai")
        .env("DOCENT_EMBEDDING__BASE_URL", base_url)
        .env("DOCENT_EMBEDDING__TOKENIZER", "bytes")
        .env("DOCENT_EMBEDDING__BATCH_TEXTS", batch_texts.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("docent runs")
}

fn report(child: Child) -> serde_json::Value {
    let output = child.wait_with_output().expect("docent ends");
    assert!(output.status.success(), "docent failed");
    serde_json::from_slice(&output.stdout).expect("a report")
}

fn pace(table: &mut Table, runtime: &Runtime) {
    let folder = tempfile::tempdir().expect("a folder");
    let model = runtime.block_on(ScriptedOpenAi::start(Script {
        embedding_delay: TAKES,
        max_at_once: Some(AT_ONCE),
        keep: false,
        ..Script::default()
    }));
    let docs = folder.path().join("docs");
    write_documents(&docs, REQUESTS * TEXTS);
    let run = ingest(&folder.path().join("data"), &docs, model.base_url(), TEXTS);
    let report = report(run);
    assert_eq!(report["sources"][0]["documents"]["failed"], 0);
    let load = model.load();
    table.at_least(
        "ingest pace: a provider of 8 requests at once is busy",
        load.busy(AT_ONCE) * 100.0,
        95.0,
        "%",
    );
    table.note(
        "ingest pace: requests refused (429)",
        load.refused as f64 / load.accepted as f64 * 100.0,
        "%",
    );
}

/// The largest memory of a run while it goes on, in megabytes: without and with the pages of mapped
/// files, which the kernel takes back when it needs them.
fn peaks_mb(child: &mut Child) -> (f64, f64) {
    let (mut own, mut all) = (0.0_f64, 0.0_f64);
    while child.try_wait().expect("a child").is_none() {
        let peak = |so_far: f64, name| {
            so_far.max(machine::status_mb(child.id(), name).unwrap_or_default())
        };
        (own, all) = (peak(own, "RssAnon:"), peak(all, "VmRSS:"));
        std::thread::sleep(Duration::from_millis(20));
    }
    (own, all)
}

fn memory(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a folder");
    let model = ScriptedProcess::start(0, 0);
    let docs = folder.path().join("docs");
    let data = folder.path().join("data");
    write_documents(&docs, MANY);
    for (what, key) in [("first run", "indexed"), ("second run", "unchanged")] {
        let mut run = ingest(&data, &docs, &model.base_url, 64);
        let (own, all) = peaks_mb(&mut run);
        let report = report(run);
        assert_eq!(report["sources"][0]["documents"][key], MANY);
        let name = format!("ingest memory: 100,000 documents, {what}");
        table.at_most(&name, own, 300.0, "MB");
        table.note(&format!("{name}: with mapped files"), all, "MB");
        let seconds = report["duration_ms"].as_f64().unwrap_or_default() / 1000.0;
        table.note(&format!("{name}: time"), seconds, "s");
    }
}
