//! `make bench`: one table of speed, cost and memory.
//!
//! The scripted model server and the service run as processes of their own, so that neither the load
//! generator nor the model is measured with the service.

mod answers;
mod economy;
mod ingest;
mod ledger_year;
mod machine;
mod search;
mod service;
mod table;
mod words;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use table::Table;

/// Argument that makes this program the scripted server.
const SCRIPTED: &str = "--scripted-server";

/// What the scripted model says, with a citation behind it.
const SAID: &str = "The table is loaded hourly and kept";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if let Some(at) = arguments.iter().position(|argument| argument == SCRIPTED) {
        let millis = |offset: usize| {
            let text = arguments.get(at + offset).map_or("0", String::as_str);
            Duration::from_millis(text.parse().expect("milliseconds"))
        };
        runtime.block_on(scripted(millis(1), millis(2)));
        return;
    }
    if let Some(at) = arguments
        .iter()
        .position(|argument| argument == search::SEARCHES)
    {
        let points = arguments[at + 2].parse().expect("a number");
        runtime.block_on(search::searches(Path::new(&arguments[at + 1]), points));
        return;
    }
    // `cargo bench -- ingest` runs the lines whose name holds the word.
    let wanted = arguments
        .iter()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let mut table = Table::new(wanted.map(String::as_str));
    ingest::run(&mut table);
    economy::run(&mut table, &runtime);
    runtime.block_on(async {
        answers::run(&mut table).await;
        service::run(&mut table).await;
        search::run(&mut table).await;
        ledger_year::run(&mut table).await;
    });
    table.print();
}

/// Answers with 40 tokens at the given pace until its input is closed.
async fn scripted(first_token: Duration, gap: Duration) {
    let answer = format!("{SAID} [1]. ").repeat(5);
    let server = ScriptedOpenAi::start(Script {
        answer: Answer::Text(answer),
        first_token,
        gap,
        keep: false,
        ..Script::default()
    })
    .await;
    let mut out = std::io::stdout();
    writeln!(out, "{}", server.base_url()).expect("a reader");
    out.flush().expect("a reader");
    let waiting = tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin()));
    let _ = waiting.await;
}
