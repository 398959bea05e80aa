//! Purge: one document taken out everywhere, and kept out.
//!
//! First the ledger learns that it must not come back, so that whatever interrupts the purge, no run
//! and no answer brings it back, and doing it again completes it. Then it leaves every collection,
//! the counts of its words, the conversations that quoted it, and what its source keeps.

use std::path::Path;
use std::sync::Arc;

use docent_core::app::App;
use docent_core::config::{self, SourceKind};
use docent_core::document::document_id;
use docent_core::index::{Filter, Payload};
use docent_core::ledger::{DocumentBatch, KnownDocument, Purge, PurgedTraces, Record, TermDeltas};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::answers;
use crate::claim::Claim;
use crate::index::{all_terms, count_terms};
use crate::received;
use crate::run::{IngestError, Run};
use crate::source::{self, Content, Listing, uri};
use crate::vector_file;

/// Payloads read at a time where an address is looked for.
const PAGE: usize = 1000;

/// Which document is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    One(KnownDocument),
    /// More than one has this path.
    Several(Vec<KnownDocument>),
    /// None; all that are known.
    None(Vec<KnownDocument>),
}

/// What a purge removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeReport {
    /// Chunks, in all collections together.
    pub chunks: u64,
    pub collections: u64,
    pub traces: PurgedTraces,
    /// Curated answers that were it, or rested on it.
    #[serde(default)]
    pub curated: u64,
    /// Parts that a model had tidied.
    pub cleaned: u64,
    /// Files and folders of the source's cache.
    pub cached: Vec<String>,
}

/// Finds a document by its id, its address, its path, or `SOURCE/PATH`.
pub async fn find(app: &App, asked: &str) -> Result<Asked, IngestError> {
    let known = app.ledger.known_documents().await?;
    let mut found: Vec<KnownDocument> = known
        .iter()
        .filter(|document| {
            document.path == asked
                || format!("{}/{}", document.source, document.path) == asked
                || document.document_id.to_string() == asked.to_lowercase()
        })
        .cloned()
        .collect();
    if found.is_empty() {
        let address = if Path::new(asked).is_absolute() {
            uri::file(Path::new(asked))
        } else {
            asked.to_owned()
        };
        if address.contains(':') {
            found = by_address(app, &address).await?;
        }
    }
    found.sort_by(|a, b| (&a.source, &a.path).cmp(&(&b.source, &b.path)));
    found.dedup();
    Ok(match found.len() {
        0 => Asked::None(known),
        1 => Asked::One(found.swap_remove(0)),
        _ => Asked::Several(found),
    })
}

/// The ledger knows no addresses, so the collections are read for it.
async fn by_address(app: &App, address: &str) -> Result<Vec<KnownDocument>, IngestError> {
    // A citation's address opens at its page.
    let whole = match address.rsplit_once("#page=") {
        Some((whole, _)) => whole,
        None => address,
    };
    let mut found = Vec::new();
    for collection in app.index.collections().await? {
        let mut offset = None;
        loop {
            let page = app.index.scroll(&collection, offset, PAGE, false).await?;
            let matching = page.points.into_iter().map(|point| point.payload);
            found.extend(
                matching
                    .filter(|payload| payload.uri == whole || payload.uri == address)
                    .map(
                        |Payload {
                             document_id,
                             source,
                             path,
                             ..
                         }| KnownDocument {
                            document_id,
                            source,
                            path,
                        },
                    ),
            );
            offset = page.next;
            if offset.is_none() {
                break;
            }
        }
    }
    Ok(found)
}

/// Takes a document out everywhere. Waits for a run that is under way.
pub async fn purge(
    app: &Arc<App>,
    sources: &[config::Source],
    document: &KnownDocument,
) -> Result<PurgeReport, IngestError> {
    let claim = Claim::of_everything(app, "docent purge").await?;
    let done = tokio::select! {
        done = take_out(app, claim.run_id(), sources, document) => done,
        () = claim.lost() => Err(IngestError::LeaseLost),
    };
    claim.give_back(None).await;
    done
}

async fn take_out(
    app: &Arc<App>,
    run_id: Uuid,
    sources: &[config::Source],
    document: &KnownDocument,
) -> Result<PurgeReport, IngestError> {
    let mut report = PurgeReport::default();
    app.ledger.mark_purged(document).await?;
    let id = document.document_id;
    // Nobody can say which words of a curated answer came from what it rests on.
    let answers = answers::erase(app, document).await?;
    report.curated = answers.len() as u64;
    for answer in &answers {
        // Conversations that quoted it are swept with it.
        app.ledger.mark_purged(answer).await?;
    }
    for collection in app.index.collections().await? {
        let mut chunks = from_collection(app, run_id, &collection, id).await?;
        for answer in &answers {
            chunks += from_collection(app, run_id, &collection, answer.document_id).await?;
        }
        report.chunks += chunks;
        report.collections += u64::from(chunks > 0);
        // Vectors of texts that were not indexed yet; nobody can tell whose they are.
        for kind in received::KINDS {
            let vectors = vector_file::path(app.data.path(), kind, &collection);
            if std::fs::remove_file(&vectors).is_ok() {
                report.cached.push(vectors.display().to_string());
            }
        }
    }
    app.load_terms().await?;
    // What is queued or spooled is on its way to the tables, and swept as it arrives.
    for document_id in answers.iter().map(|answer| answer.document_id).chain([id]) {
        let purge = Record::PurgeDocument(Purge { document_id });
        app.ledger.writer().write(purge);
    }
    app.ledger.flush().await;
    report.traces = app.ledger.sweep_purged().await?;
    report.cleaned = app.ledger.forget_cleaned(id).await?;
    let cache = app.data.cache(&document.source);
    let source = sources.iter().find(|source| source.name == document.source);
    report
        .cached
        .extend(forget_cached(source, &cache, &document.path));
    Ok(report)
}

/// Its points, and what was counted of its words.
async fn from_collection(
    app: &App,
    run_id: Uuid,
    collection: &str,
    id: Uuid,
) -> Result<u64, IngestError> {
    let filter = Filter {
        document_id: Some(id),
        ..Filter::default()
    };
    let points = app.index.points(collection, &filter, false).await?;
    let row = app.ledger.document_of(collection, id).await?;
    if points.is_empty() && row.is_none() {
        return Ok(0);
    }
    let mut terms = TermDeltas::default();
    for point in &points {
        count_terms(&mut terms, &point.payload, -1);
    }
    app.index.delete_matching(collection, &filter).await?;
    app.index.flush(collection).await?;
    let indexed = row.as_ref().is_some_and(|row| row.indexed);
    let consistent = indexed != points.is_empty();
    let batch = DocumentBatch {
        removed: vec![id],
        terms: if consistent {
            terms
        } else {
            TermDeltas::default()
        },
        ..DocumentBatch::default()
    };
    app.ledger
        .commit_documents(collection, run_id, &batch)
        .await?;
    if !consistent {
        // An earlier purge or run was interrupted between the index and the counts.
        let terms = all_terms(app, collection).await?;
        app.ledger.replace_terms(collection, &terms).await?;
    }
    app.index.optimize(collection).await?;
    app.index.flush(collection).await?;
    Ok(points.len() as u64)
}

/// Takes purged documents out of a listing, and what the source keeps of them; answers how many.
pub(crate) async fn leave_out(
    run: &Run,
    source: &config::Source,
    listing: &mut Listing,
) -> Result<u64, IngestError> {
    let purged = run.app.ledger.purged_of(&source.name).await?;
    if purged.is_empty() {
        return Ok(0);
    }
    let cache = run.app.data.cache(&source.name);
    let mut left_out = 0;
    listing.found.retain(|found| {
        if !purged.contains(&document_id(&source.name, &found.path)) {
            return true;
        }
        left_out += 1;
        if !run.plans && matches!(found.content, Content::Kept(..)) {
            forget_cached(Some(source), &cache, &found.path);
        }
        false
    });
    Ok(left_out)
}

/// Removes what a source keeps of a document; answers what that was.
fn forget_cached(source: Option<&config::Source>, cache: &Path, path: &str) -> Vec<String> {
    let files = match source.map(|source| &source.kind) {
        // A clone holds every file: it is made anew, of what the branch holds then.
        Some(SourceKind::Git(_)) | None => vec![cache.to_path_buf()],
        Some(
            SourceKind::Folder(_)
            | SourceKind::Dbt(_)
            | SourceKind::Contracts(_)
            | SourceKind::Answers,
        ) => Vec::new(),
        Some(SourceKind::Website(_) | SourceKind::Confluence(_) | SourceKind::Slack(_)) => {
            source::kept_of(cache, path)
        }
    };
    let mut removed = Vec::new();
    for file in files {
        let gone = if file.is_dir() {
            std::fs::remove_dir_all(&file)
        } else {
            std::fs::remove_file(&file)
        };
        match gone {
            Ok(()) => removed.push(file.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, file = %file.display(), "a purged document may still be in it");
            }
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use docent_core::config::Source;
    use docent_core::document::text_hash;

    use super::*;

    /// A cache with a page of a wiki, and the source that it belongs to.
    fn cache(folder: &Path) -> [std::path::PathBuf; 3] {
        let files = [
            folder
                .join("made")
                .join(format!("{}.md", text_hash("DATA/17"))),
            folder
                .join("pages")
                .join(format!("{}.json", text_hash("17"))),
            folder
                .join("made")
                .join(format!("{}.md", text_hash("DATA/18"))),
        ];
        for file in &files {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "text").unwrap();
        }
        files
    }

    fn source(entry: &str) -> Source {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("docent.toml");
        std::fs::write(&file, format!("[[source]]\nname = \"s\"\n{entry}")).unwrap();
        let overrides = config::Overrides {
            config: Some(file),
            ..config::Overrides::default()
        };
        config::load(&overrides).unwrap().sources.swap_remove(0)
    }

    #[test]
    fn what_a_source_keeps_of_a_document_goes_and_no_more_than_need_be() {
        let folder = tempfile::tempdir().unwrap();
        let [made, page, other] = cache(folder.path());
        let wiki =
            source("kind = \"confluence\"\nurl = \"https://x.example/wiki\"\nspaces = [\"DATA\"]");
        let removed = forget_cached(Some(&wiki), folder.path(), "DATA/17");
        assert_eq!(removed.len(), 2, "{removed:?}");
        assert!(!made.exists() && !page.exists() && other.exists());
        assert!(forget_cached(Some(&wiki), folder.path(), "DATA/17").is_empty());

        // Files of a folder are their owner's.
        let docs = source("kind = \"folder\"\npath = \"docs\"");
        assert!(forget_cached(Some(&docs), folder.path(), "DATA/18").is_empty());
        assert!(other.exists());

        // A clone holds everything; so does a cache whose source is not configured any more.
        let clone = source("kind = \"git\"\nurl = \"https://x.example/repository\"");
        assert_eq!(forget_cached(Some(&clone), folder.path(), "a.md").len(), 1);
        assert!(!folder.path().exists());
        cache(folder.path());
        assert_eq!(forget_cached(None, folder.path(), "a.md").len(), 1);
    }
}
