//! `POST /v1/chat`: a question in, its answer out, as JSON or as a stream of events.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use docent_core::ledger::Channel;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::access::limits;
use super::openapi::{Guarded, Limited, WithBody};
use super::problem::{Problem, ProblemBody};
use super::sse;
use crate::chat::live::Reader;
use crate::chat::{Answer, Caller, CallerKind, Event, PastTurn, Turn};

/// Longest `message_id`, in characters.
const MESSAGE_ID_MAX: usize = 128;
/// How long a stream's response may wait for the first thing to show.
const OPENING: Duration = Duration::from_secs(10);

/// The request's body.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// At most `server.max_question_chars` characters, not only blanks.
    #[schema(pattern = r"\S")]
    question: String,
    /// An earlier answer's `conversation_id`, for a follow-up.
    conversation_id: Option<Uuid>,
    /// The client's own id of the message, best a UUID: the same one again is the same turn.
    #[schema(min_length = 1, max_length = 128)]
    message_id: Option<String>,
    /// A stream of events; so does `Accept: text/event-stream`.
    #[serde(default)]
    stream: bool,
}

/// A question as any of the routes has read it.
pub(crate) struct Asked {
    pub(super) question: String,
    pub(super) conversation_id: Option<Uuid>,
    pub(super) message_id: Option<String>,
    /// What the client says that was asked and answered before.
    pub(super) told: Option<Vec<PastTurn>>,
}

impl Asked {
    /// A question that comes in another way than by a route for questions.
    pub(crate) fn of(question: String, conversation_id: Option<Uuid>) -> Self {
        Self {
            question,
            conversation_id,
            message_id: None,
            told: None,
        }
    }
}

/// An event of a streamed answer, as `text/event-stream` carries it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description of what `sse` writes")]
pub(super) struct StreamedEvent {
    /// To be sent as `Last-Event-ID`.
    id: String,
    #[schema(inline)]
    event: StreamedEventName,
    /// JSON: of `done` the answer, of `error` its `code` and `message`.
    data: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a description of what `sse` writes")]
enum StreamedEventName {
    Turn,
    Sources,
    Delta,
    Mark,
    Citations,
    Done,
    Error,
}

/// Ask a question
///
/// Answers as JSON, or, with `stream` or `Accept: text/event-stream`, as events: `turn`, `sources`, `delta`
/// (words as they are written), `mark` (a sentence that was checked), `citations`, then `done` with the whole
/// answer, or `error`. The data of each is JSON; a comment line comes every 15 s. With a `message_id`, a
/// client that lost its connection sends the same request again, with the id of the last event that it has
/// seen as `Last-Event-ID`.
#[utoipa::path(
    post, path = "/v1/chat", tag = "chat", operation_id = "ask",
    security((), ("bearer" = [])),
    params(("last-event-id" = Option<String>, Header,
        description = "The last event of the same message that was seen; of a stream only")),
    request_body = Ask,
    responses(
        (status = 200, description = "The answer, or that the documents have none", content(
            (Answer = "application/json"), (StreamedEvent = "text/event-stream"))),
        (status = 409, description = "`message_id_in_use`: it belongs to another question",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "`too_slow`: the index did not answer in time",
            body = ProblemBody, content_type = "application/problem+json"),
        Guarded, WithBody, Limited,
    )
)]
pub(super) async fn ask(
    State(service): State<AppState>,
    caller: Caller,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Json<Ask>, JsonRejection>,
) -> Response {
    match start(&service, caller, peer, &headers, body).await {
        Ok((reader, true)) => sse::stream(reader),
        Ok((reader, false)) => match finished(reader).await {
            Ok(answer) => Json(answer).into_response(),
            Err(problem) => problem.into_response(),
        },
        Err(problem) => problem.into_response(),
    }
}

/// The body of `POST /v1/chat/stop`.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Stop {
    message_id: String,
}

/// Stop an answer
///
/// The reader wants no more of it. Without this, generation goes on for as long as a reader with a
/// `message_id` may come back. A message that is not being answered is no error.
#[utoipa::path(
    post, path = "/v1/chat/stop", tag = "chat", operation_id = "stop",
    security((), ("bearer" = [])),
    request_body = Stop,
    responses((status = 204, description = "It is being stopped"), Guarded, WithBody),
)]
pub(super) async fn stop(
    State(service): State<AppState>,
    caller: Caller,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Json<Stop>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(stop)) => {
            let from = address(peer, &headers);
            service.live.stop(&caller.name, &stop.message_id, &from);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(rejection) => Problem::from(rejection).into_response(),
    }
}

/// Where a request comes from, as far as it can be told behind a proxy.
pub(super) fn address(peer: SocketAddr, headers: &HeaderMap) -> String {
    let forwarded = headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok());
    format!("{} {}", peer.ip(), forwarded.unwrap_or_default())
}

async fn start(
    service: &AppState,
    caller: Caller,
    peer: SocketAddr,
    headers: &HeaderMap,
    body: Result<Json<Ask>, JsonRejection>,
) -> Result<(Reader, bool), Problem> {
    let Json(ask) = body?;
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let stream = ask.stream
        || header(header::ACCEPT).is_some_and(|accept| accept.contains("text/event-stream"));
    // Whoever wants the whole answer has to have its last event, whatever else was seen.
    let after = header(header::HeaderName::from_static("last-event-id"))
        .filter(|_| stream)
        .and_then(|id| id.parse().ok());
    let channel = channel(&caller, headers);
    let asked = Asked {
        question: ask.question,
        conversation_id: ask.conversation_id,
        message_id: ask.message_id,
        told: None,
    };
    let turn = turn(service, asked, caller, channel)?;
    let from = address(peer, headers);
    Ok((begin(service, turn, &from, after).await?, stream))
}

/// Where a question came in.
pub(super) fn channel(caller: &Caller, headers: &HeaderMap) -> Channel {
    match caller.kind {
        CallerKind::Visitor | CallerKind::Guest => Channel::Widget,
        // A browser says so; programs do not.
        _ if headers.contains_key("sec-fetch-site") => Channel::Web,
        _ => Channel::Api,
    }
}

/// Begins a turn within the limits of its caller and channel, or finds the one that the same message
/// has begun.
pub(crate) async fn begin(
    service: &AppState,
    turn: Turn,
    from: &str,
    after: Option<usize>,
) -> Result<Reader, Problem> {
    if let Some(reader) = service.live.find(&turn, from, after)? {
        return Ok(reader);
    }
    limits::admit(service, &turn.caller, turn.channel, turn.interaction_id).await?;
    Ok(service
        .live
        .start(&service.app, &service.chat, turn, from, after)?)
}

/// The turn of a question that can be asked.
pub(crate) fn turn(
    service: &AppState,
    asked: Asked,
    caller: Caller,
    channel: Channel,
) -> Result<Turn, Problem> {
    let question = asked.question.trim();
    let longest = service.app.config.server.max_question_chars;
    if question.is_empty() {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "question_empty",
            "the question is empty",
        ));
    }
    if question.chars().count() > longest {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "question_too_long",
            format!("the question is longer than {longest} characters (server.max_question_chars)"),
        ));
    }
    if asked
        .message_id
        .as_ref()
        .is_some_and(|id| id.is_empty() || id.chars().count() > MESSAGE_ID_MAX)
    {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "message_id_invalid",
            format!("message_id must have 1 to {MESSAGE_ID_MAX} characters"),
        ));
    }
    Ok(Turn {
        interaction_id: Uuid::now_v7(),
        new_conversation: asked.conversation_id.is_none(),
        // Not guessable: whoever knows it may read the conversation's follow-ups.
        conversation_id: asked.conversation_id.unwrap_or_else(Uuid::new_v4),
        message_id: asked.message_id,
        question: question.to_owned(),
        told: asked.told,
        caller,
        channel,
        origin: service.origin,
        cancelled: CancellationToken::new(),
    })
}

/// Reads a turn until something of it can be shown: what fails before still has a status of its own. What
/// was read is handed back.
pub(super) async fn opened(reader: &mut Reader) -> Result<Vec<Event>, Problem> {
    let mut read = Vec::new();
    let deadline = Instant::now() + OPENING;
    while let Ok(Some((_, event))) = timeout_at(deadline, reader.next()).await {
        if let Event::Error { code, message } = event {
            return Err(Problem::of_event(&code, message));
        }
        let is_shown = !matches!(event, Event::Turn { .. });
        read.push(event);
        if is_shown {
            break;
        }
    }
    Ok(read)
}

/// Waits for the end of a turn. Dropping it (the client is gone) stops the turn.
pub(super) async fn finished(mut reader: Reader) -> Result<Answer, Problem> {
    while let Some((_, event)) = reader.next().await {
        match event {
            Event::Done(answer) => return Ok(*answer),
            Event::Error { code, message } => return Err(Problem::of_event(&code, message)),
            _ => {}
        }
    }
    Err(Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the turn ended without an answer",
    ))
}
