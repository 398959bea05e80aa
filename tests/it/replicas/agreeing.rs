//! What a caller finds in one process as in the other: conversations, limits, keys.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use super::{QUESTION, Shared, question};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_of_the_widget_goes_on_wherever_it_is_asked_and_is_deleted_everywhere() {
    let shared = Shared::new(
        "[access]\nanonymous = \"never\"\n[widget]\nallowed_origins = [\"https://wiki.example.com\"]\n",
    )
    .await;
    shared.ingest().await;
    let (one, two) = (shared.serve("one").await, shared.serve("two").await);
    let (status, begun) = one
        .send_from_page("POST", "/v1/widget/sessions", "", Some(json!({})))
        .await;
    assert_eq!(status, 201, "{begun}");
    let token = begun["token"].as_str().unwrap();
    let (status, first) = one
        .send_from_page("POST", "/v1/chat", token, Some(question(QUESTION)))
        .await;
    assert_eq!((status, &first["outcome"]), (200, &json!("answered")));
    let conversation = first["conversation_id"].as_str().unwrap();
    let follow_up = |words: &str| json!({ "question": words, "conversation_id": conversation });

    // The second question is answered elsewhere, with the first one in mind; the third one here again,
    // with both.
    shared.recorded(1).await;
    let asked = shared.model.chat_requests().len();
    let (status, second) = two
        .send_from_page("POST", "/v1/chat", token, Some(follow_up("And at night?")))
        .await;
    assert_eq!(status, 200, "{second}");
    let seen = requests_after(&shared, asked);
    assert!(
        seen.iter().any(|request| request.contains(QUESTION)),
        "{seen:?}"
    );
    shared.recorded(2).await;
    let asked = shared.model.chat_requests().len();
    one.send_from_page("POST", "/v1/chat", token, Some(follow_up("And at noon?")))
        .await;
    let seen = requests_after(&shared, asked);
    assert_eq!(seen[0].matches("\\nAnswer: ").count(), 2, "{seen:?}");
    shared.recorded(3).await;

    // What one has answered is rated at the other, and read there.
    let rated = json!({ "interaction_id": second["interaction_id"], "rating": "up" });
    let (status, said) = one
        .send_from_page("POST", "/v1/feedback", token, Some(rated))
        .await;
    assert_eq!(status, 204, "{said}");
    let path = format!("/v1/conversations/{conversation}");
    let (_, read) = two.send_from_page("GET", &path, token, None).await;
    let turns = read["interactions"].as_array().unwrap();
    let ids: Vec<&Value> = turns.iter().map(|turn| &turn["id"]).collect();
    assert_eq!(ids.len(), 3, "{read}");
    assert_eq!(ids[1], &second["interaction_id"]);

    // Deleted in one, it is nowhere: what the other still remembered of it is not used any more.
    let (status, _) = two.send_from_page("DELETE", &path, token, None).await;
    assert_eq!(status, 204);
    eventually("the other one has it no more", || async {
        one.send_from_page("GET", &path, token, None).await.0 == 404
    })
    .await;
    let asked = shared.model.chat_requests().len();
    one.send_from_page("POST", "/v1/chat", token, Some(follow_up("Who loads it?")))
        .await;
    for request in requests_after(&shared, asked) {
        assert!(!request.contains(QUESTION), "{request}");
    }
    let left = shared.rows("SELECT question FROM interaction").await;
    assert!(!left.contains(&vec![QUESTION.to_owned()]), "{left:?}");
}

fn requests_after(shared: &Shared, before: usize) -> Vec<String> {
    let requests = shared.model.chat_requests().into_iter().skip(before);
    requests.map(|request| request.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_budgets_are_counted_together() {
    let shared = Shared::new(
        "[access]\nanonymous = \"never\"\n[widget]\nallowed_origins = [\"https://wiki.example.com\"]\n\
         [limits.caller]\nquestions_per_day = 5\n[limits.channels.api]\nquestions_per_day = 8\n\
         [limits.channels.widget]\ntokens_per_day = 1\n",
    )
    .await;
    shared.ingest().await;
    let (one, two) = (shared.serve("one").await, shared.serve("two").await);
    let keys = [
        shared.key("etl", "user").await,
        shared.key("bot", "user").await,
    ];
    // All at the same moment, when no question of the day was counted yet.
    let rush = |key: &str| {
        let key = key.to_owned();
        let both = [&one, &two];
        async move {
            let asking = (0..12).map(|number| both[number % 2].ask(&key, question(QUESTION)));
            join_all(asking).await
        }
    };
    let first = rush(&keys[0]).await;
    assert_eq!(statuses(&first), (5, 7), "{first:?}");
    let refused = first.iter().find(|answer| answer.0 == 429).unwrap();
    assert_eq!(refused.1["code"], "daily_limit_reached");
    // What was refused is counted on nobody: three places of the channel are left.
    let counted = "SELECT subject, questions::text FROM usage_count ORDER BY subject";
    let expected = [["caller/key:etl", "5"], ["channel/api", "5"]];
    assert_eq!(shared.rows(counted).await, expected);
    let second = rush(&keys[1]).await;
    assert_eq!(statuses(&second), (3, 9), "{second:?}");

    // A budget: what one has used is spent for the other as well.
    let begin = one.send_from_page("POST", "/v1/widget/sessions", "", Some(json!({})));
    let token = begin.await.1["token"].as_str().unwrap().to_owned();
    let body = || Some(question(QUESTION));
    let (status, said) = one.send_from_page("POST", "/v1/chat", &token, body()).await;
    assert_eq!(status, 200, "{said}");
    let used = "SELECT (tokens > 0)::text FROM usage_count WHERE subject = 'channel/widget'";
    eventually("what the answer has used is booked", || async {
        shared.rows(used).await == [["true"]]
    })
    .await;
    let (status, said) = two.send_from_page("POST", "/v1/chat", &token, body()).await;
    assert_eq!(
        (status, said["code"].as_str()),
        (429, Some("daily_budget_spent"))
    );
}

/// How many were answered, and how many refused.
fn statuses(answers: &[(u16, Value)]) -> (usize, usize) {
    let with = |status| answers.iter().filter(|answer| answer.0 == status).count();
    (with(200), with(429))
}

/// How long a key that was revoked elsewhere may still be believed, and some time for a busy machine.
const BELIEVED: Duration = Duration::from_secs(5 + 3);

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_elsewhere_is_refused_within_five_seconds() {
    let shared = Shared::new("[access]\nanonymous = \"never\"\n").await;
    shared.ingest().await;
    let (one, two) = (shared.serve("one").await, shared.serve("two").await);
    let key = shared.key("etl", "user").await;
    for replica in [&one, &two] {
        assert_eq!(replica.ask(&key, question(QUESTION)).await.0, 200);
    }
    let revoked = shared.run("one", &["key", "revoke", "etl"]).await;
    assert!(revoked.status.success(), "{revoked:?}");
    let since = Instant::now();
    for replica in [&one, &two] {
        while replica.send("GET", "/v1/conversations", &key, None).await.0 != 401 {
            assert!(since.elapsed() < BELIEVED, "the key is still believed");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    for replica in [&one, &two] {
        let (status, said) = replica.ask(&key, question(QUESTION)).await;
        assert_eq!((status, said["code"].as_str()), (401, Some("key_unknown")));
    }
}
