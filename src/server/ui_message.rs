//! `POST /v1/ui-message`: the request of `useChat` (AI SDK), and its UI message stream, version 1, as the
//! answer. It is another form of `/v1/chat`: the same callers, limits and turns.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chat::{self, Asked};
use super::problem::Problem;
use super::said::{Ending, Said, withdrawal};
use super::told::{Speaker, conversation};
use super::{AppState, sse};
use crate::chat::live::Reader;
use crate::chat::turn::Citation;
use crate::chat::{Answer, Caller, Event, Mark};

/// How `useChat` knows the stream.
const VERSION: (&str, &str) = ("x-vercel-ai-ui-message-stream", "v1");
/// Conversations of chat ids are named in it.
const CHATS: Uuid = Uuid::from_u128(0x3f0c_9d52_61b4_4e0c_9a57_7f6a_2b1d_8e43);
/// A chat id as long as those that the AI SDK makes: nobody guesses it.
const UNGUESSABLE: usize = 16;

/// The body that `useChat`'s default transport sends, as far as it is looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    /// Of the chat.
    id: String,
    messages: Vec<Message>,
    trigger: Option<String>,
    /// Of the message that is edited, or answered anew.
    message_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Message {
    id: Option<String>,
    role: String,
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

pub(super) async fn ask(
    State(service): State<AppState>,
    caller: Caller,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(request) = body?;
    let asked = request.read(&caller)?;
    let channel = chat::channel(&caller, &headers);
    let turn = chat::turn(&service, asked, caller, channel)?;
    let from = chat::address(peer, &headers);
    let mut reader = chat::begin(&service, turn, &from, None).await?;
    let read = chat::opened(&mut reader).await?;
    Ok(streamed(read, reader))
}

/// `GET /v1/ui-message/{chat}/stream`, which `useChat` asks with `resume` when a page is opened: the answer that
/// is being written, from its beginning; 204 where none is.
pub(super) async fn resume(
    State(service): State<AppState>,
    caller: Caller,
    Path(chat): Path<String>,
) -> Response {
    let conversation = conversation_of(&caller, &chat);
    let reader = conversation.and_then(|id| service.live.going_on(&caller.name, id));
    reader.map_or_else(
        || StatusCode::NO_CONTENT.into_response(),
        |reader| streamed(Vec::new(), reader),
    )
}

/// What was `read` of a turn, and the rest of it, as a UI message stream.
fn streamed(read: Vec<Event>, reader: Reader) -> Response {
    let mut parts = Parts::default();
    let mut response = sse::translated(read, reader, move |event| parts.of(event));
    let (name, value) = VERSION;
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    response
}

impl Request {
    fn read(self, caller: &Caller) -> Result<Asked, Problem> {
        let conversation_id = conversation_of(caller, &self.id);
        let asked = self.messages.iter().rev().find(|m| m.role == "user");
        if asked.is_some_and(|message| message.parts.iter().any(|part| part.kind == "file")) {
            let detail = "docent reads text only: no files in a question";
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "unsupported_part",
                detail,
            ));
        }
        // Edited, or to be answered anew, it is another turn than the one that its id began.
        let is_new = self.message_id.is_none()
            && self
                .trigger
                .is_none_or(|trigger| trigger == "submit-message");
        let message_id = asked
            .and_then(|message| message.id.clone())
            .filter(|_| is_new);
        let messages = self
            .messages
            .into_iter()
            .filter_map(|message| Some((Speaker::of(&message.role)?, message.text())));
        let Some((question, told)) = conversation(messages) else {
            let detail = "messages has no message with the role user, so there is no question";
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "question_empty",
                detail,
            ));
        };
        Ok(Asked {
            question,
            conversation_id,
            message_id,
            told: Some(told),
        })
    }
}

impl Message {
    fn text(self) -> String {
        let texts = self.parts.into_iter().filter(|part| part.kind == "text");
        let texts = texts.filter_map(|part| part.text);
        texts.collect::<Vec<_>>().join("\n\n")
    }
}

/// The conversation of a caller's chat. `None`, which is a new one each time: others share the caller's name
/// and could choose the same id.
fn conversation_of(caller: &Caller, chat: &str) -> Option<Uuid> {
    if caller.is_shared() && chat.len() < UNGUESSABLE {
        return None;
    }
    let name = format!("{}\n{chat}", caller.name);
    Some(Uuid::new_v5(&CHATS, name.as_bytes()))
}

/// Makes parts of the events of a turn.
#[derive(Debug, Default)]
struct Parts {
    said: Said,
    /// How many text parts there were, and whether the last one is open.
    texts: usize,
    is_open: bool,
}

impl Parts {
    fn of(&mut self, event: Event) -> Vec<String> {
        let mut parts = Vec::new();
        match event {
            Event::Turn {
                interaction_id,
                conversation_id,
                ..
            } => parts.push(json!({
                "type": "start",
                "messageId": interaction_id,
                "messageMetadata": {
                    "interaction_id": interaction_id,
                    "conversation_id": conversation_id,
                },
            })),
            Event::Delta { text } => {
                self.said.push(&text);
                self.text(&text, &mut parts);
            }
            Event::Mark(mark) => parts.push(self.mark(&mark)),
            Event::Done(answer) => self.end(&answer, &mut parts),
            Event::Error { message, .. } => {
                self.close(&mut parts);
                parts.push(json!({ "type": "error", "errorText": message }));
                return lines(&parts, true);
            }
            Event::Sources { .. } | Event::Citations { .. } => {}
        }
        let is_last = parts.last().is_some_and(|part| part["type"] == "finish");
        lines(&parts, is_last)
    }

    fn end(&mut self, answer: &Answer, parts: &mut Vec<Value>) {
        match self.said.ending(answer) {
            Ending::Rest(rest) => self.text(rest, parts),
            // Each in a part of its own: marks count from the beginning of their part.
            Ending::Instead(whole) => {
                self.close(parts);
                self.text(withdrawal(&answer.question), parts);
                self.close(parts);
                self.text(whole, parts);
                parts.extend(answer.marks.iter().map(|mark| self.mark(mark)));
            }
        }
        self.close(parts);
        parts.extend(answer.citations.iter().map(source));
        if !answer.citations.is_empty() {
            parts.push(json!({
                "type": "data-citations",
                "id": "citations",
                "data": answer.citations,
            }));
        }
        parts.push(json!({
            "type": "finish",
            "messageMetadata": {
                "interaction_id": answer.interaction_id,
                "conversation_id": answer.conversation_id,
                "outcome": answer.outcome,
                "contact": answer.contact,
            },
        }));
    }

    fn text(&mut self, text: &str, parts: &mut Vec<Value>) {
        if text.is_empty() {
            return;
        }
        if !self.is_open {
            self.texts += 1;
            self.is_open = true;
            parts.push(json!({ "type": "text-start", "id": self.text_id() }));
        }
        parts.push(json!({ "type": "text-delta", "id": self.text_id(), "delta": text }));
    }

    fn close(&mut self, parts: &mut Vec<Value>) {
        if std::mem::take(&mut self.is_open) {
            parts.push(json!({ "type": "text-end", "id": self.text_id() }));
        }
    }

    fn text_id(&self) -> String {
        format!("text-{}", self.texts)
    }

    /// A mark; one that says more of the same sentence takes the place of the one before.
    fn mark(&self, mark: &Mark) -> Value {
        let mut data = json!(mark);
        data["text"] = json!(self.texts);
        json!({
            "type": "data-mark",
            "id": format!("mark-{}-{}", self.texts, mark.start),
            "data": data,
        })
    }
}

fn source(citation: &Citation) -> Value {
    let id = citation.number.to_string();
    match citation.address() {
        Some(address) => json!({
            "type": "source-url",
            "sourceId": id,
            "url": address,
            "title": citation.title,
        }),
        None => json!({
            "type": "source-document",
            "sourceId": id,
            "mediaType": "text/markdown",
            "title": citation.title,
            "filename": citation.path,
        }),
    }
}

fn lines(parts: &[Value], is_last: bool) -> Vec<String> {
    let end = is_last.then(|| "[DONE]".to_owned());
    parts.iter().map(ToString::to_string).chain(end).collect()
}
