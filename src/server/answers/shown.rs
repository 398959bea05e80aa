//! Answers as those see them who look after them: whether they still hold, and what they rest on.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use docent_core::app::App;
use docent_core::index::Payload;
use docent_core::ledger::CuratedAnswer;
use docent_ingest::{allowed, answer_document};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::evidence::{payloads, unavailable};
use crate::server::access::Editor;
use crate::server::problem::Problem;

/// A curated answer as its caller sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CuratedAnswer)]
pub(in crate::server) struct ShownAnswer {
    id: Uuid,
    /// The document that it is in the index.
    document_id: Uuid,
    question: String,
    answer: String,
    /// Who wrote it, or changed it last.
    author: String,
    /// Who answers for it, where that is not the author.
    owner: Option<String>,
    at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    expired: bool,
    /// Whether something that it rests on has changed or gone since.
    stale: bool,
    /// Whether questions find it, as it stands here.
    indexed: bool,
    /// Who may read it now.
    groups: Vec<String>,
    evidence: Vec<ShownEvidence>,
    /// The answer of docent's that it takes the place of.
    interaction_id: Option<Uuid>,
    /// Why it is not indexed yet, where it was just written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waits_for: Option<String>,
}

/// A document that an answer rests on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Evidence)]
struct ShownEvidence {
    document_id: Uuid,
    /// `null`, as the address: the caller may not read the document itself.
    title: Option<String>,
    uri: Option<String>,
    state: State,
}

/// What became of a document since the answer was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EvidenceState)]
enum State {
    Current,
    Changed,
    Gone,
}

/// What the index and the ledger know of the answers' documents.
struct Now {
    live: Option<String>,
    documents: HashMap<Uuid, Payload>,
    hashes: HashMap<Uuid, String>,
}

impl Now {
    async fn of(app: &App, answers: &[CuratedAnswer]) -> Result<Self, Problem> {
        let mut now = Self {
            live: app.index.live().await.map_err(unavailable)?,
            documents: HashMap::new(),
            hashes: HashMap::new(),
        };
        let Some(live) = &now.live else {
            return Ok(now);
        };
        let own = answers.iter().map(|answer| answer_document(answer.id));
        let mut ids: Vec<Uuid> = answers
            .iter()
            .flat_map(|answer| answer.evidence.iter().copied())
            .chain(own)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        now.documents = payloads(app, live, &ids).await?;
        now.hashes = app
            .ledger
            .content_hashes(live, &ids)
            .await
            .map_err(Problem::from)?;
        Ok(now)
    }

    fn state(&self, document: Uuid, then: &str) -> State {
        match self.hashes.get(&document) {
            _ if !self.documents.contains_key(&document) => State::Gone,
            Some(now) if now == then => State::Current,
            _ => State::Changed,
        }
    }

    /// Who may read an answer, as far as its evidence is there.
    fn groups(&self, answer: &CuratedAnswer) -> Option<Vec<String>> {
        let evidence = answer.evidence.iter();
        let there = evidence.filter_map(|id| self.documents.get(id));
        allowed(answer, there.map(|payload| payload.groups.as_slice()))
    }

    fn is_gone(&self, answer: &CuratedAnswer) -> bool {
        let mut evidence = answer.evidence.iter();
        evidence.any(|id| !self.documents.contains_key(id))
    }
}

/// Those of some answers that the caller may read, with who else may. Of one whose evidence is gone
/// nobody can say who may read it: its author and admins see it, to look after it.
pub(super) async fn readable(
    app: &App,
    editor: &Editor,
    answers: Vec<CuratedAnswer>,
) -> Result<Vec<(CuratedAnswer, Vec<String>)>, Problem> {
    let now = Now::of(app, &answers).await?;
    Ok(readable_of(&now, editor, answers))
}

fn readable_of(
    now: &Now,
    editor: &Editor,
    answers: Vec<CuratedAnswer>,
) -> Vec<(CuratedAnswer, Vec<String>)> {
    let caller = &editor.caller;
    let may = |answer: &CuratedAnswer, groups: &[String]| {
        groups.iter().any(|group| caller.groups.contains(group))
            && (!now.is_gone(answer) || editor.is_admin || answer.author == caller.name)
    };
    answers
        .into_iter()
        .filter_map(|answer| {
            let groups = now.groups(&answer)?;
            may(&answer, &groups).then_some((answer, groups))
        })
        .collect()
}

/// Those that the caller may read.
pub(super) async fn shown(
    app: &App,
    editor: &Editor,
    answers: Vec<CuratedAnswer>,
) -> Result<Vec<ShownAnswer>, Problem> {
    let now = Now::of(app, &answers).await?;
    let answers = readable_of(&now, editor, answers).into_iter();
    let at = Utc::now();
    Ok(answers
        .map(|(answer, groups)| value(&now, editor, answer, groups, at))
        .collect())
}

fn value(
    now: &Now,
    editor: &Editor,
    answer: CuratedAnswer,
    groups: Vec<String>,
    at: DateTime<Utc>,
) -> ShownAnswer {
    let states = answer.evidence.iter().zip(&answer.evidence_hashes);
    let states: Vec<(Uuid, State)> = states
        .map(|(id, then)| (*id, now.state(*id, then)))
        .collect();
    let expired = answer.expires_at.is_some_and(|end| end <= at);
    let document_id = answer_document(answer.id);
    // Of an earlier text the index may still hold the document.
    let document = now.documents.get(&document_id);
    let curated = document.and_then(|document| document.curated.as_ref());
    let indexed = curated.is_some_and(|curated| curated.at == answer.updated_at);
    ShownAnswer {
        id: answer.id,
        document_id,
        question: answer.question,
        answer: answer.answer,
        author: answer.author,
        owner: answer.owner,
        at: answer.at,
        updated_at: answer.updated_at,
        expires_at: answer.expires_at,
        expired,
        stale: states.iter().any(|(_, state)| *state != State::Current),
        indexed: indexed && !expired,
        groups,
        evidence: states
            .into_iter()
            .map(|(id, state)| evidence(now, editor, id, state))
            .collect(),
        interaction_id: answer.interaction_id,
        waits_for: None,
    }
}

/// Title and address are told where the caller may read the document itself.
fn evidence(now: &Now, editor: &Editor, document_id: Uuid, state: State) -> ShownEvidence {
    let caller = &editor.caller;
    let readable = now.documents.get(&document_id).filter(|payload| {
        let mut groups = payload.groups.iter();
        groups.any(|group| caller.groups.contains(group))
    });
    ShownEvidence {
        document_id,
        title: readable.map(|payload| payload.title.clone()),
        uri: readable.map(|payload| payload.uri.clone()),
        state,
    }
}
