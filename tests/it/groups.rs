//! What a caller may not read is neither retrieved, nor counted, nor named, on any channel, nor later
//! in their history, nor in the log.

use std::process::Stdio;
use std::time::Duration;

use docent::owner::client::OwnerClient;
use docent::owner::{AskRequest, IngestRequest};
use docent_core::config::{Anonymous, Secret};
use docent_core::ledger::Role;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::support::{TestServer, World};

const WIKI: &str = "https://wiki.example.com";
const SECRET: &str = "a secret of the wiki's server, 32+";
/// Answered by a document of finance alone; a public one is near it.
const QUESTION: &str = "How often is payroll_runs loaded?";
/// What stands in the document of finance: its title, its text, its owner, how to reach them.
const HIDDEN: [&str; 5] = ["Payrolling", "fortnight", "Vera Quill", "#pay-ops", "vera@"];

/// A public document, and one for finance alone.
async fn world() -> World {
    let world = World::new().await;
    world.write(
        "trips.md",
        "---\nowner: Ana\nowner_slack: \"#trips\"\n---\n# Trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.write("payroll.md", &payroll("[finance]"));
    world.ingest().await;
    world
}

fn payroll(groups: &str) -> String {
    format!(
        "---\ngroups: {groups}\nowner: Vera Quill\nowner_slack: \"#pay-ops\"\nowner_email: vera@example.com\n---\n\
         # Payrolling\n\nThe table payroll_runs is loaded every fortnight.\n"
    )
}

/// That nothing of the hidden document is in a text.
fn is_clean(text: &str) {
    for hidden in HIDDEN {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}

async fn session(server: &TestServer, groups: Option<&str>) -> String {
    let user = groups.map(|group| {
        let claims = json!({
            "sub": "ana", "groups": [group], "iss": WIKI, "aud": "docent",
            "exp": chrono::Utc::now().timestamp() + 600,
        });
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
    });
    let response = server
        .http
        .post(format!("{}/v1/widget/sessions", server.url))
        .header("origin", WIKI)
        .body(json!({ "user_token": user }).to_string())
        .send()
        .await
        .unwrap();
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    body["token"].as_str().unwrap().to_owned()
}

/// Everything that comes back for the question: as one JSON answer, and as a stream.
async fn both(server: &TestServer, token: &str, page: bool) -> [String; 2] {
    let mut texts = Vec::new();
    for accept in ["application/json", "text/event-stream"] {
        let mut request = server.chat().header("accept", accept);
        if page {
            request = request.header("origin", WIKI);
        }
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = json!({ "question": QUESTION }).to_string();
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        texts.push(response.text().await.unwrap());
    }
    texts.try_into().unwrap()
}

#[tokio::test]
async fn on_every_channel_what_the_groups_may_not_read_does_not_exist() {
    let mut world = world().await;
    world.config.widget.allowed_origins = vec![WIKI.to_owned()];
    world.config.widget.user_secret = Secret::new(SECRET);
    let server = world.serve().await;
    let outside = server.key("outside", &["everyone"], Role::User).await;
    let elsewhere = server.key("elsewhere", &["marketing"], Role::Admin).await;
    let finance = server.key("finance", &["finance"], Role::User).await;
    let visitor = session(&server, None).await;
    let guest = session(&server, Some("marketing")).await;
    let in_finance = session(&server, Some("finance")).await;

    for (token, page) in [
        ("", false),
        (outside.as_str(), false),
        (elsewhere.as_str(), false),
        (visitor.as_str(), true),
        (guest.as_str(), true),
    ] {
        for text in both(&server, token, page).await {
            is_clean(&text);
            assert!(text.contains("abstained"), "{text}");
        }
    }
    // Whoever may read it does, on the same channels: the test would see a leak.
    for (token, page) in [(finance.as_str(), false), (in_finance.as_str(), true)] {
        for text in both(&server, token, page).await {
            assert!(
                text.contains("fortnight") && text.contains("Vera Quill"),
                "{text}"
            );
        }
    }

    // The terminal, through the owner's socket.
    let socket = server.service.app.data.private_socket().unwrap();
    let owner = OwnerClient::connect(&socket).await.unwrap();
    let mut seen = String::new();
    let request = AskRequest {
        question: QUESTION.to_owned(),
        conversation_id: None,
    };
    let answer = owner
        .ask(&request, |event| seen.push_str(&event.data()))
        .await
        .unwrap();
    seen.push_str(&serde_json::to_string(&answer).unwrap());
    is_clean(&seen);
    assert!(seen.contains("abstained"));

    // Nothing of it was recorded of those who may not read it: not retrieved, not even far down.
    server.stop().await;
    let found = world
        .database
        .rows(
            "SELECT DISTINCT i.caller FROM passage p JOIN interaction i ON i.id = p.interaction_id
              WHERE p.path = 'payroll.md' ORDER BY 1",
        )
        .await;
    let found: Vec<String> = found.into_iter().flatten().flatten().collect();
    assert_eq!(
        found,
        [format!("guest:{WIKI}:ana"), "key:finance".to_owned()]
    );
}

#[tokio::test]
async fn a_word_that_only_hidden_documents_have_is_not_suggested() {
    let world = world().await;
    let server = world.serve().await;
    // One letter off a word that the caller could not read.
    let answer = server.ask("How often is payrol_runs loaded?").await;
    is_clean(&answer.to_string());
    assert!(!answer.to_string().contains("payroll"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn history_is_shown_and_used_only_while_its_documents_may_be_read() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer =
            Answer::Text("The table payroll_runs is loaded every fortnight [1].".to_owned());
    });
    let mut world = world().await;
    world.chat_with(&model);
    let server = world.serve().await;
    let key = server
        .key("ana", &["finance", "everyone"], Role::User)
        .await;
    let ask = |body: Value| {
        let (server, key) = (&server, key.clone());
        async move { server.send("POST", "/v1/chat", &key, Some(body)).await.1 }
    };
    let first = ask(json!({ "question": QUESTION })).await;
    assert_eq!(first["outcome"], "answered", "{first}");
    let conversation = first["conversation_id"].clone();
    let path = format!("/v1/conversations/{}", conversation.as_str().unwrap());
    let (_, read) = server.send("GET", &path, &key, None).await;
    assert!(read.to_string().contains("fortnight"), "{read}");

    // The document is withdrawn from finance; a metadata change, at once.
    world.write("payroll.md", &payroll("[board]"));
    let report = {
        let request = IngestRequest::default();
        let progress = docent_ingest::ProgressSender::default();
        let app = std::sync::Arc::clone(&server.service.app);
        docent::commands::ingest::run(app, &request, progress)
            .await
            .unwrap()
    };
    assert_eq!(report.sources[0].documents.indexed, 1);
    let (status, read) = server.send("GET", &path, &key, None).await;
    assert_eq!(status, 200);
    is_clean(&read.to_string());
    assert_eq!(read["interactions"][0]["question"], QUESTION);
    let before = model.chat_requests().len();
    let follow_up =
        ask(json!({ "question": "And who owns it?", "conversation_id": conversation })).await;
    is_clean(&follow_up.to_string());
    for request in model.chat_requests().into_iter().skip(before) {
        is_clean(&format!("{request:?}"));
    }
    server.stop().await;
}

/// The real program at its most talkative: neither questions nor keys nor what was found are in the log.
#[tokio::test]
async fn the_log_has_no_question_no_key_and_no_passage() {
    let mut world = world().await;
    world.config.access.anonymous = Anonymous::Never;
    let server = world.serve().await;
    let key = server.key("finance", &["finance"], Role::User).await;
    server.stop().await;
    let mut docent = tokio::process::Command::new(env!("CARGO_BIN_EXE_docent"))
        .arg("--data")
        .arg(&world.config.data)
        .arg("serve")
        .current_dir(world.folder.path())
        .env("DATABASE_URL", world.database.url())
        .env("DOCENT_SERVER__PORT", "0")
        .env("DOCENT_LOG__LEVEL", "trace")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(docent.stderr.take().unwrap());
    let mut log = String::new();
    let url = loop {
        let mut line = String::new();
        assert!(stderr.read_line(&mut line).await.unwrap() > 0, "{log}");
        log.push_str(&line);
        if let Some((_, url)) = line.split_once("docent listens on ") {
            break url.trim().to_owned();
        }
    };
    let reading = tokio::spawn(async move {
        let mut rest = String::new();
        let _ = stderr.read_to_string(&mut rest).await;
        rest
    });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for token in [key.as_str(), "docent_0123456789abcdef"] {
        let response = http
            .post(format!("{url}/v1/chat"))
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(json!({ "question": QUESTION }).to_string())
            .send()
            .await
            .unwrap();
        let expected = if token == key { 200 } else { 401 };
        assert_eq!(response.status(), expected);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    docent.start_kill().unwrap();
    log.push_str(&reading.await.unwrap());
    assert_eq!(
        log.matches("/v1/chat version=HTTP/1.1}: started").count(),
        2,
        "{log}"
    );
    is_clean(&log);
    for secret in [
        QUESTION,
        "payroll_runs",
        key.as_str(),
        "docent_0123456789abcdef",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    // Nor character by character, as tokenizers would.
    assert!(!log.contains("'?'"), "{log}");
}
