//! Conversations are read as they were held, by those who held them.

use docent_core::ledger::{Deletion, InteractionOutcome, Record};
use uuid::Uuid;

use super::{deletion, interaction, ledger, turn};

#[tokio::test]
async fn history_is_the_last_turns_oldest_first() {
    let (ledger, _database, _spool) = ledger().await;
    let conversation = Uuid::now_v7();
    for question in ["one", "two", "three"] {
        ledger
            .writer()
            .write(turn(interaction(conversation, question)));
    }
    ledger
        .writer()
        .write(turn(interaction(Uuid::now_v7(), "elsewhere")));
    ledger.flush().await;
    let history = ledger
        .history(conversation, "ana", 2)
        .await
        .unwrap()
        .unwrap();
    let questions: Vec<&str> = history.iter().map(|turn| turn.question.as_str()).collect();
    assert_eq!(questions, ["two", "three"]);
    assert!(
        ledger
            .history(conversation, "bob", 2)
            .await
            .unwrap()
            .is_some_and(|turns| turns.is_empty())
    );
}

#[tokio::test]
async fn a_conversation_is_listed_under_its_first_question_cut_to_80_characters() {
    let (ledger, _database, _spool) = ledger().await;
    let conversation = Uuid::now_v7();
    let long = "é".repeat(200);
    ledger
        .writer()
        .write(turn(interaction(conversation, &long)));
    ledger
        .writer()
        .write(turn(interaction(conversation, "second")));
    ledger.flush().await;
    let listed = ledger.conversations("ana", 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].title.chars().count(), 80);
    assert!(listed[0].title.starts_with("ééé"));
    assert_eq!(listed[0].questions, 2);
    assert!(ledger.conversations("bob", 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_conversation_shows_what_was_cited_and_only_to_its_caller() {
    let (ledger, _database, _spool) = ledger().await;
    let conversation = Uuid::now_v7();
    ledger
        .writer()
        .write(turn(interaction(conversation, "one")));
    ledger.flush().await;
    let read = ledger
        .conversation(conversation, "ana")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.interactions.len(), 1);
    let cited = &read.interactions[0].passages;
    assert_eq!(cited.len(), 1);
    assert_eq!(cited[0].cited_as, Some(1));
    assert_eq!(
        ledger.conversation(conversation, "bob").await.unwrap(),
        None
    );

    ledger.writer().write(deletion(conversation));
    ledger.flush().await;
    assert_eq!(
        ledger.conversation(conversation, "ana").await.unwrap(),
        None
    );
    assert!(ledger.conversations("ana", 10).await.unwrap().is_empty());
    assert!(
        ledger
            .history(conversation, "ana", 10)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn turns_that_failed_or_were_stopped_are_no_history() {
    let (ledger, _database, _spool) = ledger().await;
    let conversation = Uuid::now_v7();
    for (question, outcome) in [
        ("one", InteractionOutcome::Answered),
        ("two", InteractionOutcome::Failed),
        ("three", InteractionOutcome::Cancelled),
        ("four", InteractionOutcome::Abstained),
    ] {
        let mut asked = interaction(conversation, question);
        asked.outcome = outcome;
        ledger.writer().write(turn(asked));
    }
    ledger.flush().await;
    let history = ledger
        .history(conversation, "ana", 10)
        .await
        .unwrap()
        .unwrap();
    let questions: Vec<&str> = history.iter().map(|turn| turn.question.as_str()).collect();
    assert_eq!(questions, ["one", "four"]);
}

#[tokio::test]
async fn nobody_deletes_someone_elses_conversation() {
    let (ledger, _database, _spool) = ledger().await;
    let conversation = Uuid::now_v7();
    let by_bob = Record::DeleteConversation(Deletion {
        conversation_id: conversation,
        caller: Some("bob".to_owned()),
    });
    // In one batch with the turn, and after it.
    ledger
        .writer()
        .write(turn(interaction(conversation, "one")));
    ledger.writer().write(by_bob.clone());
    ledger.flush().await;
    ledger.writer().write(by_bob);
    ledger.flush().await;
    let kept = ledger.conversation(conversation, "ana").await.unwrap();
    assert_eq!(kept.unwrap().interactions.len(), 1);
}

#[test]
fn a_deletion_that_an_older_docent_spooled_is_still_one() {
    let id = Uuid::now_v7();
    let line = format!(r#"{{"delete_conversation":"{id}"}}"#);
    let deletion = Deletion {
        conversation_id: id,
        caller: None,
    };
    let read: Record = serde_json::from_str(&line).unwrap();
    assert_eq!(read, Record::DeleteConversation(deletion));
    let written = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&written).unwrap(), read);
}
