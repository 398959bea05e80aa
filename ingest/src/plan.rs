//! Plan: what a run would do and what it would cost, without a model call and without writing.
//!
//! A dry run is a plan that is shown. A run under a budget is planned first; then its documents wait
//! on disk ([`crate::spool`]) until the money is reserved, and are not read again.

use std::collections::{HashMap, HashSet};

use docent_core::config;
use docent_core::document::Outcome;
use docent_core::index::IndexError;
use docent_core::ledger::{Purpose, UsageSource};
use docent_core::models::Usage;
use rust_decimal::Decimal;

use crate::pipeline::{self, Looked};
use crate::prepare::{Batch, Prepared};
use crate::report::{Progress, SourceReport};
use crate::run::{IngestError, Run};
use crate::spool::Spool;
use crate::vector_file::{Key, key};

/// What models would be asked for one purpose.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Calls {
    pub(crate) purpose: Purpose,
    pub(crate) model: String,
    pub(crate) usage: Usage,
    /// US dollars; `None`: no price is configured for the model.
    pub(crate) cost: Option<Decimal>,
}

/// What one source came to, or why it cannot be run.
pub(crate) type Planned = Result<Looked, IngestError>;

/// What a whole run would do.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) reports: Vec<SourceReport>,
    /// Of all sources together: one line for each purpose that something is asked for.
    pub(crate) calls: Vec<Calls>,
    /// By the source's name, where the plan is to be run.
    pub(crate) sources: HashMap<String, Planned>,
}

impl Plan {
    /// US dollars; `None`: the price of a model that would be asked is unknown.
    pub(crate) fn cost(&self) -> Option<Decimal> {
        self.calls.iter().map(|calls| calls.cost).sum()
    }

    fn add(&mut self, calls: Calls) {
        if calls.usage.input_tokens == 0 {
            return;
        }
        let mut known = self.calls.iter_mut();
        match known.find(|known| known.purpose == calls.purpose && known.model == calls.model) {
            Some(known) => {
                known.usage.input_tokens += calls.usage.input_tokens;
                known.usage.output_tokens += calls.usage.output_tokens;
                known.cost = known.cost.zip(calls.cost).map(|(sum, cost)| sum + cost);
            }
            None => self.calls.push(calls),
        }
    }
}

/// Plans sources one after the other, as a run goes over them. With `spooled` they can be run
/// afterwards. One that cannot be read is reported and the others go on.
pub(crate) async fn plan(
    run: &Run,
    sources: &[config::Source],
    spooled: bool,
) -> Result<Plan, IngestError> {
    let mut plan = Plan::default();
    let mut seen = Seen::default();
    for source in sources {
        let planned = one(run, source, spooled, &mut plan, &mut seen).await;
        let planned = match planned {
            Err(error) if !error.is_of_one_source() => return Err(error),
            Err(error) => {
                let mut report = SourceReport::new(&source.name);
                report.error = Some(error.to_string());
                plan.reports.push(report);
                Some(Err(error))
            }
            Ok(looked) => looked.map(Ok),
        };
        if let Some(planned) = planned {
            plan.sources.insert(source.name.clone(), planned);
        }
    }
    Ok(plan)
}

/// Texts that an earlier document of the plan pays for.
#[derive(Default)]
struct Seen(HashSet<Key>);

async fn one(
    run: &Run,
    source: &config::Source,
    spooled: bool,
    plan: &mut Plan,
    seen: &mut Seen,
) -> Result<Option<Looked>, IngestError> {
    let mut report = SourceReport::new(&source.name);
    // What is run afterwards tells its problems then.
    let count = |report: &mut SourceReport, path: &str, outcome: &Outcome| {
        if spooled {
            report.count(path, outcome);
        } else {
            run.count(report, path, outcome);
        }
    };
    let mut looked = pipeline::look(run, source).await?;
    run.progress.send(Progress::Source {
        name: source.name.clone(),
        documents: looked.documents,
    });
    for problem in &looked.problems {
        count(&mut report, &problem.path, &problem.outcome);
    }
    report.incomplete.clone_from(&looked.incomplete);
    report.held_back.clone_from(&looked.held_back);
    report.purged = looked.purged;
    // What is tidied with a model is read again for the run: a plan does not ask the model.
    let spooled = spooled && looked.cleaner.is_none();
    let mut spool = spooled
        .then(|| Spool::create(run.app.data.path()))
        .transpose()
        .map_err(IngestError::Spool)?;
    let mut done = 0;
    while let Some(batch) = looked.batches.next().await? {
        for prepared in &batch.0 {
            let (path, outcome) = what_becomes_of(prepared);
            count(&mut report, path, &outcome);
        }
        embedding(run, &batch, seen, &mut report).await?;
        done += batch.documents() as u64;
        run.progress.send(Progress::Documents {
            name: source.name.clone(),
            done,
        });
        if let Some(spool) = &mut spool {
            spool.add(&batch).map_err(IngestError::Spool)?;
        }
    }
    for row in looked.gone.iter().filter(|row| row.indexed) {
        count(&mut report, &row.path, &Outcome::Removed);
    }
    let calls = embedding_calls(run, report.tokens);
    report.cost_usd = calls.cost;
    plan.add(calls);
    if let Some(cleaner) = &looked.cleaner {
        plan.add(cleaner.calls());
        report.add_cleaning(cleaner.report());
    }
    plan.reports.push(report);
    let Some(spool) = spool else {
        return Ok(None);
    };
    looked.batches = spool.replay().map_err(IngestError::Spool)?;
    Ok(Some(looked))
}

fn what_becomes_of(prepared: &Prepared) -> (&str, Outcome) {
    match prepared {
        Prepared::Unchanged(row) => {
            let path = row.as_ref().map_or("", |row| row.path.as_str());
            (path, Outcome::Unchanged)
        }
        Prepared::Metadata(row, _) => (&row.path, Outcome::Indexed),
        Prepared::Changed(changed) => (&changed.row.path, Outcome::Indexed),
        Prepared::LeftOut { path, outcome, .. } => (path, outcome.clone()),
    }
}

/// Counts the chunks of a batch: those that have a vector somewhere, and the tokens of the others.
async fn embedding(
    run: &Run,
    batch: &Batch,
    seen: &mut Seen,
    report: &mut SourceReport,
) -> Result<(), IngestError> {
    let mut chunks = 0;
    let mut new: HashMap<&str, &str> = HashMap::new();
    for chunk in batch.prepared_chunks() {
        chunks += 1;
        let hash = chunk.payload.text_hash.as_str();
        if key(hash).is_some_and(|key| seen.0.insert(key)) {
            new.insert(hash, &chunk.embedded_text);
        }
    }
    let hashes: Vec<String> = new.keys().map(|hash| (*hash).to_owned()).collect();
    for known in known(run, &hashes).await? {
        new.remove(known.as_str());
    }
    report.chunks.embedded += new.len() as u64;
    report.chunks.reused += chunks - new.len() as u64;
    let embedder = &run.app.embedder;
    report.tokens += new
        .values()
        .map(|text| embedder.passage_tokens(text))
        .sum::<u64>();
    Ok(())
}

/// The texts that have a vector.
async fn known(run: &Run, hashes: &[String]) -> Result<HashSet<String>, IndexError> {
    let index = &run.app.index;
    let mut known = if run.collection_exists {
        index.known_text_hashes(&run.collection, hashes).await?
    } else {
        HashSet::new()
    };
    if let Some(other) = &run.reuse_from {
        known.extend(index.known_text_hashes(other, hashes).await?);
    }
    let received = hashes.iter().filter(|hash| run.received.has(hash));
    known.extend(received.cloned());
    Ok(known)
}

fn embedding_calls(run: &Run, tokens: u64) -> Calls {
    let usage = Usage {
        input_tokens: tokens,
        cached_tokens: 0,
        output_tokens: 0,
        source: UsageSource::Estimated,
    };
    let model = run.app.embedder.model();
    Calls {
        purpose: Purpose::EmbedPassages,
        cost: if tokens == 0 {
            Some(Decimal::ZERO)
        } else {
            run.app.book.cost(model, &usage)
        },
        model: model.to_owned(),
        usage,
    }
}
