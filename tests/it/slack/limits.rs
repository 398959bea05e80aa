//! Slack's Web API: its limits, and what its refusals mean.

use std::time::Duration;

use docent::slack::SlackError;
use docent::slack::api::OutMessage;
use docent_scripted::slack::{BOT, SlackFault, SlackRules, TEAM};
use futures::future::join_all;
use serde_json::json;

use super::support::{ASKER, CHANNEL, Scene, client};

fn message(text: &str) -> OutMessage {
    OutMessage {
        channel: CHANNEL.to_owned(),
        text: text.to_owned(),
        ..OutMessage::default()
    }
}

#[tokio::test]
async fn messages_that_slack_holds_up_all_arrive_in_their_order() {
    let scene = Scene::with(SlackRules {
        post_interval: Duration::from_millis(200),
        ..SlackRules::default()
    })
    .await;
    // One that believes that it may be faster.
    let hasty = client(&scene.slack, "xoxb-scripted", Duration::from_millis(1));
    scene
        .slack
        .fail("chat.postMessage", 1, SlackFault::Limit(1));
    let texts: Vec<String> = (0..4).map(|number| format!("message {number}")).collect();
    let messages: Vec<OutMessage> = texts.iter().map(|text| message(text)).collect();
    let posted = join_all(messages.iter().map(|message| hasty.post_message(message))).await;
    assert!(posted.iter().all(Result::is_ok), "{posted:?}");
    let calls = scene.slack.calls_of("chat.postMessage");
    let arrived: Vec<&str> = calls
        .iter()
        .filter(|call| call.outcome == "ok")
        .filter_map(|call| call.body["text"].as_str())
        .collect();
    assert_eq!(arrived, texts);
    let held: Vec<_> = calls
        .iter()
        .filter(|call| call.outcome == "ratelimited")
        .collect();
    assert!(!held.is_empty());
    // Nothing is tried before its time.
    let again = calls.iter().find(|call| call.at > held[0].at).unwrap();
    assert!(again.at - held[0].at >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_client_that_keeps_the_pace_is_never_held_up() {
    let interval = Duration::from_millis(100);
    let scene = Scene::with(SlackRules {
        post_interval: interval,
        ..SlackRules::default()
    })
    .await;
    let messages: Vec<OutMessage> = (0..6).map(|number| message(&number.to_string())).collect();
    join_all(
        messages
            .iter()
            .map(|message| scene.client.post_message(message)),
    )
    .await;
    let calls = scene.slack.calls_of("chat.postMessage");
    assert_eq!(calls.len(), 6);
    assert!(calls.iter().all(|call| call.outcome == "ok"));
}

#[tokio::test]
async fn refusals_say_what_to_do_about_them() {
    let scene = Scene::new().await;
    let wrong = client(&scene.slack, "xoxb-wrong", Duration::ZERO);
    let error = wrong.auth_test().await.unwrap_err();
    assert!(error.is_about_token());
    assert_eq!(error.to_string(), "Slack refuses auth.test: invalid_auth");

    scene.slack.fail(
        "chat.postMessage",
        1,
        SlackFault::Refuse("channel_not_found"),
    );
    let error = scene.client.post_message(&message("x")).await.unwrap_err();
    assert_eq!(error.code(), Some("channel_not_found"));
    assert!(!error.is_about_token() && !error.is_about_blocks());

    scene.slack.fail("auth.test", 1, SlackFault::Down);
    let error = scene.client.auth_test().await.unwrap_err();
    assert!(matches!(error, SlackError::Unavailable { .. }), "{error}");
    let identity = scene.client.auth_test().await.unwrap();
    assert_eq!(
        (identity.user_id.as_str(), identity.team_id.as_str()),
        (BOT, TEAM)
    );
}

#[tokio::test]
async fn people_are_known_by_what_slack_says_of_them() {
    let scene = Scene::new().await;
    scene.slack.add_user(
        ASKER,
        json!({
            "name": "ana", "real_name": "Ana Kim", "is_email_confirmed": true, "locale": "ko-KR",
            "profile": {"email": "ana@example.com"},
        }),
    );
    scene.slack.add_user(
        "U2",
        json!({"name": "other", "is_bot": true, "is_restricted": true}),
    );
    let ana = scene.client.user_info(ASKER).await.unwrap();
    assert_eq!(ana.mail.as_deref(), Some("ana@example.com"));
    assert!(ana.mail_confirmed && !ana.is_bot && !ana.is_guest);
    assert_eq!(ana.name, "Ana Kim");
    assert_eq!(ana.locale.as_deref(), Some("ko-KR"));
    let other = scene.client.user_info("U2").await.unwrap();
    assert!(other.is_bot && other.is_guest && other.mail.is_none());
    let nobody = scene.client.user_info("U3").await.unwrap_err();
    assert_eq!(nobody.code(), Some("user_not_found"));
}

#[tokio::test]
async fn a_long_thread_is_read_to_its_end() {
    let scene = Scene::new().await;
    for number in 0..2100 {
        scene
            .slack
            .say(CHANNEL, Some(&scene.question), ASKER, &number.to_string());
    }
    let replies = scene
        .client
        .replies(CHANNEL, &scene.question)
        .await
        .unwrap();
    assert_eq!(replies.len(), 2101);
    assert_eq!(replies[2100].text, "2099");
    assert_eq!(scene.slack.calls_of("conversations.replies").len(), 3);
}
