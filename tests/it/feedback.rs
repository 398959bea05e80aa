//! What readers think of answers, and the widget's script.

use std::io::Read;

use docent_core::document::text_hash;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{TestServer, World};

async fn rate(server: &TestServer, body: &Value) -> (u16, Value) {
    let response = server
        .http
        .post(format!("{}/v1/feedback", server.url))
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

async fn kept(world: &World) -> Vec<Vec<Option<String>>> {
    let query = "SELECT rating, comment FROM feedback";
    world.database.rows(query).await
}

#[tokio::test]
async fn the_last_rating_of_a_caller_counts_and_its_comment_stays() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let answer = server.ask("How often is fct_trips loaded?").await;
    let id = &answer["interaction_id"];
    for body in [
        json!({ "interaction_id": id, "rating": "up", "comment": "clear" }),
        json!({ "interaction_id": id, "rating": "down" }),
        json!({ "interaction_id": id, "rating": "down", "comment": " not\0 enough " }),
        json!({ "interaction_id": id, "rating": "down", "comment": "  " }),
    ] {
        assert_eq!(rate(&server, &body).await.0, 204, "{body}");
    }
    let expected = [["down", "not enough"].map(|text| Some(text.to_owned()))];
    assert_eq!(kept(&world).await, expected);
    let conversation = answer["conversation_id"].as_str().unwrap();
    let address = format!("{}/v1/conversations/{conversation}", server.url);
    server.http.delete(address).send().await.unwrap();
    server.service.app.ledger.flush().await;
    assert!(kept(&world).await.is_empty(), "it goes with its answer");
    server.stop().await;
}

#[tokio::test]
async fn only_an_answer_that_one_has_had_can_be_rated() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    let id = Uuid::now_v7();
    for (body, status, code) in [
        (
            json!({ "interaction_id": id, "rating": "up" }),
            404,
            "interaction_unknown",
        ),
        (
            json!({ "interaction_id": id, "rating": "good" }),
            422,
            "bad_request",
        ),
        (
            json!({ "interaction_id": id, "rating": "up", "comment": "x".repeat(2001) }),
            413,
            "comment_too_long",
        ),
    ] {
        let (got, problem) = rate(&server, &body).await;
        assert_eq!(
            (got, problem["code"].as_str()),
            (status, Some(code)),
            "{body}"
        );
    }
    let answer = server.ask("How often is fct_trips loaded?").await;
    server.service.app.ledger.flush().await;
    let other = "UPDATE interaction SET caller = 'somebody else' RETURNING caller";
    assert_eq!(world.database.rows(other).await.len(), 1);
    let body = json!({ "interaction_id": answer["interaction_id"], "rating": "up" });
    assert_eq!(rate(&server, &body).await.0, 404);
    server.stop().await;
}

#[tokio::test]
async fn any_page_may_load_the_widget_and_loads_it_once() {
    let mut world = World::of_trips().await;
    world.config.server.public_url = "https://data.example.com/docent".to_owned();
    let server = world.serve().await;
    for file in ["widget.js", "widget.mjs"] {
        let get = |path: &str| {
            server
                .http
                .get(format!("{}{path}{file}", server.url))
                .header("origin", "https://wiki.example.com")
        };
        let plain = get("/docent/").send().await.unwrap();
        assert_eq!(plain.status(), 200);
        assert_eq!(plain.headers()["access-control-allow-origin"], "*");
        assert_eq!(
            plain.headers()["content-type"],
            "text/javascript; charset=utf-8"
        );
        let tag = plain.headers()["etag"].clone();
        let text = plain.text().await.unwrap();
        let zipped = get("/").header("accept-encoding", "gzip").send().await;
        let zipped = zipped.unwrap().bytes().await.unwrap();
        assert!(zipped.len() <= 45_000, "{} bytes", zipped.len());
        let mut unzipped = String::new();
        GzDecoder::new(&zipped[..])
            .read_to_string(&mut unzipped)
            .unwrap();
        assert_eq!(text_hash(&unzipped), text_hash(&text));
        let again = get("/").header("if-none-match", tag).send().await.unwrap();
        assert_eq!(again.status(), 304);
    }
    server.stop().await;
}
