//! The real service in a scripted workspace of Slack: what Slack would send, signed.

use std::time::Duration;

use aws_lc_rs::hmac;
use docent_core::config::Secret;
use docent_scripted::slack::{APP_TOKEN, BOT, ScriptedSlack, SlackMessage, SlackRules, TEAM};
use serde_json::{Value, json};

use crate::support::{TestServer, World};

pub(crate) const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
pub(crate) const QUESTION: &str = "How often is fct_trips loaded?";

/// A workspace without Slack's slowness, with a member, a guest and somebody of another company.
pub(crate) async fn workspace() -> ScriptedSlack {
    let slack = ScriptedSlack::start(SlackRules {
        post_interval: Duration::ZERO,
        streams_per_minute: 10_000,
        ..SlackRules::default()
    })
    .await;
    let member = |mail: &str| json!({ "real_name": "Somebody", "is_email_confirmed": true, "profile": { "email": mail } });
    slack.add_user("U1", member("ana@example.com"));
    slack.add_user("U2", member("bo@example.com"));
    let mut guest = member("guest@example.com");
    guest["is_restricted"] = true.into();
    slack.add_user("U3", guest);
    slack
}

/// Sets the bridge up as it is used over HTTP.
pub(crate) fn configure(world: &mut World, slack: &ScriptedSlack) {
    let settings = &mut world.config.slack;
    settings.bot_token = Secret::new("xoxb-scripted");
    settings.signing_secret = Secret::new(SECRET);
    settings.app_token = Secret::new(APP_TOKEN);
    settings.api_url = slack.api_url();
    settings.post_interval_ms = 0;
    settings.mail_domains = vec!["example.com".to_owned()];
    // The tests share a Postgres that takes few connections.
    world.config.ledger.max_connections = 3;
}

/// A world that knows of `fct_trips`, in a workspace.
pub(crate) async fn in_slack() -> (World, ScriptedSlack) {
    let slack = workspace().await;
    let mut world = World::of_trips().await;
    configure(&mut world, &slack);
    (world, slack)
}

/// What Slack calls a signature.
pub(crate) fn signature(timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{timestamp}:{body}").as_bytes());
    let digits: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("v0={digits}")
}

/// Sends a body as Slack does; the status, and the body of the answer. `None`: nobody listens.
pub(crate) async fn try_send(
    url: &str,
    path: &str,
    kind: &str,
    body: &str,
) -> Option<(u16, String)> {
    let now = chrono::Utc::now().timestamp();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = http
        .post(format!("{url}{path}"))
        .header("content-type", kind)
        .header("x-slack-request-timestamp", now.to_string())
        .header("x-slack-signature", signature(now, body))
        // Slack's own patience.
        .timeout(Duration::from_secs(3))
        .body(body.to_owned())
        .send()
        .await
        .ok()?;
    let status = response.status().as_u16();
    Some((status, response.text().await.ok()?))
}

/// An event, delivered once.
pub(crate) async fn tell(server: &TestServer, envelope: &Value) -> u16 {
    let body = envelope.to_string();
    let sent = try_send(&server.url, "/slack/events", "application/json", &body).await;
    sent.expect("docent answers within 3 s").0
}

/// A click, a form or a shortcut.
pub(crate) async fn interact(server: &TestServer, payload: &Value) -> u16 {
    let body = format!("payload={}", escaped(&payload.to_string()));
    let kind = "application/x-www-form-urlencoded";
    let sent = try_send(&server.url, "/slack/interactions", kind, &body).await;
    sent.expect("docent answers within 3 s").0
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// The envelope of an event.
pub(crate) fn envelope(event_id: &str, event: impl Into<Value>) -> Value {
    json!({
        "type": "event_callback",
        "token": "verification",
        "team_id": TEAM,
        "api_app_id": "A1",
        "event_id": event_id,
        "event_time": 1_790_000_000,
        "event": event.into(),
        "authorizations": [{ "team_id": TEAM, "user_id": BOT, "is_bot": true }],
    })
}

/// A message that somebody has written: it stands in the workspace as well.
pub(crate) struct Said {
    pub channel: String,
    pub ts: String,
    pub thread: Option<String>,
    pub user: String,
    pub text: String,
}

pub(crate) fn say(
    slack: &ScriptedSlack,
    channel: &str,
    thread: Option<&str>,
    user: &str,
    text: &str,
) -> Said {
    Said {
        channel: channel.to_owned(),
        ts: slack.say(channel, thread, user, text),
        thread: thread.map(str::to_owned),
        user: user.to_owned(),
        text: text.to_owned(),
    }
}

impl Said {
    /// As an event of some type: `app_mention`, or `message`.
    pub(crate) fn event(&self, kind: &str) -> Value {
        let mut event = json!({
            "type": kind, "channel": self.channel, "ts": self.ts, "event_ts": self.ts,
            "user": self.user, "text": self.text, "team": TEAM,
            "channel_type": if self.channel.starts_with('D') { "im" } else { "channel" },
        });
        if let Some(thread) = &self.thread {
            event["thread_ts"] = thread.as_str().into();
        }
        event
    }

    /// The first message of its thread.
    pub(crate) fn root(&self) -> &str {
        self.thread.as_deref().unwrap_or(&self.ts)
    }

    pub(crate) async fn told(&self, server: &TestServer, kind: &str) -> u16 {
        let id = format!("Ev{}", uuid::Uuid::now_v7().simple());
        tell(server, &envelope(&id, self.event(kind))).await
    }
}

/// Somebody mentions docent in a channel.
pub(crate) async fn mention(
    slack: &ScriptedSlack,
    server: &TestServer,
    channel: &str,
    user: &str,
    text: &str,
) -> Said {
    let said = say(slack, channel, None, user, &format!("<@{BOT}> {text}"));
    assert_eq!(said.told(server, "app_mention").await, 200);
    said
}

/// The messages of docent in a thread, once there are so many that are whole.
pub(crate) async fn shown(
    slack: &ScriptedSlack,
    channel: &str,
    root: &str,
    count: usize,
) -> Vec<SlackMessage> {
    let whole = || {
        let mut shown = slack.shown(channel, root);
        shown.retain(|message| message.streaming.is_none() && !message.seen().trim().is_empty());
        shown
    };
    for _ in 0..1200 {
        if whole().len() >= count {
            return whole();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!(
        "not {count} messages in {channel}/{root}: {:#?}\n{:#?}",
        slack.shown(channel, root),
        slack.calls()
    );
}

/// The one answer in a thread; nothing else comes within a moment.
pub(crate) async fn answer(slack: &ScriptedSlack, said: &Said) -> SlackMessage {
    let mut shown = shown(slack, &said.channel, said.root(), 1).await;
    assert_eq!(shown.len(), 1, "{shown:#?}");
    shown.remove(0)
}

/// Whether nothing of docent appears in a thread, after everything that was told has been worked on.
pub(crate) async fn silence(world: &World, slack: &ScriptedSlack, said: &Said) {
    idle(world).await;
    let shown = slack.shown(&said.channel, said.root());
    assert!(shown.is_empty(), "{shown:#?}");
}

/// Waits until nothing of Slack is waiting or under way.
pub(crate) async fn idle(world: &World) {
    let open = "SELECT event_id, state, attempts::text FROM slack_event
        WHERE state IN ('received', 'claimed')";
    for _ in 0..300 {
        if world.database.rows(open).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("still open: {:?}", world.database.rows(open).await);
}

/// The value of the button with some `action_id`, wherever it stands in a message.
pub(crate) fn button(message: &SlackMessage, action_id: &str) -> Option<String> {
    fn find(value: &Value, action_id: &str) -> Option<Value> {
        match value {
            Value::Object(fields) if value["action_id"] == action_id => {
                Some(Value::Object(fields.clone()))
            }
            Value::Object(fields) => fields.values().find_map(|value| find(value, action_id)),
            Value::Array(values) => values.iter().find_map(|value| find(value, action_id)),
            _ => None,
        }
    }
    let found = find(&json!(message.blocks), action_id)?;
    found["value"].as_str().map(str::to_owned)
}

/// A click on a button of a message.
pub(crate) fn click(message: &SlackMessage, user: &str, action_id: &str, value: &str) -> Value {
    json!({
        "type": "block_actions",
        "user": { "id": user, "team_id": TEAM },
        "team": { "id": TEAM },
        "trigger_id": format!("trigger-{}", uuid::Uuid::now_v7().simple()),
        "channel": { "id": message.channel },
        "container": {
            "type": "message", "message_ts": message.ts, "channel_id": message.channel,
        },
        "message": { "ts": message.ts, "thread_ts": message.thread_ts },
        "actions": [{
            "action_id": action_id, "value": value, "type": "button",
            "action_ts": format!("{}.1", uuid::Uuid::now_v7().simple()),
        }],
    })
}
