//! The description of the API, as the service gives it. `tests/clients/openapi_test.py` holds the service against it.

use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn the_description_is_served_with_what_the_configuration_decides() {
    let mut world = World::new().await;
    world.config.server.max_question_chars = 1234;
    world.config.server.public_url = "https://data.example.com/docent".to_owned();
    let server = world.serve().await;
    let (status, document) = server.send("GET", "/docent/openapi.json", "", None).await;
    assert_eq!(status, 200);
    let question = &document["components"]["schemas"]["Ask"]["properties"]["question"];
    assert_eq!(question["maxLength"], 1234);
    let place = &document["servers"][0]["url"];
    assert_eq!(place, "https://data.example.com/docent");
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
    server.stop().await;
}

#[tokio::test]
async fn every_description_is_of_a_route_that_the_service_has() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let (_, document) = server.send("GET", "/openapi.json", "", None).await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let at = path.replace("{id}", "0b6e4a70-3c44-4a0e-9f6f-2d7a7c1d9a11");
            let body = described["requestBody"].is_object().then(|| json!({}));
            let (status, answer) = server.send(&method.to_uppercase(), &at, "", body).await;
            assert_ne!(answer["code"], "not_found", "{method} {path}");
            assert_ne!(status, 405, "{method} {path}");
            let known = described["responses"][status.to_string()].is_object();
            assert!(known, "{method} {path}: {status} {answer}");
        }
    }
    let unknown = server.send("GET", "/v1/nothing", "", None).await;
    assert_eq!(
        (unknown.0, &unknown.1["code"]),
        (404, &Value::from("not_found"))
    );
    server.stop().await;
}
