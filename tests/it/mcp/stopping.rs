//! A call that is stopped: the model is, too, and what it used is on record.

use std::time::Duration;

use docent_core::ledger::Role;
use serde_json::{Value, json};

use super::{Client, QUESTION, call, slow_model};
use crate::support::{World, eventually};

fn cancelled(id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } })
}

async fn outcomes(world: &World) -> Vec<String> {
    let rows = world
        .database
        .rows("SELECT outcome FROM interaction ORDER BY at")
        .await;
    rows.into_iter().flatten().flatten().collect()
}

#[tokio::test]
async fn a_cancelled_call_stops_the_model_and_only_its_own_client_can_cancel_it() {
    let mut world = World::of_trips().await;
    let model = slow_model(&mut world).await;
    let server = world.serve().await;
    let ana = server.key("ana", &["everyone"], Role::User).await;
    let bob = server.key("bob", &["everyone"], Role::User).await;
    let client = Client::new(&server, &ana).await;
    let body = call(5, "ask", &json!({ "question": QUESTION }));
    let asking = client.post(&body).send();
    let stopping = async {
        eventually("the model writes", async || {
            !model.chat_requests().is_empty()
        })
        .await;
        let mut other = Client::new(&server, &bob).await;
        other.send(&cancelled(5)).await;
        other.session.clone_from(&client.session);
        other.send(&cancelled(5)).await;
        client.send(&cancelled(6)).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(model.stopped_streams(), 0, "a stranger cannot cancel it");
        assert_eq!(client.send(&cancelled(5)).await.status, 202);
        eventually("the model was stopped", async || {
            model.stopped_streams() == 1
        })
        .await;
    };
    let (response, ()) = tokio::join!(
        async {
            let response = asking.await.unwrap();
            response.text().await.unwrap()
        },
        stopping
    );
    assert!(!response.contains("structuredContent"), "{response}");
    server.stop().await;
    assert_eq!(outcomes(&world).await, ["cancelled"]);
    let booked = world
        .database
        .rows("SELECT outcome FROM model_call WHERE purpose = 'answer'")
        .await;
    assert_eq!(booked, [[Some("cancelled".to_owned())]]);
}

#[tokio::test]
async fn a_client_that_goes_away_stops_the_model() {
    let mut world = World::of_trips().await;
    let model = slow_model(&mut world).await;
    let server = world.serve().await;
    let client = Client::new(&server, "").await;
    let body = call(5, "ask", &json!({ "question": QUESTION }));
    let response = client.post(&body).send().await.unwrap();
    eventually("the model writes", async || {
        !model.chat_requests().is_empty()
    })
    .await;
    drop(response);
    eventually("the model was stopped", async || {
        model.stopped_streams() == 1
    })
    .await;
    server.stop().await;
    assert_eq!(outcomes(&world).await, ["cancelled"]);
}

#[tokio::test]
async fn an_answer_under_way_is_finished_when_the_service_stops() {
    let mut world = World::of_trips().await;
    let model = slow_model(&mut world).await;
    model.change(|script| {
        script.answer = docent_scripted::openai::Answer::Text(
            "The table fct_trips is loaded hourly, as its page says, and so on [1].".to_owned(),
        );
        script.gap = Duration::from_millis(100);
    });
    let server = world.serve().await;
    let client = Client::new(&server, "").await;
    let body = call(5, "ask", &json!({ "question": QUESTION }));
    let response = client.post(&body).send().await.unwrap();
    eventually("the model writes", async || {
        !model.chat_requests().is_empty()
    })
    .await;
    let (text, ()) = tokio::join!(response.text(), server.stop());
    let text = text.unwrap();
    assert!(text.contains("loaded hourly"), "{text}");
    assert_eq!(outcomes(&world).await, ["answered"]);
}
