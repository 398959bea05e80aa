//! Rate limits and daily budgets: counted in Postgres, for callers and for channels.

use std::sync::Arc;

use docent_core::config::{Anonymous, Limit, Secret};
use docent_core::ledger::{Account, Allowance, Channel, Role};
use docent_core::postgres::EmbeddedPostgres;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{TestServer, World, ingest};

const QUESTION: &str = "How often is fct_trips loaded?";

/// Status, `Retry-After` and body.
async fn ask(server: &TestServer, token: &str, body: &Value) -> (u16, Option<u64>, Value) {
    let mut request = server.chat();
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = request.body(body.to_string()).send().await.unwrap();
    let status = response.status().as_u16();
    let wait = response.headers().get("retry-after");
    let wait = wait.map(|wait| wait.to_str().unwrap().parse().unwrap());
    let text = response.text().await.unwrap();
    (status, wait, serde_json::from_str(&text).unwrap())
}

fn question() -> Value {
    json!({ "question": QUESTION })
}

#[tokio::test]
async fn a_caller_who_has_asked_enough_is_told_when_to_come_back() {
    let mut world = World::of_trips().await;
    world.config.limits.caller.questions_per_day = 2;
    let server = world.serve().await;
    let ana = server.key("ana", &["everyone"], Role::User).await;
    let bob = server.key("bob", &["everyone"], Role::User).await;
    let message = json!({ "question": QUESTION, "message_id": Uuid::new_v4() });
    assert_eq!(ask(&server, &ana, &message).await.0, 200);
    // The same message is the same question.
    assert_eq!(ask(&server, &ana, &message).await.0, 200);
    assert_eq!(ask(&server, &ana, &question()).await.0, 200);
    let (status, wait, said) = ask(&server, &ana, &question()).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (429, Some("daily_limit_reached"))
    );
    assert!(wait.unwrap() <= 86_400, "{wait:?}");
    let detail = said["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("You have asked 2 questions today"),
        "{detail}"
    );
    // Neither another caller nor nobody in particular pays for it.
    assert_eq!(ask(&server, &bob, &question()).await.0, 200);
    assert_eq!(ask(&server, "", &question()).await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_channel_has_a_limit_for_all_its_callers_together() {
    let mut world = World::of_trips().await;
    let limit = Limit {
        questions_per_minute: 2,
        ..Limit::default()
    };
    world.config.limits.channels.insert(Channel::Api, limit);
    let server = world.serve().await;
    let ana = server.key("ana", &["everyone"], Role::User).await;
    assert_eq!(ask(&server, &ana, &question()).await.0, 200);
    assert_eq!(ask(&server, "", &question()).await.0, 200);
    let (status, wait, said) = ask(&server, &ana, &question()).await;
    // A minute may have begun meanwhile; then the third is the first of it.
    if status == 429 {
        assert_eq!(said["code"], "rate_limited");
        assert!((1..=60).contains(&wait.unwrap()));
    }
    // A page of docent's own is another channel.
    let page = server
        .chat()
        .header("sec-fetch-site", "same-origin")
        .body(question().to_string());
    assert_eq!(page.send().await.unwrap().status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn tokens_of_a_day_are_counted_once_each_and_end_the_day() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.answer = Answer::Text("It is loaded hourly [1].".to_owned()));
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    world.config.limits.caller.tokens_per_day = 10;
    let server = world.serve().await;
    let ana = server.key("ana", &["everyone"], Role::User).await;
    let (status, _, answer) = ask(&server, &ana, &question()).await;
    assert_eq!(status, 200);
    server.service.app.ledger.flush().await;
    let (status, _, said) = ask(&server, &ana, &question()).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (429, Some("daily_budget_spent"))
    );
    server.stop().await;
    let counted = world
        .database
        .rows("SELECT subject, tokens::text, questions::text FROM usage_count")
        .await;
    let usage = &answer["usage"];
    let tokens = usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
    let expected = ["caller/key:ana", &tokens.to_string(), "1"];
    let counted: Vec<&str> = counted[0].iter().flatten().map(String::as_str).collect();
    assert_eq!(counted, expected);
}

/// Processes meet at the rows: whatever comes at once, exactly as many get through as may.
#[tokio::test(flavor = "multi_thread")]
async fn of_questions_that_come_at_once_to_two_processes_none_too_many_is_let_through() {
    let world = World::new().await;
    let one = world.app().await.ledger;
    let options = docent_core::ledger::LedgerOptions {
        connect: world.database.options(),
        max_connections: 8,
        migrate: docent_core::config::Migrate::Auto,
        spool: world.folder.path().join("spool"),
        spool_max_bytes: 1 << 20,
    };
    let two = docent_core::ledger::Ledger::open(options).await.unwrap();
    let account = |subject: &str, limit| Account {
        subject: subject.to_owned(),
        allowance: Allowance {
            questions_per_day: Some(limit),
            ..Allowance::default()
        },
        owed: 0,
    };
    // They are the first of the day: nothing was counted yet that they could meet at.
    let accounts = [account("channel/web", 20), account("caller/ana", 1000)];
    let asked = join_all((0..60).map(|number| {
        let ledger = if number % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        let accounts = accounts.clone();
        tokio::spawn(async move { ledger.admit(&accounts).await.unwrap().1 })
    }))
    .await;
    let through = asked
        .into_iter()
        .filter(|asked| *asked.as_ref().unwrap())
        .count();
    assert_eq!(through, 20);
    let counted = world
        .database
        .rows("SELECT subject, questions::text FROM usage_count ORDER BY subject")
        .await;
    let counted: Vec<(&str, &str)> = counted
        .iter()
        .map(|row| (row[0].as_deref().unwrap(), row[1].as_deref().unwrap()))
        .collect();
    // What was refused is counted on nobody.
    assert_eq!(counted, [("caller/ana", "20"), ("channel/web", "20")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_away_limits_hold_and_what_was_let_through_is_counted_later() {
    let mut world = World::new().await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.config.access.anonymous = Anonymous::Loopback;
    world.config.limits.caller.questions_per_day = 3;
    let folder = world.folder.path().join("postgres");
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    world.config.ledger.database_url = Secret::new(postgres.url());
    {
        let app = Arc::new(world.app().await);
        ingest(&app).await;
        crate::support::closed(app).await;
    }
    let server = world.serve().await;
    assert_eq!(ask(&server, "", &question()).await.0, 200);
    postgres.stop().await;
    assert_eq!(ask(&server, "", &question()).await.0, 200);
    assert_eq!(ask(&server, "", &question()).await.0, 200);
    assert_eq!(ask(&server, "", &question()).await.0, 429);
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    crate::support::eventually("the ledger counts again", || async {
        server.service.app.ledger.ping().await.is_ok()
    })
    .await;
    assert_eq!(ask(&server, "", &question()).await.0, 429);
    server.stop().await;
    postgres.stop().await;
}
