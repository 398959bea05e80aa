//! `/v1/conversations`: listing, reading, retitling and deleting one's own. Callers who share a name
//! (anonymous, visitors of the widget) have no list: for them a conversation's id is its key.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use docent_core::ledger::{Act, Audit, Conversation, ConversationSummary, Deletion, Record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::openapi::{Guarded, OfConversation, WithBody};
use super::problem::Problem;
use crate::chat::history::readable;
use crate::chat::{Caller, ChatError};

/// Conversations that are listed.
const LISTED: i64 = 200;
/// Longest title, in characters.
const TITLE: usize = 200;
/// What stands in place of an answer about documents that the caller may not read any more.
const WITHDRAWN: &str = "(This answer was about documents that you may no longer read.)";

/// What a path's id may turn out to be.
type Id = Result<Path<Uuid>, PathRejection>;

/// The caller's conversations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Conversations {
    /// The one that was used last first; 200 at the most.
    conversations: Vec<ConversationSummary>,
}

/// List one's own conversations
///
/// The one that was used last comes first. Callers who share a name (anonymous, visitors of the widget) have
/// no list.
#[utoipa::path(
    get, path = "/v1/conversations", tag = "conversations", operation_id = "list_conversations",
    security((), ("bearer" = [])),
    responses((status = 200, description = "The caller's own", body = Conversations), Guarded),
)]
pub(super) async fn list(State(service): State<AppState>, caller: Caller) -> Response {
    let ledger = &service.app.ledger;
    if caller.is_shared() {
        let conversations = Vec::new();
        return Json(Conversations { conversations }).into_response();
    }
    // Turns that are still queued would be missing.
    ledger.flush().await;
    match ledger.conversations(&caller.name, LISTED).await {
        Ok(conversations) => Json(Conversations { conversations }).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Read a conversation
///
/// With its turns, oldest first, and the passages that they cite. An answer about documents that the caller
/// may no longer read is left out.
#[utoipa::path(
    get, path = "/v1/conversations/{id}", tag = "conversations", operation_id = "read_conversation",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 200, description = "The conversation", body = Conversation), OfConversation, Guarded),
)]
pub(super) async fn read(State(service): State<AppState>, caller: Caller, id: Id) -> Response {
    let Ok(Path(id)) = id else {
        // What is no UUID is the id of no conversation.
        return unknown().into_response();
    };
    let ledger = &service.app.ledger;
    ledger.flush().await;
    let read = async {
        let found = ledger.conversation(id, &caller.name).await;
        let found = found.map_err(Problem::from)?;
        let mut conversation = found.ok_or_else(unknown)?;
        withhold(&service, &caller, &mut conversation).await?;
        Ok::<_, Problem>(conversation)
    };
    match read.await {
        Ok(conversation) => Json(conversation).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Takes out what the caller may not read any more. A question after it may have been read with it, so
/// that only the caller's own words of those remain.
async fn withhold(
    service: &AppState,
    caller: &Caller,
    conversation: &mut Conversation,
) -> Result<(), Problem> {
    let documents: Vec<Uuid> = conversation
        .interactions
        .iter()
        .flat_map(|turn| turn.passages.iter().map(|passage| passage.document_id))
        .collect();
    let readable = readable(&service.app, &documents, &caller.groups).await;
    let readable = readable.map_err(|error| Problem::from(ChatError::Index(error)))?;
    let mut withheld = false;
    for turn in &mut conversation.interactions {
        let may = turn
            .passages
            .iter()
            .all(|passage| readable.contains(&passage.document_id));
        if !may {
            withheld = true;
            turn.answer = WITHDRAWN.to_owned();
            turn.passages.clear();
        }
        if withheld {
            turn.standalone_question.clone_from(&turn.question);
        }
        turn.passages.retain(|passage| passage.cited_as.is_some());
    }
    Ok(())
}

/// The body of `PATCH /v1/conversations/{id}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// Not only blanks.
    #[schema(pattern = r"\S", max_length = 200)]
    title: String,
}

/// A conversation with its new title.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Retitled {
    id: Uuid,
    title: String,
}

/// Rename a conversation
#[utoipa::path(
    patch, path = "/v1/conversations/{id}", tag = "conversations", operation_id = "rename_conversation",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    request_body = Change,
    responses(
        (status = 200, description = "As it is called now", body = Retitled),
        OfConversation, Guarded, WithBody,
    ),
)]
pub(super) async fn retitle(
    State(service): State<AppState>,
    caller: Caller,
    id: Id,
    body: Result<Json<Change>, JsonRejection>,
) -> Response {
    let Ok(Path(id)) = id else {
        return unknown().into_response();
    };
    let Json(change) = match body {
        Ok(change) => change,
        Err(rejection) => return Problem::from(rejection).into_response(),
    };
    let title = change
        .title
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if title.is_empty() || title.chars().count() > TITLE {
        let text = format!("a title has 1 to {TITLE} characters");
        return Problem::new(StatusCode::BAD_REQUEST, "title_invalid", text).into_response();
    }
    let ledger = &service.app.ledger;
    ledger.flush().await;
    match ledger.retitle(id, &caller.name, &title).await {
        Ok(true) => Json(Retitled { id, title }).into_response(),
        Ok(false) => unknown().into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Delete a conversation
///
/// With everything that was said, also while Postgres is away: the request waits in the spool then, and
/// whether there was one is not told.
#[utoipa::path(
    delete, path = "/v1/conversations/{id}", tag = "conversations", operation_id = "delete_conversation",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 204, description = "It is gone"), OfConversation, Guarded),
)]
pub(super) async fn remove(State(service): State<AppState>, caller: Caller, id: Id) -> Response {
    let Ok(Path(id)) = id else {
        return unknown().into_response();
    };
    let ledger = &service.app.ledger;
    ledger.flush().await;
    if let Ok(false) = ledger.has_conversation(id, &caller.name).await {
        return unknown().into_response();
    }
    service.chat.conversations.forget(id, &caller.name);
    let writer = ledger.writer();
    writer.write(Record::DeleteConversation(Deletion {
        conversation_id: id,
        caller: Some(caller.name.clone()),
    }));
    let act = Act::ConversationDeleted;
    writer.write(Audit::now(&caller.name, act, id.to_string()));
    StatusCode::NO_CONTENT.into_response()
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "conversation_unknown",
        "there is no such conversation",
    )
}
