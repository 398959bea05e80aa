//! `docent purge`: one document taken out everywhere, here or in the process that owns the data folder.

use std::sync::Arc;

use anyhow::bail;
use docent_core::app::App;
use docent_core::config::{Config, Source};
use docent_core::ledger::{Act, Audit, KnownDocument, PurgedDocument};
use docent_ingest::purge::{Asked, PurgeReport, find, purge};
use serde::{Deserialize, Serialize};

use super::terminal::{grouped, one_line, say};
use super::{Access, Ended, open};
use crate::chat::turn::TERMINAL;
use crate::owner::Configured;

/// Near matches that are shown.
const NEAR: usize = 5;
/// How alike a name must be to be shown.
const ALIKE: f64 = 0.8;

/// `docent purge DOCUMENT`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Its path, SOURCE/PATH, address or id
    #[arg(value_name = "DOCUMENT", required_unless_present = "list")]
    document: Option<String>,
    /// Let a purged document come back with the next run
    #[arg(long)]
    allow: bool,
    /// Show what was purged
    #[arg(long, conflicts_with_all = ["document", "allow"])]
    list: bool,
}

/// What is asked, also over the owner's socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PurgeRequest {
    pub task: Task,
    /// What the command's own configuration file says.
    pub configured: Option<Configured>,
}

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    Purge(String),
    Allow(String),
    List,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    Purged(KnownDocument, PurgeReport),
    Allowed(KnownDocument),
    Listed(Vec<PurgedDocument>),
    /// More than one document is called that.
    Several(Vec<KnownDocument>),
    /// None is; these are called almost that.
    Unknown(Vec<KnownDocument>),
}

pub(super) async fn command(config: Config, arguments: Arguments) -> anyhow::Result<Ended> {
    let asked = arguments.document.unwrap_or_default();
    let task = match (arguments.list, arguments.allow) {
        (true, _) => Task::List,
        (false, true) => Task::Allow(asked.clone()),
        (false, false) => Task::Purge(asked.clone()),
    };
    let request = PurgeRequest {
        task,
        configured: Configured::of(&config)?,
    };
    let done = match open(config, "purge").await? {
        Access::Owner(owner) => owner.purge(&request).await?,
        Access::Own(app) => {
            let app = Arc::new(*app);
            let done = run(&app, &request).await;
            if let Some(app) = Arc::into_inner(app) {
                app.close().await;
            }
            done?
        }
    };
    show(&asked, &done)?;
    Ok(Ended::Done)
}

/// Does it over opened parts.
pub async fn run(app: &Arc<App>, request: &PurgeRequest) -> anyhow::Result<Done> {
    match &request.task {
        Task::List => Ok(Done::Listed(app.ledger.purged().await?)),
        Task::Allow(asked) => allow(app, asked).await,
        Task::Purge(asked) => {
            let document = match find(app, asked).await? {
                Asked::One(document) => document,
                Asked::Several(documents) => return Ok(Done::Several(documents)),
                Asked::None(known) => return Ok(Done::Unknown(near(asked, known))),
            };
            let sources: Vec<Source> = match &request.configured {
                Some(configured) => configured.sources()?,
                None => app.config.sources.clone(),
            };
            let report = purge(app, &sources, &document).await?;
            note(app, Act::DocumentPurged, &document);
            Ok(Done::Purged(document, report))
        }
    }
}

async fn allow(app: &App, asked: &str) -> anyhow::Result<Done> {
    let purged = app.ledger.purged().await?;
    let known = purged.into_iter().map(|document| KnownDocument {
        document_id: document.document_id,
        source: document.source,
        path: document.path,
    });
    let (mut found, others): (Vec<_>, Vec<_>) = known.partition(|document| {
        document.path == asked
            || format!("{}/{}", document.source, document.path) == asked
            || document.document_id.to_string() == asked.to_lowercase()
    });
    if found.len() > 1 {
        return Ok(Done::Several(found));
    }
    let Some(document) = found.pop() else {
        return Ok(Done::Unknown(near(asked, others)));
    };
    app.ledger.allow_purged(document.document_id).await?;
    note(app, Act::PurgeAllowed, &document);
    Ok(Done::Allowed(document))
}

fn note(app: &App, act: Act, document: &KnownDocument) {
    let target = document.document_id.to_string();
    let act = Audit::now(TERMINAL, act, target);
    app.ledger.writer().write(act);
}

/// Documents whose path or file name is almost what was asked for.
fn near(asked: &str, known: Vec<KnownDocument>) -> Vec<KnownDocument> {
    let asked = asked.to_lowercase();
    let likeness = |document: &KnownDocument| {
        let path = document.path.to_lowercase();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        if !asked.is_empty() && path.contains(&asked) {
            return 1.0;
        }
        let whole = strsim::jaro_winkler(&asked, &path);
        whole.max(strsim::jaro_winkler(&asked, &name))
    };
    let mut near: Vec<(f64, KnownDocument)> = known
        .into_iter()
        .map(|document| (likeness(&document), document))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter()
        .take(NEAR)
        .map(|(_, document)| document)
        .collect()
}

fn show(asked: &str, done: &Done) -> anyhow::Result<()> {
    let names = |documents: &[KnownDocument]| {
        let lines: Vec<String> = documents
            .iter()
            .map(|document| format!("  {}  {}", name(document), document.document_id))
            .collect();
        lines.join("\n")
    };
    match done {
        Done::Purged(document, report) => {
            say(format!("purged {}", name(document)));
            say(format!(
                "  {} chunks of {} collections, {} passages and {} answers of conversations, {} \
                 curated answers, {} cleaned parts, {} that its source kept",
                grouped(report.chunks),
                grouped(report.collections),
                grouped(report.traces.passages),
                grouped(report.traces.answers),
                grouped(report.curated),
                grouped(report.cleaned),
                match report.cached.len() {
                    0 => "nothing".to_owned(),
                    count => format!("{count} files or folders"),
                }
            ));
            say(
                "  it stays out of later runs until `docent purge --allow`; the source itself and \
                 backups made before still hold it",
            );
        }
        Done::Allowed(document) => {
            say(format!(
                "{} may come back with the next run",
                name(document)
            ));
        }
        Done::Listed(documents) if documents.is_empty() => say("nothing was purged"),
        Done::Listed(documents) => {
            for document in documents {
                say(format!(
                    "{}  {}/{}  {}",
                    document.purged_at.format("%Y-%m-%d %H:%M"),
                    document.source,
                    one_line(&document.path),
                    document.document_id
                ));
            }
        }
        Done::Several(documents) => bail!(
            "more than one document is called `{asked}`; name it as SOURCE/PATH or by its id:\n{}",
            names(documents)
        ),
        Done::Unknown(near) if near.is_empty() => bail!(
            "no document is called `{asked}`; name it by its path as citations show it, as \
             SOURCE/PATH, by its address or its id"
        ),
        Done::Unknown(near) => bail!("no document is called `{asked}`; almost:\n{}", names(near)),
    }
    Ok(())
}

fn name(document: &KnownDocument) -> String {
    format!("{}/{}", document.source, one_line(&document.path))
}
