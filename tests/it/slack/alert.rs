//! Alerts that are acknowledged and muted from Slack, by those who may.

use std::sync::Arc;

use docent::commands::ingest;
use docent::owner::IngestRequest;
use docent::slack::render::actions;
use docent_core::config::{Folder, SourceKind};
use docent_ingest::ProgressSender;
use docent_scripted::slack::{ScriptedSlack, SlackMessage};
use serde_json::{Value, json};

use super::workspace::{button, click, configure, idle, interact, workspace};
use crate::alerts::support::still;
use crate::support::{TestServer, World, eventually};

const CHANNEL: &str = "#platform";

/// Two sources of Ana's that cannot be read, and the message in her team's channel.
async fn told() -> (World, ScriptedSlack, TestServer, SlackMessage) {
    let slack = workspace().await;
    let mut world = World::new().await;
    configure(&mut world, &slack);
    world.config.alerts.every_seconds = 3600;
    let people = &mut world.config.slack.people;
    people.insert("guest@example.com".to_owned(), vec!["data-team".to_owned()]);
    world.config.insights.groups = vec!["data-team".to_owned()];
    let gone = world.docs().join("gone");
    let source = &mut world.config.sources[0];
    source.owner = Some("Data Platform".to_owned());
    source.owner_email = Some("ana@example.com".to_owned());
    source.owner_slack = Some(CHANNEL.to_owned());
    source.kind = SourceKind::Folder(Folder::new(gone));
    let mut other = source.clone();
    other.name = "other".to_owned();
    world.config.sources.push(other);
    let service = still(&world).await;
    let app = Arc::clone(&service.app);
    drop(ingest::run(app, &IngestRequest::default(), ProgressSender::default()).await);
    drop(service);
    world.database.rows("DELETE FROM lease").await;
    let server = world.serve().await;
    eventually("the owner is told", async || {
        slack.written_to(CHANNEL).len() == 1
    })
    .await;
    let message = slack.written_to(CHANNEL).remove(0);
    (world, slack, server, message)
}

/// A click on a button of an alert: Slack sends the message with it.
fn press(message: &SlackMessage, user: &str, action_id: &str, alert: &str) -> Value {
    let mut pressed = click(message, user, action_id, alert);
    pressed["message"]["text"] = json!(message.text);
    pressed["message"]["blocks"] = json!(message.blocks);
    pressed
}

async fn states(world: &World) -> Vec<String> {
    let rows =
        "SELECT subject || ' ' || state || ' ' || coalesce(acted_by, '-') FROM alert ORDER BY 1";
    let rows = world.database.rows(rows).await;
    rows.into_iter().flatten().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_acknowledged_and_muted_by_its_owner_and_by_nobody_else() {
    let (world, slack, server, message) = Box::pin(told()).await;
    let seen = message.seen();
    assert!(seen.contains("Ingest of source “docs” failed"), "{seen}");
    assert!(
        !message.text.contains("token=") && !seen.contains("token="),
        "whoever reads the channel could follow the link: {seen}"
    );
    // The buttons of the first alert; the second one has its own.
    let docs = button(&message, actions::ACKNOWLEDGE).unwrap();
    let ids = "SELECT id::text FROM alert ORDER BY subject";
    let ids: Vec<String> = world
        .database
        .rows(ids)
        .await
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&docs));

    // Bo is a colleague, and a guest is nobody, whatever address they have.
    for user in ["U2", "U3"] {
        let pressed = press(&message, user, actions::MUTE, &ids[0]);
        assert_eq!(interact(&server, &pressed).await, 200);
        idle(&world).await;
    }
    let refusals = slack.calls_of("chat.postEphemeral");
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    for (refusal, user) in refusals.iter().zip(["U2", "U3"]) {
        assert_eq!(refusal.body["user"], json!(user));
        let text = refusal.body["text"].as_str().unwrap();
        assert!(text.contains("This alert is for Data Platform"), "{text}");
    }
    assert_eq!(states(&world).await, ["docs open -", "other open -"]);

    let pressed = press(&message, "U1", actions::ACKNOWLEDGE, &ids[0]);
    for _ in 0..2 {
        assert_eq!(interact(&server, &pressed).await, 200);
        idle(&world).await;
    }
    let ana = "user:ana@example.com";
    assert_eq!(
        states(&world).await,
        [
            format!("docs acknowledged {ana}"),
            "other open -".to_owned()
        ]
    );
    let now = slack.written_to(CHANNEL).remove(0);
    let seen = now.seen();
    let day = chrono::Utc::now().format("%Y-%m-%d");
    assert!(
        seen.contains(&format!("Acknowledged by ana@example.com, {day}")),
        "{seen}"
    );
    assert!(button(&now, actions::MUTE).is_some(), "it can be muted yet");

    // A press on the message as it was before knows what happened meanwhile.
    let pressed = press(&message, "U1", actions::MUTE, &ids[1]);
    assert_eq!(interact(&server, &pressed).await, 200);
    idle(&world).await;
    let seen = slack.written_to(CHANNEL).remove(0).seen();
    for said in [
        "Acknowledged by ana@example.com",
        "Muted for 7 days by ana@example.com",
    ] {
        assert!(seen.contains(said), "{said} is missing in {seen}");
    }
    assert_eq!(
        states(&world).await,
        [
            format!("docs acknowledged {ana}"),
            format!("other muted {ana}")
        ]
    );
    server.service.app.ledger.flush().await;
    let audit = "SELECT who || ' ' || act FROM audit WHERE act LIKE 'alert%' ORDER BY act";
    let audit: Vec<String> = world
        .database
        .rows(audit)
        .await
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert_eq!(
        audit,
        [
            format!("{ana} alert_acknowledged"),
            format!("{ana} alert_muted")
        ]
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_team_may_and_an_alert_that_is_gone_is_nothing() {
    let (mut world, slack, server, message) = Box::pin(told()).await;
    server.stop().await;
    let people = &mut world.config.slack.people;
    people.insert("bo@example.com".to_owned(), vec!["data-team".to_owned()]);
    let server = world.serve().await;
    let alert = button(&message, actions::ACKNOWLEDGE).unwrap();
    let pressed = press(&message, "U2", actions::ACKNOWLEDGE, &alert);
    assert_eq!(interact(&server, &pressed).await, 200);
    idle(&world).await;
    let states = states(&world).await;
    assert!(
        states
            .iter()
            .any(|state| state.ends_with("acknowledged user:bo@example.com")),
        "{states:?}"
    );
    let nobodys = uuid::Uuid::now_v7().to_string();
    let pressed = press(&message, "U2", actions::MUTE, &nobodys);
    assert_eq!(interact(&server, &pressed).await, 200);
    idle(&world).await;
    assert!(slack.calls_of("chat.postEphemeral").is_empty());
    assert_eq!(world.database.count("alert_mute").await, 0);
    server.stop().await;
}
