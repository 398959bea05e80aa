//! Events of Slack: kept once, claimed by one, in the order of their conversation.

use docent_core::ledger::insights::AskedAgain;
use docent_core::ledger::{
    Channel, HandOver, Handing, Interaction, InteractionOutcome, Ledger, Record, SlackClaimant,
    SlackEvent, SlackHandoff, SlackKind, SlackOutcome, Wish,
};
use docent_core::process;
use serde_json::json;
use uuid::Uuid;

use super::{interaction, ledger, turn};

fn question(id: &str, ts: &str, conversation: Uuid) -> SlackEvent {
    SlackEvent {
        event_id: id.to_owned(),
        kind: SlackKind::Question,
        team: "T1".to_owned(),
        channel: Some("C1".to_owned()),
        ts: Some(ts.to_owned()),
        thread: Some("1.0".to_owned()),
        asker: Some("U1".to_owned()),
        conversation_id: Some(conversation),
        payload: json!({ "text": "why\0?" }),
    }
}

/// Puts a row into every table of Slack's.
pub(super) async fn fill(ledger: &Ledger) {
    let event = question("EvFilled", "1.0", Uuid::now_v7());
    assert_eq!(ledger.receive_slack(&[event]).await.unwrap(), 1);
    ledger.hand_over(&handoff()).await.unwrap();
    let (_, press) = wish(ledger, "click");
    assert!(ledger.wish(&press).await.unwrap().unwrap().wanted);
}

fn handoff() -> SlackHandoff {
    SlackHandoff {
        id: Uuid::now_v7(),
        interaction_id: Uuid::now_v7(),
        team: "T1".to_owned(),
        asked_by: Some("U1".to_owned()),
        channel: Some("C1".to_owned()),
        thread: Some("1.0".to_owned()),
        owner_channel: "C2".to_owned(),
        owner_ts: "2.0".to_owned(),
        reply_ts: None,
        reply_by: None,
        groups: None,
    }
}

fn claimant() -> SlackClaimant {
    SlackClaimant {
        claim: Uuid::now_v7(),
        process: process::identity(),
    }
}

async fn claimed(ledger: &Ledger, claimant: &SlackClaimant) -> Vec<(String, i32)> {
    let events = ledger.claim_slack(claimant, 10).await.unwrap();
    let mut claimed: Vec<_> = events
        .into_iter()
        .map(|event| (event.event_id, event.attempts))
        .collect();
    claimed.sort();
    claimed
}

#[tokio::test]
async fn an_event_is_kept_once_by_its_id_and_by_its_message() {
    let (ledger, database, _spool) = ledger().await;
    let conversation = Uuid::now_v7();
    let events = [
        question("Ev1", "1.0", conversation),
        question("Ev1", "1.0", conversation),
        question("Ev2", "1.0", conversation),
        question("Ev3", "1.1", conversation),
    ];
    assert_eq!(ledger.receive_slack(&events).await.unwrap(), 2);
    assert_eq!(ledger.receive_slack(&events).await.unwrap(), 0);
    assert_eq!(database.count("slack_event").await, 2);
}

#[tokio::test]
async fn an_event_has_one_claimant_and_a_question_waits_for_the_one_before_it() {
    let (ledger, database, _spool) = ledger().await;
    let (one, two) = (claimant(), claimant());
    let conversation = Uuid::now_v7();
    for (id, ts, of) in [
        ("Ev1", "1.0", conversation),
        ("Ev2", "1.1", conversation),
        ("Ev3", "2.0", Uuid::now_v7()),
    ] {
        ledger.receive_slack(&[question(id, ts, of)]).await.unwrap();
    }
    let first = claimed(&ledger, &one).await;
    assert_eq!(first, [("Ev1".to_owned(), 1), ("Ev3".to_owned(), 1)]);
    assert_eq!(claimed(&ledger, &two).await, []);
    ledger.stop_slack("T1", "C1", "1.0").await.unwrap();
    let mut held = ledger.keep_slack(one.claim).await.unwrap();
    held.sort();
    assert_eq!(held, [("Ev1".to_owned(), true), ("Ev3".to_owned(), true)]);

    let interaction = Uuid::now_v7();
    let done = SlackOutcome::Done;
    ledger
        .finish_slack("Ev1", done, Some(interaction))
        .await
        .unwrap();
    let asked = ledger.asked_in_slack(interaction).await.unwrap().unwrap();
    assert_eq!((asked.asker.as_str(), asked.ts.as_str()), ("U1", "1.0"));
    assert!(ledger.is_slack_thread("T1", "C1", "1.0").await.unwrap());
    assert!(!ledger.is_slack_thread("T1", "C2", "1.0").await.unwrap());
    let texts = "SELECT payload::text FROM slack_event WHERE event_id = 'Ev1'";
    assert_eq!(database.rows(texts).await, [[None]]);
    assert_eq!(claimed(&ledger, &two).await, [("Ev2".to_owned(), 1)]);

    // Given back, by name for later, and all at once.
    ledger.return_slack("Ev2", two.claim, 3600.0).await.unwrap();
    assert_eq!(claimed(&ledger, &one).await, []);
    ledger.release_slack(one.claim).await.unwrap();
    assert_eq!(claimed(&ledger, &two).await, [("Ev3".to_owned(), 2)]);
}

#[tokio::test]
async fn what_the_dead_and_the_silent_have_begun_is_claimed_again() {
    let (ledger, database, _spool) = ledger().await;
    let events = ["1.0", "2.0", "3.0"].map(|ts| question(&format!("Ev{ts}"), ts, Uuid::now_v7()));
    ledger.receive_slack(&events).await.unwrap();
    let alive = claimant();
    assert_eq!(claimed(&ledger, &alive).await.len(), 3);
    assert_eq!(claimed(&ledger, &claimant()).await.len(), 0);
    // The same place, a number that no process of this moment of start has.
    let identity = process::identity();
    let dead = identity.rsplit_once(' ').unwrap().0;
    for change in [
        format!("claimed_by = '{dead} 1' WHERE event_id = 'Ev1.0'"),
        "claimed_at = now() - interval '61 seconds' WHERE event_id = 'Ev2.0'".to_owned(),
    ] {
        let update = format!("UPDATE slack_event SET {change} RETURNING event_id");
        assert_eq!(database.rows(&update).await.len(), 1);
    }
    let again = claimed(&ledger, &claimant()).await;
    assert_eq!(again, [("Ev1.0".to_owned(), 2), ("Ev2.0".to_owned(), 2)]);
}

#[tokio::test]
async fn a_question_is_handed_over_once_and_its_newest_reply_counts_until_it_is_confirmed() {
    let (ledger, database, _spool) = ledger().await;
    let first = handoff();
    ledger.hand_over(&first).await.unwrap();
    ledger.hand_over(&first).await.unwrap();
    assert_eq!(database.count("slack_handoff").await, 1);
    assert!(ledger.is_handed_over(first.interaction_id).await.unwrap());
    let reply = async |ts: &str| {
        let place = ("T1", "C2", "2.0");
        ledger
            .reply_to_handoff(place.0, place.1, place.2, (ts, "U2"))
            .await
            .unwrap()
    };
    reply("2.1").await.unwrap();
    let known = reply("2.2").await.unwrap();
    assert_eq!(known.reply_ts.as_deref(), Some("2.2"));
    assert!(ledger.confirm_handoff(first.id).await.unwrap());
    assert!(!ledger.confirm_handoff(first.id).await.unwrap());
    assert_eq!(reply("2.3").await, None);
}

#[tokio::test]
async fn a_question_of_the_browser_is_begun_once_finished_or_given_up_and_counted() {
    let (ledger, database, _spool) = ledger().await;
    let groups = ["finance".to_owned()];
    let handing = |interaction_id, most_per_day| Handing {
        id: Uuid::now_v7(),
        interaction_id,
        team: "T1",
        caller: "user:ana",
        groups: &groups,
        most_per_day,
    };
    let [first, second] = [Uuid::now_v7(), Uuid::now_v7()];
    let one = handing(first, 1);
    let begin = async |one| ledger.begin_handing_over(one).await.unwrap();
    assert_eq!(begin(one).await, HandOver::Begun);
    assert_eq!(begin(handing(first, 1)).await, HandOver::UnderWay);
    assert_eq!(begin(handing(second, 1)).await, HandOver::TooMany);
    assert_eq!(begin(handing(second, 0)).await, HandOver::Begun);
    // Given up, it may be tried again; a process that died in the middle is waited for a minute.
    ledger.give_handing_over_up(one.id).await.unwrap();
    let one = handing(first, 2);
    assert_eq!(begin(one).await, HandOver::Begun);
    let old =
        "UPDATE slack_handoff SET at = at - interval '61 seconds' RETURNING interaction_id::text";
    assert_eq!(database.rows(old).await.len(), 2);
    let one = handing(first, 2);
    assert_eq!(begin(one).await, HandOver::Begun);
    ledger
        .finish_handing_over(one.id, ["C2", "2.0"], None)
        .await
        .unwrap();
    assert_eq!(begin(handing(first, 2)).await, HandOver::Done);
    ledger.give_handing_over_up(one.id).await.unwrap();
    let reply = ("2.1", "U2");
    let known = ledger.reply_to_handoff("T1", "C2", "2.0", reply).await;
    let known = known.unwrap().unwrap();
    assert_eq!((known.id, known.channel), (one.id, None));
    assert_eq!(known.groups.as_deref(), Some(&groups[..]));
    // Whose it was is forgotten, once nobody counts it.
    let old = "UPDATE slack_handoff SET at = at - interval '3 days' RETURNING interaction_id::text";
    assert_eq!(database.rows(old).await.len(), 2);
    ledger.expire_slack().await.unwrap();
    assert_eq!(
        database.rows("SELECT caller FROM slack_handoff").await,
        [[None], [None]]
    );
}

/// An abstention of somebody, and a wish to be told below it.
fn wish(ledger: &Ledger, event_id: &str) -> (Interaction, Wish) {
    let mut asked = interaction(Uuid::now_v7(), "who owns dim_scooters?");
    asked.channel = Channel::Slack;
    asked.outcome = InteractionOutcome::Abstained;
    asked.at = chrono::Utc::now() - chrono::TimeDelta::minutes(5);
    ledger.writer().write(turn(asked.clone()));
    let wish = Wish {
        interaction_id: asked.id,
        team: "T1".to_owned(),
        asker: "U1".to_owned(),
        user_team: None,
        event_id: event_id.to_owned(),
    };
    (asked, wish)
}

#[tokio::test]
async fn a_press_is_a_wish_and_the_next_one_takes_it_back_however_often_each_is_delivered() {
    let (ledger, _database, _spool) = ledger().await;
    let (_, mut press) = wish(&ledger, "click 1");
    let wanted = async |press: &Wish| ledger.wish(press).await.unwrap().unwrap().wanted;
    assert!(wanted(&press).await && wanted(&press).await);
    press.event_id = "click 2".to_owned();
    assert!(!wanted(&press).await && !wanted(&press).await);
    press.event_id = "click 3".to_owned();
    let noted = ledger.wish(&press).await.unwrap().unwrap();
    assert!(noted.wanted && !noted.told);
    ledger
        .note_wish_message(&noted.who, "D1", "1.0")
        .await
        .unwrap();
    assert!(ledger.waiting_asker(&noted.who).await.unwrap().is_some());
    ledger.note_told(&noted.who).await.unwrap();
    assert!(ledger.waiting_asker(&noted.who).await.unwrap().is_none());
    press.event_id = "click 4".to_owned();
    let again = ledger.wish(&press).await.unwrap().unwrap();
    assert!(again.told && again.wanted);
    // The same question without an answer once more: another wish, with a message of its own.
    let (_, anew) = wish(&ledger, "click 5");
    let anew = ledger.wish(&anew).await.unwrap().unwrap();
    assert_eq!(anew.who, noted.who);
    assert!(anew.wanted && !anew.told && anew.channel.is_none());
    let nowhere = Wish {
        interaction_id: Uuid::now_v7(),
        ..press
    };
    assert_eq!(ledger.wish(&nowhere).await.unwrap(), None);
}

#[tokio::test]
async fn askers_are_told_of_what_was_closed_after_they_asked_once_for_each_run() {
    let (ledger, database, _spool) = ledger().await;
    let (asked, press) = wish(&ledger, "click");
    let who = ledger.wish(&press).await.unwrap().unwrap().who;
    let run = Uuid::now_v7();
    let due = async |run: Uuid| ledger.askers_to_tell(run, 90, 10).await.unwrap();
    assert!(due(run).await.is_empty(), "nothing was asked again");
    let again = AskedAgain {
        question_key: who.question_key,
        run_id: run,
        interaction_id: Uuid::now_v7(),
        answered: true,
        was_answered: false,
    };
    assert!(ledger.note_asked_again(&again).await.unwrap());
    let found = due(run).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, who);
    let event = SlackEvent {
        kind: SlackKind::Action,
        conversation_id: None,
        ..question(&found[0].0, "9.0", Uuid::now_v7())
    };
    ledger.receive_slack(&[event]).await.unwrap();
    assert!(due(run).await.is_empty(), "an event was made of it");
    assert_eq!(
        due(Uuid::now_v7()).await.len(),
        1,
        "after another run it is tried again"
    );
    database
        .rows("UPDATE gap SET closed_at = now() - interval '1 hour' RETURNING 'x'")
        .await;
    assert!(
        due(Uuid::now_v7()).await.is_empty(),
        "it was asked after it was closed"
    );

    // It goes with the question.
    let expiry = docent_core::ledger::Expiry {
        channel: asked.channel,
        before: chrono::Utc::now(),
    };
    assert_eq!(ledger.expire(expiry).await.unwrap(), 1);
    assert_eq!(database.count("gap_asker").await, 0);
}

#[tokio::test]
async fn a_deleted_conversation_takes_the_wishes_below_its_answers_with_it() {
    let (ledger, database, _spool) = ledger().await;
    let (asked, press) = wish(&ledger, "click");
    assert!(ledger.wish(&press).await.unwrap().is_some());
    let deletion = docent_core::ledger::Deletion {
        conversation_id: asked.conversation_id,
        caller: Some(asked.caller),
    };
    ledger.writer().write(Record::DeleteConversation(deletion));
    ledger.flush().await;
    assert_eq!(database.count("gap_asker").await, 0);
}
