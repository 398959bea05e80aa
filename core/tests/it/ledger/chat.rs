//! Conversations are read as they were held, by those who held them.

use docent_core::ledger::Record;
use uuid::Uuid;

use super::{interaction, ledger, turn};

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
    let history = ledger.history(conversation, "ana", 2).await.unwrap();
    let questions: Vec<&str> = history.iter().map(|turn| turn.question.as_str()).collect();
    assert_eq!(questions, ["two", "three"]);
    assert!(
        ledger
            .history(conversation, "bob", 2)
            .await
            .unwrap()
            .is_empty()
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

    ledger
        .writer()
        .write(Record::DeleteConversation(conversation));
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
            .is_empty()
    );
}
