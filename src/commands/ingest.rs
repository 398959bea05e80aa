//! `docent ingest`: a run, here or in the process that owns the data folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use docent_core::app::App;
use docent_core::config::{self, Config};
use docent_core::ledger::{Act, Audit};
use docent_ingest::report::ProblemReport;
use docent_ingest::{CleaningReport, Progress, ProgressSender, Request, RunReport, SourceReport};
use indicatif::{ProgressBar, ProgressStyle};

use super::serve::{give_leases_back, stop_signal};
use super::terminal::{dollars, grouped, is_watched, note, one_line, say};
use super::{Access, Ended, open};
use crate::chat::turn::TERMINAL;
use crate::owner::{Configured, IngestRequest};

/// `docent ingest [NAME|PATH…]`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Names of configured sources, or folders; none: every configured source
    #[arg(value_name = "NAME|PATH")]
    targets: Vec<String>,
    /// Say what would be done and cost, without a model call
    #[arg(long)]
    dry_run: bool,
    /// Compare every document with the index, whatever the ledger remembers
    #[arg(long)]
    full: bool,
    /// Remove what is gone from a source even where that looks like a fault: all of it, or more than 30%
    #[arg(long)]
    allow_removals: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn command(config: Config, arguments: Arguments) -> anyhow::Result<Ended> {
    if arguments.targets.is_empty() && config.sources.is_empty() {
        bail!(
            "there is nothing to ingest: name a folder (`docent ingest docs/`), or add a \
             [[source]] to docent.toml (`docent init` writes a starter)"
        );
    }
    let request = IngestRequest {
        targets: absolute(&config, &arguments.targets)?,
        dry_run: arguments.dry_run,
        full: arguments.full,
        configured: Configured::of(&config)?,
        allow_removals: arguments.allow_removals,
    };
    let mut show = Show::new(arguments.json);
    let report = match open(config, "ingest").await? {
        Access::Owner(owner) => {
            owner
                .ingest(&request, |progress| show.progress(progress))
                .await?
        }
        Access::Own(app) => {
            let app = Arc::new(*app);
            let (progress, mut events) = ProgressSender::channel();
            let run = {
                let app = Arc::clone(&app);
                tokio::spawn(async move { run(app, &request, progress).await })
            };
            let showing = async {
                while let Some(event) = events.recv().await {
                    show.progress(event);
                }
            };
            tokio::select! {
                () = showing => {}
                () = stop_signal() => {
                    run.abort();
                    let _ = run.await;
                    give_leases_back(&app).await;
                    // What was embedded is paid for, whatever became of it.
                    app.ledger.flush().await;
                    bail!("stopped in the middle of the run; the next one completes it");
                }
            }
            let report = run.await?;
            if let Some(app) = Arc::into_inner(app) {
                app.close().await;
            }
            report?
        }
    };
    show.finish();
    if arguments.json {
        say(serde_json::to_string_pretty(&report)?);
    } else {
        print(&report, arguments.dry_run);
    }
    Ok(if report.has_failures() || report.over_budget.is_some() {
        Ended::WithFailures
    } else {
        Ended::Done
    })
}

/// Runs a request over opened parts.
pub async fn run(
    app: Arc<App>,
    request: &IngestRequest,
    progress: ProgressSender,
) -> anyhow::Result<RunReport> {
    let request = resolve(&app, request).await?;
    if !request.dry_run {
        let names: Vec<&str> = request
            .sources
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        let act = Audit::now(TERMINAL, Act::RunStarted, names.join(", "));
        app.ledger.writer().write(act);
    }
    Ok(docent_ingest::run(app, request, progress).await?)
}

/// What a request means with the present configuration.
async fn resolve(app: &App, request: &IngestRequest) -> anyhow::Result<Request> {
    let configured = match &request.configured {
        Some(configured) => {
            if let Some(difference) = configured.difference(&app.config) {
                bail!("the running docent cannot do this: {difference}");
            }
            configured.sources()?
        }
        None => app.config.sources.clone(),
    };
    let sources = sources(app, &configured, &request.targets).await?;
    Ok(Request {
        sources,
        configured,
        all_configured: request.targets.is_empty(),
        dry_run: request.dry_run,
        full: request.full,
        allow_removals: request.allow_removals,
        ..Request::default()
    })
}

/// Paths made absolute, so that a process with another current folder understands them.
fn absolute(config: &Config, targets: &[String]) -> anyhow::Result<Vec<String>> {
    targets
        .iter()
        .map(|target| {
            if config.sources.iter().any(|source| source.name == *target) {
                return Ok(target.clone());
            }
            let path = std::fs::canonicalize(target).with_context(|| {
                let names: Vec<&str> = config
                    .sources
                    .iter()
                    .map(|source| source.name.as_str())
                    .collect();
                let known = if names.is_empty() {
                    "no source is configured".to_owned()
                } else {
                    format!("configured sources: {}", names.join(", "))
                };
                format!("`{target}` is neither a folder nor a configured source ({known})")
            })?;
            path.into_os_string()
                .into_string()
                .map_err(|_| anyhow::anyhow!("`{target}` is not a UTF-8 path"))
        })
        .collect()
}

async fn sources(
    app: &App,
    configured: &[config::Source],
    targets: &[String],
) -> anyhow::Result<Vec<config::Source>> {
    if targets.is_empty() {
        return Ok(configured.to_vec());
    }
    let mut sources = Vec::new();
    for target in targets {
        let known = configured.iter().find(|source| {
            source.name == *target
                || source
                    .folder_path()
                    .and_then(|path| path.canonicalize().ok())
                    .is_some_and(|path| path == Path::new(target))
        });
        match known {
            Some(source) => sources.push(source.clone()),
            None if Path::new(target).is_absolute() => {
                let path = PathBuf::from(target);
                let name = folder_name(app, configured, &path).await?;
                sources.push(config::Source::folder(name, path));
            }
            None => bail!(
                "the running docent knows no source `{target}`; restart it after a change of docent.toml"
            ),
        }
    }
    Ok(sources)
}

/// The name of a folder's source: its own, with a suffix where another folder has that name.
async fn folder_name(
    app: &App,
    configured: &[config::Source],
    path: &Path,
) -> anyhow::Result<String> {
    let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let name: String = path
        .file_name()
        .map_or_else(
            || "root".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .collect();
    let text = path.display().to_string();
    let mut taken = name == config::ANSWERS || configured.iter().any(|source| source.name == name);
    if let Some(live) = app.index.live().await? {
        for row in app.ledger.sources(&live).await? {
            if row.location == text {
                return Ok(row.name);
            }
            taken |= row.name == name;
        }
    }
    if taken {
        let digest = docent_core::document::text_hash(&text);
        return Ok(format!("{name}-{}", &digest[..6]));
    }
    Ok(name)
}

/// Progress: a bar where a person watches, plain lines elsewhere, nothing beside `--json`.
struct Show {
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Show {
    fn new(quiet: bool) -> Self {
        Self { bar: None, quiet }
    }

    fn progress(&mut self, progress: Progress) {
        if self.quiet {
            return;
        }
        match progress {
            Progress::Source { name, documents } => {
                if is_watched() {
                    let bar = ProgressBar::new(documents);
                    let style = ProgressStyle::with_template(
                        "{prefix} {bar:30} {pos}/{len} documents, {eta} left {msg}",
                    );
                    if let Ok(style) = style {
                        bar.set_style(style);
                    }
                    bar.set_prefix(name);
                    self.bar = Some(bar);
                } else {
                    note(format!(
                        "{name}: looking at {} documents",
                        grouped(documents)
                    ));
                }
            }
            Progress::Documents { name, done } => match &self.bar {
                Some(bar) => bar.set_position(done),
                None => note(format!("{name}: {} done", grouped(done))),
            },
            Progress::Problem { problem, .. } => self.note(&problem_line(&problem)),
            Progress::Note { text } => self.note(&text),
            Progress::Done { .. } => {}
        }
    }

    fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => note(text),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn problem_line(problem: &ProblemReport) -> String {
    format!(
        "  {} {}: {}",
        problem.outcome,
        one_line(&problem.path),
        one_line(&problem.reason)
    )
}

fn print(report: &RunReport, dry_run: bool) {
    for source in &report.sources {
        say(source_line(source, dry_run));
        if let Some(cleaning) = &source.cleaning {
            say(cleaning_line(cleaning, dry_run));
            if let Some(error) = &cleaning.error {
                say(format!(
                    "  not cleaned until the next run: {}",
                    one_line(error)
                ));
            }
        }
        if source.purged > 0 {
            let count = grouped(source.purged);
            say(format!("  {count} left out because they were purged"));
        }
        if let Some(held) = &source.held_back {
            say(format!(
                "  {} documents not removed: {}",
                grouped(held.documents),
                one_line(&held.reason)
            ));
        }
        if let Some(limit) = &source.incomplete {
            say(format!(
                "  not all of it was looked at, and nothing else removed: {}",
                one_line(limit)
            ));
        }
    }
    if dry_run && report.sources.len() > 1 {
        say(together(report));
    }
    if let Some(reason) = &report.over_budget {
        say(format!("the run itself would be refused: {reason}"));
    }
    say(format!("{:.1} s", report.duration_ms as f64 / 1000.0));
}

/// What all sources of a dry run would cost.
fn together(report: &RunReport) -> String {
    let sources = &report.sources;
    let (embedded, tokens) = sources.iter().fold((0, 0), |(embedded, tokens), source| {
        (embedded + source.chunks.embedded, tokens + source.tokens)
    });
    // A source that cannot be read costs nothing, and is told by itself.
    let read = sources.iter().filter(|source| source.error.is_none());
    let cost = read.map(|source| source.cost_usd).sum();
    format!(
        "together: {} chunks to embed · {} tokens · {}",
        grouped(embedded),
        grouped(tokens),
        dollars(cost)
    )
}

fn cleaning_line(cleaning: &CleaningReport, dry_run: bool) -> String {
    let used = format!(
        "{} tokens in, {} out · {}",
        grouped(cleaning.input_tokens),
        grouped(cleaning.output_tokens),
        dollars(cleaning.cost_usd)
    );
    if dry_run {
        return format!("  cleaning with a model: at most {used}");
    }
    format!(
        "  cleaned with a model: {} documents, {} with parts that stay as they were, {} could not \
         be asked about · {used}",
        grouped(cleaning.cleaned),
        grouped(cleaning.refused),
        grouped(cleaning.failed),
    )
}

fn source_line(source: &SourceReport, dry_run: bool) -> String {
    if let Some(error) = &source.error {
        return format!("{}: failed: {}", source.name, one_line(error));
    }
    let documents = &source.documents;
    let would = if dry_run { "would be: " } else { "" };
    format!(
        "{}: {would}{} indexed, {} unchanged, {} removed, {} skipped, {} failed · {} chunks \
         embedded, {} reused · {} tokens · {}",
        source.name,
        grouped(documents.indexed),
        grouped(documents.unchanged),
        grouped(documents.removed),
        grouped(documents.skipped),
        grouped(documents.failed),
        grouped(source.chunks.embedded),
        grouped(source.chunks.reused),
        grouped(source.tokens),
        dollars(source.cost_usd),
    )
}
