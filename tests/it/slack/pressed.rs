//! Buttons and forms below an answer.

use docent::slack::render::actions;
use docent_core::config::SlackChannel;
use docent_scripted::slack::{BOT, ScriptedSlack, SlackMessage, TEAM};
use serde_json::json;

use super::workspace::{QUESTION, answer, button, click, idle, in_slack, interact, mention, shown};
use crate::support::{TestServer, World, eventually};

/// An answer in a channel, asked for by Ana.
async fn answered() -> (World, ScriptedSlack, TestServer, SlackMessage) {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    let said = mention(&slack, &server, "C1", "U1", QUESTION).await;
    let message = answer(&slack, &said).await;
    idle(&world).await;
    (world, slack, server, message)
}

fn interaction(message: &SlackMessage) -> String {
    let metadata = message.metadata.as_ref().unwrap();
    let payload = &metadata["event_payload"]["interaction_id"];
    payload.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn thumbs_and_comments_of_everyone_in_the_channel_are_kept() {
    let (world, slack, server, message) = Box::pin(answered()).await;
    let id = interaction(&message);
    let up = click(&message, "U2", actions::FEEDBACK, &format!("{id}:up"));
    assert_eq!(interact(&server, &up).await, 200);
    let down = click(&message, "U1", actions::FEEDBACK, &format!("{id}:down"));
    assert_eq!(interact(&server, &down).await, 200);
    eventually("a form for the comment is open", || async {
        slack.views().len() == 1
    })
    .await;
    let form = slack.views().remove(0);
    assert_eq!(form["private_metadata"], json!(id));
    let block = form["blocks"][0]["block_id"].as_str().unwrap();
    let element = form["blocks"][0]["element"]["action_id"].as_str().unwrap();
    let sent = json!({
        "type": "view_submission", "user": { "id": "U1", "team_id": TEAM }, "team": { "id": TEAM },
        "view": {
            "id": "V1", "callback_id": form["callback_id"],
            "private_metadata": form["private_metadata"],
            "state": { "values": { block: { element: { "value": "It is loaded daily now." } } } },
        },
    });
    assert_eq!(interact(&server, &sent).await, 200);
    idle(&world).await;
    let rows = "SELECT caller, rating, comment FROM feedback ORDER BY caller";
    let text = |text: &str| Some(text.to_owned());
    let kept = world.database.rows(rows).await;
    let ana = vec![
        text("user:ana@example.com"),
        text("down"),
        text("It is loaded daily now."),
    ];
    assert_eq!(
        kept,
        [ana, vec![text("user:bo@example.com"), text("up"), None]]
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_deleted_by_its_asker_and_by_nobody_else() {
    let (world, slack, server, message) = Box::pin(answered()).await;
    let value = button(&message, actions::DELETE).unwrap();
    let other = click(&message, "U2", actions::DELETE, &value);
    assert_eq!(interact(&server, &other).await, 200);
    idle(&world).await;
    assert_eq!(
        slack
            .shown("C1", message.thread_ts.as_deref().unwrap())
            .len(),
        1
    );
    let own = click(&message, "U1", actions::DELETE, &value);
    assert_eq!(interact(&server, &own).await, 200);
    idle(&world).await;
    assert!(
        slack
            .shown("C1", message.thread_ts.as_deref().unwrap())
            .is_empty()
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quotes_behind_an_answer_are_shown_at_once() {
    let (_world, slack, server, message) = Box::pin(answered()).await;
    let value = button(&message, actions::DETAILS).unwrap();
    let clicked = click(&message, "U2", actions::DETAILS, &value);
    assert_eq!(interact(&server, &clicked).await, 200);
    eventually("the dialog is open", || async { slack.views().len() == 1 }).await;
    let dialog = slack.views()[0].to_string();
    assert!(
        dialog.contains("The table fct_trips is loaded hourly."),
        "{dialog}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_answer_is_its_askers_until_they_share_it() {
    let (mut world, slack) = in_slack().await;
    world.config.slack.every_channel = SlackChannel {
        private: Some(true),
        ..SlackChannel::default()
    };
    let server = world.serve().await;
    let said = mention(&slack, &server, "C1", "U1", QUESTION).await;
    let whispered = answer(&slack, &said).await;
    assert_eq!(whispered.only_for.as_deref(), Some("U1"));
    assert!(whispered.seen().contains("hourly"));
    idle(&world).await;
    let value = button(&whispered, actions::SHARE).unwrap();
    let mut shared = click(&whispered, "U1", actions::SHARE, &value);
    // Slack knows no message of a whisper, only where it was shown.
    shared["container"] = json!({
        "type": "message", "channel_id": "C1", "message_ts": whispered.ts, "is_ephemeral": true,
    });
    shared.as_object_mut().unwrap().remove("message");
    // The same click, delivered twice.
    assert_eq!(interact(&server, &shared).await, 200);
    assert_eq!(interact(&server, &shared).await, 200);
    let messages = shown(&slack, "C1", &said.ts, 2).await;
    idle(&world).await;
    assert_eq!(slack.shown("C1", &said.ts).len(), 2);
    assert_eq!(messages[1].only_for, None);
    assert_eq!(messages[1].user, BOT);
    assert!(
        messages[1].seen().contains("hourly"),
        "{}",
        messages[1].seen()
    );
    server.stop().await;
}
