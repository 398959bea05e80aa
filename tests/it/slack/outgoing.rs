//! An answer on its way into a thread.

use std::time::Duration;

use docent::chat::turn::Contact;
use docent::chat::{Answer, AnswerOutcome, Event};
use docent::slack::render::{self, actions};
use docent::slack::reply::{self, Delivered};
use docent_scripted::slack::{SlackMessage, SlackRules};
use futures::stream;
use serde_json::Value;

use super::judge;
use super::support::{
    ASKER, CHANNEL, Scene, TEXT, WIKI, a_long_text, an_answer, beginning, check_long_text, told,
};

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
