//! Cleaning with a model, for sources with `clean = "model"`: Slack threads, meeting notes and wiki
//! pages are tidied by the chat model before they are cut. The result is [checked](check) without a
//! model; what does not pass is indexed as it was. What was paid for is kept in the ledger by the hash
//! of what it was made of, and is not paid for again, whatever interrupts the run.

mod check;
mod facts;
mod parts;
mod report;

use std::sync::Arc;

use docent_core::app::App;
use docent_core::config;
use docent_core::document::text_hash;
use docent_core::ledger::{CleanedPart, Purpose, UsageSource};
use docent_core::models::{CallFor, Message, Role, TokenCounter, Usage};
use minijinja::{Environment, context};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tracing::Instrument;
use uuid::Uuid;

use crate::plan::Calls;
use crate::run::{IngestError, Run};
use crate::source::SourceError;
use parts::{Part, parts};
pub use report::CleaningReport;

/// The built-in prompt.
const PROMPT: &str = include_str!("../../../../prompts/clean.md");
/// Raise it when the check or the way a text is parted changes: what was kept is made anew then.
const VERSION: u32 = 1;
/// Tokens that a result may have beyond those of its part: title, summary and names written out.
const MORE_TOKENS: u64 = 300;
/// Endings of files that hold no prose.
const NO_PROSE: [&str; 16] = [
    "csv", "tsv", "sql", "json", "jsonl", "ndjson", "yaml", "yml", "ipynb", "xlsx", "xlsm", "toml",
    "xml", "parquet", "pdf", "py",
];

/// Tidies the documents of one source in one run.
pub(crate) struct Cleaner {
    app: Arc<App>,
    runtime: Handle,
    run_id: Uuid,
    dry_run: bool,
    prompt: Environment<'static>,
    /// Of the prompt and the model.
    fingerprint: String,
    model: String,
    counter: TokenCounter,
    requests: Semaphore,
    report: Mutex<CleaningReport>,
}

/// What is tidied.
pub(crate) struct Untidy {
    pub(crate) document_id: Uuid,
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) language: Option<String>,
}

/// What became of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tidied {
    /// The model's title, where the text was tidied.
    pub(crate) title: Option<String>,
    pub(crate) text: String,
    /// The model could not be asked: the original, to be tried again in the next run.
    pub(crate) failed: bool,
}

/// What became of a part.
enum Outcome {
    Tidy(String),
    /// It did not pass the check, now or in an earlier run.
    Refused,
    /// A dry run does not ask.
    NotAsked,
    /// It could not be asked, and why.
    Failed(String),
}

impl Cleaner {
    /// The cleaner of a source; `None`: it is cleaned by rules alone.
    pub(crate) async fn of(
        run: &Run,
        source: &config::Source,
    ) -> Result<Option<Arc<Self>>, IngestError> {
        if source.clean.is_none() {
            return Ok(None);
        }
        let refused = |reason: String| {
            IngestError::Source(SourceError::Refused {
                name: source.name.clone(),
                reason,
            })
        };
        let app = &run.app;
        if !app.generator.is_model() {
            return Err(refused(
                "clean = \"model\" needs a chat model; set chat.base_url or OPENAI_API_KEY, or leave \
                 `clean` out"
                    .to_owned(),
            ));
        }
        let settings = &app.config.chat;
        let template = template(&settings.prompts).map_err(&refused)?;
        let model = app.generator.model().await?;
        let fingerprint = text_hash(&format!("{VERSION}\n{model}\n{template}"));
        let mut prompt = Environment::new();
        prompt
            .add_template_owned("clean.md", template)
            .map_err(|error| refused(format!("the prompt clean.md cannot be used: {error:#}")))?;
        let counter = TokenCounter::named(&settings.tokenizer)
            .map_err(|error| refused(format!("chat.{error}")))?;
        Ok(Some(Arc::new(Self {
            app: Arc::clone(app),
            runtime: Handle::current(),
            run_id: run.id,
            dry_run: run.plans,
            prompt,
            fingerprint,
            model,
            counter,
            requests: Semaphore::new(app.config.clean.concurrency.max(1)),
            report: Mutex::new(CleaningReport::new()),
        })))
    }

    /// Changes with the prompt and the model: then documents that have not changed are looked at again.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What was done so far.
    pub(crate) fn report(&self) -> CleaningReport {
        self.report.lock().clone()
    }

    /// What was asked of the model so far; of a plan, what would be at the most.
    pub(crate) fn calls(&self) -> Calls {
        let report = self.report.lock();
        Calls {
            purpose: Purpose::Clean,
            model: self.model.clone(),
            usage: Usage {
                input_tokens: report.input_tokens,
                cached_tokens: 0,
                output_tokens: report.output_tokens,
                source: UsageSource::Estimated,
            },
            cost: report.cost_usd,
        }
    }

    /// Tidies a document, on a thread that may wait.
    pub(crate) fn tidy(self: &Arc<Self>, untidy: Untidy) -> Tidied {
        if !is_prose(&untidy) {
            return Tidied {
                text: untidy.text,
                ..Tidied::default()
            };
        }
        let original = untidy.text.clone();
        let (done, wait) = oneshot::channel();
        let cleaner = Arc::clone(self);
        let work = async move {
            let _ = done.send(cleaner.document(&untidy).await);
        };
        self.runtime.spawn(work.in_current_span());
        // The runtime is going down: the next run will see to it.
        wait.blocking_recv().unwrap_or(Tidied {
            title: None,
            text: original,
            failed: true,
        })
    }

    async fn document(&self, untidy: &Untidy) -> Tidied {
        let limit = self.app.config.clean.part_tokens;
        let parts = parts(&untidy.text, &self.counter, limit);
        let mut title = None;
        let mut text = String::with_capacity(untidy.text.len());
        let (mut tidied, mut refused) = (false, false);
        for (at, part) in parts.iter().enumerate() {
            let outcome = match part {
                Part::Whole(_) => Outcome::NotAsked,
                Part::Prose(prose) => self.part(untidy, prose, at == 0).await,
            };
            let written = match outcome {
                Outcome::Tidy(result) => {
                    tidied = true;
                    if at == 0 {
                        let (own, rest) = split_title(&result);
                        title = own.map(str::to_owned);
                        rest.to_owned()
                    } else {
                        result
                    }
                }
                Outcome::Refused => {
                    refused = true;
                    part.text().to_owned()
                }
                Outcome::NotAsked => part.text().to_owned(),
                Outcome::Failed(error) => {
                    tracing::warn!(path = %untidy.path, "a document stays uncleaned until the next run: {error}");
                    let mut report = self.report.lock();
                    report.failed += 1;
                    report.error.get_or_insert(error);
                    return Tidied {
                        title: None,
                        text: untidy.text.clone(),
                        failed: true,
                    };
                }
            };
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(written.trim());
        }
        let mut report = self.report.lock();
        report.cleaned += u64::from(tidied);
        report.refused += u64::from(refused);
        if !tidied {
            // Not a byte differs from a source that is cleaned by rules alone.
            text.clone_from(&untidy.text);
        }
        Tidied {
            title,
            text: super::clean(&text),
            failed: false,
        }
    }

    async fn part(&self, untidy: &Untidy, prose: &str, first: bool) -> Outcome {
        let place = if first { "first" } else { "later" };
        let made_of = format!("{}\n{place}\n{}\n{prose}", self.fingerprint, untidy.title);
        let key = text_hash(&made_of);
        // Two documents may hold the same part: the second waits for the first one's answer.
        let _permit = self.requests.acquire().await.ok();
        match self.app.ledger.cleaned(&key).await {
            Ok(Some(kept)) => {
                self.report.lock().reused += 1;
                return match kept {
                    Ok(result) => Outcome::Tidy(result),
                    Err(_) => Outcome::Refused,
                };
            }
            Ok(None) => {}
            Err(error) => return Outcome::Failed(error.to_string()),
        }
        let content = match self.rendered(untidy, prose, first) {
            Ok(content) => content,
            Err(error) => {
                return Outcome::Failed(format!("the prompt clean.md cannot be used: {error:#}"));
            }
        };
        let most = self.counter.count(prose) as u64 * 3 / 2 + MORE_TOKENS;
        if self.dry_run {
            let usage = Usage {
                input_tokens: self.counter.count(&content) as u64,
                cached_tokens: 0,
                output_tokens: most,
                source: UsageSource::Estimated,
            };
            let cost = self.app.book.cost(&self.model, &usage);
            self.report.lock().add(&usage, cost);
            return Outcome::NotAsked;
        }
        let call = CallFor::run(Purpose::Clean, self.run_id);
        let messages = [Message {
            role: Role::User,
            content,
        }];
        let asked = self
            .app
            .generator
            .complete_patiently(&call, &messages, most as u32);
        let completed = match asked.await {
            Ok(completed) => completed,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        self.report.lock().add(&completed.usage, completed.cost);
        let result = without_fence(&completed.text).to_owned();
        let original = format!("{}\n\n{prose}", untidy.title);
        let checked = check::check(&original, &result).map(|()| result);
        let part = CleanedPart {
            key,
            document_id: untidy.document_id,
            result: checked.clone(),
            run_id: self.run_id,
        };
        if let Err(error) = self.app.ledger.keep_cleaned(&part).await {
            tracing::warn!(%error, path = %untidy.path, "what was cleaned could not be kept");
        }
        match checked {
            Ok(result) => Outcome::Tidy(result),
            Err(reason) => {
                tracing::info!(path = %untidy.path, "a cleaned text was not taken: {reason}");
                Outcome::Refused
            }
        }
    }

    fn rendered(
        &self,
        untidy: &Untidy,
        prose: &str,
        first: bool,
    ) -> Result<String, minijinja::Error> {
        // A word that the text cannot know, so that it cannot close the fence around itself.
        let random = Uuid::new_v4().simple().to_string();
        let language = match untidy.language.as_deref() {
            Some("ko") => "Korean",
            Some("en") => "English",
            Some("ja") => "Japanese",
            Some("zh") => "Chinese",
            _ => "the language of the text",
        };
        self.prompt.get_template("clean.md")?.render(context! {
            title => &untidy.title,
            text => prose,
            fence => format!("text-{}", &random[..12]),
            language => language,
            first => first,
        })
    }
}

/// The prompt: built in, or of a folder that has one.
fn template(folder: &std::path::Path) -> Result<String, String> {
    let path = folder.join("clean.md");
    if folder.as_os_str().is_empty() || !path.is_file() {
        return Ok(PROMPT.to_owned());
    }
    std::fs::read_to_string(&path)
        .map_err(|error| format!("chat.prompts: cannot read {}: {error}", path.display()))
}

/// Whether it is a text to be tidied: not a table, code or a definition, and without pages of an
/// original, whose numbers would be lost.
fn is_prose(untidy: &Untidy) -> bool {
    let ending = untidy.path.rsplit_once('.').map(|(_, ending)| ending);
    let is_other = ending.is_some_and(|ending| {
        NO_PROSE
            .iter()
            .any(|other| other.eq_ignore_ascii_case(ending))
    });
    !is_other && !untidy.text.trim().is_empty() && !crate::chunk::pages::are_marked(&untidy.text)
}

/// Some models put their whole answer into a code block.
fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix("```markdown\n")
        .or_else(|| text.strip_prefix("```md\n"))
        .or_else(|| text.strip_prefix("```\n"))
        .and_then(|inner| inner.strip_suffix("```"));
    match inner {
        Some(inner) if !inner.contains("```") => inner.trim(),
        _ => text,
    }
}

/// The title in the first line, and the rest.
fn split_title(text: &str) -> (Option<&str>, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    match line.strip_prefix("# ") {
        Some(title) if !title.trim().is_empty() && !rest.trim().is_empty() => {
            (Some(title.trim()), rest.trim_start_matches('\n'))
        }
        _ => (None, text),
    }
}
