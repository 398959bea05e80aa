//! Which collection a run writes, and what closes the run: term counts, BM25's average length, the
//! switch to a new collection, and the generation that index and ledger share.

use std::collections::HashSet;

use docent_core::app::App;
use docent_core::config::{self, ANSWERS, SourceKind};
use docent_core::index::{CollectionSpec, Filter, IndexError, collection_name, lexical};
use docent_core::ledger::{CollectionRow, SourceRow};
use docent_core::models::EmbeddingSpace;
use uuid::Uuid;

use crate::chunk::CHUNKER_VERSION;
use crate::index;
use crate::report::{Progress, SourceReport};
use crate::run::{IngestError, Request, Run};

/// The sparse vectors are computed anew when the average has drifted by this share.
const DRIFT: f64 = 0.1;
/// Points whose sparse vectors are replaced at a time.
const SPARSE_POINTS: usize = 1000;

/// A folder that was named on the command line.
const NAMED_ONCE: &str = "folder on the command line";

/// The collection that a run writes.
pub(crate) struct Target {
    pub(crate) name: String,
    /// `None`: not known yet.
    pub(crate) average_length: Option<f64>,
    /// The collection was never complete.
    pub(crate) building: bool,
    /// The collection was made just now.
    pub(crate) fresh: bool,
    /// The live collection, where it is another one.
    pub(crate) replaces: Option<String>,
    /// The live collection, where it has vectors of the same embedding space.
    pub(crate) reuse_from: Option<String>,
    pub(crate) exists: bool,
    /// Index and ledger are of different runs: compare everything.
    pub(crate) full: bool,
    /// The run before was interrupted.
    pub(crate) interrupted: bool,
    row: CollectionRow,
}

impl Target {
    /// Why a few documents cannot just be added to it, where they cannot.
    pub(crate) fn needs_a_run(&self) -> Option<&'static str> {
        if self.replaces.is_some() {
            Some("the embedding model or the chunk settings have changed")
        } else if self.building {
            Some("nothing was ingested yet")
        } else if self.full || self.interrupted {
            Some("the last run was interrupted, or index and ledger are not of the same run")
        } else {
            None
        }
    }

    /// What a person should know about the choice.
    pub(crate) fn explain(&self) -> Option<String> {
        if let Some(live) = &self.replaces {
            let why = if self.reuse_from.is_some() {
                "the chunk settings have changed; vectors of unchanged texts are used again"
            } else {
                "the embedding model has changed"
            };
            return Some(format!(
                "{why}: building the new collection {} while {live} goes on answering",
                self.name
            ));
        }
        self.full.then(|| {
            "index and ledger are not of the same run: every document is compared".to_owned()
        })
    }
}

/// Finds the collection of the present embedding space and layout. Nothing is written. Only where
/// `may_ask`, the model is asked for the length of its vectors, if that is not known; otherwise the
/// collection that it would be is one that is not there.
pub(crate) async fn choose(app: &App, may_ask: bool) -> Result<Target, IngestError> {
    let rows = app.ledger.collections().await?;
    for row in &rows {
        app.embedder
            .remember_dimensions(&row.embedding, row.dimensions as usize);
    }
    let space = match app.embedder.known_space() {
        Some(space) => space,
        None if may_ask => app.embedder.space().await?,
        None => EmbeddingSpace {
            model: app.embedder.model().to_owned(),
            dimensions: 0,
            passage_prefix: app.config.embedding.passage_prefix.clone(),
            redaction: None,
        },
    };
    let embedding = space.fingerprint();
    let chunk = &app.config.chunk;
    let tokenizer = match app.config.embedding.kind {
        config::EmbeddingKind::Builtin => "builtin",
        config::EmbeddingKind::OpenAi => &app.config.embedding.tokenizer,
    };
    let layout = format!(
        "chunker={CHUNKER_VERSION} max={} overlap={} tokenizer={tokenizer} lexical={}",
        chunk.max_tokens,
        chunk.overlap_tokens,
        lexical::LEXICAL_VERSION
    );
    let name = collection_name(&app.config.index.collection, &embedding, &layout);

    let live = app.index.live().await?;
    let exists = app.index.collections().await?.contains(&name);
    let row = rows.iter().find(|row| row.name == name).cloned();
    let full = match (&row, exists) {
        (Some(row), true) => app.index.generation(&name).await? != Some(row.generation),
        // Made by a run that was interrupted at once, or lost: compare with what is there.
        (None, true) | (Some(_), false) => true,
        (None, false) => false,
    };
    let row = row.unwrap_or(CollectionRow {
        name: name.clone(),
        embedding: embedding.clone(),
        layout,
        dimensions: space.dimensions as i32,
        generation: Uuid::now_v7(),
        average_length: 0.0,
        live: false,
    });
    let replaces = live.filter(|live| *live != name);
    let reuse_from = replaces.clone().filter(|live| {
        rows.iter()
            .any(|row| row.name == *live && row.embedding == embedding)
    });
    let interrupted = app.ledger.has_interrupted_run(&name).await?;
    Ok(Target {
        name,
        // A collection that was begun without one has points without sparse vectors.
        average_length: Some(row.average_length).filter(|average| *average > 0.0),
        building: !row.live,
        fresh: !exists,
        replaces,
        reuse_from,
        exists,
        full,
        interrupted,
        row,
    })
}

/// Makes the collection where it is not there, and the payload indexes that it does not have yet.
pub(crate) async fn make(app: &App, target: &mut Target) -> Result<(), IngestError> {
    let spec = CollectionSpec {
        name: target.name.clone(),
        dimensions: target.row.dimensions as usize,
    };
    app.index.create(&spec).await?;
    target.exists = true;
    app.ledger.save_collection(&target.row).await?;
    Ok(())
}

/// The sources of a run. A new collection needs all that the live one was built from, also folders
/// that were named on the command line once.
pub(crate) async fn sources_to_run(
    app: &App,
    request: &Request,
    target: &Target,
) -> Result<Vec<config::Source>, IngestError> {
    let mut sources = request.sources.clone();
    let replaced = match &target.replaces {
        Some(live) => app.ledger.sources(live).await?,
        None => Vec::new(),
    };
    let mut names: HashSet<String> = sources.iter().map(|source| source.name.clone()).collect();
    for row in replaced {
        if !names.insert(row.name.clone()) {
            continue;
        }
        let mut configured = request.configured.iter();
        match configured.find(|source| source.name == row.name) {
            Some(source) => sources.push(source.clone()),
            None if row.kind == NAMED_ONCE => {
                sources.push(config::Source::folder(row.name, row.location.into()));
            }
            None => {}
        }
    }
    // Last: who may read an answer depends on what its evidence says after this run.
    let asked = sources.iter().any(|source| source.name == ANSWERS);
    if !asked && !request.without_answers && app.ledger.has_answers(ANSWERS).await? {
        sources.push(config::Source::answers());
    }
    Ok(sources)
}

/// The row that remembers a source.
pub(crate) fn source_row(request: &Request, source: &config::Source) -> SourceRow {
    let configured = request.configured.iter().any(|one| one.name == source.name)
        || matches!(source.kind, SourceKind::Answers);
    SourceRow {
        name: source.name.clone(),
        kind: if configured {
            source.kind.name()
        } else {
            NAMED_ONCE
        }
        .to_owned(),
        location: source.kind.location(),
    }
}

/// Takes out the sources that the configuration named once and names no longer.
pub(crate) async fn forget_unconfigured(
    run: &Run,
    request: &Request,
) -> Result<Vec<SourceReport>, IngestError> {
    let mut reports = Vec::new();
    for row in run.app.ledger.sources(&run.collection).await? {
        let is_own = row.kind == NAMED_ONCE || row.name == ANSWERS;
        if is_own || request.sources.iter().any(|source| source.name == row.name) {
            continue;
        }
        let filter = Filter {
            source: Some(row.name.clone()),
            ..Filter::default()
        };
        let rows = run.app.ledger.documents(&run.collection, &row.name).await?;
        let mut report = SourceReport::new(&row.name);
        report.documents.removed = rows.values().filter(|row| row.indexed).count() as u64;
        run.app
            .index
            .delete_matching(&run.collection, &filter)
            .await?;
        run.app.index.flush(&run.collection).await?;
        run.app
            .ledger
            .forget_source(&run.collection, &row.name)
            .await?;
        reports.push(report);
    }
    Ok(reports)
}

/// Closes a run: what the collection as a whole knows is brought up to date, then it goes live.
pub(crate) async fn finish(
    run: &Run,
    target: &Target,
    reports: &[SourceReport],
) -> Result<(), IngestError> {
    let app = &run.app;
    let changed = reports.iter().any(|report| {
        let documents = &report.documents;
        documents.indexed + documents.removed + documents.skipped + documents.failed > 0
    });
    let complete = reports.iter().all(|report| report.error.is_none());
    let mut row = target.row.clone();
    if changed || run.distrust || target.replaces.is_some() || !row.live {
        let forgot = reports.len() > 1 && reports.iter().any(|report| report.documents.removed > 0);
        if run.distrust || forgot || (run.building && !run.fresh) {
            let terms = index::all_terms(app, &run.collection).await?;
            app.ledger.replace_terms(&run.collection, &terms).await?;
        } else if run.building {
            let terms = std::mem::take(&mut *run.built_terms.lock());
            app.ledger.replace_terms(&run.collection, &terms).await?;
        }
        row.average_length = average_length(run).await?;
        app.index.optimize(&run.collection).await?;
        app.index.flush(&run.collection).await?;
        row.generation = Uuid::now_v7();
        app.index
            .set_generation(&run.collection, row.generation)
            .await?;
    }
    app.ledger
        .close_interrupted_runs(&run.collection, run.id)
        .await?;
    if !complete && target.replaces.is_some() {
        run.progress.send(Progress::Note {
            text: "not every source could be read, so the old collection stays in use".to_owned(),
        });
        app.ledger.save_collection(&row).await?;
        return Ok(());
    }
    row.live = true;
    app.ledger.save_collection(&row).await?;
    app.index.switch(&run.collection).await?;
    if let Some(old) = &target.replaces {
        app.index.remove(old).await?;
        app.ledger.delete_collection(old).await?;
    }
    app.load_terms().await?;
    Ok(())
}

/// Writes a new collection's average down.
pub(crate) async fn freeze_average(run: &Run, average: f64) -> Result<(), IngestError> {
    let ledger = &run.app.ledger;
    let rows = ledger.collections().await?;
    if let Some(mut row) = rows.into_iter().find(|row| row.name == run.collection) {
        row.average_length = average;
        ledger.save_collection(&row).await?;
    }
    Ok(())
}

/// The collection's average passage length; where it has drifted, the sparse vectors are computed
/// anew from the stored texts, without a model call.
async fn average_length(run: &Run) -> Result<f64, IngestError> {
    let (chunks, terms) = run.app.ledger.lexical_totals(&run.collection).await?;
    let average = terms as f64 / chunks.max(1) as f64;
    if let Some(&frozen) = run.average_length.get()
        && (chunks == 0 || (average / frozen - 1.0).abs() < DRIFT)
    {
        return Ok(frozen);
    }
    replace_sparse(run, average as f32).await?;
    Ok(average)
}

async fn replace_sparse(run: &Run, average: f32) -> Result<(), IndexError> {
    let index = &run.app.index;
    let mut offset = None;
    loop {
        let page = index
            .scroll(&run.collection, offset, SPARSE_POINTS, false)
            .await?;
        let vectors = page
            .points
            .iter()
            .map(|point| {
                let text = point.payload.lexical_text();
                (point.id, lexical::passage_vector(&text, average))
            })
            .collect();
        index.set_sparse(&run.collection, vectors).await?;
        offset = page.next;
        if offset.is_none() {
            return Ok(());
        }
    }
}
