//! `POST /v1/answers` and `PATCH /v1/answers/{id}`.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Timelike, Utc};
use docent_core::document::groups_of_both;
use docent_core::ledger::{Act, CuratedAnswer};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::evidence::{Evidence, find, invalid};
use super::{Id, indexed, note, of_path, one};
use crate::server::AppState;
use crate::server::access::Editor;
use crate::server::problem::Problem;

/// Longest texts, in characters.
pub(super) const QUESTION: usize = 1000;
pub(super) const ANSWER: usize = 10_000;
const OWNER: usize = 200;
/// Groups that may be named.
const GROUPS: usize = 100;

/// The body of `POST /v1/answers`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// Where it is left out: the question of the interaction, in words that stand alone.
    question: Option<String>,
    answer: String,
    /// Addresses or ids of documents. Where it is left out: what the interaction's answer cited.
    evidence: Option<Vec<String>>,
    /// An answer of docent's that this one takes the place of.
    interaction_id: Option<Uuid>,
    owner: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    /// Who may read it, fewer than may read the evidence.
    groups: Option<Vec<String>>,
}

/// The body of `PATCH /v1/answers/{id}`: what is left out stays. `null` takes owner or end away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Change {
    question: Option<String>,
    answer: Option<String>,
    evidence: Option<Vec<String>>,
    groups: Option<Vec<String>>,
    #[serde(default)]
    owner: Given<String>,
    #[serde(default)]
    expires_at: Given<DateTime<Utc>>,
}

/// What `null` takes away and leaving out keeps.
#[derive(Debug, Default)]
enum Given<T> {
    #[default]
    LeftOut,
    As(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::As)
    }
}

/// `POST /v1/answers`: 201 with the answer; `indexed` says whether it is found already.
pub(crate) async fn create(
    State(service): State<AppState>,
    editor: Editor,
    body: Result<Json<New>, JsonRejection>,
) -> Response {
    let created = async {
        let Json(new) = body?;
        let answer = made(&service, &editor, new).await?;
        let place = format!("/v1/answers/{}", answer.id);
        let shown = kept(&service, &editor, answer, Act::AnswerCreated).await?;
        let headers = [(header::LOCATION, place)];
        Ok::<_, Problem>((StatusCode::CREATED, headers, Json(shown)))
    };
    created.await.into_response()
}

/// `PATCH /v1/answers/{id}`: whatever is changed, what it rests on counts as looked at by its author.
pub(in crate::server) async fn change(
    State(service): State<AppState>,
    editor: Editor,
    id: Id,
    body: Result<Json<Change>, JsonRejection>,
) -> Response {
    let changed = async {
        let before = of_path(&service.app, &editor, id).await?;
        let Json(change) = body?;
        let answer = edited(&service, &editor, before, change).await?;
        let shown = kept(&service, &editor, answer, Act::AnswerChanged).await?;
        // Follow-ups are read with earlier answers.
        service.chat.conversations.forget_all();
        Ok::<_, Problem>(Json(shown))
    };
    changed.await.into_response()
}

async fn made(service: &AppState, editor: &Editor, new: New) -> Result<CuratedAnswer, Problem> {
    let app = &service.app;
    let asked = match new.interaction_id {
        None => None,
        Some(id) => {
            let asked = app.ledger.asked(id).await.map_err(Problem::from)?;
            Some(asked.ok_or_else(interaction_unknown)?)
        }
    };
    let named = match (new.evidence, &asked) {
        (Some(named), _) => named,
        (None, Some(asked)) => asked.documents.iter().map(Uuid::to_string).collect(),
        (None, None) => Vec::new(),
    };
    let evidence = find(app, &editor.caller, &named).await?;
    let groups = groups(editor, &evidence, new.groups)?;
    let question = match (new.question, asked) {
        (Some(question), _) => question,
        (None, Some(asked)) => {
            // Its words are for those who may read what it was answered with.
            let cited: Vec<String> = asked.documents.iter().map(Uuid::to_string).collect();
            find(app, &editor.caller, &cited).await?;
            asked.question
        }
        (None, None) => return Err(invalid("say what `question` it answers")),
    };
    let at = now();
    Ok(CuratedAnswer {
        id: Uuid::now_v7(),
        question: text("question", &question, QUESTION)?,
        answer: text("answer", &new.answer, ANSWER)?,
        author: editor.caller.name.clone(),
        owner: owner(new.owner)?,
        at,
        updated_at: at,
        expires_at: end(new.expires_at)?,
        groups,
        evidence: evidence.documents,
        evidence_hashes: evidence.hashes,
        interaction_id: new.interaction_id,
    })
}

async fn edited(
    service: &AppState,
    editor: &Editor,
    before: CuratedAnswer,
    change: Change,
) -> Result<CuratedAnswer, Problem> {
    let named = match change.evidence {
        Some(named) => named,
        None => before.evidence.iter().map(Uuid::to_string).collect(),
    };
    let evidence = find(&service.app, &editor.caller, &named).await?;
    let wanted = match change.groups {
        Some(groups) => Some(groups),
        // What rests on nothing keeps the groups that an admin gave it.
        None if evidence.groups.is_none() && before.evidence.is_empty() => {
            Some(before.groups.clone())
        }
        None => None,
    };
    let is_admins = before.evidence.is_empty() && !editor.is_admin;
    if is_admins && evidence.groups.is_none() {
        return Err(evidence_required());
    }
    Ok(CuratedAnswer {
        question: match change.question {
            Some(question) => text("question", &question, QUESTION)?,
            None => before.question,
        },
        answer: match change.answer {
            Some(answer) => text("answer", &answer, ANSWER)?,
            None => before.answer,
        },
        author: editor.caller.name.clone(),
        owner: match change.owner {
            Given::As(given) => owner(given)?,
            Given::LeftOut => before.owner,
        },
        expires_at: match change.expires_at {
            Given::As(given) => end(given)?,
            Given::LeftOut => before.expires_at,
        },
        updated_at: now(),
        groups: groups(editor, &evidence, wanted)?,
        evidence: evidence.documents,
        evidence_hashes: evidence.hashes,
        ..before
    })
}

/// Writes an answer down and has it indexed.
async fn kept(
    service: &AppState,
    editor: &Editor,
    answer: CuratedAnswer,
    act: Act,
) -> Result<Value, Problem> {
    let saved = service.app.ledger.save_answer(&answer).await;
    if !saved.map_err(Problem::from)? {
        return Err(super::unknown());
    }
    note(service, editor, act, answer.id);
    let waits = match indexed(service).await {
        Ok(()) => None,
        Err(Some(error)) => Some(error.to_string()),
        Err(None) => Some("a run is under way; it is indexed after that".to_owned()),
    };
    let mut shown = one(&service.app, editor, answer).await?;
    if let (Some(waits), Some(fields)) = (waits, shown.as_object_mut()) {
        fields.insert("waits_for".to_owned(), json!(waits));
    }
    Ok(shown)
}

/// Who may read it: what the evidence allows, or fewer; without evidence what an admin says.
fn groups(
    editor: &Editor,
    evidence: &Evidence,
    wanted: Option<Vec<String>>,
) -> Result<Vec<String>, Problem> {
    let wanted = wanted.map(|mut groups| {
        groups.retain(|group| !group.trim().is_empty());
        groups.sort_unstable();
        groups.dedup();
        groups
    });
    if let Some(wanted) = &wanted
        && !(1..=GROUPS).contains(&wanted.len())
    {
        return Err(invalid(format!("`groups` names 1 to {GROUPS} groups")));
    }
    match (&evidence.groups, wanted) {
        (Some(allowed), None) => Ok(allowed.clone()),
        (Some(allowed), Some(wanted)) => {
            let both = groups_of_both(allowed, &wanted);
            if both.len() == wanted.len() && wanted.iter().all(|group| both.contains(group)) {
                return Ok(wanted);
            }
            Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "groups_too_wide",
                format!(
                    "the evidence may be read by {} only; `groups` can be fewer, not more",
                    allowed.join(", ")
                ),
            ))
        }
        (None, Some(wanted)) if editor.is_admin => Ok(wanted),
        (None, None) if editor.is_admin => Err(invalid(
            "an answer without `evidence` needs `groups`: who may read it ([\"everyone\"]: all)",
        )),
        (None, _) => Err(evidence_required()),
    }
}

pub(super) fn text(name: &str, given: &str, most: usize) -> Result<String, Problem> {
    let given = given.trim();
    // A question is one line, as titles are.
    let given = if name == "question" {
        given.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        given.to_owned()
    };
    if given.is_empty() || given.chars().count() > most {
        return Err(invalid(format!("`{name}` has 1 to {most} characters")));
    }
    Ok(given)
}

fn owner(given: Option<String>) -> Result<Option<String>, Problem> {
    given.map(|owner| text("owner", &owner, OWNER)).transpose()
}

fn end(given: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>, Problem> {
    match given {
        Some(end) if end <= Utc::now() => Err(invalid("`expires_at` is over already")),
        end => Ok(end),
    }
}

/// This moment as Postgres keeps it, in microseconds.
pub(super) fn now() -> DateTime<Utc> {
    let now = Utc::now();
    now.with_nanosecond(now.nanosecond() / 1000 * 1000)
        .unwrap_or(now)
}

fn evidence_required() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "evidence_required",
        "name the documents that the answer rests on (`evidence`), or the `interaction_id` of an answer \
         that cited some; only an admin can answer without",
    )
}

fn interaction_unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "interaction_unknown",
        "there is no such answer of docent's; interaction_id is the one that an answer carries",
    )
}
