//! "Tell me when this is answered": from an abstention in Slack to one direct message.

use docent::insights::keep;
use docent::slack::render::actions;
use docent_scripted::slack::{ScriptedSlack, SlackFault, SlackMessage};

use super::workspace::{
    QUESTION as ANSWERED, answer, button, click, idle, in_slack, interact, mention, say,
};
use crate::support::{TestServer, World, ingest};

const QUESTION: &str = "Who owns dim_scooters?";
const DOCUMENT: &str = "---\nowner: Fleet Analytics\ngroups: [GROUP]\n---\n# dim_scooters\n\nThe table dim_scooters is owned by Fleet Analytics. Fleet Analytics owns dim_scooters.\n";

fn write_document(world: &World, group: &str) {
    world.write("dim_scooters.md", &DOCUMENT.replace("GROUP", group));
}

/// A question that no document answers, asked by Ana in a channel.
async fn abstained(
    world: &World,
    slack: &ScriptedSlack,
    server: &TestServer,
) -> (SlackMessage, String) {
    let said = mention(slack, server, "C1", "U1", QUESTION).await;
    let abstained = answer(slack, &said).await;
    idle(world).await;
    let value = button(&abstained, actions::TELL_ME).expect("a button to be told");
    (abstained, value)
}

async fn press(
    world: &World,
    server: &TestServer,
    message: &SlackMessage,
    user: &str,
    value: &str,
) {
    let pressed = click(message, user, actions::TELL_ME, value);
    // Delivered twice it is pressed once.
    for _ in 0..2 {
        assert_eq!(interact(server, &pressed).await, 200);
        idle(world).await;
    }
}

/// Ingests, asks gaps again and waits until everyone is told who is.
async fn after_a_run(world: &World, server: &TestServer) {
    ingest(&server.service.app).await;
    keep::once(&server.service, &mut None).await;
    idle(world).await;
}

fn written(slack: &ScriptedSlack, user: &str) -> Vec<String> {
    let messages = slack.written_to(user);
    messages.iter().map(SlackMessage::seen).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wanted_to_be_told_is_told_once_when_the_document_is_there() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    let (message, value) = Box::pin(abstained(&world, &slack, &server)).await;
    press(&world, &server, &message, "U1", &value).await;
    // Bo takes it back; the guest never wanted it.
    press(&world, &server, &message, "U2", &value).await;
    press(&world, &server, &message, "U2", &value).await;
    let noted = written(&slack, "U1");
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert!(
        noted[0].starts_with("Noted") && noted[0].contains(QUESTION),
        "{noted:?}"
    );
    let taken_back = written(&slack, "U2");
    assert_eq!(taken_back.len(), 1, "{taken_back:?}");
    assert!(taken_back[0].starts_with("Taken back"), "{taken_back:?}");

    // A run that does not help tells nobody.
    world.write(
        "other.md",
        "# Other\n\nThe table dim_bikes is loaded weekly.\n",
    );
    after_a_run(&world, &server).await;
    assert_eq!(written(&slack, "U1").len(), 1);

    write_document(&world, "everyone");
    ingest(&server.service.app).await;
    // Two processes that look at the same time.
    let (mut one, mut other) = (None, None);
    tokio::join!(
        keep::once(&server.service, &mut one),
        keep::once(&server.service, &mut other)
    );
    idle(&world).await;
    keep::once(&server.service, &mut None).await;
    idle(&world).await;
    let told = written(&slack, "U1");
    assert_eq!(told.len(), 2, "{told:?}");
    for said in [
        "answer your question now",
        QUESTION,
        "owner: Fleet Analytics",
        "dim_scooters",
        "<https://scripted.slack.com/archives/C1/",
    ] {
        assert!(told[1].contains(said), "{said} is missing in {}", told[1]);
    }
    let told_at = "SELECT asker, (a.told_at IS NOT NULL)::text, (g.told_at IS NOT NULL)::text
        FROM gap_asker a JOIN gap g USING (question_key) ORDER BY asker";
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        world.database.rows(told_at).await,
        [
            [text("U1"), text("true"), text("true")],
            [text("U2"), text("false"), text("true")],
        ]
    );

    // Neither a restart nor another run tells anybody again, nor does a press on the old message.
    server.stop().await;
    let server = world.serve().await;
    world.write(
        "more.md",
        "# More\n\nThe table dim_more is loaded weekly.\n",
    );
    after_a_run(&world, &server).await;
    press(&world, &server, &message, "U1", &value).await;
    keep::once(&server.service, &mut None).await;
    idle(&world).await;
    assert_eq!(written(&slack, "U1").len(), 2);
    assert_eq!(written(&slack, "U2").len(), 1);
    assert!(slack.written_to("U3").is_empty());
    assert!(slack.pings().is_empty(), "{:?}", slack.pings());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_what_they_may_not_read() {
    let (mut world, slack) = in_slack().await;
    // Whoever is anonymous reads as much as finance, so that the gap closes; in Slack only Ana does.
    world.config.access.anonymous_groups = vec!["everyone".to_owned(), "finance".to_owned()];
    let people = &mut world.config.slack.people;
    people.insert("ana@example.com".to_owned(), vec!["finance".to_owned()]);
    let server = world.serve().await;
    let (message, value) = Box::pin(abstained(&world, &slack, &server)).await;
    for user in ["U1", "U2"] {
        press(&world, &server, &message, user, &value).await;
    }
    write_document(&world, "finance");
    after_a_run(&world, &server).await;
    assert_eq!(written(&slack, "U1").len(), 2);
    assert_eq!(
        written(&slack, "U2").len(),
        1,
        "{:?}",
        written(&slack, "U2")
    );
    // When everyone may read it, Bo may.
    write_document(&world, "everyone");
    after_a_run(&world, &server).await;
    assert_eq!(written(&slack, "U1").len(), 2);
    let bo = written(&slack, "U2");
    assert_eq!(bo.len(), 2);
    assert!(bo[1].contains("owner: Fleet Analytics"), "{bo:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_arrival_slack_did_not_confirm_is_not_sent_again() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    // In a direct message, in Korean: the wish is confirmed below the question.
    let said = say(
        &slack,
        "D1",
        None,
        "U1",
        "dim_scooters 테이블의 담당자는 누구인가요?",
    );
    assert_eq!(said.told(&server, "message").await, 200);
    let abstained = answer(&slack, &said).await;
    idle(&world).await;
    let value = button(&abstained, actions::TELL_ME).expect("a button to be told");
    press(&world, &server, &abstained, "U1", &value).await;
    let thread = slack.shown("D1", &said.ts);
    assert_eq!(thread.len(), 2, "{thread:?}");
    assert!(thread[1].seen().starts_with("알겠습니다"), "{thread:?}");
    world.write(
        "dim_scooters.md",
        "# dim_scooters\n\ndim_scooters 테이블의 담당자는 Fleet Analytics 팀입니다. 담당자: Fleet Analytics.\n",
    );
    slack.fail("chat.postMessage", 1, SlackFault::Lost);
    after_a_run(&world, &server).await;
    let told = written(&slack, "D1");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("이제 문서에서") && told[0].contains("Fleet Analytics"),
        "{told:?}"
    );
    let rows = "SELECT state, attempts::text FROM slack_event WHERE event_id LIKE 'answered:%'";
    assert_eq!(
        world.database.rows(rows).await,
        [[Some("done".to_owned()), Some("2".to_owned())]]
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_or_never_asked_again_promises_nothing() {
    let (mut world, slack) = in_slack().await;
    let server = world.serve().await;
    let said = mention(&slack, &server, "C1", "U1", ANSWERED).await;
    let answered = answer(&slack, &said).await;
    assert_eq!(button(&answered, actions::TELL_ME), None);
    idle(&world).await;
    server.stop().await;
    world.config.insights.ask_again = 0;
    let server = world.serve().await;
    let said = mention(&slack, &server, "C1", "U1", QUESTION).await;
    let abstained = answer(&slack, &said).await;
    assert_eq!(button(&abstained, actions::TELL_ME), None);
    idle(&world).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_docent_cannot_write_to_is_forgotten() {
    let (world, slack) = in_slack().await;
    let server = world.serve().await;
    let (message, value) = Box::pin(abstained(&world, &slack, &server)).await;
    let refused = SlackFault::Refuse("messages_tab_disabled");
    slack.fail("chat.postMessage", 1, refused);
    press(&world, &server, &message, "U1", &value).await;
    assert_eq!(world.database.count("gap_asker").await, 0);
    server.stop().await;
}
