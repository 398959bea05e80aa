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
use utoipa::ToSchema;
use uuid::Uuid;

use super::evidence::{Evidence, find, invalid};
use super::shown::ShownAnswer;
use super::{Id, OfAnswer, indexed, note, of_path, one};
use crate::server::AppState;
use crate::server::access::Editor;
use crate::server::openapi::{Guarded, WithBody};
use crate::server::problem::{Problem, ProblemBody};

/// Longest texts, in characters.
pub(super) const QUESTION: usize = 1000;
pub(super) const ANSWER: usize = 10_000;
const OWNER: usize = 200;
/// Groups that may be named.
const GROUPS: usize = 100;

/// The body of `POST /v1/answers`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAnswer)]
pub(crate) struct New {
    /// Where it is left out: the question of the interaction, in words that stand alone.
    #[schema(pattern = r"\S", max_length = 1000)]
    question: Option<String>,
    #[schema(pattern = r"\S", max_length = 10_000)]
    answer: String,
    /// Addresses or ids of documents. Where it is left out: what the interaction's answer cited.
    #[schema(max_items = 50)]
    evidence: Option<Vec<String>>,
    /// An answer of docent's that this one takes the place of.
    interaction_id: Option<Uuid>,
    #[schema(pattern = r"\S", max_length = 200)]
    owner: Option<String>,
    /// In the future.
    expires_at: Option<DateTime<Utc>>,
    /// Who may read it, fewer than may read the evidence; an admin's answer that rests on nothing needs them.
    #[schema(min_items = 1, max_items = 100)]
    groups: Option<Vec<String>>,
}

/// The body of `PATCH /v1/answers/{id}`: what is left out stays. `null` takes owner or end away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AnswerChange)]
pub(in crate::server) struct Change {
    #[schema(pattern = r"\S", max_length = 1000)]
    question: Option<String>,
    #[schema(pattern = r"\S", max_length = 10_000)]
    answer: Option<String>,
    #[schema(max_items = 50)]
    evidence: Option<Vec<String>>,
    #[schema(min_items = 1, max_items = 100)]
    groups: Option<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = r"\S", max_length = 200)]
    owner: Given<String>,
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
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

/// Write a curated answer
///
/// It rests on documents (`evidence`) and is read by whoever may read all of them. `indexed` says whether it is
/// found already.
#[utoipa::path(
    post, path = "/v1/answers", tag = "answers", operation_id = "create_answer",
    security((), ("bearer" = [])),
    request_body = New,
    responses(
        (status = 201, description = "As it is kept", body = ShownAnswer,
            headers(("location" = String, description = "Where it can be looked at"))),
        (status = 404, description = "`interaction_unknown`: docent has given no such answer",
            body = ProblemBody, content_type = "application/problem+json"),
        Guarded, WithBody,
    ),
)]
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

/// Change a curated answer
///
/// What is left out stays; `null` takes owner or end away. Whatever is changed, what it rests on counts as looked
/// at by its author, who is now the caller.
#[utoipa::path(
    patch, path = "/v1/answers/{id}", tag = "answers", operation_id = "change_answer",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    request_body = Change,
    responses((status = 200, description = "As it is now", body = ShownAnswer), OfAnswer, Guarded, WithBody),
)]
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
) -> Result<ShownAnswer, Problem> {
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
    shown.waits_for = waits;
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
    if let Some(wanted) = &wanted
        && wanted.iter().any(|group| group.contains(char::is_control))
    {
        return Err(invalid("a group's name has no control characters"));
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
