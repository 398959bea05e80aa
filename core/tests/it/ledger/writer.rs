//! What is queued arrives, whatever it holds.

use std::time::{Duration, Instant};

use docent_core::ledger::Record;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{call, count, deletion, interaction, ledger, turn};

#[tokio::test]
async fn an_interaction_comes_back_as_it_was_written() {
    let (ledger, _database, _spool) = ledger().await;
    let mut written = interaction(Uuid::now_v7(), "What is a trip?");
    ledger.writer().write(turn(written.clone()));
    ledger.flush().await;
    let read = ledger
        .interaction_by_message(written.conversation_id, "message of What is a trip?")
        .await
        .unwrap()
        .unwrap();
    written.question_embedding = None;
    assert_eq!(read, written);
}

#[tokio::test]
async fn a_question_s_embedding_is_kept_in_full() {
    let (ledger, database, _spool) = ledger().await;
    let mut written = interaction(Uuid::now_v7(), "What is a trip?");
    let embedding: Vec<f32> = (0..384_i16)
        .map(|index| f32::from(index).sin() / 7.0)
        .collect();
    written.question_embedding = Some(embedding.clone());
    ledger.writer().write(turn(written));
    ledger.flush().await;
    let read: Vec<f32> = sqlx::query_scalar("SELECT question_embedding FROM interaction")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(read, embedding);
}

#[tokio::test]
async fn a_record_that_is_written_twice_is_there_once() {
    let (ledger, database, _spool) = ledger().await;
    let call = call("m");
    let interaction = interaction(Uuid::now_v7(), "Twice?");
    for _ in 0..2 {
        ledger.writer().write(Record::ModelCall(call.clone()));
        ledger.writer().write(turn(interaction.clone()));
        ledger.flush().await;
    }
    assert_eq!(count(&database, "model_call").await, 1);
    assert_eq!(count(&database, "interaction").await, 1);
    assert_eq!(count(&database, "passage").await, 2);
    assert_eq!(count(&database, "conversation").await, 1);
}

#[tokio::test]
async fn what_is_written_one_after_the_other_arrives_in_one_transaction_unasked() {
    // Far less than records wait for each other.
    const SOON: Duration = Duration::from_millis(20);
    let (ledger, database, _spool) = ledger().await;
    let connection = &mut database.connect().await;
    let mut tried = 0;
    loop {
        tried += 1;
        let model = format!("m{tried}");
        let begun = Instant::now();
        ledger.writer().write(Record::ModelCall(call(&model)));
        tokio::time::sleep(Duration::from_millis(2)).await;
        ledger.writer().write(Record::ModelCall(call(&model)));
        let soon = begun.elapsed() < SOON;
        // Nobody flushes.
        let (mut calls, mut transactions) = (0_i64, 0_i64);
        while calls < 2 {
            assert!(begun.elapsed() < Duration::from_secs(20), "{calls} of 2");
            tokio::time::sleep(Duration::from_millis(10)).await;
            (calls, transactions) = sqlx::query_as(
                "SELECT count(*), count(DISTINCT xmin::text) FROM model_call WHERE model = $1",
            )
            .bind(&model)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        }
        // A machine that is so busy that this took long says nothing.
        if soon {
            assert_eq!(transactions, 1);
            return;
        }
        assert!(tried < 100, "the machine is too busy");
    }
}

#[tokio::test]
async fn the_cost_book_adds_up_and_never_counts_an_unknown_price_as_zero() {
    let (ledger, database, _spool) = ledger().await;
    let mut unknown = call("unpriced");
    unknown.cost = None;
    let mut refused = call("priced");
    (refused.cost, refused.input_tokens, refused.output_tokens) = (None, None, None);
    for call in [call("priced"), call("priced"), refused, unknown] {
        ledger.writer().write(Record::ModelCall(call));
    }
    ledger.flush().await;
    let sums: Vec<(String, String, Decimal, Option<Decimal>)> = sqlx::query_as(
        "SELECT purpose, model, sum(input_tokens), sum(cost) FROM model_call GROUP BY 1, 2 ORDER BY 2",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    let answer = || "answer".to_owned();
    assert_eq!(
        sums,
        [
            (
                answer(),
                "priced".to_owned(),
                2400.into(),
                Some("0.00246".parse().unwrap())
            ),
            (answer(), "unpriced".to_owned(), 1200.into(), None),
        ]
    );
    let report: Vec<(String, i64, i64, Option<Decimal>)> = sqlx::query_as(
        "SELECT model, calls, calls_with_unknown_price, cost FROM report_cost ORDER BY model",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    assert_eq!(
        report,
        [
            ("priced".to_owned(), 3, 0, Some("0.00246".parse().unwrap())),
            ("unpriced".to_owned(), 1, 1, None),
        ]
    );
}

#[tokio::test]
async fn a_text_with_nul_characters_is_kept_without_them() {
    let (ledger, _database, _spool) = ledger().await;
    let conversation = Uuid::now_v7();
    let mut written = interaction(conversation, "a\0b \\u0000");
    written.message_id = Some("m".to_owned());
    written.caller = "a\0na".to_owned();
    ledger.writer().write(turn(written));
    ledger.flush().await;
    let read = ledger
        .interaction_by_message(conversation, "m")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.question, "ab \\u0000");
    assert_eq!(read.caller, "ana");
    assert_eq!(
        ledger.conversations("ana", 5).await.unwrap()[0].title,
        "ab \\u0000"
    );
}

#[tokio::test]
async fn a_record_that_postgres_refuses_is_set_aside_and_holds_up_nothing() {
    let (ledger, database, spool) = ledger().await;
    let mut bad = interaction(Uuid::now_v7(), "Bad?");
    bad.passages[0].score = f32::NAN;
    for index in 0..50 {
        ledger
            .writer()
            .write(turn(interaction(Uuid::now_v7(), "Good?")));
        if index == 20 {
            ledger.writer().write(turn(bad.clone()));
        }
    }
    ledger.flush().await;
    ledger.flush().await;
    assert_eq!(count(&database, "interaction").await, 50);
    let set_aside = std::fs::read_to_string(spool.path().join("rejected.jsonl")).unwrap();
    assert_eq!(set_aside.lines().count(), 1);
    assert!(set_aside.contains(&bad.id.to_string()));
}

#[tokio::test]
async fn a_deletion_reaches_what_was_set_aside() {
    let (ledger, _database, spool) = ledger().await;
    let mut bad = interaction(Uuid::now_v7(), "A secret question?");
    bad.passages[0].score = f32::NAN;
    let mut other = interaction(Uuid::now_v7(), "Another question?");
    other.passages[0].score = f32::NAN;
    ledger.writer().write(turn(bad.clone()));
    ledger.writer().write(turn(other));
    ledger.flush().await;
    ledger.flush().await;
    let file = spool.path().join("rejected.jsonl");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
    ledger.writer().write(deletion(bad.conversation_id));
    ledger.flush().await;
    ledger.flush().await;
    // What was set aside is rewritten after the transaction.
    for _ in 0..100 {
        if !std::fs::read_to_string(&file).unwrap().contains("secret") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(
        !kept.contains("secret") && kept.contains("Another"),
        "{kept}"
    );
}

#[tokio::test]
async fn ten_thousand_records_at_once_all_arrive() {
    let (ledger, database, _spool) = ledger().await;
    let writer = ledger.writer();
    let begun = Instant::now();
    for _ in 0..10_500 {
        writer.write(Record::ModelCall(call("m")));
    }
    let queued = begun.elapsed();
    ledger.flush().await;
    let written = begun.elapsed();
    println!("10,500 calls: queued in {queued:?}, written in {written:?}");
    // More than may wait in memory: some went through the spool, which flush() leaves to the task.
    for _ in 0..200 {
        if count(&database, "model_call").await == 10_500 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(count(&database, "model_call").await, 10_500);
}
