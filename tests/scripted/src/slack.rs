//! A Slack workspace, written to Slack's documentation: the Web API with its rate limits, its limits of
//! blocks and texts, and its streams, which expire. It keeps what every thread shows in the end, and every
//! call.

mod blocks;
mod chat;
mod sockets;
mod streams;
mod users;
mod world;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use self::sockets::APP_TOKEN;
use self::world::World;
pub use self::world::{SlackCall, SlackFault, SlackMessage, SlackRules};

/// The bot's user, and the workspace, of a [`ScriptedSlack`].
pub const BOT: &str = "U0BOT";
pub const TEAM: &str = "T0TEAM";

/// A running workspace. It stops when it is dropped.
pub struct ScriptedSlack {
    url: String,
    world: Arc<Mutex<World>>,
    sockets: sockets::Shared,
    task: AbortHandle,
}

/// Why a method does not do what it was asked.
enum Refusal {
    /// `{"ok": false, "error": …}`.
    Code(&'static str),
    /// 429 with `Retry-After`, in seconds.
    Limited(u64),
}

type Answer = Result<Value, Refusal>;

impl ScriptedSlack {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn start(rules: SlackRules) -> Self {
        let world = Arc::new(Mutex::new(World::new(rules)));
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port on the loopback interface");
        let address = listener.local_addr().expect("an address that was bound");
        let sockets = sockets::Shared::default();
        let opening = {
            let (sockets, host) = (Arc::clone(&sockets), address.to_string());
            move |headers: HeaderMap| async move {
                json_response(&sockets::open(&sockets, &headers, &host))
            }
        };
        let router = Router::new()
            .route("/api/{method}", any(call))
            .layer(DefaultBodyLimit::max(4 << 20))
            .with_state(Arc::clone(&world))
            .route("/api/apps.connections.open", post(opening))
            .route(
                "/socket",
                get(sockets::connect).with_state(Arc::clone(&sockets)),
            );
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self {
            url: format!("http://{address}"),
            world,
            sockets,
            task: task.abort_handle(),
        }
    }

    /// What `slack.api_url` is set to.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.url)
    }

    /// Changes the rules for calls from now on.
    pub fn change(&self, change: impl FnOnce(&mut SlackRules)) {
        change(&mut self.world.lock().rules);
    }

    /// Lets the next `times` calls of a method fail.
    pub fn fail(&self, method: &str, times: usize, fault: SlackFault) {
        let mut world = self.world.lock();
        let faults = world.faults.entry(method.to_owned()).or_default();
        faults.extend(std::iter::repeat_n(fault, times));
    }

    /// Puts a person's message into a channel; its `ts`.
    pub fn say(&self, channel: &str, thread_ts: Option<&str>, user: &str, text: &str) -> String {
        let mut world = self.world.lock();
        let message = SlackMessage {
            channel: channel.to_owned(),
            thread_ts: thread_ts.map(str::to_owned),
            user: user.to_owned(),
            text: text.to_owned(),
            ..SlackMessage::default()
        };
        world.post(message)
    }

    /// Makes a person known to `users.info`: what Slack says of them beside their id.
    pub fn add_user(&self, id: &str, user: Value) {
        self.world.lock().users.insert(id.to_owned(), user);
    }

    /// The bot's messages in a thread (with a thread's first message where it is the bot's), oldest first,
    /// as they are now. Those for one person only come, too.
    pub fn shown(&self, channel: &str, thread_ts: &str) -> Vec<SlackMessage> {
        let world = self.world.lock();
        let of_thread = |message: &&SlackMessage| {
            message.channel == channel
                && message.user == BOT
                && (message.thread_ts.as_deref() == Some(thread_ts) || message.ts == thread_ts)
        };
        world.messages.iter().filter(of_thread).cloned().collect()
    }

    /// The bot's messages to a person, or in a conversation, outside of threads, oldest first.
    pub fn written_to(&self, channel: &str) -> Vec<SlackMessage> {
        let world = self.world.lock();
        let channel = world::conversation(channel);
        let of_bot = |message: &&SlackMessage| {
            message.channel == channel && message.user == BOT && message.thread_ts.is_none()
        };
        world.messages.iter().filter(of_bot).cloned().collect()
    }

    /// Every call so far, in order, whatever became of it.
    pub fn calls(&self) -> Vec<SlackCall> {
        self.world.lock().calls.clone()
    }

    /// The calls of one method.
    pub fn calls_of(&self, method: &str) -> Vec<SlackCall> {
        let mut calls = self.calls();
        calls.retain(|call| call.method == method);
        calls
    }

    /// The status of a thread, as it was set last.
    pub fn status(&self, channel: &str, thread_ts: &str) -> Option<String> {
        let key = (channel.to_owned(), thread_ts.to_owned());
        self.world.lock().statuses.get(&key).cloned()
    }

    /// Whom the bot's messages have called: every mention that Slack would have read in them, at whatever
    /// time.
    pub fn pings(&self) -> Vec<String> {
        self.world.lock().pings.clone()
    }

    /// Dialogs that were opened.
    pub fn views(&self) -> Vec<Value> {
        self.world.lock().views.clone()
    }
}

impl Drop for ScriptedSlack {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn call(
    State(world): State<Arc<Mutex<World>>>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(body) = arguments(query.as_deref(), &headers, &body) else {
        return answer(
            &method,
            &world,
            &Value::Null,
            Err(Refusal::Code("invalid_json")),
        );
    };
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let (fault, right) = {
        let mut world = world.lock();
        let fault = world.faults.get_mut(&method).and_then(VecDeque::pop_front);
        (fault, token == Some(world.rules.token.as_str()))
    };
    if token.is_none() {
        return answer(&method, &world, &body, Err(Refusal::Code("not_authed")));
    }
    if !right {
        return answer(&method, &world, &body, Err(Refusal::Code("invalid_auth")));
    }
    match fault {
        Some(SlackFault::Refuse(code)) => {
            return answer(&method, &world, &body, Err(Refusal::Code(code)));
        }
        Some(SlackFault::Limit(seconds)) => {
            return answer(&method, &world, &body, Err(Refusal::Limited(seconds)));
        }
        Some(SlackFault::Down) => {
            world.lock().note(&method, &body, "down");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Some(SlackFault::Slow(delay)) => tokio::time::sleep(delay).await,
        Some(SlackFault::Lost) | None => {}
    }
    let result = perform(&mut world.lock(), &method, &body);
    let response = answer(&method, &world, &body, result);
    if matches!(fault, Some(SlackFault::Lost)) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    response
}

fn perform(world: &mut World, method: &str, body: &Value) -> Answer {
    match method {
        "auth.test" => Ok(json!({
            "url": "https://scripted.slack.com/", "team": "Scripted", "user": "docent",
            "team_id": TEAM, "user_id": BOT, "bot_id": "B0BOT",
        })),
        "chat.postMessage" => chat::post(world, body),
        "chat.postEphemeral" => chat::post_ephemeral(world, body),
        "chat.update" => chat::update(world, body),
        "chat.delete" => chat::delete(world, body),
        "conversations.replies" => chat::replies(world, body),
        "conversations.history" => chat::history(world, body),
        "chat.startStream" => streams::start(world, body),
        "chat.appendStream" => streams::append(world, body),
        "chat.stopStream" => streams::stop(world, body),
        "assistant.threads.setStatus" => users::set_status(world, body),
        "assistant.threads.setSuggestedPrompts" => Ok(json!({})),
        "users.info" => users::info(world, body),
        "users.lookupByEmail" => users::by_mail(world, body),
        "chat.getPermalink" => chat::permalink(body),
        "views.open" => users::open_view(world, body),
        _ => Err(Refusal::Code("unknown_method")),
    }
}

fn answer(method: &str, world: &Mutex<World>, body: &Value, result: Answer) -> Response {
    let mut world = world.lock();
    match result {
        Ok(mut answer) => {
            world.note(method, body, "ok");
            answer["ok"] = true.into();
            json_response(&answer)
        }
        Err(Refusal::Code(code)) => {
            world.note(method, body, code);
            json_response(&json!({"ok": false, "error": code}))
        }
        Err(Refusal::Limited(seconds)) => {
            world.note(method, body, "ratelimited");
            let mut response = json_response(&json!({"ok": false, "error": "ratelimited"}));
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
            response
        }
    }
}

fn json_response(body: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (kind, body.to_string()).into_response()
}

/// The arguments of a call: JSON, or a form, or what stands in the address.
fn arguments(query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return serde_json::from_slice(body).ok();
    }
    let mut arguments = Map::new();
    let form = std::str::from_utf8(body).ok()?;
    for pairs in [query.unwrap_or_default(), form] {
        for pair in pairs.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            arguments.insert(decoded(name)?, decoded(value)?.into());
        }
    }
    Some(Value::Object(arguments))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &after[2..];
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// A second, as Slack counts its limits.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs_f64().ceil().max(1.0) as u64
}
