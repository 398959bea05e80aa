//! Abstention: when the evidence is too weak, and what is said then.
//!
//! The rule: a question is answered when the passages hold an answer with a probability of at least
//! `retrieval.min_evidence`, computed from what retrieval knows ([`super::retrieve::evidence`]). What
//! keeps "what is the CEO's salary" from being answered with whatever document has the word "what" is
//! that its rare words are not there.

use docent_core::app::App;

use super::Turn;
use super::language::Language;
use super::record::Draft;
use super::retrieve::Retrieval;
use super::turn::{Answer, AnswerOutcome, Contact};

/// Documents that an abstention names as looked at.
const LOOKED_AT: usize = 3;

/// Why the passages are not enough to answer from, where they are not.
pub(super) fn too_weak(app: &App, retrieval: &Retrieval) -> Option<String> {
    let settings = &app.config.retrieval;
    if retrieval.passages.is_empty() {
        return Some("nothing was found".to_owned());
    }
    let evidence = retrieval.evidence();
    let probability = evidence.probability(&settings.evidence);
    (probability < settings.min_evidence).then(|| {
        format!(
            "an answer is {probability:.2} likely, below {:.2}: {evidence:?}",
            settings.min_evidence
        )
    })
}

/// Says what was looked at and whom to ask.
pub(super) fn abstention(app: &App, turn: &Turn, draft: &Draft, retrieval: &Retrieval) -> Answer {
    let language = Language::of(&turn.question);
    let mut looked_at: Vec<&str> = Vec::new();
    for passage in &retrieval.passages {
        let title = passage.hit.payload.title.as_str();
        if !looked_at.contains(&title) && looked_at.len() < LOOKED_AT {
            looked_at.push(title);
        }
    }
    let mut contact = retrieval
        .passages
        .iter()
        .find_map(|passage| Contact::of(&passage.hit.payload));
    if let Some(contact) = &mut contact {
        let reachable = contact.slack_place().is_some() || contact.email.is_some();
        contact.hand_off = reachable && turn.caller.may_hand_off(&app.config.slack);
    }
    let mut answer = draft.answer(turn, AnswerOutcome::Abstained);
    answer.answer = sentence(language, &looked_at, contact.as_ref());
    answer.contact = contact;
    answer
}

fn sentence(language: Language, looked_at: &[&str], contact: Option<&Contact>) -> String {
    let mut text = match language {
        Language::English => {
            "I found no answer to this in the documents I may show you.".to_owned()
        }
        Language::Korean => "보여 드릴 수 있는 문서에서 이 질문의 답을 찾지 못했습니다.".to_owned(),
    };
    if !looked_at.is_empty() {
        let titles = looked_at.join(", ");
        text.push_str(&match language {
            Language::English => format!(" The nearest ones I looked at: {titles}."),
            Language::Korean => format!(" 가장 가까운 문서: {titles}."),
        });
    }
    let reach = contact.and_then(|contact| {
        let owner = contact.owner.as_deref()?;
        let ways: Vec<&str> = [contact.slack.as_deref(), contact.email.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        Some(if ways.is_empty() {
            owner.to_owned()
        } else {
            format!("{owner} ({})", ways.join(", "))
        })
    });
    if let Some(reach) = reach {
        text.push_str(&match language {
            Language::English => format!(" {reach} owns the nearest one and can tell you more."),
            Language::Korean => format!(" 가장 가까운 문서의 담당자에게 물어보세요: {reach}."),
        });
    }
    text
}
