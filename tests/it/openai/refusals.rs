//! Who is refused and how they are told; answers that are not finished.

use std::time::Duration;

use docent_core::config::Anonymous;
use docent_core::ledger::Role;
use serde_json::{Value, json};

use super::{PATH, QUESTION, answering, asking, complete, post, streaming, user};
use crate::support::{TestServer, World, eventually};

/// Sends what is refused: the error without its message, which says something. Only who has asked too much is
/// told to come back.
async fn refused(server: &TestServer, token: &str, body: &Value, status: u16) -> Value {
    let response = post(server, token, body).await;
    assert_eq!(
        response.status(),
        status,
        "{}",
        response.text().await.unwrap()
    );
    assert_eq!(response.headers()["content-type"], "application/json");
    let wait = response.headers().contains_key("retry-after");
    assert_eq!(wait, status == 429);
    let mut body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let message = body["error"].as_object_mut().unwrap().remove("message");
    assert!(!message.unwrap().as_str().unwrap().is_empty());
    body["error"].take()
}

#[tokio::test]
async fn what_docent_cannot_do_is_refused_and_the_parameter_named() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let picture = json!([{ "role": "user", "content": [
        { "type": "text", "text": "What is this?" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } },
    ]}]);
    let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
    let unsupported = "unsupported_parameter";
    let json_format = json!({ "type": "json_object" });
    let system = json!([{ "role": "system", "content": "Hi" }]);
    let long = json!([user(&"x".repeat(4001))]);
    for (param, value, status, code) in [
        ("model", json!("gpt-5"), 404, "model_not_found"),
        ("n", json!(2), 400, unsupported),
        ("tools", tools, 400, unsupported),
        ("response_format", json_format, 400, unsupported),
        ("modalities", json!(["text", "audio"]), 400, unsupported),
        ("messages", picture, 400, unsupported),
        ("messages", system, 400, "question_empty"),
        ("messages", json!([user(" ")]), 400, "question_empty"),
        ("messages", long, 413, "question_too_long"),
    ] {
        let mut body = asking(QUESTION);
        body[param] = value;
        assert_eq!(
            refused(&server, "", &body, status).await,
            json!({ "type": "invalid_request_error", "code": code, "param": param })
        );
    }
    let mut huge = asking(QUESTION);
    huge["padding"] = json!("x".repeat(1_100_000));
    for (body, status) in [(huge, 413), (json!({ "model": "docent" }), 422)] {
        assert_eq!(
            refused(&server, "", &body, status).await,
            json!({ "type": "invalid_request_error", "code": "bad_request", "param": null })
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn whoever_refuses_a_request_does_it_in_the_form_of_openai() {
    let mut world = World::of_trips().await;
    world.config.limits.caller.questions_per_day = 1;
    let server = world.serve().await;
    let unknown = refused(&server, "docent_0123456789abcdef", &asking(QUESTION), 401).await;
    assert_eq!(
        unknown,
        json!({ "type": "authentication_error", "code": "key_unknown", "param": null })
    );
    let key = server.key("webui", &["everyone"], Role::User).await;
    complete(&server, &key, asking(QUESTION)).await;
    for body in [asking(QUESTION), streaming(asking(QUESTION))] {
        assert_eq!(
            refused(&server, &key, &body, 429).await,
            json!({ "type": "rate_limit_error", "code": "daily_limit_reached", "param": null })
        );
    }
    // So do those who keep other pages away, and the method.
    let page = server
        .http
        .post(format!("{}{PATH}", server.url))
        .header("origin", "https://evil.example");
    let response = page
        .body(asking(QUESTION).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(body["error"]["type"], "permission_error");
    let (status, body) = server.send("GET", PATH, "", None).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (405, &json!("method_not_allowed"))
    );
    server.stop().await;
}

#[tokio::test]
async fn a_turn_that_fails_before_its_first_word_has_a_status() {
    let world = World::new().await;
    let server = world.serve().await;
    for body in [asking(QUESTION), streaming(asking(QUESTION))] {
        let response = post(&server, "", &body).await;
        assert_eq!(response.status(), 503);
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(body["error"]["code"], "nothing_ingested");
        assert_eq!(body["error"]["type"], "server_error");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error_that_clients_raise() {
    let (mut world, model) = answering(&"The table is loaded hourly [1]. ".repeat(200)).await;
    model.change(|script| script.gap = Duration::from_millis(50));
    world.config.server.shutdown_seconds = 0;
    let server = world.serve().await;
    let mut response = post(&server, "", &streaming(asking(QUESTION))).await;
    let mut text = String::new();
    while !text.contains("loaded") {
        let chunk = response.chunk().await.unwrap().unwrap();
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    let (rest, ()) = tokio::join!(response.text(), server.stop());
    let rest = rest.unwrap();
    let last = rest.trim_end().lines().last().unwrap();
    let error: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(error["error"]["code"], "cancelled", "{rest}");
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_the_generation() {
    let (world, model) = answering(&"The table is loaded hourly [1]. ".repeat(200)).await;
    model.change(|script| script.gap = Duration::from_millis(50));
    let server = world.serve().await;
    let mut response = post(&server, "", &streaming(asking(QUESTION))).await;
    response.chunk().await.unwrap().unwrap();
    drop(response);
    eventually("the model is not asked for more", || async {
        model.stopped_streams() == 1
    })
    .await;
    server.stop().await;
    let outcomes = world.database.rows("SELECT outcome FROM interaction").await;
    assert_eq!(outcomes, [[Some("cancelled".to_owned())]]);
}

#[tokio::test]
async fn there_is_one_model_for_those_who_may_ask() {
    let mut world = World::of_trips().await;
    world.config.access.anonymous = Anonymous::Never;
    let server = world.serve().await;
    let key = server.key("webui", &["everyone"], Role::User).await;
    let (status, listed) = server.send("GET", "/v1/models", &key, None).await;
    assert_eq!((status, &listed["object"]), (200, &json!("list")));
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let (status, model) = server.send("GET", "/v1/models/docent", &key, None).await;
    assert_eq!((status, &model), (200, &listed["data"][0]));
    assert_eq!(
        (&model["id"], &model["object"]),
        (&json!("docent"), &json!("model"))
    );
    let (status, lost) = server.send("GET", "/v1/models/gpt-5", &key, None).await;
    assert_eq!(
        (status, &lost["error"]["code"]),
        (404, &json!("model_not_found"))
    );
    let (status, refused) = server.send("GET", "/v1/models", "", None).await;
    assert_eq!(
        (status, &refused["error"]["type"]),
        (401, &json!("authentication_error"))
    );
    server.stop().await;
}
