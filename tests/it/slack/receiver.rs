//! What Slack hears: the same as from slack-bolt.

use std::process::Command;

use docent_core::config::Secret;
use docent_scripted::slack::{BOT, TEAM};
use serde_json::{Value, json};

use super::workspace::{
    QUESTION, envelope, idle, in_slack, interact, mention, say, signature, tell, workspace,
};
use crate::binary::{docent, json as json_of};
use crate::support::{World, eventually};

/// A request, and what slack-bolt 1.30.0 answers: checked by `the_answers_are_those_of_slack_bolt`.
struct Request {
    name: &'static str,
    body: Value,
    /// Seconds from now that it says it is of.
    shift: i64,
    is_signed: bool,
    status: u16,
}

fn requests() -> Vec<Request> {
    let event = |event: Value| envelope("EvReceiver", event);
    let request = |name, body, status| Request {
        name,
        body,
        shift: 0,
        is_signed: true,
        status,
    };
    let mention = || {
        event(json!({
            "type": "app_mention", "user": "U1", "text": format!("<@{BOT}> why?"), "channel": "C9",
            "ts": "1790000000.000100", "event_ts": "1790000000.000100",
        }))
    };
    let of_bot = |user: &str, bot: Value| {
        event(json!({
            "type": "message", "user": user, "bot_id": bot, "text": "done", "channel": "C9",
            "ts": "1790000001.000100", "channel_type": "channel",
        }))
    };
    let challenge = json!({ "type": "url_verification", "challenge": "3eZbrw1aB", "token": "t" });
    let home =
        json!({ "type": "app_home_opened", "user": "U1", "channel": "D1", "tab": "messages" });
    vec![
        request("challenge", challenge.clone(), 200),
        request("valid", mention(), 200),
        request("replay", mention(), 200),
        request("home", event(home), 200),
        request("own message", of_bot(BOT, "B0BOT".into()), 200),
        request(
            "unknown event",
            event(json!({ "type": "star_added", "user": "U1" })),
            404,
        ),
        Request {
            is_signed: false,
            ..request("bad signature", mention(), 401)
        },
        Request {
            is_signed: false,
            ..request("unsigned challenge", challenge, 401)
        },
        Request {
            shift: -361,
            ..request("too old", mention(), 401)
        },
        Request {
            shift: 361,
            ..request("from the future", mention(), 401)
        },
        Request {
            shift: -290,
            ..request("late", mention(), 200)
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answers_are_those_of_slack_bolt() {
    let (world, _slack) = in_slack().await;
    let server = world.serve().await;
    let signed = signed();
    for (request, signed) in requests().iter().zip(&signed) {
        let mut sent = server
            .http
            .post(format!("{}/slack/events", server.url))
            .body(signed["body"].as_str().unwrap().to_owned());
        for (name, value) in signed["headers"].as_object().unwrap() {
            sent = sent.header(name, value.as_str().unwrap());
        }
        let response = sent.send().await.unwrap();
        let (status, body) = (response.status().as_u16(), response.text().await.unwrap());
        assert_eq!(status, request.status, "{}: {body}", request.name);
        if let Some(bolt) = signed["status"].as_u64() {
            assert_eq!(u64::from(status), bolt, "{}", request.name);
        }
        if request.name == "challenge" {
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body, json!({ "challenge": "3eZbrw1aB" }));
        }
    }
    // What was told three times is one question.
    assert_eq!(
        world
            .database
            .count("slack_event WHERE kind = 'question'")
            .await,
        1
    );
    server.stop().await;
}

/// The requests as slack-sdk signs them, with what slack-bolt answers to each, where both are installed;
/// else signed here.
fn signed() -> Vec<Value> {
    let now = chrono::Utc::now().timestamp();
    let requests: Vec<Value> = requests()
        .into_iter()
        .map(|request| {
            json!({
                "body": request.body.to_string(),
                "timestamp": now + request.shift,
                "is_signed": request.is_signed,
            })
        })
        .collect();
    if let Some(python) = std::env::var_os("DOCENT_SLACK_PYTHON").filter(|path| !path.is_empty()) {
        let input = tempfile::NamedTempFile::new().unwrap();
        let told = json!({
            "secret": super::workspace::SECRET, "bot": BOT, "team": TEAM, "requests": requests,
        });
        std::fs::write(input.path(), told.to_string()).unwrap();
        let output = Command::new(python)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/clients/slack_receiver.py"
            ))
            .arg(input.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        return serde_json::from_slice(&output.stdout).unwrap();
    }
    let sign = |request: Value| {
        let body = request["body"].as_str().unwrap();
        let at = request["timestamp"].as_i64().unwrap();
        let right = signature(at, body);
        let signature = if request["is_signed"] == true {
            right
        } else {
            format!("v0={}", "0".repeat(64))
        };
        json!({
            "body": body,
            "headers": {
                "content-type": "application/json",
                "x-slack-request-timestamp": at.to_string(),
                "x-slack-signature": signature,
            },
        })
    };
    requests.into_iter().map(sign).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_slack_configured_nothing_of_it_listens() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let challenge = json!({ "type": "url_verification", "challenge": "x" });
    assert_eq!(tell(&server, &challenge).await, 404);
    assert_eq!(
        interact(&server, &json!({ "type": "block_actions" })).await,
        404
    );
    let (_, ready) = server.send("GET", "/readyz", "", None).await;
    assert!(ready.get("slack").is_none(), "{ready}");
    assert!(!world.config.data.join("slack").exists());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_wrong_token_the_rest_works_and_readyz_says_so() {
    let (mut world, slack) = in_slack().await;
    world.config.slack.bot_token = Secret::new("xoxb-wrong");
    let server = world.serve().await;
    eventually("/readyz says it", || async {
        let (status, ready) = server.send("GET", "/readyz", "", None).await;
        let text = ready["slack"].as_str().unwrap_or_default();
        status == 200 && text.contains("invalid_auth") && text.contains("SLACK_BOT_TOKEN")
    })
    .await;
    assert_eq!(server.ask(QUESTION).await["outcome"], "answered");
    let findings = docent::commands::doctor::check_parts(&server.service.app).await;
    let findings = serde_json::to_string(&findings).unwrap();
    assert!(
        findings.contains("Slack does not take the token: invalid_auth"),
        "{findings}"
    );
    // A question waits until the token is right.
    let said = say(&slack, "C1", None, "U1", &format!("<@{BOT}> {QUESTION}"));
    assert_eq!(said.told(&server, "app_mention").await, 200);
    server.stop().await;
    world.config.slack.bot_token = Secret::new("xoxb-scripted");
    let server = world.serve().await;
    idle(&world).await;
    assert!(
        super::workspace::answer(&slack, &said)
            .await
            .seen()
            .contains("hourly")
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_a_good_workspace_good() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    mention(&slack, &server, "C1", "U1", QUESTION).await;
    idle(&world).await;
    let findings = docent::commands::doctor::check_parts(&server.service.app).await;
    let findings = serde_json::to_value(&findings).unwrap();
    let slack: Vec<&Value> = findings
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["part"].as_str().unwrap().starts_with("slack"))
        .collect();
    assert_eq!(slack.len(), 3, "{findings}");
    assert!(
        slack.iter().all(|finding| finding["ok"] == true),
        "{findings}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_none_and_one_that_is_too_long_are_refused() {
    let slack = workspace().await;
    let mut world = World::new().await;
    super::workspace::configure(&mut world, &slack);
    let server = world.serve().await;
    let send = async |path: &str, body: String| {
        let sent = super::workspace::try_send(&server.url, path, "application/json", &body).await;
        sent.unwrap().0
    };
    assert_eq!(send("/slack/events", "no JSON".to_owned()).await, 400);
    assert_eq!(send("/slack/events", "{}".to_owned()).await, 400);
    assert_eq!(
        send("/slack/interactions", "payload=no".to_owned()).await,
        400
    );
    assert_eq!(send("/slack/events", " ".repeat(2 << 20)).await, 413);
    server.stop().await;
}

#[test]
fn the_manifest_says_what_docent_needs_and_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let print = |arguments: &[&str]| {
        docent(folder.path())
            .args(["slack", "manifest"])
            .args(arguments)
            .output()
            .unwrap()
    };
    let manifest = json_of(&print(&["--url", "https://docent.example.com/"]));
    let settings = &manifest["settings"];
    assert_eq!(
        settings["event_subscriptions"]["request_url"],
        "https://docent.example.com/slack/events"
    );
    assert_eq!(
        settings["interactivity"]["request_url"],
        "https://docent.example.com/slack/interactions"
    );
    assert_eq!(settings["socket_mode_enabled"], false);
    assert!(manifest["features"]["agent_view"].is_object());
    assert!(
        manifest["features"].get("assistant_view").is_none(),
        "new apps cannot have it"
    );
    let events = settings["event_subscriptions"]["bot_events"].to_string();
    assert!(events.contains("app_mention") && events.contains("agent_session_stopped"));
    let socket = json_of(&print(&["--socket", "--name", "guide"]));
    assert_eq!(socket["settings"]["socket_mode_enabled"], true);
    assert!(
        socket["settings"]["event_subscriptions"]
            .get("request_url")
            .is_none()
    );
    assert_eq!(socket["display_information"]["name"], "guide");
    let without = print(&[]);
    assert_eq!(without.status.code(), Some(2));
    let told = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(
        told.contains("--url") && told.contains("--socket"),
        "{told}"
    );
}
