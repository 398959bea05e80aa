//! Socket Mode.

use std::time::Duration;

use docent_core::config::SlackMode;
use docent_scripted::slack::{BOT, ScriptedSlack};

use super::workspace::{
    QUESTION, Said, answer, configure, envelope, idle, say, try_send, workspace,
};
use crate::support::{World, eventually};

async fn in_socket_mode() -> (World, ScriptedSlack) {
    let slack = workspace().await;
    let mut world = World::of_trips().await;
    configure(&mut world, &slack);
    world.config.slack.mode = SlackMode::Socket;
    world.config.slack.signing_secret = docent_core::config::Secret::default();
    (world, slack)
}

async fn connected(slack: &ScriptedSlack, opened: usize) {
    eventually("docent has connected", || async {
        slack.opened_sockets() >= opened && slack.open_sockets() >= 1
    })
    .await;
}

/// Sends a question over the socket, under an envelope of that name.
fn push(slack: &ScriptedSlack, name: &str) -> Said {
    let said = say(slack, "C1", None, "U1", &format!("<@{BOT}> {QUESTION}"));
    let id = format!("Ev-{}", name.replace(' ', "-"));
    let event = envelope(&id, said.event("app_mention"));
    assert!(
        slack.send_envelope("events_api", name, &event),
        "nobody is connected"
    );
    said
}

async fn acknowledged(slack: &ScriptedSlack, name: &str) {
    eventually("the envelope is acknowledged", || async {
        slack.acknowledged().iter().any(|(id, _)| id == name)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_arrive_over_a_socket_and_nothing_listens_for_them() {
    let (world, slack) = in_socket_mode().await;
    let server = world.serve().await;
    connected(&slack, 1).await;
    let said = push(&slack, "one");
    acknowledged(&slack, "one").await;
    assert!(answer(&slack, &said).await.seen().contains("hourly"));
    // The same one in another envelope, as after a connection that broke.
    let event = envelope("Ev-one", said.event("app_mention"));
    assert!(slack.send_envelope("events_api", "one again", &event));
    acknowledged(&slack, "one again").await;
    // What docent knows nothing of does not come for ever.
    assert!(slack.send_envelope("slash_commands", "strange", &event));
    acknowledged(&slack, "strange").await;
    idle(&world).await;
    assert_eq!(slack.shown("C1", &said.ts).len(), 1);
    let body = event.to_string();
    let sent = try_send(&server.url, "/slack/events", "application/json", &body).await;
    assert_eq!(sent.unwrap().0, 404);
    let (_, ready) = server.send("GET", "/readyz", "", None).await;
    assert_eq!(ready["slack"], "ok", "{ready}");
    server.stop().await;
    eventually("it hangs up", || async { slack.open_sockets() == 0 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_will_be_closed_is_followed_by_the_next_before_it_is() {
    let (world, slack) = in_socket_mode().await;
    let server = world.serve().await;
    connected(&slack, 1).await;
    for (number, reason) in ["warning", "refresh_requested"].into_iter().enumerate() {
        assert!(slack.warn_of_disconnect(reason));
        connected(&slack, number + 2).await;
        assert_eq!(
            slack.open_sockets(),
            number + 2,
            "the old one is still read"
        );
    }
    let said = push(&slack, "after");
    answer(&slack, &said).await;
    // Without a warning.
    slack.cut_sockets();
    connected(&slack, 4).await;
    let said = push(&slack, "after the cut");
    answer(&slack, &said).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slack_that_gives_no_socket_is_asked_again_and_readyz_says_so() {
    let (world, slack) = in_socket_mode().await;
    slack.refuse_sockets(2, "internal_error");
    let server = world.serve().await;
    eventually("/readyz says it", || async {
        let (_, ready) = server.send("GET", "/readyz", "", None).await;
        ready["slack"]
            .as_str()
            .is_some_and(|text| text.contains("internal_error"))
    })
    .await;
    connected(&slack, 1).await;
    let said = push(&slack, "at last");
    answer(&slack, &said).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_listens_and_the_other_takes_over() {
    let (mut world, slack) = in_socket_mode().await;
    let one = world.serve().await;
    connected(&slack, 1).await;
    world.config.data = world.folder.path().join("data-2");
    world.ingest().await;
    let two = world.serve().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(slack.opened_sockets(), 1);
    one.stop().await;
    // It looks every ten seconds.
    for _ in 0..4 {
        if slack.opened_sockets() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    connected(&slack, 2).await;
    let said = push(&slack, "taken over");
    answer(&slack, &said).await;
    two.stop().await;
}
