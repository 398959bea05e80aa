//! Socket Mode: `apps.connections.open`, and the sockets that it gives addresses of.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// What an app-level token is here.
pub const APP_TOKEN: &str = "xapp-scripted";

/// The sockets of the workspace.
#[derive(Default)]
pub(super) struct Sockets {
    tickets: Vec<String>,
    /// Oldest first.
    open: Vec<(usize, mpsc::UnboundedSender<Message>)>,
    opened: usize,
    acknowledged: Vec<(String, Instant)>,
    /// The next calls of `apps.connections.open` fail with these.
    pub(super) refusals: VecDeque<&'static str>,
}

pub(super) type Shared = Arc<Mutex<Sockets>>;

#[derive(Deserialize)]
pub(super) struct Ticket {
    ticket: String,
}

/// `apps.connections.open`: wants the app-level token, and answers an address for one connection.
pub(super) fn open(sockets: &Shared, headers: &HeaderMap, host: &str) -> Value {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if token != Some(APP_TOKEN) {
        return json!({"ok": false, "error": "invalid_auth"});
    }
    let mut sockets = sockets.lock();
    if let Some(refusal) = sockets.refusals.pop_front() {
        return json!({"ok": false, "error": refusal});
    }
    let ticket = format!("ticket-{}", sockets.tickets.len());
    sockets.tickets.push(ticket.clone());
    json!({"ok": true, "url": format!("ws://{host}/socket?ticket={ticket}")})
}

pub(super) async fn connect(
    State(sockets): State<Shared>,
    Query(ticket): Query<Ticket>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let mut held = sockets.lock();
    let known = held
        .tickets
        .iter()
        .position(|known| *known == ticket.ticket);
    let Some(known) = known else {
        return StatusCode::FORBIDDEN.into_response();
    };
    // An address is good once.
    held.tickets[known].clear();
    drop(held);
    upgrade.on_upgrade(move |socket| serve(sockets, socket))
}

async fn serve(sockets: Shared, mut socket: WebSocket) {
    let (sender, mut outgoing) = mpsc::unbounded_channel();
    let id = {
        let mut sockets = sockets.lock();
        sockets.opened += 1;
        let id = sockets.opened;
        sockets.open.push((id, sender));
        id
    };
    let hello = json!({"type": "hello", "num_connections": 1, "debug_info": {"approximate_connection_time": 18060}});
    let _ = socket.send(Message::text(hello.to_string())).await;
    loop {
        tokio::select! {
            message = outgoing.recv() => match message {
                Some(Message::Close(frame)) => {
                    let _ = socket.send(Message::Close(frame)).await;
                    break;
                }
                Some(message) => if socket.send(message).await.is_err() {
                    break;
                },
                None => break,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    let body: Value = serde_json::from_str(&text).unwrap_or_default();
                    if let Some(envelope) = body["envelope_id"].as_str() {
                        let now = Instant::now();
                        sockets.lock().acknowledged.push((envelope.to_owned(), now));
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    sockets.lock().open.retain(|(open, _)| *open != id);
}

impl super::ScriptedSlack {
    /// Sends an envelope over the newest connection; `false`: there is none.
    pub fn send_envelope(&self, kind: &str, envelope_id: &str, payload: &Value) -> bool {
        let envelope = json!({
            "type": kind, "envelope_id": envelope_id, "payload": payload,
            "accepts_response_payload": false, "retry_attempt": 0, "retry_reason": "",
        });
        self.send_to_newest(Message::text(envelope.to_string()))
    }

    /// Says that the newest connection will be closed, as Slack does every few hours.
    pub fn warn_of_disconnect(&self, reason: &str) -> bool {
        let message = json!({"type": "disconnect", "reason": reason});
        self.send_to_newest(Message::text(message.to_string()))
    }

    /// Closes every connection without a word.
    pub fn cut_sockets(&self) {
        for (_, sender) in &self.sockets.lock().open {
            let _ = sender.send(Message::Close(None));
        }
    }

    /// Lets the next calls of `apps.connections.open` fail.
    pub fn refuse_sockets(&self, times: usize, code: &'static str) {
        let refusals = std::iter::repeat_n(code, times);
        self.sockets.lock().refusals.extend(refusals);
    }

    /// Connections that are open now.
    pub fn open_sockets(&self) -> usize {
        self.sockets.lock().open.len()
    }

    /// Connections that were ever opened.
    pub fn opened_sockets(&self) -> usize {
        self.sockets.lock().opened
    }

    /// Envelopes that were acknowledged, and when.
    pub fn acknowledged(&self) -> Vec<(String, Instant)> {
        self.sockets.lock().acknowledged.clone()
    }

    fn send_to_newest(&self, message: Message) -> bool {
        let sockets = self.sockets.lock();
        let newest = sockets.open.last();
        newest.is_some_and(|(_, sender)| sender.send(message).is_ok())
    }
}
