//! "Ask the owner" from the chat in the browser and from programs: `POST /v1/handoff`.

use docent_core::config::{Anonymous, HandOffs};
use docent_core::ledger::Role;
use docent_scripted::identity::{CLIENT, ScriptedIdentity};
use docent_scripted::slack::{ScriptedSlack, SlackFault};
use serde_json::{Value, json};

use super::workspace::{button, click, configure, idle, interact, say, workspace};
use crate::support::{TestServer, World, eventually};

const DOCUMENT: &str = "---\nowner: Data platform\ngroups: [GROUPS]\nOWNER\n---\n# fct_trips\n\nThe table fct_trips is loaded hourly.\n";
const QUESTION: &str = "Who approves refunds for fct_trips?";
const ROUTE: &str = "/v1/handoff";

/// A docent that answers nothing, in a workspace, over a document of an owner.
async fn owned_by(owner: &str, groups: &str) -> (World, ScriptedSlack) {
    let slack = workspace().await;
    let mut world = World::new().await;
    configure(&mut world, &slack);
    world.config.retrieval.min_evidence = 0.9999;
    let text = DOCUMENT.replace("OWNER", owner).replace("GROUPS", groups);
    world.write("fct_trips.md", &text);
    world.ingest().await;
    (world, slack)
}

async fn ask(server: &TestServer, token: &str) -> Value {
    let body = json!({ "question": QUESTION });
    let (status, answer) = server.send("POST", "/v1/chat", token, Some(body)).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("abstained")));
    answer
}

async fn hand_off(server: &TestServer, token: &str, abstained: &Value) -> (u16, Value) {
    let body = json!({ "interaction_id": abstained["interaction_id"] });
    server.send("POST", ROUTE, token, Some(body)).await
}

fn code(said: &(u16, Value)) -> (u16, &str) {
    (said.0, said.1["code"].as_str().unwrap_or_default())
}

fn posted(slack: &ScriptedSlack, channel: &str) -> Vec<String> {
    let calls = slack.calls_of("chat.postMessage").into_iter();
    calls
        .filter(|call| call.body["channel"] == channel)
        .map(|call| call.body["text"].as_str().unwrap().to_owned())
        .collect()
}

/// The owner replies below docent's message, and stands by it.
async fn replied(world: &World, slack: &ScriptedSlack, server: &TestServer, words: &str) {
    let rows = world
        .database
        .rows("SELECT owner_channel, owner_ts FROM slack_handoff")
        .await;
    let (channel, root) = (rows[0][0].clone().unwrap(), rows[0][1].clone().unwrap());
    let reply = say(slack, &channel, Some(&root), "U2", words);
    assert_eq!(reply.told(server, "message").await, 200);
    idle(world).await;
    let asked = slack.shown(&channel, &root);
    let asked = asked.last().unwrap();
    let confirm = button(asked, "docent_confirm").expect("a button to stand by it");
    let owner = click(asked, "U2", "docent_confirm", &confirm);
    assert_eq!(interact(server, &owner).await, 200);
    idle(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_asked_once_and_their_reply_answers_for_those_who_may_read_the_document() {
    let (mut world, slack) = owned_by("owner_slack: \"#data-platform\"", "finance").await;
    let server = world.serve().await;
    let ana = server.key("ana", &["finance"], Role::User).await;
    let abstained = ask(&server, &ana).await;
    assert_eq!(abstained["contact"]["hand_off"], true, "{abstained}");
    // At once, and again: one message.
    let at_once = tokio::join!(
        hand_off(&server, &ana, &abstained),
        hand_off(&server, &ana, &abstained),
        hand_off(&server, &ana, &abstained),
    );
    for said in [&at_once.0, &at_once.1, &at_once.2] {
        let said = (said.0, said.1["owner"].as_str().or(said.1["code"].as_str()));
        assert!(
            [
                (200, Some("Data platform")),
                (409, Some("hand_off_under_way"))
            ]
            .contains(&said),
            "{said:?}"
        );
    }
    assert_eq!(hand_off(&server, &ana, &abstained).await.0, 200);
    let asked = posted(&slack, "#data-platform");
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].starts_with("Somebody asks") && asked[0].contains(QUESTION),
        "{}",
        asked[0]
    );
    // Nobody else hands it over, and it is no key to what it was about.
    let bo = server.key("bo", &["everyone"], Role::User).await;
    let other = hand_off(&server, &bo, &abstained).await;
    assert_eq!(code(&other), (404, "interaction_unknown"));
    eventually("the act is in the audit", || async {
        let acts = "SELECT who FROM audit WHERE act = 'question_handed_over'";
        world.database.rows(acts).await == [[Some("key:ana".to_owned())]]
    })
    .await;

    replied(&world, &slack, &server, "Ana of finance approves them.").await;
    let kept = world
        .database
        .rows("SELECT question, author, groups::text FROM curated_answer")
        .await;
    let expected = [QUESTION, "user:bo@example.com", "{finance}"].map(|text| Some(text.to_owned()));
    assert_eq!(kept, [expected]);
    eventually("the answer is found", || async {
        let rows = "SELECT FROM document WHERE source = 'curated-answers' AND indexed";
        !world.database.rows(rows).await.is_empty()
    })
    .await;
    server.stop().await;
    world.config.retrieval.min_evidence = 0.5;
    let server = world.serve().await;
    let body = json!({ "question": QUESTION });
    let (_, answered) = server
        .send("POST", "/v1/chat", &ana, Some(body.clone()))
        .await;
    assert!(
        answered["answer"]
            .as_str()
            .unwrap()
            .contains("Ana of finance approves them"),
        "{answered}"
    );
    let (_, other) = server.send("POST", "/v1/chat", &bo, Some(body)).await;
    assert!(!other.to_string().contains("approves them"), "{other}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_identity_provider_knows_by_mail_is_told_the_reply_in_slack() {
    let identity = ScriptedIdentity::start().await;
    let (mut world, slack) = owned_by("owner_email: bo@example.com", "everyone").await;
    world.config.access.anonymous = Anonymous::Never;
    world.config.oidc.issuer = identity.issuer().to_owned();
    world.config.oidc.client_id = CLIENT.0.to_owned();
    world.config.oidc.name_claim = "email".to_owned();
    identity.person(
        json!({ "sub": "u-1", "email": "ana@example.com", "email_verified": true }),
        json!({}),
    );
    let server = world.serve().await;
    let token = identity.token(CLIENT.0, |_| ());
    let abstained = ask(&server, &token).await;
    let said = hand_off(&server, &token, &abstained).await;
    assert_eq!(said, (200, json!({ "owner": "Data platform" })));
    let asked = posted(&slack, "U2");
    assert!(asked[0].starts_with("<@U1> asks"), "{asked:?}");
    assert_eq!(posted(&slack, "U1").len(), 0);
    replied(&world, &slack, &server, "Ana of finance, <!channel>.").await;
    let told = posted(&slack, "U1");
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains(QUESTION) && told[0].contains("<@U2> replies:\n> Ana of finance"),
        "{}",
        told[0]
    );
    assert!(!told[0].contains("<!channel>"), "{}", told[0]);
    assert_eq!(world.database.count("curated_answer").await, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_hand_over_and_how_often_is_configured() {
    let (mut world, slack) = owned_by("owner_slack: \"#data-platform\"", "everyone").await;
    let server = world.serve().await;
    // Without a name: a prepared mail is all there is.
    let abstained = ask(&server, "").await;
    assert_eq!(abstained["contact"].get("hand_off"), None);
    let refused = hand_off(&server, "", &abstained).await;
    assert_eq!(code(&refused), (403, "hand_off_not_allowed"));
    server.stop().await;

    world.config.slack.hand_off = HandOffs::Everyone;
    world.config.slack.hand_offs_per_day = 1;
    let server = world.serve().await;
    let abstained = ask(&server, "").await;
    assert_eq!(abstained["contact"]["hand_off"], true);
    assert_eq!(hand_off(&server, "", &abstained).await.0, 200);
    let second = ask(&server, "").await;
    let refused = hand_off(&server, "", &second).await;
    assert_eq!(code(&refused), (429, "hand_off_limit_reached"));
    assert_eq!(hand_off(&server, "", &abstained).await.0, 200);
    assert_eq!(posted(&slack, "#data-platform").len(), 1);
    // What is no abstention of theirs.
    let unknown = json!({ "interaction_id": uuid::Uuid::now_v7() });
    let unknown = hand_off(&server, "", &unknown).await;
    assert_eq!(code(&unknown), (404, "interaction_unknown"));
    server.stop().await;

    world.config.slack.hand_off = HandOffs::Nobody;
    let server = world.serve().await;
    let key = server.key("ana", &["everyone"], Role::User).await;
    let abstained = ask(&server, &key).await;
    assert_eq!(abstained["contact"].get("hand_off"), None);
    let refused = hand_off(&server, &key, &abstained).await;
    assert_eq!(code(&refused), (403, "hand_off_not_allowed"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whom_slack_does_not_reach_stays_one_to_write_to() {
    let (world, slack) = owned_by("owner_email: nobody@example.com", "everyone").await;
    let server = world.serve().await;
    let key = server.key("ana", &["everyone"], Role::User).await;
    let abstained = ask(&server, &key).await;
    let refused = hand_off(&server, &key, &abstained).await;
    assert_eq!(code(&refused), (409, "owner_not_in_slack"));
    assert_eq!(world.database.count("slack_handoff").await, 0);
    server.stop().await;

    // A channel that docent may not write to; then it may, and then Slack breaks down.
    let (world, slack_of_channel) = owned_by("owner_slack: \"#closed\"", "everyone").await;
    drop(slack);
    let server = world.serve().await;
    let key = server.key("ana", &["everyone"], Role::User).await;
    let abstained = ask(&server, &key).await;
    let refuse = SlackFault::Refuse("not_in_channel");
    slack_of_channel.fail("chat.postMessage", 1, refuse);
    let refused = hand_off(&server, &key, &abstained).await;
    assert_eq!(code(&refused), (409, "owner_not_in_slack"));
    assert_eq!(hand_off(&server, &key, &abstained).await.0, 200);
    let abstained = ask(&server, &key).await;
    // Slack has posted it and did not say so: nobody posts it again soon.
    slack_of_channel.fail("chat.postMessage", 1, SlackFault::Lost);
    let unsure = hand_off(&server, &key, &abstained).await;
    assert_eq!(code(&unsure), (503, "slack_unavailable"));
    let again = hand_off(&server, &key, &abstained).await;
    assert_eq!(code(&again), (409, "hand_off_under_way"));
    server.stop().await;
}
