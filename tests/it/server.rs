//! The HTTP service: its errors, its doors, its end.

use std::time::Duration;

use docent_core::config::Anonymous;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::{Value, json};

use crate::support::{World, events};

async fn problem(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    (
        status,
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn errors_are_problems_with_a_stable_code() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let send = |body: String| server.chat().body(body).send();
    let cases = [
        ("{}".to_owned(), 422, "bad_request"),
        ("{\"question\":".to_owned(), 400, "bad_request"),
        (
            json!({ "question": "  " }).to_string(),
            400,
            "question_empty",
        ),
        (
            json!({ "question": "x".repeat(4001) }).to_string(),
            413,
            "question_too_long",
        ),
        (
            json!({ "question": "x", "message_id": "" }).to_string(),
            400,
            "message_id_invalid",
        ),
        ("x".repeat(70_000), 413, "bad_request"),
    ];
    for (body, status, code) in cases {
        let (got, problem) = problem(send(body.clone()).await.unwrap()).await;
        assert_eq!(
            (got, problem["code"].as_str()),
            (status, Some(code)),
            "{problem}"
        );
    }
    let lost = server
        .http
        .get(format!("{}/nowhere", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(problem(lost).await.1["code"], "not_found");
    let conversation = format!("{}/v1/conversations/7", server.url);
    for request in [
        server.http.get(&conversation),
        server.http.delete(&conversation),
    ] {
        let (status, said) = problem(request.send().await.unwrap()).await;
        assert_eq!(
            (status, said["code"].as_str()),
            (404, Some("conversation_unknown"))
        );
    }
    let wrong = server
        .http
        .get(format!("{}/v1/chat", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(problem(wrong).await.1["code"], "method_not_allowed");
    server.stop().await;
}

#[tokio::test]
async fn another_origin_and_a_rebound_name_are_turned_away() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let body = json!({ "question": "How often is fct_trips loaded?" }).to_string();
    let foreign = server
        .chat()
        .header("origin", "https://evil.example")
        .body(body.clone());
    let (status, said) = problem(foreign.send().await.unwrap()).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (403, Some("origin_not_allowed"))
    );
    let rebound = server.chat().header("host", "evil.example").body(body);
    let (status, said) = problem(rebound.send().await.unwrap()).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (403, Some("host_not_allowed"))
    );
    server.stop().await;
}

#[tokio::test]
async fn nothing_ingested_is_said_so() {
    let world = World::new().await;
    let server = world.serve().await;
    let body = json!({ "question": "anything?" }).to_string();
    let (status, said) = problem(server.chat().body(body).send().await.unwrap()).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (503, Some("nothing_ingested"))
    );
    assert!(said["detail"].as_str().unwrap().contains("docent ingest"));
    let ready = server
        .http
        .get(format!("{}/readyz", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 503);
    let alive = server
        .http
        .get(format!("{}/healthz", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(alive.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn the_page_works_under_a_sub_path() {
    let mut world = World::of_trips().await;
    world.config.server.public_url = "https://data.example.com/docent".to_owned();
    world.config.access.anonymous = Anonymous::Anywhere;
    let server = world.serve().await;
    let get = |path: &str| server.http.get(format!("{}{path}", server.url)).send();
    let page = get("/docent/").await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(
        page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("script-src 'self'")
    );
    let html = page.text().await.unwrap();
    for file in ["page.css", "widget.js", "icon.svg"] {
        assert!(
            html.contains(&format!("\"{file}\"")),
            "{file} is not addressed relatively"
        );
        assert_eq!(
            get(&format!("/docent/{file}")).await.unwrap().status(),
            200,
            "{file}"
        );
        assert_eq!(
            get(&format!("/{file}")).await.unwrap().status(),
            200,
            "stripped {file}"
        );
    }
    let asked = server
        .http
        .post(format!("{}/docent/v1/chat", server.url))
        .header("content-type", "application/json")
        .header("origin", "https://data.example.com")
        .body(json!({ "question": "How often is fct_trips loaded?" }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 200);
    let bare = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let redirected = bare
        .get(format!("{}/docent", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(redirected.headers()["location"], "/docent/");
    server.stop().await;
}

#[tokio::test]
async fn an_open_answer_finishes_before_the_service_stops() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text(format!("{}[1].", "The table is loaded hourly, ".repeat(20)));
        script.gap = Duration::from_millis(10);
    });
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    let server = world.serve().await;
    let body = json!({ "question": "How often is fct_trips loaded?" }).to_string();
    let mut response = server
        .chat()
        .header("accept", "text/event-stream")
        .body(body)
        .send()
        .await
        .unwrap();
    let mut text = String::new();
    while !text.contains("event: delta") {
        text.push_str(&String::from_utf8_lossy(
            &response.chunk().await.unwrap().unwrap(),
        ));
    }
    let stopping = tokio::spawn(server.stop());
    while let Some(piece) = response.chunk().await.unwrap() {
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    assert_eq!(events(&text).last().unwrap().0, "done");
    tokio::time::timeout(Duration::from_secs(5), stopping)
        .await
        .expect("the service stops soon after its last answer")
        .unwrap();
}

#[tokio::test]
async fn more_answers_than_allowed_are_asked_to_come_back() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.first_token = Duration::from_millis(400));
    let mut world = World::of_trips().await;
    world.chat_with(&model);
    world.config.server.max_answers = 1;
    let server = world.serve().await;
    let body = json!({ "question": "How often is fct_trips loaded?" }).to_string();
    let slow = tokio::spawn(server.chat().body(body.clone()).send());
    tokio::time::sleep(Duration::from_millis(150)).await;
    let refused = server.chat().body(body).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "3");
    assert_eq!(problem(refused).await.1["code"], "busy");
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    server.stop().await;
}
