//! Who may call, what they may read, and how much.

use docent_core::config::{Anonymous, Limit};
use docent_core::ledger::{Channel, Role};
use serde_json::{Value, json};

use super::{Client, QUESTION, call, text_of};
use crate::support::World;

#[tokio::test]
async fn nobody_calls_without_a_key_where_one_is_wanted() {
    let mut world = World::of_trips().await;
    world.config.access.anonymous = Anonymous::Never;
    let server = world.serve().await;
    let key = server.key("ide", &["everyone"], Role::User).await;
    for token in ["", "docent_nobody"] {
        let client = Client {
            server: &server,
            token: token.to_owned(),
            session: String::new(),
        };
        let body = call(1, "ask", &json!({ "question": QUESTION }));
        let refused = client.post(&body).send().await.unwrap();
        assert_eq!(refused.status(), 401);
        assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    }
    let client = Client::new(&server, &key).await;
    client.call("ask", json!({ "question": QUESTION })).await;
    server.stop().await;
}

#[tokio::test]
async fn pages_of_other_origins_and_rebound_names_are_refused() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let client = Client {
        server: &server,
        token: String::new(),
        session: String::new(),
    };
    let body = call(1, "ask", &json!({ "question": QUESTION }));
    for (name, value, code) in [
        ("origin", "https://evil.example", "origin_not_allowed"),
        ("origin", "null", "origin_not_allowed"),
        ("host", "evil.example", "host_not_allowed"),
    ] {
        let refused = client.post(&body).header(name, value).send().await.unwrap();
        assert_eq!(refused.status(), 403, "{name}: {value}");
        let problem: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
        assert_eq!(problem["code"], code);
    }
    // What is no call is no stream either: there is nothing to listen to.
    let get = server
        .http
        .get(format!("{}/mcp", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(get.status(), 405);
    assert_eq!(get.headers()["allow"], "POST");
    server.stop().await;
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let mut world = World::of_trips().await;
    world.config.server.max_question_chars = 100;
    world.config.server.max_body_bytes = 1000;
    let server = world.serve().await;
    let client = Client::new(&server, "").await;
    for (tool, field) in [("ask", "question"), ("search_docs", "query")] {
        let long = client
            .result_of(tool, json!({ field: "x".repeat(101) }))
            .await;
        assert_eq!(long["_meta"]["docent/code"], "question_too_long", "{long}");
    }
    let larger = call(1, "ask", &json!({ "question": "x".repeat(1000) }));
    assert_eq!(client.send(&larger).await.status, 413);
    server.stop().await;
}

#[tokio::test]
async fn the_caller_is_who_sent_the_request_and_not_who_began_the_session() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let ana = server.key("ana", &["everyone"], Role::User).await;
    let bob = server.key("bob", &["everyone"], Role::User).await;
    let mut client = Client::new(&server, &ana).await;
    client.call("ask", json!({ "question": QUESTION })).await;
    client.token = bob;
    client.call("ask", json!({ "question": QUESTION })).await;
    client.token = "docent_wrong".to_owned();
    let refused = client
        .send(&call(1, "ask", &json!({ "question": QUESTION })))
        .await;
    assert_eq!(refused.status, 401);
    server.stop().await;
    let callers = world
        .database
        .rows("SELECT caller FROM interaction WHERE channel = 'mcp' ORDER BY at")
        .await;
    let callers: Vec<String> = callers.into_iter().flatten().flatten().collect();
    assert_eq!(callers, ["key:ana", "key:bob"]);
}

#[tokio::test]
async fn what_a_caller_may_not_read_is_in_no_result_of_any_tool() {
    let world = World::new().await;
    world.write(
        "trips.md",
        "---\nasset: fct_trips\nowner: Ana\n---\n# Trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    world.write(
        "payroll.md",
        "---\ngroups: [finance]\nasset: payroll_runs\nowner: Vera Quill\n---\n# Payrolling\n\n\
         The table payroll_runs is loaded every fortnight.\n",
    );
    // A part of what is known of an asset may be for fewer.
    world.write(
        "trips-costs.md",
        "---\ngroups: [finance]\nasset: fct_trips\nowner: Vera Quill\n---\n# Costs\n\n\
         A fortnight of fct_trips costs 40 dollars.\n",
    );
    world.ingest().await;
    let server = world.serve().await;
    let outside = server.key("outside", &["everyone"], Role::User).await;
    let inside = server
        .key("inside", &["everyone", "finance"], Role::User)
        .await;
    let calls = [
        (
            "ask",
            json!({ "question": "How often is payroll_runs loaded?" }),
        ),
        ("search_docs", json!({ "query": "payroll_runs fortnight" })),
        ("get_asset", json!({ "name": "payroll_runs" })),
        ("get_asset", json!({ "name": "PAYROLL_RUN" })),
        ("get_asset", json!({ "name": "fct_trips" })),
    ];
    let (no, yes) = (
        Client::new(&server, &outside).await,
        Client::new(&server, &inside).await,
    );
    for (tool, arguments) in calls {
        let text = no.call(tool, arguments.clone()).await;
        let mut text = text.to_string();
        // What was asked is said again.
        text = text
            .replace("payroll_runs fortnight", "")
            .replace("How often is payroll_runs loaded?", "");
        if arguments["name"] == "payroll_runs" {
            text = text.replace("payroll_runs", "");
        }
        for hidden in [
            "ayrolling",
            "fortnight",
            "Vera",
            "payroll_runs",
            "40 dollars",
        ] {
            assert!(!text.contains(hidden), "{tool}: {hidden} in {text}");
        }
        // Whoever may read it does: the test would see a leak.
        let text = yes.call(tool, arguments).await.to_string();
        assert!(
            text.contains("fortnight") || text.contains("payroll_runs"),
            "{tool}: {text}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_caller_who_has_asked_enough_is_told_so_in_the_result() {
    let mut world = World::of_trips().await;
    world.config.limits.caller.questions_per_day = 2;
    let channel = Limit {
        questions_per_day: 3,
        ..Limit::default()
    };
    world.config.limits.channels.insert(Channel::Mcp, channel);
    let server = world.serve().await;
    let ana = server.key("ana", &["everyone"], Role::User).await;
    let bob = server.key("bob", &["everyone"], Role::User).await;
    let client = Client::new(&server, &ana).await;
    client.call("ask", json!({ "question": QUESTION })).await;
    client
        .call("search_docs", json!({ "query": QUESTION }))
        .await;
    for (tool, arguments) in [
        ("ask", json!({ "question": QUESTION })),
        ("search_docs", json!({ "query": QUESTION })),
    ] {
        let refused = client.result_of(tool, arguments).await;
        assert_eq!(refused["isError"], true);
        assert_eq!(refused["_meta"]["docent/code"], "daily_limit_reached");
        assert!(refused["_meta"]["docent/retry_after"].as_u64().unwrap() <= 86_400);
        assert!(
            text_of(&refused).starts_with("You have asked 2 questions today"),
            "{refused}"
        );
    }
    // Looking a name up costs nothing.
    client
        .call("get_asset", json!({ "name": "fct_trips" }))
        .await;
    let other = Client::new(&server, &bob).await;
    other.call("ask", json!({ "question": QUESTION })).await;
    let refused = other
        .result_of("ask", json!({ "question": QUESTION }))
        .await;
    assert!(
        text_of(&refused).starts_with("Everyone here together"),
        "{refused}"
    );
    server.stop().await;
}
