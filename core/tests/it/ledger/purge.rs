//! What is recorded while a document is purged.

use std::time::Duration;

use docent_core::ledger::{PURGED_ANSWER, PurgedTraces};
use sqlx::Connection;
use uuid::Uuid;

use super::{count, interaction, ledger, turn};

#[tokio::test]
async fn an_answer_that_is_written_while_its_document_is_purged_does_not_stay() {
    let (ledger, database, _spool) = ledger().await;
    let mut connection = database.connect().await;
    let mut purge = connection.begin().await.unwrap();
    let asked = interaction(Uuid::now_v7(), "one");
    let cited = &asked.passages[0];
    sqlx::query("INSERT INTO purged (document_id, source, path) VALUES ($1, $2, $3)")
        .bind(cited.document_id)
        .bind(&cited.source)
        .bind(&cited.path)
        .execute(&mut *purge)
        .await
        .unwrap();
    let asked_for = asked.conversation_id;
    ledger.writer().write(turn(asked));
    let written = tokio::time::timeout(Duration::from_millis(500), ledger.flush()).await;
    assert!(written.is_err(), "it waits for the purge");
    assert_eq!(count(&database, "interaction").await, 0);

    purge.commit().await.unwrap();
    ledger.flush().await;
    let read = ledger.conversation(asked_for, "ana").await.unwrap();
    let read = &read.unwrap().interactions[0];
    assert_eq!(read.answer, PURGED_ANSWER);
    assert!(read.passages.is_empty());
    // Nor did anything stay for the purge to find.
    let left = ledger.sweep_purged().await.unwrap();
    assert_eq!(left, PurgedTraces::default());
}
