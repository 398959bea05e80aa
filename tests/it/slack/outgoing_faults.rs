//! An answer on its way into a thread, where Slack, the turn or the process fails under way.

use std::time::Duration;

use docent::chat::Event;
use docent::slack::reply::{self, Delivered, Earlier};
use docent_scripted::slack::{SlackFault, SlackRules};
use futures::stream::{self, StreamExt};
use parking_lot::Mutex;

use super::support::{CHANNEL, Scene, TEXT, a_long_text, an_answer, beginning, told};

#[tokio::test]
async fn a_stream_that_expires_goes_on_in_another_message_with_what_was_not_sent() {
    let scene = Scene::with(SlackRules {
        post_interval: Duration::from_millis(5),
        stream_life: Duration::from_millis(300),
        ..SlackRules::default()
    })
    .await;
    let text = a_long_text();
    let text = &text[..4000];
    let answer = an_answer(text);
    let events = told(&answer, 100, Duration::from_millis(40));
    reply::deliver(
        &scene.client,
        &scene.place(),
        "Ev1",
        Box::pin(events),
        &reply::unheard,
    )
    .await
    .unwrap();
    let shown = scene.slack.shown(CHANNEL, &scene.question);
    assert!(shown.len() > 2, "{}", shown.len());
    let seen = scene.seen();
    for section in 0..3 {
        for at in 0..8 {
            for words in [
                format!("c{section}_{at}."),
                format!("select {at}, a[1] from t{section} "),
            ] {
                let wanted = text.matches(&words).count();
                assert_eq!(seen.matches(&words).count(), wanted, "{words} in {seen}");
            }
        }
    }
    let whole = reply::already_there(&scene.client, &scene.place(), "Ev1")
        .await
        .unwrap();
    let all: Vec<String> = shown.iter().map(|message| message.ts.clone()).collect();
    assert_eq!(
        whole,
        Earlier::Whole(all),
        "every message is known as a part of the answer"
    );
}

#[tokio::test]
async fn an_answer_whose_blocks_are_refused_is_there_as_text() {
    let text = a_long_text();
    for (streaming, text) in [(true, TEXT), (false, TEXT), (false, text.as_str())] {
        let scene = Scene::with(SlackRules {
            post_interval: Duration::from_millis(5),
            takes_blocks: false,
            ..SlackRules::default()
        })
        .await;
        let mut place = scene.place();
        place.streaming = streaming;
        scene
            .deliver(&place, &an_answer(text), Duration::from_millis(2))
            .await;
        let seen = scene.seen();
        if text == TEXT {
            assert_eq!(seen.matches("That is all.").count(), 1, "{seen}");
            assert!(seen.contains("select count(*)"));
            assert!(seen.contains("Trips"), "the sources are named: {seen}");
        } else {
            for at in 0..8 {
                assert_eq!(seen.matches(&format!("c69_{at}.")).count(), 1);
            }
        }
        let there = reply::already_there(&scene.client, &place, "Ev1")
            .await
            .unwrap();
        assert!(matches!(there, Earlier::Whole(_)), "{there:?}");
    }
}

#[tokio::test]
async fn a_turn_that_fails_keeps_what_was_shown_and_says_that_it_is_not_all() {
    for streaming in [true, false] {
        let scene = Scene::new().await;
        let mut place = scene.place();
        place.streaming = streaming;
        let mut events = beginning(&an_answer(TEXT));
        events.push(Event::Delta {
            text: format!("{}\n```sql\nselect", "It is loaded hourly. ".repeat(20)),
        });
        events.push(Event::Error {
            code: "cancelled".to_owned(),
            message: "the reader went away".to_owned(),
        });
        let delivered = reply::deliver(
            &scene.client,
            &place,
            "Ev1",
            stream::iter(events),
            &reply::unheard,
        )
        .await
        .unwrap();
        assert!(matches!(delivered, Delivered::Failed { code, .. } if code == "cancelled"));
        let seen = scene.seen();
        assert!(seen.contains("loaded hourly"), "{seen}");
        assert!(seen.contains("Stopped."), "{seen}");
        assert_eq!(seen.matches("```").count(), 2, "{seen}");
    }
    // Nothing was shown yet.
    let scene = Scene::new().await;
    let delivered = reply::deliver(
        &scene.client,
        &scene.place(),
        "Ev1",
        stream::empty(),
        &reply::unheard,
    )
    .await
    .unwrap();
    assert!(matches!(delivered, Delivered::Failed { code, .. } if code == "interrupted"));
    assert!(scene.seen().contains("broke off"));
}

#[tokio::test]
async fn after_a_crash_the_answer_stands_there_once() {
    for streaming in [true, false] {
        let scene = Scene::new().await;
        let mut place = scene.place();
        place.streaming = streaming;
        let began = Mutex::new(Vec::new());
        let answer = an_answer(TEXT);
        // The process dies when half of the answer is there.
        let half = told(&answer, 40, Duration::ZERO)
            .take(9)
            .chain(stream::pending());
        let note: &reply::Began<'_> = &|ts| {
            began.lock().push(ts);
            Box::pin(async {})
        };
        let delivering = reply::deliver(&scene.client, &place, "Ev1", Box::pin(half), note);
        let died = tokio::time::timeout(Duration::from_millis(900), delivering).await;
        assert!(died.is_err());
        let left = scene.slack.shown(CHANNEL, &scene.question);
        assert_eq!(left.len(), 1, "something was shown");
        let there = reply::already_there(&scene.client, &place, "Ev1")
            .await
            .unwrap();
        assert!(!matches!(there, Earlier::Whole(_)), "{there:?}");

        place.leftovers = began.into_inner();
        if let Earlier::Part(messages) = there {
            assert_eq!(messages, place.leftovers);
        }
        scene.deliver(&place, &answer, Duration::ZERO).await;
        let shown = scene.slack.shown(CHANNEL, &scene.question);
        assert_eq!(shown.len(), 1);
        assert_eq!(scene.seen().matches("That is all.").count(), 1);
        let there = reply::already_there(&scene.client, &place, "Ev1")
            .await
            .unwrap();
        assert_eq!(there, Earlier::Whole(vec![shown[0].ts.clone()]));
        let other = reply::already_there(&scene.client, &place, "Ev2")
            .await
            .unwrap();
        assert_eq!(other, Earlier::Nothing);
    }
}

#[tokio::test]
async fn a_message_whose_receipt_is_lost_is_not_posted_again() {
    let scene = Scene::new().await;
    let mut place = scene.place();
    place.streaming = false;
    scene.slack.fail("chat.postMessage", 1, SlackFault::Lost);
    scene.slack.fail("chat.update", 1, SlackFault::Down);
    scene
        .deliver(&place, &an_answer(TEXT), Duration::from_millis(100))
        .await;
    assert_eq!(scene.slack.shown(CHANNEL, &scene.question).len(), 1);
    assert_eq!(scene.seen().matches("That is all.").count(), 1);

    // A stream whose pieces get lost is put right in the end.
    let scene = Scene::new().await;
    scene.slack.fail("chat.appendStream", 1, SlackFault::Lost);
    scene
        .deliver(&scene.place(), &an_answer(TEXT), Duration::from_millis(20))
        .await;
    assert_eq!(scene.slack.shown(CHANNEL, &scene.question).len(), 1);
    let seen = scene.seen();
    assert_eq!(seen.matches("Rows older").count(), 1, "{seen}");
    assert_eq!(seen.matches("That is all.").count(), 1, "{seen}");
}

#[tokio::test]
async fn an_answer_that_is_known_already_is_posted_in_place_of_what_was_left() {
    let scene = Scene::new().await;
    let answer = an_answer(TEXT);
    scene.deliver(&scene.place(), &answer, Duration::ZERO).await;
    let mut place = scene.place();
    place.leftovers = scene
        .slack
        .shown(CHANNEL, &scene.question)
        .into_iter()
        .map(|message| message.ts)
        .collect();
    reply::post(&scene.client, &place, "Ev1", &answer, &reply::unheard)
        .await
        .unwrap();
    assert_eq!(scene.slack.shown(CHANNEL, &scene.question).len(), 1);
    assert!(scene.seen().contains("That is all."));
}
