//! `docent eval`: what is found and answered, against what is known to be right.

mod corpus;
mod run;
mod show;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use docent_core::config::Config;
use serde::{Deserialize, Serialize};

use self::show::Show;
use super::terminal::{note, say};
use super::{Access, Ended, open};
use crate::eval::calibration;
use crate::eval::compare::{self, Saved};
use crate::eval::gate::{self, Judgement, Threshold};
use crate::eval::report::Report;
use crate::eval::{ProgressSender, table};

pub use self::run::{Outcome, evaluate};

/// `docent eval FILE[=DIR]… | --beir DIR`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Question files (JSON lines); with =DIR they are asked over the documents of that folder, in a
    /// collection of its own, else over what was ingested; @CORPUS picks the questions about it
    #[arg(value_name = "FILE[@CORPUS][=DIR]", required_unless_present = "beir")]
    files: Vec<String>,
    /// A BEIR folder (corpus.jsonl, queries.jsonl, qrels.tsv), in a collection of its own
    #[arg(long, value_name = "DIR")]
    beir: Vec<PathBuf>,
    /// Measure what is found, without answering
    #[arg(long)]
    retrieval_only: bool,
    /// Have the configured chat model judge each answer as well
    #[arg(long, conflicts_with = "retrieval_only")]
    judge: bool,
    /// Fit the decision to answer to the questions' signals (retrieval alone)
    #[arg(long, conflicts_with_all = ["judge", "explain"])]
    calibrate: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Write the figures, with every question's own, to a file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Compare with what an earlier evaluation saved
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Show how one question found what it found
    #[arg(long, value_name = "ID", conflicts_with_all = ["json", "save", "compare", "fail_under"])]
    explain: Option<String>,
    /// Exit with 1 where a rate is below a value: `recall_at_5=0.9`, `single.recall_at_5=0.95`,
    /// demo:abstention.recall=0.8
    #[arg(long, value_name = "METRIC=VALUE")]
    fail_under: Vec<Threshold>,
}

/// What is evaluated; the same here and in the process that owns the data folder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct EvalRequest {
    pub sets: Vec<SetRequest>,
    /// Absolute.
    pub beir: Vec<PathBuf>,
    pub retrieval_only: bool,
    pub judge: bool,
    /// Look at what speaks for each question being answerable.
    pub signals: bool,
    /// The id of the one question to explain.
    pub explain: Option<String>,
}

/// A question file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetRequest {
    /// Absolute.
    pub file: PathBuf,
    /// Only the questions about this corpus.
    pub corpus: Option<String>,
    /// The folder whose documents it is asked over, absolute; `None`: what was ingested.
    pub over: Option<PathBuf>,
}

pub(super) async fn command(config: Config, arguments: Arguments) -> anyhow::Result<Ended> {
    let request = request(&arguments)?;
    // What cannot be read is said before an hour of work and not after it.
    let earlier = arguments.compare.as_deref().map(Saved::read).transpose()?;
    let show = Show::new();
    let outcome = match open(config, "eval").await? {
        Access::Owner(owner) => {
            note(
                "the running docent evaluates, with the settings that it was started with: those of \
                 this command's environment do not reach it",
            );
            owner
                .eval(&request, |progress| show.progress(&progress))
                .await
        }
        Access::Own(app) => {
            let app = Arc::new(*app);
            let (progress, mut events) = ProgressSender::channel();
            let work = {
                let app = Arc::clone(&app);
                tokio::spawn(async move { evaluate(&app, &request, &progress).await })
            };
            while let Some(event) = events.recv().await {
                show.progress(&event);
            }
            let outcome = work.await?;
            if let Some(app) = Arc::into_inner(app) {
                app.close().await;
            }
            outcome
        }
    };
    show.finish();
    match outcome? {
        Outcome::Explained(text) => {
            say(text.trim_end());
            Ok(Ended::Done)
        }
        Outcome::Measured(report) => conclude(&arguments, &report, earlier.as_ref()),
    }
}

/// Paths made absolute, so that a process with another current folder understands them.
fn request(arguments: &Arguments) -> anyhow::Result<EvalRequest> {
    let absolute = |path: &Path| {
        std::fs::canonicalize(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut request = EvalRequest {
        retrieval_only: arguments.retrieval_only || arguments.calibrate,
        judge: arguments.judge,
        signals: arguments.calibrate,
        explain: arguments.explain.clone(),
        ..EvalRequest::default()
    };
    for file in &arguments.files {
        let (file, over) = match file.split_once('=') {
            Some((file, over)) => (file, Some(absolute(Path::new(over))?)),
            None => (file.as_str(), None),
        };
        let (file, corpus) = match file.rsplit_once('@') {
            Some((file, corpus)) if !corpus.contains('/') => (file, Some(corpus.to_owned())),
            _ => (file, None),
        };
        request.sets.push(SetRequest {
            file: absolute(Path::new(file))?,
            corpus,
            over,
        });
    }
    for folder in &arguments.beir {
        request.beir.push(absolute(folder)?);
    }
    Ok(request)
}

/// Prints, saves, compares, and holds the figures against the thresholds.
fn conclude(
    arguments: &Arguments,
    report: &Report,
    earlier: Option<&Saved>,
) -> anyhow::Result<Ended> {
    let compared = earlier.map(|earlier| compare::compare(earlier, report));
    let calibration = arguments
        .calibrate
        .then(|| calibration::calibrate(report))
        .flatten();
    if arguments.calibrate && calibration.is_none() {
        bail!("--calibrate needs questions that the documents answer, and some that they don't");
    }
    let judged = gate::judge(report, &arguments.fail_under).map_err(anyhow::Error::msg)?;
    if let Some(file) = &arguments.save {
        let text = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(file, text + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if arguments.json {
        let mut json = report.json();
        if let Some(object) = json.as_object_mut() {
            object.extend(compared.map(|one| ("compared".to_owned(), compare::as_json(&one))));
            object.extend(calibration.map(|one| ("calibration".to_owned(), one.json())));
        }
        say(serde_json::to_string_pretty(&json)?);
    } else {
        say(table::report(report).trim_end());
        for text in compared
            .map(|one| compare::table(&one))
            .into_iter()
            .chain(calibration.map(|one| calibration::table(&one)))
        {
            say("");
            say(text.trim_end());
        }
    }
    let below: Vec<&Judgement> = judged.iter().filter(|one| !one.holds()).collect();
    for one in &below {
        note(format!(
            "{}: {} is {:.4}, below {}",
            one.set, one.metric, one.value, one.least
        ));
    }
    let failed = report
        .sets
        .iter()
        .flat_map(|set| &set.asked)
        .any(|asked| asked.failed.is_some());
    Ok(if below.is_empty() && !failed {
        Ended::Done
    } else {
        Ended::WithFailures
    })
}
