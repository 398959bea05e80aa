//! `docent doctor`: every part is tried, and what is wrong is told with the way out.

use docent_core::app::App;
use docent_core::config::Config;
use docent_core::ledger::Purpose;
use docent_core::models::{CallFor, Message, Role};
use docent_ingest::{ProgressSender, source};
use uuid::Uuid;

use super::terminal::{one_line, say};
use super::{Access, Ended, open};

/// What the checks found.
#[derive(Default)]
struct Findings {
    wrong: usize,
}

impl Findings {
    fn wrong(&mut self, part: &str, text: &str) {
        self.wrong += 1;
        say(format!("WRONG  {part}: {}", one_line(text)));
    }

    fn check<T>(
        &mut self,
        part: &str,
        result: Result<T, impl ToString>,
        text: impl FnOnce(T) -> String,
    ) {
        match result {
            Ok(value) => good(part, &text(value)),
            Err(error) => self.wrong(part, &error.to_string()),
        }
    }
}

fn good(part: &str, text: &str) {
    say(format!("ok     {part}: {}", one_line(text)));
}

pub(super) async fn run(config: Config) -> anyhow::Result<Ended> {
    let mut findings = Findings::default();
    good(
        "configuration",
        &format!("data folder {}", config.data.display()),
    );
    for source in &config.sources {
        let part = format!("source {}", source.name);
        let context = source::Context {
            source,
            cache: config.data.join("cache").join(&source.name),
            max_file_bytes: config.ingest.max_file_bytes,
            progress: ProgressSender::default(),
        };
        findings.check(&part, source::check(&context).await, |found| found);
    }
    if config.sources.is_empty() {
        good(
            "sources",
            "none configured; folders can be named on the command line",
        );
    }
    let port = config.server.port;
    let host = config.server.host.clone();
    match open(config, "doctor").await {
        Ok(Access::Owner(_)) => good(
            "data folder",
            "owned by a running docent, which answers on its socket; its /readyz tells its state",
        ),
        Ok(Access::Own(app)) => {
            check_port(&mut findings, &host, port).await;
            check_parts(&mut findings, &app).await;
            app.close().await;
        }
        Err(error) => findings.wrong("parts", &format!("{error:#}")),
    }
    if findings.wrong == 0 {
        say("everything works");
        return Ok(Ended::Done);
    }
    say(format!("{} of the parts need attention", findings.wrong));
    Ok(Ended::WithFailures)
}

async fn check_port(findings: &mut Findings, host: &str, port: u16) {
    let bound = tokio::net::TcpListener::bind((host, port)).await;
    findings.check(
        "port",
        bound.map_err(|error| {
            format!("cannot listen on {host}:{port}: {error}; DOCENT_SERVER__PORT chooses another")
        }),
        |_| format!("{host}:{port} is free"),
    );
}

async fn check_parts(findings: &mut Findings, app: &App) {
    let version = app.ledger.version().await;
    findings.check("ledger", version, |version| {
        format!("at migration {version}")
    });
    match app.index.live().await {
        Ok(Some(live)) => {
            let count = app
                .index
                .count(&live, &docent_core::index::Filter::default())
                .await;
            findings.check("index", count, |count| format!("{count} chunks in {live}"));
        }
        Ok(None) => findings.wrong("index", "nothing is ingested yet; run `docent ingest`"),
        Err(error) => findings.wrong("index", &error.to_string()),
    }
    let call = CallFor {
        purpose: Purpose::EmbedQuestion,
        run_id: None,
        interaction_id: None,
    };
    let embedded = app
        .embedder
        .embed_question(&call, "which table has weekly active users?")
        .await;
    let vector = embedded.map(|embedded| embedded.vector.len());
    findings.check("embedding", vector, |dimensions| {
        format!("vectors of {dimensions} numbers")
    });
    check_space(findings, app).await;
    if !app.generator.is_model() {
        good(
            "chat",
            "extractive: the best sentences are quoted, no model is called",
        );
        return;
    }
    let call = CallFor {
        purpose: Purpose::Answer,
        run_id: None,
        interaction_id: Some(Uuid::nil()),
    };
    let messages = [Message {
        role: Role::User,
        content: "Answer with the word ready.".to_owned(),
    }];
    let completed = app.generator.complete(&call, &messages, 16).await;
    findings.check("chat", completed, |completed| {
        format!(
            "the model answered \u{201c}{}\u{201d}",
            completed.text.trim()
        )
    });
}

/// The live collection must be of the embedder's own space.
async fn check_space(findings: &mut Findings, app: &App) {
    let (Ok(Some(live)), Ok(space), Ok(rows)) = (
        app.index.live().await,
        app.embedder.space().await,
        app.ledger.collections().await,
    ) else {
        return;
    };
    let other = rows
        .iter()
        .find(|row| row.name == live && row.embedding != space.fingerprint());
    if let Some(row) = other {
        findings.wrong(
            "index",
            &format!(
                "it was built with {}, the configuration says {}; run `docent ingest` to rebuild it",
                row.embedding,
                space.fingerprint()
            ),
        );
    }
}
