//! `docent doctor`: every part is tried, and what is wrong is told with the way out.

use chrono::Utc;
use docent_core::app::App;
use docent_core::config::Config;
use docent_core::ledger::{Act, Audit, Ledger, Purpose};
use docent_core::models::{CallFor, Message, Role};
use docent_ingest::{ProgressSender, source};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::terminal::{one_line, say};
use super::{Access, Ended, open};
use crate::chat::turn::TERMINAL;
use crate::owner::{Configured, DoctorRequest};
use crate::runs::next_run;
use crate::server::access::oidc;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    part: String,
    ok: bool,
    text: String,
}

impl Finding {
    fn good(part: &str, text: impl Into<String>) -> Self {
        Self {
            part: part.to_owned(),
            ok: true,
            text: text.into(),
        }
    }

    /// Something that needs attention, with the way out.
    pub fn wrong(part: &str, text: impl Into<String>) -> Self {
        Self {
            ok: false,
            ..Self::good(part, text)
        }
    }

    fn of<T>(part: &str, result: Result<T, impl ToString>, text: impl FnOnce(T) -> String) -> Self {
        match result {
            Ok(value) => Self::good(part, text(value)),
            Err(error) => Self::wrong(part, error.to_string()),
        }
    }
}

/// Shows each finding as it comes, and counts.
#[derive(Default)]
struct Report {
    wrong: usize,
}

impl Report {
    fn add(&mut self, finding: &Finding) {
        let mark = if finding.ok { "ok    " } else { "WRONG " };
        self.wrong += usize::from(!finding.ok);
        say(format!(
            "{mark} {}: {}",
            finding.part,
            one_line(&finding.text)
        ));
    }
}

pub(super) async fn run(config: Config) -> anyhow::Result<Ended> {
    let mut report = Report::default();
    let data = format!("data folder {}", config.data.display());
    report.add(&Finding::good("configuration", data));
    for source in &config.sources {
        let part = format!("source {}", source.name);
        let context = source::Context {
            source,
            cache: config.data.join("cache").join(&source.name),
            max_file_bytes: config.ingest.max_file_bytes,
            progress: ProgressSender::default(),
        };
        let checked = source::check(&context).await;
        let next = next_run(source, config.ingest.offset(), Utc::now());
        report.add(&Finding::of(&part, checked, |found| match next {
            Some(next) => format!("{found}; {next}"),
            None => found,
        }));
    }
    if config.oidc.is_configured() {
        let found = oidc::check(&config).await;
        report.add(&Finding::of("identity provider", found, |keys| {
            format!("{} signs with {keys} keys", config.oidc.issuer)
        }));
    }
    if config.sources.is_empty() {
        let text = "none configured; folders can be named on the command line";
        report.add(&Finding::good("sources", text));
    }
    let port = config.server.port;
    let host = config.server.host.clone();
    let request = DoctorRequest {
        configured: Configured::of(&config)?,
    };
    match open(config, "doctor").await {
        Ok(Access::Owner(owner)) => {
            let text = "owned by a running docent, which tries its own parts";
            report.add(&Finding::good("data folder", text));
            match owner.doctor(&request).await {
                Ok(findings) => findings.iter().for_each(|finding| report.add(finding)),
                Err(error) => report.add(&Finding::wrong("running docent", format!("{error:#}"))),
            }
        }
        Ok(Access::Own(app)) => {
            report.add(&check_port(&host, port).await);
            for finding in check_parts(&app).await {
                report.add(&finding);
            }
            app.close().await;
        }
        Err(error) => report.add(&Finding::wrong("parts", format!("{error:#}"))),
    }
    if report.wrong == 0 {
        say("everything works");
        return Ok(Ended::Done);
    }
    say(format!("{} of the parts need attention", report.wrong));
    Ok(Ended::WithFailures)
}

async fn check_port(host: &str, port: u16) -> Finding {
    let bound = tokio::net::TcpListener::bind((host, port)).await;
    Finding::of(
        "port",
        bound.map_err(|error| {
            format!("cannot listen on {host}:{port}: {error}; DOCENT_SERVER__PORT chooses another")
        }),
        |_| format!("{host}:{port} is free"),
    )
}

/// Tries ledger, index and models.
pub async fn check_parts(app: &App) -> Vec<Finding> {
    let act = Audit::now(TERMINAL, Act::SettingsSeen, "docent doctor");
    app.ledger.writer().write(act);
    let mut findings = vec![check_ledger(app).await, check_index(app).await];
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
    findings.push(Finding::of("embedding", vector, |dimensions| {
        format!("vectors of {dimensions} numbers")
    }));
    findings.extend(check_space(app).await);
    findings.push(check_chat(app).await);
    findings.extend(check_rerank(app).await);
    let slack = crate::slack::check::check(app).await;
    findings.extend(
        slack
            .into_iter()
            .map(|(part, found)| Finding::of(part, found, |text| text)),
    );
    findings
}

async fn check_ledger(app: &App) -> Finding {
    let newest = Ledger::newest_migration();
    match app.ledger.version().await {
        Ok(version) if version < newest => Finding::wrong(
            "ledger",
            format!("at migration {version} of {newest}; run `docent migrate`"),
        ),
        version => Finding::of("ledger", version, |version| {
            format!("at migration {version}")
        }),
    }
}

async fn check_index(app: &App) -> Finding {
    match app.index.live().await {
        Ok(Some(live)) => {
            let every = docent_core::index::Filter::default();
            let count = app.index.count(&live, &every).await;
            Finding::of("index", count, |count| format!("{count} chunks in {live}"))
        }
        Ok(None) => Finding::wrong("index", "nothing is ingested yet; run `docent ingest`"),
        Err(error) => Finding::wrong("index", error.to_string()),
    }
}

async fn check_chat(app: &App) -> Finding {
    if !app.generator.is_model() {
        let text = "extractive: the best sentences are quoted, no model is called";
        return Finding::good("chat", text);
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
    Finding::of("chat", completed, |completed| {
        let text = completed.text.trim().to_owned();
        format!("the model answered \u{201c}{text}\u{201d}")
    })
}

/// Has two texts put in order; nothing where no reranker is configured.
async fn check_rerank(app: &App) -> Option<Finding> {
    let reranker = app.reranker.as_ref()?;
    let call = CallFor {
        purpose: Purpose::Rerank,
        run_id: None,
        interaction_id: Some(Uuid::nil()),
    };
    let texts = vec!["Trips are counted by day.".to_owned(), "Ready.".to_owned()];
    let reranked = reranker
        .rerank(&call, "How are trips counted?", texts)
        .await;
    Some(Finding::of("rerank", reranked, |_| {
        format!("{} put two texts in order", reranker.model())
    }))
}

/// The live collection must be of the embedder's own space.
async fn check_space(app: &App) -> Option<Finding> {
    let live = app.index.live().await.ok()??;
    let space = app.embedder.space().await.ok()?;
    let rows = app.ledger.collections().await.ok()?;
    let row = rows
        .iter()
        .find(|row| row.name == live && row.embedding != space.fingerprint())?;
    Some(Finding::wrong(
        "index",
        format!(
            "it was built with {}, the configuration says {}; run `docent ingest` to rebuild it",
            row.embedding,
            space.fingerprint()
        ),
    ))
}
