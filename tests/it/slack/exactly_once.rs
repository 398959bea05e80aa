//! Each question is answered, once: however often it is told, whatever dies meanwhile.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use docent_core::config::Secret;
use docent_core::postgres::EmbeddedPostgres;
use docent_scripted::database::rows;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use docent_scripted::slack::{BOT, ScriptedSlack};
use futures::future::join_all;
use serde_json::Value;
use tokio::sync::Mutex;

use super::workspace::{
    QUESTION, SECRET, answer, configure, envelope, idle, in_slack, say, tell, try_send, workspace,
};
use crate::binary::docent;
use crate::support::{World, eventually, ingest};

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_that_comes_as_message_too_and_again_is_one_question() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    let said = say(&slack, "C1", None, "U1", &format!("<@{BOT}> {QUESTION}"));
    let as_mention = envelope("EvA", said.event("app_mention"));
    let as_message = envelope("EvB", said.event("message"));
    let told = [&as_mention, &as_message, &as_mention, &as_message];
    for status in join_all(told.map(|envelope| tell(&server, envelope))).await {
        assert_eq!(status, 200);
    }
    answer(&slack, &said).await;
    idle(&world).await;
    // Slack tells it again after five minutes.
    assert_eq!(tell(&server, &as_mention).await, 200);
    idle(&world).await;
    assert_eq!(slack.shown("C1", &said.ts).len(), 1);
    server.service.app.ledger.flush().await;
    assert_eq!(world.database.count("interaction").await, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_the_work_and_repeat_none_of_it() {
    let (mut world, slack) = in_slack().await;
    let one = world.serve().await;
    world.config.data = world.folder.path().join("data-2");
    world.ingest().await;
    let two = world.serve().await;
    let mut all = Vec::new();
    for number in 0..20 {
        let said = say(
            &slack,
            "C1",
            None,
            "U1",
            &format!("<@{BOT}> {QUESTION} ({number})"),
        );
        let envelope = envelope(&format!("EvTwo{number}"), said.event("app_mention"));
        // Slack's second attempt reaches the other one.
        let told = [tell(&one, &envelope), tell(&two, &envelope)];
        assert_eq!(join_all(told).await, [200, 200]);
        all.push(said);
    }
    idle(&world).await;
    for said in &all {
        assert_eq!(slack.shown("C1", &said.ts).len(), 1);
    }
    one.service.app.ledger.flush().await;
    two.service.app.ledger.flush().await;
    assert_eq!(world.database.count("interaction").await, 20);
    one.stop().await;
    two.stop().await;
}

/// A world in Slack over a Postgres that can be stopped; its folder.
async fn with_own_postgres() -> (World, ScriptedSlack, PathBuf, EmbeddedPostgres) {
    let slack = workspace().await;
    let mut world = World::new().await;
    configure(&mut world, &slack);
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    let folder = world.folder.path().join("postgres");
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    world.config.ledger.database_url = Secret::new(postgres.url());
    let app = Arc::new(world.app().await);
    ingest(&app).await;
    Arc::into_inner(app).unwrap().close().await;
    (world, slack, folder, postgres)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_away_events_wait_on_the_disk() {
    let (world, slack, folder, postgres) = with_own_postgres().await;
    let server = world.serve().await;
    postgres.stop().await;
    let mut all = Vec::new();
    for number in 0..5 {
        let said = say(
            &slack,
            "C1",
            None,
            "U1",
            &format!("<@{BOT}> {QUESTION} ({number})"),
        );
        let envelope = envelope(&format!("EvAway{number}"), said.event("app_mention"));
        for _ in 0..2 {
            let begun = Instant::now();
            assert_eq!(tell(&server, &envelope).await, 200);
            assert!(begun.elapsed() < Duration::from_secs(3));
        }
        all.push(said);
    }
    let inbox = world.config.data.join("slack/inbox-0.jsonl");
    let kept = std::fs::read_to_string(&inbox).unwrap();
    assert_eq!(kept.lines().count(), 10, "{kept}");
    // It dies with all of it on the disk only, and Postgres comes back later.
    server.stop().await;
    let server = world.serve_lazily().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        all.iter()
            .all(|said| slack.shown("C1", &said.ts).is_empty())
    );
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    for said in &all {
        answer(&slack, said).await;
    }
    eventually("the inbox is empty", || async {
        std::fs::metadata(&inbox).is_ok_and(|file| file.len() == 0)
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        all.iter()
            .all(|said| slack.shown("C1", &said.ts).len() == 1)
    );
    server.stop().await;
    postgres.stop().await;
}

/// The real program over the world's folder and database.
fn program(world: &World, slack: &ScriptedSlack, model: &ScriptedOpenAi, port: u16) -> Child {
    let mut command = docent(&world.config.data);
    command
        .arg("serve")
        .env("DATABASE_URL", world.database.url())
        .env("OPENAI_BASE_URL", model.base_url())
        .env("OPENAI_API_KEY", "scripted")
        .env("DOCENT_CHAT__MODEL", "scripted-chat")
        .env("SLACK_BOT_TOKEN", "xoxb-scripted")
        .env("SLACK_SIGNING_SECRET", SECRET)
        .env("DOCENT_SLACK__API_URL", slack.api_url())
        .env("DOCENT_SLACK__POST_INTERVAL_MS", "0")
        .env("DOCENT_SERVER__PORT", port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_whose_process_is_killed_is_taken_up_again_and_answered_once() {
    let (world, slack) = in_slack().await;
    let model = ScriptedOpenAi::start(Script::default()).await;
    // Slow enough to be killed in the middle, with half of the answer in Slack.
    model.change(|script| {
        script.answer = Answer::Text("The table fct_trips is loaded hourly [1]. ".repeat(30));
        script.gap = Duration::from_millis(30);
    });
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let mut first = program(&world, &slack, &model, port);
    let said = say(&slack, "C1", None, "U1", &format!("<@{BOT}> {QUESTION}"));
    let body = envelope("EvKilled", said.event("app_mention")).to_string();
    // Slack is as patient as that.
    while try_send(&url, "/slack/events", "application/json", &body)
        .await
        .is_none()
    {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    eventually("half of the answer is there", || async {
        slack
            .shown("C1", &said.ts)
            .iter()
            .any(|message| message.streamed.len() > 100)
    })
    .await;
    first.kill().unwrap();
    first.wait().unwrap();
    model.change(|script| script.gap = Duration::ZERO);
    let mut second = program(&world, &slack, &model, port);
    idle(&world).await;
    let shown = slack.shown("C1", &said.ts);
    assert_eq!(shown.len(), 1, "{shown:#?}");
    assert!(shown[0].streaming.is_none());
    assert_eq!(
        shown[0].metadata.as_ref().unwrap()["event_payload"]["last"],
        true
    );
    let rows = world
        .database
        .rows("SELECT state, attempts::text FROM slack_event")
        .await;
    assert_eq!(rows, [[Some("done".to_owned()), Some("2".to_owned())]]);

    // Killed after the answer stands there, and before that is written down: it is looked for.
    let before = model.chat_requests().len();
    world
        .database
        .rows("UPDATE slack_event SET state = 'claimed', payload = jsonb_build_object('do', 'answer',
            'team', team, 'channel', channel, 'ts', ts, 'thread', thread, 'user', asker, 'user_team', team,
            'text', 'How often is fct_trips loaded?', 'is_direct', false, 'why', 'addressed')
            RETURNING event_id")
        .await;
    second.kill().unwrap();
    second.wait().unwrap();
    let mut third = program(&world, &slack, &model, port);
    idle(&world).await;
    assert_eq!(slack.shown("C1", &said.ts).len(), 1);
    assert_eq!(model.chat_requests().len(), before, "nobody is asked again");
    third.kill().unwrap();
    third.wait().unwrap();
}

/// As many as the test has; `DOCENT_SLACK_EVENTS` asks for more or fewer.
fn events() -> usize {
    std::env::var("DOCENT_SLACK_EVENTS")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(500)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_events_in_ten_seconds_with_restarts_and_an_outage_are_answered_once_each() {
    let (mut world, slack, folder, postgres) = with_own_postgres().await;
    world.config.server.shutdown_seconds = 2;
    let server = world.serve().await;
    let url = Arc::new(Mutex::new(server.url.clone()));
    let count = events();
    let said: Vec<_> = (0..count)
        .map(|number| {
            let channel = format!("C{}", number % 20);
            let text = format!("<@{BOT}> {QUESTION} ({number})");
            say(&slack, &channel, None, "U1", &text)
        })
        .collect();
    // As Slack delivers: every third twice, every tenth three times, and again until there is a 200.
    let slowest = Arc::new(AtomicUsize::new(0));
    let telling: Vec<_> = said
        .iter()
        .enumerate()
        .flat_map(|(number, said)| {
            let copies: usize = match number {
                number if number % 10 == 0 => 3,
                number if number % 3 == 0 => 2,
                _ => 1,
            };
            let body = envelope(&format!("Ev{number}"), said.event("app_mention")).to_string();
            (0..copies).map(move |copy| (number, copy, body.clone()))
        })
        .map(|(number, copy, body)| {
            let (url, slowest) = (Arc::clone(&url), Arc::clone(&slowest));
            tokio::spawn(async move {
                let at = 10_000 * number / count + 150 * copy;
                tokio::time::sleep(Duration::from_millis(at as u64)).await;
                loop {
                    let url = url.lock().await.clone();
                    let begun = Instant::now();
                    let sent = try_send(&url, "/slack/events", "application/json", &body).await;
                    if sent.is_some_and(|(status, _)| status == 200) {
                        let millis = begun.elapsed().as_millis() as usize;
                        slowest.fetch_max(millis, Ordering::Relaxed);
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.stop().await;
    let server = world.serve().await;
    *url.lock().await = server.url.clone();
    tokio::time::sleep(Duration::from_secs(2)).await;
    postgres.stop().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // Down and up while Postgres is away: what is on the disk only must not be lost.
    server.stop().await;
    let server = world.serve_lazily().await;
    *url.lock().await = server.url.clone();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    for told in telling {
        told.await.unwrap();
    }
    let begun = Instant::now();
    let open = "SELECT count(*)::text FROM slack_event WHERE state IN ('received', 'claimed')";
    let done = "SELECT count(*)::text FROM slack_event WHERE state = 'done'";
    let number = async |query: &str| -> usize {
        rows(&postgres.url(), query).await[0][0]
            .as_deref()
            .unwrap()
            .parse()
            .unwrap()
    };
    while number(open).await > 0 || number(done).await < count {
        let waited = begun.elapsed();
        assert!(
            waited < Duration::from_mins(10),
            "{} of {count} are answered",
            number(done).await
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut shown: HashMap<usize, usize> = HashMap::new();
    for said in &said {
        let messages = slack.shown(&said.channel, &said.ts);
        *shown.entry(messages.len()).or_default() += 1;
        let text = messages
            .first()
            .map(docent_scripted::slack::SlackMessage::seen);
        assert!(text.unwrap_or_default().contains("hourly"), "{}", said.text);
    }
    assert_eq!(shown, HashMap::from([(1, count)]));
    assert!(
        slowest.load(Ordering::Relaxed) < 3000,
        "acknowledged within 3 s"
    );
    server.stop().await;
    postgres.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_of_a_thread_are_answered_in_their_order() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    let first = say(&slack, "D1", None, "U1", QUESTION);
    let mut all: Vec<Value> = vec![envelope("EvOrder0", first.event("message"))];
    for number in 1..5 {
        let next = say(
            &slack,
            "D1",
            Some(&first.ts),
            "U1",
            &format!("{QUESTION} ({number})"),
        );
        all.push(envelope(&format!("EvOrder{number}"), next.event("message")));
    }
    for envelope in &all {
        assert_eq!(tell(&server, envelope).await, 200);
    }
    idle(&world).await;
    let order: Vec<String> = slack
        .shown("D1", &first.ts)
        .into_iter()
        .map(|message| message.metadata.unwrap()["event_payload"]["event_id"].to_string())
        .collect();
    assert_eq!(
        order,
        (0..5)
            .map(|number| format!("\"EvOrder{number}\""))
            .collect::<Vec<_>>()
    );
    server.stop().await;
}
