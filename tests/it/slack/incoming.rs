//! What people say in Slack, and who gets which answer.

use std::time::Duration;

use docent_core::config::{AnswersWhat, Limit, SlackChannel};
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use docent_scripted::slack::{BOT, TEAM};
use serde_json::{Value, json};

use super::workspace::{
    QUESTION, answer, envelope, idle, in_slack, interact, mention, say, shown, silence, tell,
};
use crate::support::{World, eventually};

/// Finance alone may read this.
const SALARIES: &str = "How often is fct_salaries loaded?";

/// The world and its workspace, with a document that finance alone may read.
async fn with_finance() -> (World, docent_scripted::slack::ScriptedSlack) {
    let (mut world, slack) = in_slack().await;
    let secret = world.folder.path().join("secret");
    crate::support::write(
        &secret,
        "fct_salaries.md",
        "# fct_salaries\n\nThe table fct_salaries is loaded every fortnight.\n",
    );
    let mut source = docent_core::config::Source::folder("secret".to_owned(), secret);
    source.groups = vec!["finance".to_owned()];
    world.config.sources.push(source);
    world.ingest().await;
    let finance = vec!["finance".to_owned()];
    world
        .config
        .slack
        .people
        .insert("ana@example.com".to_owned(), finance);
    (world, slack)
}

/// Read as a configuration file is.
fn channel(settings: &str) -> SlackChannel {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("[slack.channels.C1]\n{settings}\n")).unwrap();
    let overrides = docent_core::config::Overrides {
        config: Some(file.path().to_owned()),
        ..docent_core::config::Overrides::default()
    };
    let config = docent_core::config::load(&overrides).unwrap();
    config.slack.channels["C1"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_is_answered_in_its_thread_and_recorded_as_its_askers() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    let said = mention(&slack, &server, "C1", "U1", QUESTION).await;
    let message = answer(&slack, &said).await;
    assert_eq!(message.thread_ts.as_deref(), Some(&*said.ts));
    assert!(
        message.seen().contains("loaded hourly"),
        "{}",
        message.seen()
    );
    idle(&world).await;
    server.service.app.ledger.flush().await;
    let rows = world
        .database
        .rows("SELECT channel, caller, question, outcome, message_id FROM interaction")
        .await;
    let row: Vec<&str> = rows[0]
        .iter()
        .map(|text| text.as_deref().unwrap())
        .collect();
    assert_eq!(
        row[..4],
        ["slack", "user:ana@example.com", QUESTION, "answered"]
    );
    // The text is in one place only once it is done.
    let kept = world
        .database
        .rows("SELECT payload::text FROM slack_event")
        .await;
    assert_eq!(kept, [[None]]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_goes_on_without_a_mention_where_docent_has_answered_in_it() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.answer = Answer::Text("It is loaded hourly [1].".to_owned()));
    let (mut world, slack) = in_slack().await;
    world.chat_with(&model);
    world
        .config
        .slack
        .channels
        .insert("C2".to_owned(), channel("follow_ups = false"));
    let server = world.serve().await;
    let first = mention(&slack, &server, "C1", "U1", QUESTION).await;
    answer(&slack, &first).await;
    idle(&world).await;
    // Somebody else goes on: the thread is one conversation.
    let next = say(
        &slack,
        "C1",
        Some(&first.ts),
        "U2",
        "And who loads it at night?",
    );
    assert_eq!(next.told(&server, "message").await, 200);
    shown(&slack, "C1", &first.ts, 2).await;
    let asked: Vec<String> = model
        .chat_requests()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        asked[1..].iter().any(|request| request.contains(QUESTION)),
        "{asked:#?}"
    );
    // To somebody else, in another thread, or where the channel does not want it: no.
    let to_bo = say(
        &slack,
        "C1",
        Some(&first.ts),
        "U1",
        "<@U2> what do you think?",
    );
    assert_eq!(to_bo.told(&server, "message").await, 200);
    let elsewhere = say(&slack, "C1", None, "U1", "I ask myself something.");
    let reply = say(&slack, "C1", Some(&elsewhere.ts), "U2", QUESTION);
    assert_eq!(reply.told(&server, "message").await, 200);
    silence(&world, &slack, &reply).await;
    assert_eq!(slack.shown("C1", &first.ts).len(), 2);
    let first = mention(&slack, &server, "C2", "U1", QUESTION).await;
    answer(&slack, &first).await;
    let next = say(&slack, "C2", Some(&first.ts), "U2", "And at night?");
    assert_eq!(next.told(&server, "message").await, 200);
    idle(&world).await;
    assert_eq!(slack.shown("C2", &first.ts).len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_meant_for_docent_is_passed_over() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    let said = say(&slack, "C1", None, "U1", QUESTION);
    let plain = said.event("message");
    let changed = |name: &str, value: Value| {
        let mut event = said.event("app_mention");
        event[name] = value;
        event
    };
    let events = [
        plain,
        changed("bot_id", "B7".into()),
        changed("user", BOT.into()),
        changed("subtype", "message_changed".into()),
        changed("subtype", "bot_message".into()),
        changed("subtype", "channel_join".into()),
        json!({ "type": "message", "subtype": "message_deleted", "channel": "C1", "ts": "1.2" }),
        json!({ "type": "app_home_opened", "tab": "home", "user": "U1", "channel": "D1" }),
    ];
    for (number, event) in events.into_iter().enumerate() {
        let envelope = envelope(&format!("EvPassed{number}"), event);
        assert_eq!(tell(&server, &envelope).await, 200, "{envelope}");
    }
    assert_eq!(world.database.count("slack_event").await, 0);
    assert!(slack.calls_of("chat.postMessage").is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_wants_it_has_every_question_answered_and_silence_otherwise() {
    let (mut world, slack) = in_slack().await;
    let every = "answer = \"every\"\nquiet_when_unknown = true";
    world
        .config
        .slack
        .channels
        .insert("C1".to_owned(), channel(every));
    assert_eq!(world.config.slack.channel("C1").answer, AnswersWhat::Every);
    let server = world.serve().await;
    let known = say(&slack, "C1", None, "U1", QUESTION);
    assert_eq!(known.told(&server, "message").await, 200);
    assert!(answer(&slack, &known).await.seen().contains("hourly"));
    let unknown = say(&slack, "C1", None, "U1", "What shall we have for lunch?");
    assert_eq!(unknown.told(&server, "message").await, 200);
    silence(&world, &slack, &unknown).await;
    // Who asks by name hears that there is no answer.
    let asked = mention(&slack, &server, "C1", "U1", "What shall we have for lunch?").await;
    answer(&slack, &asked).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_their_own_in_direct_messages_and_the_channels_in_channels() {
    let (mut world, slack) = with_finance().await;
    let finance = "groups = [\"finance\"]";
    let narrow = SlackChannel {
        sources: Some(vec!["secret".to_owned()]),
        ..channel(finance)
    };
    world
        .config
        .slack
        .channels
        .insert("CNARROW".to_owned(), narrow);
    world
        .config
        .slack
        .channels
        .insert("CFIN".to_owned(), channel(finance));
    let server = world.serve().await;
    let direct = async |channel: &str, user: &str, team: &str| {
        let said = say(&slack, channel, None, user, SALARIES);
        let mut event = said.event("message");
        event["team"] = team.into();
        event["user_team"] = team.into();
        let id = format!("EvDirect{channel}");
        assert_eq!(tell(&server, &envelope(&id, event)).await, 200);
        answer(&slack, &said).await.seen()
    };
    let knows = |text: &str| text.contains("fortnight");
    assert!(knows(&direct("D1", "U1", TEAM).await), "Ana is of finance");
    assert!(!knows(&direct("D2", "U2", TEAM).await), "Bo is not");
    assert!(!knows(&direct("D3", "U3", TEAM).await), "a guest is nobody");
    assert!(
        !knows(&direct("D4", "U1", "T9OTHER").await),
        "another company vouches"
    );
    assert!(
        !knows(&direct("D5", "U9", TEAM).await),
        "Slack does not know them"
    );
    // Where others read along, the channel decides, whoever asks.
    for (channel, user, known) in [
        ("C1", "U1", false),
        ("CFIN", "U2", true),
        ("CFIN", "U1", true),
    ] {
        let said = mention(&slack, &server, channel, user, SALARIES).await;
        let seen = answer(&slack, &said).await.seen();
        assert_eq!(knows(&seen), known, "{channel} {user}: {seen}");
    }
    // A channel may be for some sources only.
    for (question, words) in [(SALARIES, "fortnight"), (QUESTION, "hourly")] {
        let said = mention(&slack, &server, "CNARROW", "U1", question).await;
        let seen = answer(&slack, &said).await.seen();
        assert_eq!(seen.contains(words), words == "fortnight", "{seen}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_stops_the_answer_and_the_model() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text("It is loaded hourly [1]. ".repeat(200));
        script.gap = Duration::from_millis(100);
    });
    let (mut world, slack) = in_slack().await;
    world.chat_with(&model);
    world.config.chat.stall_ms = 5000;
    let server = world.serve().await;
    let said = mention(&slack, &server, "C1", "U1", QUESTION).await;
    eventually("the answer is under way", || async {
        slack
            .shown("C1", &said.ts)
            .iter()
            .any(|message| !message.streamed.is_empty())
    })
    .await;
    let stop = json!({
        "type": "agent_session_stopped", "channel": "C1", "thread_ts": said.ts, "user": "U1",
        "streaming_message_ts": [], "event_ts": "1790000009.000100",
    });
    assert_eq!(tell(&server, &envelope("EvStop", stop)).await, 200);
    eventually("the model is stopped", || async {
        model.stopped_streams() == 1
    })
    .await;
    idle(&world).await;
    let message = answer(&slack, &said).await;
    assert!(message.streaming.is_none());
    server.service.app.ledger.flush().await;
    let outcome = world.database.rows("SELECT outcome FROM interaction").await;
    assert_eq!(outcome, [[Some("cancelled".to_owned())]]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shortcut_asks_a_message_in_its_own_thread() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    let said = say(&slack, "C1", None, "U2", QUESTION);
    let shortcut = json!({
        "type": "message_action", "callback_id": "docent_ask", "trigger_id": "1.2.3",
        "action_ts": "1790000005.000200", "user": { "id": "U1", "team_id": TEAM },
        "team": { "id": TEAM }, "channel": { "id": "C1" },
        "message": { "type": "message", "ts": said.ts, "user": "U2", "text": QUESTION },
    });
    assert_eq!(interact(&server, &shortcut).await, 200);
    assert_eq!(interact(&server, &shortcut).await, 200);
    assert!(answer(&slack, &said).await.seen().contains("hourly"));
    idle(&world).await;
    assert_eq!(slack.shown("C1", &said.ts).len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_the_app_is_offered_questions() {
    let (mut world, slack) = in_slack().await;
    world.config.server.suggestions = (1..6).map(|number| format!("Question {number}?")).collect();
    let server = world.serve().await;
    let opened = json!({
        "type": "app_home_opened", "tab": "messages", "user": "U1", "channel": "D1",
    });
    assert_eq!(tell(&server, &envelope("EvHome", opened)).await, 200);
    idle(&world).await;
    let calls = slack.calls_of("assistant.threads.setSuggestedPrompts");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].body["channel_id"], "D1");
    assert_eq!(calls[0].body["prompts"].as_array().unwrap().len(), 4);
    assert!(
        calls[0].body.get("thread_ts").is_none(),
        "Slack would not take it"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_for_each_person_and_each_channel() {
    let (mut world, slack) = in_slack().await;
    world.config.limits.caller = Limit {
        questions_per_day: 2,
        ..Limit::default()
    };
    world.config.slack.channel_limit = Limit {
        questions_per_day: 3,
        ..Limit::default()
    };
    let server = world.serve().await;
    for _ in 0..2 {
        let said = mention(&slack, &server, "C1", "U1", QUESTION).await;
        assert!(answer(&slack, &said).await.seen().contains("hourly"));
    }
    // Ana has asked enough; she alone reads so.
    let said = mention(&slack, &server, "C1", "U1", QUESTION).await;
    let refusal = answer(&slack, &said).await;
    assert_eq!(refusal.only_for.as_deref(), Some("U1"));
    assert!(
        refusal.seen().contains("You have asked 2 questions today"),
        "{}",
        refusal.seen()
    );
    let said = mention(&slack, &server, "C1", "U2", QUESTION).await;
    assert!(answer(&slack, &said).await.seen().contains("hourly"));
    // Now the channel has.
    let said = mention(&slack, &server, "C1", "U2", QUESTION).await;
    assert!(
        answer(&slack, &said)
            .await
            .seen()
            .contains("Everyone here together")
    );
    let said = mention(&slack, &server, "C2", "U2", QUESTION).await;
    assert!(answer(&slack, &said).await.seen().contains("hourly"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_without_a_question_is_told_what_to_do() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    let said = mention(&slack, &server, "C1", "U1", "").await;
    let hint = answer(&slack, &said).await;
    assert!(hint.seen().contains("Ask me a question"), "{}", hint.seen());
    assert_eq!(hint.only_for.as_deref(), Some("U1"));
    idle(&world).await;
    server.stop().await;
}
