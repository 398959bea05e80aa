//! Curated answers as a source: one document each, of the text that the ledger holds. The question is
//! its title, so that whoever asks alike finds it.
//!
//! Who may read one is what all documents of its evidence allow, as the index says when the answers are
//! listed, and never more than when it was written. Evidence that is gone can be read by nobody, so
//! neither can the answer, until somebody looks at it again.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use docent_core::app::App;
use docent_core::config::{self, ANSWERS};
use docent_core::document::{Curated, document_id, groups_of_both};
use docent_core::index::{Filter, IndexError};
use docent_core::ledger::{CuratedAnswer, KnownDocument};
use uuid::Uuid;

use crate::claim::Claim;
use crate::extract::FrontMatter;
use crate::report::ProgressSender;
use crate::run::{IngestError, Request, Run, run_claimed};
use crate::source::{Found, Listing};

/// Documents of evidence that are looked up at a time.
const EVIDENCE: usize = 500;

/// The document that an answer is.
pub fn answer_document(id: Uuid) -> Uuid {
    document_id(ANSWERS, &path(id))
}

/// Brings the live collection up to date with the curated answers alone, after runs that are under way.
pub async fn index_answers(app: &Arc<App>) -> Result<(), IngestError> {
    let request = Request {
        sources: vec![config::Source::answers()],
        configured: app.config.sources.clone(),
        only_add: true,
        ..Request::default()
    };
    let claim = Claim::of_collections(app, "a curated answer");
    let report = run_claimed(Arc::clone(app), request, claim, ProgressSender::default()).await?;
    let problem = report.sources.first().and_then(|source| {
        let failed = source
            .problems
            .first()
            .map(|problem| problem.reason.clone());
        source.error.clone().or(failed)
    });
    match problem {
        Some(problem) => Err(IngestError::Defect(problem)),
        None => Ok(()),
    }
}

/// Who may read an answer whose evidence allows these, one list a document that is there; `None`: nobody.
pub fn allowed<'a>(
    answer: &CuratedAnswer,
    evidence: impl Iterator<Item = &'a [String]>,
) -> Option<Vec<String>> {
    let groups = evidence.fold(answer.groups.clone(), |groups, of_one| {
        groups_of_both(&groups, of_one)
    });
    (!groups.is_empty()).then_some(groups)
}

/// The answers that hold now.
pub(crate) async fn listing(run: &Run) -> Result<Listing, IngestError> {
    let answers = run.app.ledger.standing_answers().await?;
    let groups = evidence(run, &answers).await?;
    let mut listing = Listing::default();
    for answer in answers {
        let of_each = answer.evidence.iter().map(|id| groups.get(id));
        let readable = of_each.clone().all(|groups| groups.is_some());
        let of_each = of_each.flatten().map(Vec::as_slice);
        match allowed(&answer, of_each).filter(|_| readable) {
            Some(groups) => listing.found.push(found(answer, groups)),
            None => {
                listing.withdrawn.insert(path(answer.id));
            }
        }
    }
    listing.found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(listing)
}

/// The groups of all documents that answers rest on; what is gone is missing.
async fn evidence(
    run: &Run,
    answers: &[CuratedAnswer],
) -> Result<HashMap<Uuid, Vec<String>>, IndexError> {
    let collection = if run.collection_exists {
        &run.collection
    } else {
        // A plan: the collection that it is about is not there yet.
        match &run.replaces {
            Some(live) => live,
            None => return Ok(HashMap::new()),
        }
    };
    let wanted: HashSet<Uuid> = answers
        .iter()
        .flat_map(|answer| answer.evidence.iter().copied())
        .collect();
    let wanted: Vec<Uuid> = wanted.into_iter().collect();
    let mut groups = HashMap::with_capacity(wanted.len());
    for documents in wanted.chunks(EVIDENCE) {
        let filter = Filter {
            documents: Some(documents.to_vec()),
            first: true,
            ..Filter::default()
        };
        let points = run.app.index.points(collection, &filter, false).await?;
        groups.extend(
            points
                .into_iter()
                .map(|point| (point.payload.document_id, point.payload.groups)),
        );
    }
    Ok(groups)
}

fn found(answer: CuratedAnswer, groups: Vec<String>) -> Found {
    let author = display_name(&answer.author).to_owned();
    let given = FrontMatter {
        title: Some(answer.question),
        owner: Some(answer.owner.unwrap_or_else(|| author.clone())),
        groups: Some(groups),
        updated_at: Some(answer.updated_at),
        curated: Some(Curated {
            author,
            at: answer.updated_at,
            expires_at: answer.expires_at,
        }),
        ..FrontMatter::default()
    };
    Found::made(path(answer.id), answer.answer, given)
}

/// A caller's name without what says how they are known.
fn display_name(caller: &str) -> &str {
    ["key:", "user:"]
        .iter()
        .find_map(|kind| caller.strip_prefix(kind))
        .unwrap_or(caller)
}

/// Erases the answer that a document is, and those that rest on it; gives the documents of the latter.
pub(crate) async fn erase(
    app: &App,
    document: &KnownDocument,
) -> Result<Vec<KnownDocument>, IngestError> {
    let own = (document.source == ANSWERS)
        .then(|| {
            Path::new(&document.path)
                .file_stem()?
                .to_str()?
                .parse()
                .ok()
        })
        .flatten();
    let erased = app.ledger.erase_answers(own, document.document_id).await?;
    Ok(erased
        .into_iter()
        .map(|id| KnownDocument {
            document_id: answer_document(id),
            source: ANSWERS.to_owned(),
            path: path(id),
        })
        .filter(|answer| answer.document_id != document.document_id)
        .collect())
}

fn path(id: Uuid) -> String {
    format!("{id}.md")
}
