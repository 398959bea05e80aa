//! An owner's reply in Slack to a question that was handed to them, kept as a curated answer.

use docent_core::document::groups_of_both;
use docent_core::ledger::{Act, CuratedAnswer};
use uuid::Uuid;

use super::evidence::find;
use super::write::{ANSWER, QUESTION, now, text};
use super::{index_soon, note};
use crate::chat::Caller;
use crate::server::AppState;
use crate::server::access::Editor;
use crate::server::problem::Problem;

/// What an owner confirmed.
pub(crate) struct Reply<'a> {
    /// Of the handing over, and then of the answer: confirming twice makes one.
    pub(crate) id: Uuid,
    pub(crate) interaction_id: Uuid,
    pub(crate) text: &'a str,
    pub(crate) owner: Caller,
    /// Who may read what is said where it was asked. `None`: it was asked in private.
    pub(crate) place: Option<Vec<String>>,
}

/// Keeps it, for those who may read the place where it was asked and all that docent's own answer cited.
/// `false`: nobody can say who may read it (asked in private, and docent cited nothing), so that it is an
/// answer to its asker alone.
pub(crate) async fn keep(service: &AppState, reply: Reply<'_>) -> Result<bool, Problem> {
    let app = &service.app;
    let asked = app.ledger.asked(reply.interaction_id).await?;
    let Some(asked) = asked else {
        return Ok(false);
    };
    let cited: Vec<String> = asked.documents.iter().map(Uuid::to_string).collect();
    let evidence = find(app, &reply.owner, &cited).await?;
    let groups = match (&evidence.groups, &reply.place) {
        (Some(evidence), Some(place)) => groups_of_both(evidence, place),
        (Some(groups), None) | (None, Some(groups)) => groups.clone(),
        (None, None) => return Ok(false),
    };
    if groups.is_empty() {
        return Ok(false);
    }
    let at = now();
    let answer = CuratedAnswer {
        id: reply.id,
        question: text("question", &asked.question, QUESTION)?,
        answer: text("answer", reply.text, ANSWER)?,
        author: reply.owner.name.clone(),
        owner: None,
        at,
        updated_at: at,
        expires_at: None,
        groups,
        evidence: evidence.documents,
        evidence_hashes: evidence.hashes,
        interaction_id: Some(reply.interaction_id),
    };
    if !app.ledger.save_answer(&answer).await? {
        return Ok(false);
    }
    let editor = Editor {
        caller: reply.owner,
        is_admin: false,
    };
    note(service, &editor, Act::AnswerCreated, answer.id);
    index_soon(service);
    Ok(true)
}
