//! Either process may be killed (`kill -9`) in the middle of an answer: the conversation goes on in the
//! other one, and the ledger has each question once.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{QUESTION, Replica, Shared};

/// Asks for an answer that takes some seconds, kills its process as the first words come, and asks the
/// same message of the other one.
async fn asked_again_elsewhere(
    shared: &Shared,
    dying: Replica,
    other: &Replica,
    token: &str,
    body: &Value,
) -> Value {
    shared
        .model
        .change(|script| script.gap = Duration::from_millis(400));
    let stream = dying.begin(token, body.clone()).await;
    dying.kill();
    shared.model.change(|script| script.gap = Duration::ZERO);
    let rest = stream.bytes().await;
    let whole = rest.is_ok_and(|rest| String::from_utf8_lossy(&rest).contains("event: done"));
    assert!(!whole, "it was killed too late");
    let (status, answer) = other.ask(token, body.clone()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["outcome"], "answered", "{answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_outlives_either_process_and_no_question_of_it_is_lost_or_doubled() {
    let shared = Shared::new("[access]\nanonymous = \"never\"\n").await;
    shared.ingest().await;
    let key = shared.key("ana", "user").await;
    let (one, two) = (shared.serve("one").await, shared.serve("two").await);
    let (_, first) = one.ask(&key, json!({ "question": QUESTION })).await;
    let conversation = first["conversation_id"].clone();
    let mut answered = vec![first];
    let message = |words: &str| json!({ "question": words, "conversation_id": conversation, "message_id": Uuid::new_v4() });
    let history = |number: usize| {
        let requests = shared.model.chat_requests();
        // The last one, and the one before it, which made a question that stands alone.
        let mut last = requests.iter().rev().take(2).map(ToString::to_string);
        assert!(last.any(|request| request.contains(QUESTION)), "{number}");
    };

    let asked = message("And at night, how often is fct_trips loaded?");
    answered.push(asked_again_elsewhere(&shared, one, &two, &key, &asked).await);
    history(1);
    let (_, third) = two
        .ask(&key, message("And at noon, how often is fct_trips loaded?"))
        .await;
    answered.push(third);

    // It comes back with its data folder, knows what was asked meanwhile, and sees the other one die.
    let one = shared.serve("one").await;
    shared.recorded(3).await;
    let (_, fourth) = one
        .ask(
            &key,
            message("And on Sundays, how often is fct_trips loaded?"),
        )
        .await;
    answered.push(fourth);
    history(4);
    shared.recorded(4).await;
    let asked = message("And in winter, how often is fct_trips loaded?");
    answered.push(asked_again_elsewhere(&shared, two, &one, &key, &asked).await);
    history(5);
    let two = shared.serve("two").await;
    shared.recorded(5).await;

    // Both show the same conversation, and the ledger has what was answered, each once.
    let path = format!("/v1/conversations/{}", conversation.as_str().unwrap());
    let (_, here) = one.send("GET", &path, &key, None).await;
    let (_, there) = two.send("GET", &path, &key, None).await;
    assert_eq!(here["interactions"], there["interactions"]);
    assert_eq!(here["interactions"].as_array().unwrap().len(), 5, "{here}");
    let told: BTreeSet<String> = answered
        .iter()
        .map(|answer| answer["interaction_id"].as_str().unwrap().to_owned())
        .collect();
    let rows = shared.rows("SELECT id::text FROM interaction").await;
    let kept: BTreeSet<String> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!((rows.len(), kept), (5, told));
    let twice = "SELECT message_id FROM interaction WHERE message_id IS NOT NULL
         GROUP BY message_id HAVING count(*) > 1";
    assert!(shared.rows(twice).await.is_empty());
}
