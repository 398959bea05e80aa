//! An answer on its way into a thread.

use std::time::Duration;

use docent::chat::turn::Contact;
use docent::chat::{Answer, AnswerOutcome, Event};
use docent::slack::render::{self, actions};
use docent::slack::reply::{self, Delivered, Earlier};
use docent_scripted::slack::{SlackFault, SlackMessage, SlackRules};
use futures::stream::{self, StreamExt};
use parking_lot::Mutex;
use serde_json::Value;

use super::judge;
use super::support::{
    ASKER, CHANNEL, Scene, WIKI, a_long_text, an_answer, beginning, check_long_text, told,
};

const TEXT: &str = "The table fct_trips is loaded hourly [1]. It has one row for each finished trip [1]. \
    Rows older than two years are archived, and the archive is read with the same name and another \
    schema. Whoever needs both reads the view, which puts them together and is refreshed at night.\n\n\
    ```sql\nselect count(*) from fct_trips where trips[1] > 0;\n```\n\nThat is all.";

/// All buttons and thumbs of a message, by their names.
fn buttons(message: &SlackMessage) -> Vec<String> {
    let elements = message
        .blocks
        .iter()
        .filter_map(|block| block["elements"].as_array());
    elements
        .flatten()
        .filter_map(|element| element["action_id"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn an_answer_is_streamed_into_its_thread_with_its_sources_and_buttons_below() {
    let scene = Scene::new().await;
    let place = scene.place();
    let delivered = scene
        .deliver(&place, &an_answer(TEXT), Duration::from_millis(20))
        .await;
    let shown = scene.slack.shown(CHANNEL, &scene.question);
    let [message] = shown.as_slice() else {
        panic!("one message: {shown:?}");
    };
    assert_eq!(
        delivered,
        Delivered::Shown {
            messages: vec![message.ts.clone()]
        }
    );
    assert!(message.streaming.is_none(), "the stream is ended");
    let linked = TEXT.replace(" [1]", &format!(" [[1]]({WIKI})"));
    assert_eq!(message.streamed, linked);
    assert_eq!(
        buttons(message),
        [actions::DETAILS, actions::FEEDBACK, actions::DELETE]
    );
    let payload = &message.metadata.as_ref().unwrap()["event_payload"];
    assert_eq!(payload["event_id"], "Ev1");
    assert_eq!(payload["last"], true);

    let methods: Vec<String> = scene
        .slack
        .calls()
        .into_iter()
        .map(|call| call.method)
        .collect();
    assert_eq!(
        methods[0], "assistant.threads.setStatus",
        "a status at once"
    );
    let start = scene.slack.calls_of("chat.startStream").remove(0).body;
    assert_eq!(start["recipient_user_id"], ASKER);
    assert_eq!(start["recipient_team_id"], "T0TEAM");
    let appends = scene.slack.calls_of("chat.appendStream").len();
    assert!(
        (1..=4).contains(&appends),
        "words are gathered: {appends} calls"
    );
    assert_eq!(scene.slack.status(CHANNEL, &scene.question), None);
    judge::check(&scene.slack.calls());
}

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
async fn where_nothing_may_be_streamed_one_message_is_updated() {
    for rules in [
        SlackRules {
            streams_in_channels: false,
            ..SlackRules::default()
        },
        SlackRules {
            streams_per_minute: 0,
            ..SlackRules::default()
        },
    ] {
        let scene = Scene::with(SlackRules {
            post_interval: Duration::from_millis(5),
            ..rules
        })
        .await;
        scene
            .deliver(&scene.place(), &an_answer(TEXT), Duration::from_millis(100))
            .await;
        let shown = scene.slack.shown(CHANNEL, &scene.question);
        assert_eq!(shown.len(), 1);
        assert!(scene.seen().contains("That is all."));
        assert!(!scene.seen().contains("is writing"));
        assert!(buttons(&shown[0]).contains(&actions::FEEDBACK.to_owned()));
        assert_eq!(scene.slack.calls_of("chat.postMessage").len(), 1);
        let updates = scene.slack.calls_of("chat.update").len();
        assert!((1..=3).contains(&updates), "{updates}");
        let post = scene.slack.calls_of("chat.postMessage").remove(0).body;
        assert_eq!(post["unfurl_links"], false);
        assert_eq!(post["unfurl_media"], false);
        judge::check(&scene.slack.calls());
    }
}

#[tokio::test]
async fn forty_thousand_characters_arrive_whole_streamed_or_not() {
    let text = a_long_text();
    for streaming in [true, false] {
        let scene = Scene::new().await;
        let mut place = scene.place();
        place.streaming = streaming;
        let events = told(&an_answer(&text), 400, Duration::ZERO);
        reply::deliver(
            &scene.client,
            &place,
            "Ev1",
            Box::pin(events),
            &reply::unheard,
        )
        .await
        .unwrap();
        check_long_text(&scene.seen());
        let shown = scene.slack.shown(CHANNEL, &scene.question);
        assert!(shown.len() >= 5);
        for message in &shown {
            assert_eq!(
                message.seen().matches("```").count() % 2,
                0,
                "no code is left open"
            );
            assert!(message.streaming.is_none());
        }
        let refused: Vec<_> = scene
            .slack
            .calls()
            .into_iter()
            .filter(|call| call.outcome != "ok")
            .collect();
        assert!(
            refused.is_empty(),
            "{:?}",
            refused.first().map(|call| (&call.method, &call.outcome))
        );
        judge::check(&scene.slack.calls());
    }
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
async fn an_answer_full_of_mentions_calls_nobody_on_any_path() {
    let hostile = "Ask <!channel>, <!here|x>, <@U999>, <!subteam^S1> or @everyone [1]. `<!channel>` and \
        &lt;!everyone&gt;\u{0}\u{202e} [docs](https://evil.example/a) <https://evil.example|docs>\n\n\
        ```\n<!channel> <@U999>\n```\n| a | <!here> |\n|---|---|\n| @channel | <@U1> |\n";
    for (streaming, takes_blocks) in [(true, true), (false, true), (false, false)] {
        let scene = Scene::with(SlackRules {
            post_interval: Duration::from_millis(5),
            takes_blocks,
            ..SlackRules::default()
        })
        .await;
        let mut place = scene.place();
        place.streaming = streaming;
        let mut answer = an_answer(hostile);
        answer.citations[0].title = "Trips <!channel> @here".to_owned();
        let events = told(&answer, 3, Duration::from_millis(10));
        reply::deliver(
            &scene.client,
            &place,
            "Ev1",
            Box::pin(events),
            &reply::unheard,
        )
        .await
        .unwrap();
        assert!(scene.seen().contains("Ask"));
        assert_eq!(scene.slack.pings(), Vec::<String>::new());
        for call in scene.slack.calls() {
            let sent = call.body.to_string();
            assert!(!sent.contains("](https://evil"), "{sent}");
            assert!(!sent.contains("<https://evil"), "{sent}");
            assert!(!sent.contains("\\u0000"), "{sent}");
        }
    }
}

#[tokio::test]
async fn words_that_turn_out_not_to_be_the_answer_are_replaced() {
    for streaming in [true, false] {
        let scene = Scene::new().await;
        let mut place = scene.place();
        place.streaming = streaming;
        let answer = an_answer("The table fct_trips is loaded hourly [1].");
        let mut events = beginning(&answer);
        events.push(Event::Delta {
            text: "Something that the model made up. ".repeat(20),
        });
        events.push(Event::Done(Box::new(answer)));
        reply::deliver(
            &scene.client,
            &place,
            "Ev1",
            stream::iter(events),
            &reply::unheard,
        )
        .await
        .unwrap();
        let seen = scene.seen();
        assert!(seen.contains("loaded hourly"), "{seen}");
        assert!(!seen.contains("made up"), "{seen}");
        assert_eq!(scene.slack.shown(CHANNEL, &scene.question).len(), 1);
    }
}

#[tokio::test]
async fn an_abstention_offers_to_ask_the_owner_or_stays_quiet() {
    let mut answer = an_answer("I found no answer to this in the documents I may show you.");
    answer.outcome = AnswerOutcome::Abstained;
    answer.citations.clear();
    answer.contact = Some(Contact {
        asset: Some("fct_trips".to_owned()),
        owner: Some("Data platform".to_owned()),
        slack: None,
        email: Some("data@example.com".to_owned()),
        hand_off: false,
    });
    let done = |answer: &Answer| {
        let mut events = beginning(answer);
        events.push(Event::Delta {
            text: "Words of a model that gives up later. ".repeat(10),
        });
        events.push(Event::Done(Box::new(answer.clone())));
        stream::iter(events)
    };
    let scene = Scene::new().await;
    let mut place = scene.place();
    reply::deliver(&scene.client, &place, "Ev1", done(&answer), &reply::unheard)
        .await
        .unwrap();
    let shown = scene.slack.shown(CHANNEL, &scene.question);
    assert_eq!(shown.len(), 1);
    assert!(buttons(&shown[0]).contains(&actions::ASK_OWNER.to_owned()));
    assert!(shown[0].seen().contains("data@example.com"));

    let scene = Scene::new().await;
    place = scene.place();
    place.quiet = true;
    let delivered = reply::deliver(&scene.client, &place, "Ev1", done(&answer), &reply::unheard)
        .await
        .unwrap();
    assert_eq!(delivered, Delivered::Quiet);
    assert!(scene.slack.shown(CHANNEL, &scene.question).is_empty());
    assert_eq!(scene.slack.status(CHANNEL, &scene.question), None);
}

#[tokio::test]
async fn a_private_answer_is_seen_by_its_asker_alone_who_may_share_it() {
    let scene = Scene::new().await;
    let mut place = scene.place();
    place.look.is_private = true;
    let delivered = scene
        .deliver(&place, &an_answer(TEXT), Duration::ZERO)
        .await;
    assert_eq!(
        delivered,
        Delivered::Shown {
            messages: Vec::new()
        }
    );
    let shown = scene.slack.shown(CHANNEL, &scene.question);
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].only_for.as_deref(), Some(ASKER));
    assert!(buttons(&shown[0]).contains(&actions::SHARE.to_owned()));
    judge::check(&scene.slack.calls());
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
async fn an_answer_is_taken_away_with_all_its_messages() {
    let scene = Scene::new().await;
    let answer = an_answer(&a_long_text());
    scene.deliver(&scene.place(), &answer, Duration::ZERO).await;
    assert!(scene.slack.shown(CHANNEL, &scene.question).len() > 3);
    reply::remove(
        &scene.client,
        CHANNEL,
        &scene.question,
        answer.interaction_id,
    )
    .await
    .unwrap();
    assert!(scene.slack.shown(CHANNEL, &scene.question).is_empty());
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

#[tokio::test]
async fn the_details_of_citations_open_as_a_dialog() {
    let scene = Scene::new().await;
    let answer = an_answer(TEXT);
    let view = render::details(&answer.citations, docent::chat::language::Language::Korean);
    scene.client.views_open("123.456", &view).await.unwrap();
    let views: Vec<Value> = scene.slack.views();
    assert!(
        views[0]
            .to_string()
            .contains("The table fct_trips is loaded hourly.")
    );
    judge::check(&scene.slack.calls());
}
