//! Read, extract, clean and chunk: on threads, many documents at once, handed on in batches in the
//! order of their paths.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, panic};

use docent_core::config::{self, SourceKind};
use docent_core::document::{Document, Metadata, Outcome, bytes_hash, document_id, text_hash};
use docent_core::index::Payload;
use docent_core::ledger::{DocumentOutcome, DocumentRow};
use docent_core::models::TokenCounter;
use docent_core::process;
use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::clean::model::{Cleaner, Untidy};
use crate::extract::isolated::{Extractor, Isolation};
use crate::run::{IngestError, Run};
use crate::source::{Content, Found, Listing, uri};
use crate::traces::Trace;
use crate::{chunk, clean, extract, source};

/// A batch is handed on when its chunks keep every connection to the embedder busy once (what is
/// lost and paid again when the process is killed), within these bounds …
const BATCH_CHUNKS: std::ops::RangeInclusive<usize> = 32..=512;
/// … or when it has this many documents.
const BATCH_DOCUMENTS: usize = 1024;

/// Documents that readers may be ahead of the slowest one: what they have read waits in memory.
const AHEAD: usize = 256;

/// What a document came to on the way to the index.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Prepared {
    /// Nothing to do: as in the last run. With a row where only the bytes differ.
    Unchanged(Option<DocumentRow>),
    /// Its text is the same, its metadata is not: payload and sparse vector only.
    Metadata(DocumentRow, Box<Document>),
    /// New or changed: to be embedded and indexed.
    Changed(Box<ChangedDocument>),
    /// Left out, and why. `known` tells whether it may have points from before.
    LeftOut {
        path: String,
        outcome: Outcome,
        known: Option<DocumentRow>,
    },
}

/// A document whose text is to be indexed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChangedDocument {
    pub(crate) row: DocumentRow,
    /// Without its text, which is in the chunks.
    pub(crate) document: Document,
    pub(crate) chunks: Vec<PreparedChunk>,
    /// Its row from an earlier run, where it has one.
    pub(crate) before: Option<DocumentRow>,
    #[serde(skip)]
    pub(crate) trace: Trace,
}

/// What is stored of a chunk, and what is embedded of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PreparedChunk {
    pub(crate) payload: Payload,
    pub(crate) embedded_text: String,
}

/// Documents that go on together.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Batch(pub(crate) Vec<Prepared>);

impl Batch {
    pub(crate) fn documents(&self) -> usize {
        self.0.len()
    }

    /// The chunks of new and changed documents.
    pub(crate) fn prepared_chunks(&self) -> impl Iterator<Item = &PreparedChunk> {
        self.0.iter().flat_map(|prepared| match prepared {
            Prepared::Changed(changed) => changed.chunks.as_slice(),
            _ => &[],
        })
    }

    fn chunks(&self) -> usize {
        self.0.iter().map(chunks_of).sum()
    }
}

fn chunks_of(prepared: &Prepared) -> usize {
    match prepared {
        Prepared::Changed(changed) => changed.chunks.len(),
        Prepared::Metadata(..) => 1,
        Prepared::Unchanged(_) | Prepared::LeftOut { .. } => 0,
    }
}

/// The batches of a source, in the order of the paths.
pub(crate) struct Batches(pub(crate) mpsc::Receiver<io::Result<Batch>>);

impl Batches {
    /// The next one; an error where it was spooled and cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Batch>, IngestError> {
        self.0.recv().await.transpose().map_err(IngestError::Spool)
    }
}

/// How far the documents were handed on, for the readers that are ahead.
#[derive(Default)]
struct Handed {
    position: Mutex<usize>,
    moved: Condvar,
}

impl Handed {
    fn move_to(&self, position: usize) {
        *self.position.lock() = position;
        self.moved.notify_all();
    }

    /// Waits until a position is not too far ahead.
    fn wait_for(&self, wanted: usize) {
        let mut position = self.position.lock();
        while wanted >= position.saturating_add(AHEAD) {
            self.moved.wait(&mut position);
        }
    }
}

/// Lets all readers go on when nobody takes documents any more; they notice it then.
struct LetGo(Arc<Handed>);

impl Drop for LetGo {
    fn drop(&mut self) {
        self.0.move_to(usize::MAX);
    }
}

/// What every reader thread needs.
struct Reader {
    source: config::Source,
    root: PathBuf,
    chunk: config::Chunk,
    isolation: Isolation,
    max_file_bytes: u64,
    counter: TokenCounter,
    known: HashMap<String, DocumentRow>,
    full: bool,
    /// Whether documents are traced: a plan only looks at them.
    traced: bool,
    /// Hash of the source's own settings: a new owner or group there changes every document.
    settings_hash: String,
    /// Tidies the text, where the source wants that.
    cleaner: Option<Arc<Cleaner>>,
}

/// Starts the threads; batches arrive in the order of the paths. They stop when the receiver is
/// dropped.
pub(crate) fn start(
    run: &Run,
    source: &config::Source,
    listing: Listing,
    known: HashMap<String, DocumentRow>,
    cleaner: Option<Arc<Cleaner>>,
) -> Batches {
    let config = &run.app.config;
    let mut threads = match config.ingest.readers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        readers => readers,
    };
    if cleaner.is_some() {
        // They wait for the model, most of the time.
        threads = threads.max(config.clean.concurrency);
    }
    let reader = Arc::new(Reader {
        source: source.clone(),
        root: listing.root,
        chunk: config.chunk.clone(),
        isolation: Isolation::of(&config.ingest),
        max_file_bytes: config.ingest.max_file_bytes,
        counter: run.app.embedder.counter().clone(),
        known,
        full: run.full,
        traced: !run.plans,
        settings_hash: settings_hash(source, cleaner.as_deref()),
        cleaner,
    });
    let found = Arc::new(listing.found);
    let next = Arc::new(AtomicUsize::new(0));
    let handed = Arc::new(Handed::default());
    let (sender, mut finished) = mpsc::channel::<(usize, Prepared)>(threads * 64);
    for _ in 0..threads {
        let (reader, found, next, handed, sender) = (
            Arc::clone(&reader),
            Arc::clone(&found),
            Arc::clone(&next),
            Arc::clone(&handed),
            sender.clone(),
        );
        std::thread::spawn(move || {
            // Behind the questions of `serve`, and behind requests to the embedder, which are what a run
            // waits for.
            process::give_way();
            let mut extractor = Extractor::new(reader.isolation.clone());
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(found) = found.get(position) else {
                    break;
                };
                handed.wait_for(position);
                let prepared = reader.prepare_whole(found, &mut extractor);
                if sender.blocking_send((position, prepared)).is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);

    let batch_chunks = batch_chunks(&config.embedding);
    let (batches, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let _let_go = LetGo(Arc::clone(&handed));
        let mut early: HashMap<usize, Prepared> = HashMap::new();
        let mut position = 0;
        let mut batch = Batch::default();
        while let Some((at, prepared)) = finished.recv().await {
            early.insert(at, prepared);
            while let Some(prepared) = early.remove(&position) {
                position += 1;
                batch.0.push(prepared);
                let full = batch.chunks() >= batch_chunks || batch.documents() >= BATCH_DOCUMENTS;
                if full && batches.send(Ok(std::mem::take(&mut batch))).await.is_err() {
                    return;
                }
            }
            handed.move_to(position);
        }
        if batch.documents() > 0 {
            let _ = batches.send(Ok(batch)).await;
        }
    });
    Batches(receiver)
}

/// Chunks that make a batch.
pub(crate) fn batch_chunks(embedding: &config::Embedding) -> usize {
    (embedding.batch_texts * embedding.concurrency)
        .clamp(*BATCH_CHUNKS.start(), *BATCH_CHUNKS.end())
}

impl Reader {
    /// [`Reader::prepare`], of which a defect fails that document only: the others are waiting for it.
    fn prepare_whole(&self, found: &Found, extractor: &mut Extractor) -> Prepared {
        let prepared = panic::AssertUnwindSafe(|| self.prepare(found, extractor));
        panic::catch_unwind(prepared).unwrap_or_else(|_| Prepared::LeftOut {
            path: found.path.clone(),
            outcome: Outcome::Failed("a defect in docent: it panicked over this".to_owned()),
            known: self.known.get(&found.path).cloned(),
        })
    }

    fn prepare(&self, found: &Found, extractor: &mut Extractor) -> Prepared {
        let known = self.known.get(&found.path);
        let mut trace = Trace::default();
        match self.walk(found, known, extractor, &mut trace) {
            Ok(prepared) => {
                match &prepared {
                    Prepared::Unchanged(_) => trace.end(&Outcome::Unchanged),
                    // All that is left to do is the new payload.
                    Prepared::Metadata(..) => trace.end(&Outcome::Indexed),
                    Prepared::Changed(_) | Prepared::LeftOut { .. } => {}
                }
                prepared
            }
            Err(outcome) => {
                if trace.is_none() {
                    trace = self.trace(found);
                }
                trace.end(&outcome);
                Prepared::LeftOut {
                    path: found.path.clone(),
                    outcome,
                    known: known.cloned(),
                }
            }
        }
    }

    fn trace(&self, found: &Found) -> Trace {
        if self.traced {
            Trace::begin(&self.source.name, &found.path)
        } else {
            Trace::default()
        }
    }

    /// source → extract → clean → chunk, stopping as soon as nothing has changed. From where there is
    /// something to do, it is traced.
    fn walk(
        &self,
        found: &Found,
        known: Option<&DocumentRow>,
        extractor: &mut Extractor,
        trace: &mut Trace,
    ) -> Result<Prepared, Outcome> {
        let raw = source::read(found, &self.root, self.max_file_bytes)?;
        let raw_hash = text_hash(&format!("{}\n{}", raw.raw_hash, self.settings_hash));
        let indexed_before = known.filter(|row| row.indexed && !self.full);
        if indexed_before.is_some_and(|row| row.raw_hash == raw_hash) {
            return Ok(Prepared::Unchanged(None));
        }

        *trace = self.trace(found);
        let extracted = trace.step("extract").in_scope(|| extractor.extract(&raw))?;
        for note in raw.notes.iter().chain(&extracted.front.problem) {
            tracing::warn!(source = %self.source.name, path = %found.path, "{note}");
        }
        let cleaning = trace.step("clean");
        let text = cleaning.in_scope(|| clean::clean(&extracted.markdown));
        let above = extracted.front.above.clone();
        let mut document = self.document(found, &raw, extracted, text)?;
        let cleaned = cleaning.in_scope(|| self.tidy(&mut document));
        drop(cleaning);
        let mut content = format!("{}\n{}", document.title, document.text);
        if !above.is_empty() {
            content = format!("{}\n{content}", above.join("\n"));
        }
        let content_hash = text_hash(&content);
        let metadata_hash = metadata_hash(&document);
        let mut row = DocumentRow {
            document_id: document.id,
            path: document.path.clone(),
            source: document.source.clone(),
            // What could not be tidied now is looked at again in the next run.
            raw_hash: if cleaned { raw_hash } else { String::new() },
            content_hash,
            metadata_hash,
            title: document.title.clone(),
            chunks: 0,
            lexical_length: 0,
            indexed: true,
            outcome: DocumentOutcome::Indexed,
            reason: None,
        };
        if let Some(before) =
            indexed_before.filter(|row_before| row_before.content_hash == row.content_hash)
        {
            row.chunks = before.chunks;
            row.lexical_length = before.lexical_length;
            if before.metadata_hash == row.metadata_hash {
                return Ok(Prepared::Unchanged(Some(row)));
            }
            return Ok(Prepared::Metadata(row, Box::new(document)));
        }

        let place = chunk::Place {
            title: &document.title,
            above: &above,
        };
        let chunks = trace
            .step("chunk")
            .in_scope(|| chunk::chunks(place, &document.text, &self.counter, &self.chunk));
        trace.cut(chunks.len());
        row.chunks = chunks.len() as i32;
        let chunks = chunks.iter().map(|chunk| {
            let embedded_text = chunk.embedded_text(&document.title);
            PreparedChunk {
                payload: Payload::of(&document, chunk, text_hash(&embedded_text)),
                embedded_text,
            }
        });
        let chunks = chunks.collect();
        document.text = String::new();
        Ok(Prepared::Changed(Box::new(ChangedDocument {
            row,
            document,
            chunks,
            before: known.cloned(),
            trace: trace.clone(),
        })))
    }

    /// Has the model tidy a document; `false`: it could not be asked.
    fn tidy(&self, document: &mut Document) -> bool {
        let Some(cleaner) = &self.cleaner else {
            return true;
        };
        let tidied = cleaner.tidy(Untidy {
            document_id: document.id,
            path: document.path.clone(),
            title: document.title.clone(),
            text: std::mem::take(&mut document.text),
            language: document.language.clone(),
        });
        document.text = tidied.text;
        // A thread has no title but its first words; a page has the one that people know it by.
        if let (Some(title), SourceKind::Slack(_)) = (tidied.title, &self.source.kind) {
            document.title = title;
        }
        !tidied.failed
    }

    fn document(
        &self,
        found: &Found,
        raw: &source::Raw,
        extracted: extract::Extracted,
        text: String,
    ) -> Result<Document, Outcome> {
        let front = extracted.front;
        let source = &self.source;
        let groups = front.groups.unwrap_or_else(|| source.groups.clone());
        if groups.is_empty() {
            return Err(Outcome::Skipped(
                "nobody may read it: `groups` is empty".to_owned(),
            ));
        }
        // An owner of its own has contacts of its own: those of the source's owner would be wrong.
        let own_owner = front.owner.is_some();
        let or_source = |own: Option<String>, of_source: &Option<String>| {
            own.or_else(|| of_source.clone().filter(|_| !own_owner))
        };
        let metadata = Metadata {
            uri: front.uri.unwrap_or_else(|| document_uri(source, found)),
            asset: front.asset,
            owner_slack: or_source(front.owner_slack, &source.owner_slack),
            owner_email: or_source(front.owner_email, &source.owner_email),
            owner: front.owner.or_else(|| source.owner.clone()),
            groups,
            status: front.status,
            updated_at: front.updated_at.or(raw.modified),
            fresh_at: front.fresh_at,
            stale_at: front.stale_at,
            curated: front.curated,
        };
        Ok(Document {
            id: document_id(&source.name, &found.path),
            source: source.name.clone(),
            path: found.path.clone(),
            title: extracted.title,
            text,
            language: extracted.language,
            metadata,
        })
    }
}

/// Where people open a document that its source gives no address: the source's template, or the
/// file itself.
fn document_uri(source: &config::Source, found: &Found) -> String {
    match &found.content {
        _ if !source.uri.is_empty() => source.uri.replace("{path}", &uri::encode(&found.path)),
        Content::File(file) => uri::file(file),
        // Nobody opens it anywhere; the name says at least which document is meant.
        Content::Kept(..) | Content::Made(_) => {
            format!(
                "docent:{}/{}",
                uri::encode(&source.name),
                uri::encode(&found.path)
            )
        }
    }
}

/// Everything of the metadata but the time of the change, which alone is no change.
fn metadata_hash(document: &Document) -> String {
    let mut metadata = document.metadata.clone();
    metadata.updated_at = None;
    let json = serde_json::to_vec(&(&metadata, &document.language)).unwrap_or_default();
    bytes_hash(&json)
}

fn settings_hash(source: &config::Source, cleaner: Option<&Cleaner>) -> String {
    let settings = (
        &source.groups,
        &source.owner,
        &source.owner_slack,
        &source.owner_email,
        &source.uri,
    );
    let hash = bytes_hash(&serde_json::to_vec(&settings).unwrap_or_default());
    match cleaner {
        Some(cleaner) => text_hash(&format!("{hash} {}", cleaner.fingerprint())),
        None => hash,
    }
}
