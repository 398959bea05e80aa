//! `docent demo`: an invented bike-sharing company's documents, ingested and served.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use docent_core::config::{self, ChatKind, Config, Overrides};
use docent_core::ledger::Origin;
use docent_ingest::ProgressSender;

use super::terminal::{note, say};
use super::{Ended, ingest, serve};
use crate::owner::IngestRequest;

/// `docent demo`
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The demo's folder
    #[arg(long, default_value = "demo", value_name = "DIR")]
    folder: PathBuf,
}

/// Where Ollama and LM Studio listen when they run on this machine.
const LOCAL_SERVERS: [(&str, &str); 2] = [
    ("Ollama", "http://127.0.0.1:11434/v1"),
    ("LM Studio", "http://127.0.0.1:1234/v1"),
];

pub(super) async fn run(mut overrides: Overrides, arguments: &Arguments) -> anyhow::Result<Ended> {
    let file = arguments.folder.join("docent.toml");
    if !file.is_file() {
        bail!(
            "there is no demo in {}; run this in docent's source folder, or name it with --folder",
            arguments.folder.display()
        );
    }
    overrides.config.get_or_insert(file);
    let config = config::load(&overrides)?;
    let traces = super::log::begin(&config, true);
    let ended = Box::pin(demo(config, &overrides, arguments)).await;
    traces.end().await;
    ended
}

async fn demo(
    config: Config,
    overrides: &Overrides,
    arguments: &Arguments,
) -> anyhow::Result<Ended> {
    say("docent demo: the documents of Tandemoor, an invented bike-sharing company");
    choose_model(&config).await;

    let data = config.data.clone();
    let questions = config.server.suggestions.clone();
    let service = serve::open(config, Origin::Demo).await?;
    say(format!(
        "ingesting {} …",
        arguments.folder.join("docs").display()
    ));
    let request = IngestRequest::default();
    let report = ingest::run(
        Arc::clone(&service.app),
        &request,
        ProgressSender::default(),
    )
    .await
    .context("the demo documents could not be ingested")?;
    for source in &report.sources {
        say(format!(
            "  {} documents indexed, {} unchanged, {} chunks embedded",
            source.documents.indexed, source.documents.unchanged, source.chunks.embedded
        ));
        for problem in &source.problems {
            note(format!(
                "  {} {}: {}",
                problem.outcome, problem.path, problem.reason
            ));
        }
    }
    let config_file = overrides.config.clone().unwrap_or_default();
    serve::listen(service, |url| {
        welcome(url, &questions, &config_file, &data);
    })
    .await?;
    Ok(Ended::Done)
}

fn welcome(url: &str, questions: &[String], config: &Path, data: &Path) {
    say(format!("\nopen {url}/ and ask, for example:"));
    for question in questions {
        say(format!("  {question}"));
    }
    if let Some(question) = questions.first() {
        say(format!(
            "or, in another terminal: docent --config {} ask \"{question}\"",
            config.display()
        ));
    }
    say(
        "(what is asked here counts as demo, not as use: /insights says what it cost, not who asked)",
    );
    say(format!(
        "(Ctrl-C stops it; what it made lies in {})",
        data.display()
    ));
}

/// With no model configured, a local one that runs is offered by using it and saying so.
async fn choose_model(config: &Config) {
    if config.chat.kind == ChatKind::OpenAi {
        let place = if config.chat.base_url.is_empty() {
            "OpenAI"
        } else {
            &config.chat.base_url
        };
        say(format!("answers come from the chat model at {place}"));
        return;
    }
    for (name, url) in LOCAL_SERVERS {
        if answers(url).await {
            say(format!(
                "{name} runs at {url}; to have its model write the answers, stop this and run:\n  \
                 OPENAI_BASE_URL={url} make demo"
            ));
        }
    }
    say("no chat model is configured: answers are quoted from the documents, word for word");
}

async fn answers(url: &str) -> bool {
    let Ok(client) = reqwest::Client::builder().no_proxy().build() else {
        return false;
    };
    client
        .get(format!("{url}/models"))
        .timeout(Duration::from_millis(300))
        .send()
        .await
        .is_ok_and(|response| response.status().is_success())
}
