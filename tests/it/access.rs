//! Who is let in: keys, nobody in particular, and what each may do with conversations.

use std::sync::Arc;

use docent::commands::key::{self, Done, KeyRequest};
use docent_core::config::{Anonymous, Secret};
use docent_core::ledger::Role;
use docent_core::postgres::EmbeddedPostgres;
use serde_json::{Value, json};

use crate::support::{TestServer, World, ingest};

const QUESTION: &str = "How often is fct_trips loaded?";

async fn ask(server: &TestServer, token: &str) -> (u16, Value) {
    let body = json!({ "question": QUESTION });
    server.send("POST", "/v1/chat", token, Some(body)).await
}

fn code((status, body): (u16, Value)) -> (u16, String) {
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_key_opens_until_it_is_revoked_or_expires_and_is_stored_nowhere() {
    let mut world = World::of_trips().await;
    world.config.access.anonymous = Anonymous::Never;
    let server = world.serve().await;
    assert_eq!(
        code(ask(&server, "").await),
        (401, "key_required".to_owned())
    );
    let key = server.key("etl", &["everyone"], Role::User).await;
    let (status, answer) = ask(&server, &key).await;
    assert_eq!(
        (status, answer["outcome"].as_str()),
        (200, Some("answered"))
    );
    assert_eq!(
        code(ask(&server, &format!("{key}0")).await),
        (401, "key_unknown".to_owned())
    );

    server.service.app.ledger.flush().await;
    let who = world.database.rows("SELECT caller FROM interaction").await;
    assert_eq!(who[0][0].as_deref(), Some("key:etl"));
    let stored = world
        .database
        .rows("SELECT to_jsonb(k)::text FROM api_key k")
        .await;
    let stored = stored[0][0].clone().unwrap();
    assert!(!stored.contains(&key), "{stored}");
    assert!(stored.contains(&key[..13]), "{stored}");

    let again = KeyRequest::Create {
        name: "etl".to_owned(),
        groups: vec!["everyone".to_owned()],
        role: Role::User,
        expires_at: None,
    };
    let app = &server.service.app;
    let made = key::run(app, &again).await.unwrap();
    assert!(matches!(made, Done::NameTaken));
    let short = KeyRequest::Create {
        name: "short".to_owned(),
        groups: vec!["everyone".to_owned()],
        role: Role::User,
        expires_at: Some(chrono::Utc::now() + chrono::TimeDelta::milliseconds(300)),
    };
    let Done::Created { key: short, .. } = key::run(app, &short).await.unwrap() else {
        panic!("no key was made");
    };
    assert_eq!(ask(&server, &short).await.0, 200);
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert_eq!(
        code(ask(&server, &short).await),
        (401, "key_expired".to_owned())
    );

    let revoked = key::run(app, &KeyRequest::Revoke("etl".to_owned())).await;
    assert!(matches!(revoked.unwrap(), Done::Revoked(keys) if keys.len() == 1));
    // Seen a moment ago, it works for five seconds more; then no longer.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(
        code(ask(&server, &key).await),
        (401, "key_unknown".to_owned())
    );
    server.stop().await;
    let acts = world
        .database
        .rows("SELECT act, who, split_part(target, ' ', 1) FROM audit WHERE act LIKE 'key%' ORDER BY at, id")
        .await;
    let acts: Vec<String> = acts
        .into_iter()
        .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        acts,
        [
            "key_created terminal etl",
            "key_created terminal short",
            "key_revoked terminal etl"
        ]
    );
}

#[tokio::test]
async fn nobody_asks_without_a_key_beyond_this_machine() {
    let mut world = World::of_trips().await;
    let refused = (401, "key_required".to_owned());
    // A public address says that a proxy stands in front.
    world.config.server.public_url = "https://data.example.com".to_owned();
    let server = world.serve().await;
    assert_eq!(code(ask(&server, "").await), refused);
    server.stop().await;
    // Another address than loopback.
    world.config.server.public_url = String::new();
    world.config.server.host = "0.0.0.0".to_owned();
    let server = world.serve().await;
    assert_eq!(code(ask(&server, "").await), refused);
    server.stop().await;
    // On this machine alone; unless a proxy shows itself.
    world.config.server.host = "127.0.0.1".to_owned();
    let server = world.serve().await;
    assert_eq!(ask(&server, "").await.0, 200);
    let proxied = server
        .chat()
        .header("x-forwarded-for", "10.0.0.7")
        .body(json!({ "question": QUESTION }).to_string());
    assert_eq!(proxied.send().await.unwrap().status(), 401);
    server.stop().await;
}

#[tokio::test]
async fn runs_want_a_key_of_the_role_admin() {
    let mut world = World::of_trips().await;
    world.config.server.host = "0.0.0.0".to_owned();
    let server = world.serve().await;
    let run = |token: String| {
        let server = &server;
        async move {
            let body = Some(json!({}));
            server.send("POST", "/v1/ingest/runs", &token, body).await
        }
    };
    let user = server.key("reader", &["everyone"], Role::User).await;
    let admin = server.key("airflow", &["everyone"], Role::Admin).await;
    assert_eq!(
        code(run(String::new()).await),
        (403, "admin_key_not_set".to_owned())
    );
    assert_eq!(code(run(user).await), (403, "admin_required".to_owned()));
    let (status, started) = run(admin).await;
    assert_eq!(status, 202, "{started}");
    server.stop().await;
    let acts = world
        .database
        .rows("SELECT who FROM audit WHERE act = 'run_started' AND who <> 'terminal'")
        .await;
    assert_eq!(acts[0][0].as_deref(), Some("key:airflow"));
}

#[tokio::test]
async fn the_configured_admin_key_starts_runs_and_asks() {
    let mut world = World::of_trips().await;
    world.config.access.admin_key = Secret::new("s3cret");
    world.config.access.anonymous = Anonymous::Never;
    let server = world.serve().await;
    assert_eq!(ask(&server, "s3cret").await.0, 200);
    assert_eq!(
        code(ask(&server, "s3creT").await),
        (401, "key_unknown".to_owned())
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_seen_of_late_works_while_postgres_is_away_and_another_one_waits() {
    let mut world = World::new().await;
    world.write(
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.config.access.anonymous = Anonymous::Never;
    let folder = world.folder.path().join("postgres");
    let postgres = EmbeddedPostgres::start(&folder, None).await.unwrap();
    world.config.ledger.database_url = Secret::new(postgres.url());
    {
        let app = Arc::new(world.app().await);
        ingest(&app).await;
        crate::support::closed(app).await;
    }
    let server = world.serve().await;
    let seen = server.key("seen", &["everyone"], Role::User).await;
    let unseen = server.key("unseen", &["everyone"], Role::User).await;
    assert_eq!(ask(&server, &seen).await.0, 200);
    postgres.stop().await;
    // Longer than a key is believed without a look.
    tokio::time::sleep(std::time::Duration::from_millis(5200)).await;
    assert_eq!(ask(&server, &seen).await.0, 200);
    let (status, said) = ask(&server, &unseen).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (503, Some("ledger_unavailable"))
    );
    server.stop().await;
}

#[tokio::test]
async fn conversations_are_listed_retitled_and_deleted_by_their_own_caller() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let ana = server.key("ana", &["everyone"], Role::User).await;
    let bob = server.key("bob", &["everyone"], Role::User).await;
    let (_, first) = ask(&server, &ana).await;
    let conversation = first["conversation_id"].as_str().unwrap();
    let path = format!("/v1/conversations/{conversation}");
    let list = |token: String| {
        let server = &server;
        async move {
            server
                .send("GET", "/v1/conversations", &token, None)
                .await
                .1
        }
    };
    let listed = list(ana.clone()).await;
    assert_eq!(listed["conversations"][0]["id"], first["conversation_id"]);
    assert_eq!(listed["conversations"][0]["title"], QUESTION);
    // Strangers share a name: an id is all that they have.
    for other in [bob.clone(), String::new()] {
        assert_eq!(list(other.clone()).await["conversations"], json!([]));
        let title = Some(json!({ "title": "mine now" }));
        for (method, body) in [("GET", None), ("PATCH", title), ("DELETE", None)] {
            assert_eq!(
                code(server.send(method, &path, &other, body).await),
                (404, "conversation_unknown".to_owned()),
                "{method}"
            );
        }
        let body = json!({ "question": "And who owns it?", "conversation_id": conversation });
        let (_, theirs) = server.send("POST", "/v1/chat", &other, Some(body)).await;
        assert_eq!(theirs["standalone_question"], "And who owns it?");
    }

    let retitle = |title: &str| Some(json!({ "title": title }));
    let renamed = server
        .send("PATCH", &path, &ana, retitle("  Loading\n of trips "))
        .await;
    assert_eq!(
        (renamed.0, &renamed.1["title"]),
        (200, &json!("Loading of trips"))
    );
    let empty = server.send("PATCH", &path, &ana, retitle(" ")).await;
    assert_eq!(code(empty), (400, "title_invalid".to_owned()));
    let (_, read) = server.send("GET", &path, &ana, None).await;
    assert_eq!(read["title"], "Loading of trips");
    assert_eq!(read["interactions"].as_array().unwrap().len(), 1, "{read}");
    assert_eq!(
        list(ana.clone()).await["conversations"][0]["title"],
        "Loading of trips"
    );

    assert_eq!(server.send("DELETE", &path, &ana, None).await.0, 204);
    server.service.app.ledger.flush().await;
    assert_eq!(server.send("GET", &path, &ana, None).await.0, 404);
    assert_eq!(list(ana.clone()).await["conversations"], json!([]));
    server.stop().await;
    let left = world
        .database
        .rows("SELECT question FROM interaction WHERE caller = 'key:ana'")
        .await;
    assert!(left.is_empty());
    let titles = world
        .database
        .rows("SELECT title FROM conversation WHERE deleted_at IS NOT NULL")
        .await;
    assert_eq!(titles[0][0].as_deref(), Some(""));
    let acts = world
        .database
        .rows("SELECT who FROM audit WHERE act = 'conversation_deleted'")
        .await;
    assert_eq!(acts[0][0].as_deref(), Some("key:ana"));
}
