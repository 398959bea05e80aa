//! "Ask the owner", there and back.

use docent::slack::render::actions;
use docent_scripted::slack::ScriptedSlack;

use super::workspace::{
    answer, button, click, configure, idle, interact, mention, say, shown, workspace,
};
use crate::support::World;

/// An asset with an owner, and a question that its document does not answer.
const DOCUMENT: &str = "---\nowner: Data platform\nowner_slack: CHANNEL\n---\n# fct_trips\n\nThe table fct_trips is loaded hourly.\n";
const QUESTION: &str = "Who approves refunds for fct_trips?";

async fn owned_by(channel: &str) -> (World, ScriptedSlack) {
    let slack = workspace().await;
    let mut world = World::new().await;
    configure(&mut world, &slack);
    world.config.retrieval.min_evidence = 0.9999;
    world.write("fct_trips.md", &DOCUMENT.replace("CHANNEL", channel));
    world.ingest().await;
    (world, slack)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_asked_and_the_reply_that_they_stand_by_comes_back() {
    let (mut world, slack) = owned_by("\"#data-platform\"").await;
    let server = world.serve().await;
    let said = mention(&slack, &server, "C1", "U1", QUESTION).await;
    let abstained = answer(&slack, &said).await;
    idle(&world).await;
    let value = button(&abstained, actions::ASK_OWNER).expect("a button to ask the owner");
    let asks = click(&abstained, "U1", actions::ASK_OWNER, &value);
    assert_eq!(interact(&server, &asks).await, 200);
    // Twice is once.
    let again = click(&abstained, "U2", actions::ASK_OWNER, &value);
    idle(&world).await;
    assert_eq!(interact(&server, &again).await, 200);
    idle(&world).await;
    let posted: Vec<_> = slack
        .calls_of("chat.postMessage")
        .into_iter()
        .filter(|call| call.body["channel"] == "#data-platform")
        .collect();
    assert_eq!(posted.len(), 1);
    let text = posted[0].body["text"].as_str().unwrap();
    assert!(
        text.contains(QUESTION) && text.contains("<https://scripted.slack.com/archives/C1/"),
        "{text}"
    );
    let thread = shown(&slack, "C1", &said.ts, 2).await;
    assert!(
        thread[1].seen().contains("I have asked Data platform"),
        "{}",
        thread[1].seen()
    );

    // The owner replies below docent's message.
    let rows = world
        .database
        .rows("SELECT owner_channel, owner_ts FROM slack_handoff")
        .await;
    let (channel, root) = (rows[0][0].clone().unwrap(), rows[0][1].clone().unwrap());
    let words = "Ana of finance approves them, <!channel>.";
    let reply = say(&slack, &channel, Some(&root), "U2", words);
    assert_eq!(reply.told(&server, "message").await, 200);
    idle(&world).await;
    let asked = slack.shown(&channel, &root);
    let asked = asked.last().unwrap();
    let confirm = button(asked, "docent_confirm").expect("a button to stand by it");
    // Nobody else speaks for the owner.
    let other = click(asked, "U1", "docent_confirm", &confirm);
    assert_eq!(interact(&server, &other).await, 200);
    idle(&world).await;
    assert_eq!(slack.shown("C1", &said.ts).len(), 2);
    for _ in 0..2 {
        let owner = click(asked, "U2", "docent_confirm", &confirm);
        assert_eq!(interact(&server, &owner).await, 200);
        idle(&world).await;
    }
    let thread = slack.shown("C1", &said.ts);
    assert_eq!(thread.len(), 3);
    let passed = thread[2].seen();
    assert!(passed.contains("Ana of finance approves them"), "{passed}");
    assert!(
        passed.contains("<@U2>") && !passed.contains("<!channel"),
        "{passed}"
    );

    // It is an answer from now on, once, for those who may read the channel, with its author's name.
    let rows = world
        .database
        .rows("SELECT question, author, groups::text FROM curated_answer")
        .await;
    let kept: Vec<&str> = rows
        .iter()
        .flatten()
        .flatten()
        .map(String::as_str)
        .collect();
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert_eq!((kept[0], kept[2]), (QUESTION, "{everyone}"));
    for _ in 0..200 {
        let rows = world
            .database
            .rows("SELECT FROM document WHERE source = 'curated-answers' AND indexed")
            .await;
        if !rows.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    server.stop().await;
    world.config.retrieval.min_evidence = 0.5;
    let server = world.serve().await;
    let answered = server.ask(QUESTION).await;
    assert_eq!(answered["outcome"], "answered", "{answered}");
    let text = answered["answer"].as_str().unwrap();
    assert!(text.contains("Ana of finance approves them"), "{text}");
    assert_eq!(
        (kept[1], &answered["citations"][0]["author"]),
        ("user:bo@example.com", &"bo@example.com".into())
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_is_not_in_slack_is_named_and_not_asked() {
    let (world, slack) = owned_by("\"@nobody\"").await;
    let server = world.serve().await;
    let said = mention(&slack, &server, "C1", "U1", QUESTION).await;
    let abstained = answer(&slack, &said).await;
    idle(&world).await;
    let value = button(&abstained, actions::ASK_OWNER).expect("a button to ask the owner");
    let asks = click(&abstained, "U1", actions::ASK_OWNER, &value);
    assert_eq!(interact(&server, &asks).await, 200);
    let thread = shown(&slack, "C1", &said.ts, 2).await;
    assert!(
        thread[1].seen().contains("The owner is Data platform"),
        "{}",
        thread[1].seen()
    );
    assert_eq!(world.database.count("slack_handoff").await, 0);
    server.stop().await;
}
