//! What ingest may spend.

use std::time::Duration;

use docent_core::ledger::{Ledger, Purpose, Record, Reservation};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{call, ledger};

fn dollars(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn wanted(estimate: &str) -> Reservation {
    Reservation {
        run_id: Uuid::now_v7(),
        estimate: dollars(estimate),
        place: "here".to_owned(),
        process: Uuid::now_v7(),
    }
}

async fn spend(ledger: &Ledger, run_id: Option<Uuid>, cost: &str) {
    let mut one = call("m");
    one.purpose = Purpose::EmbedPassages;
    one.run_id = run_id;
    one.interaction_id = None;
    one.cost = Some(dollars(cost));
    ledger.writer().write(Record::ModelCall(one));
    ledger.flush().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_runs_at_once_only_those_reserve_that_the_money_is_for() {
    let (ledger, database, _spool) = ledger().await;
    for round in 1..=5 {
        let limit = Some(dollars("1") * Decimal::from(round));
        let tries = (0..12).map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.reserve_budget(&wanted("0.3"), limit).await.unwrap() })
        });
        futures::future::join_all(tries.collect::<Vec<_>>()).await;
        let held = ledger.budget_used().await.unwrap();
        let rows = database.count("budget_reservation").await;
        assert_eq!(held, dollars("0.3") * Decimal::from(rows as u64));
        // As many as fit, and not one more.
        assert_eq!(rows, (round * 10 / 3) as usize, "limit {limit:?}");
    }
}

#[tokio::test]
async fn a_reservation_is_settled_with_what_the_run_cost() {
    let (ledger, _database, _spool) = ledger().await;
    let limit = Some(dollars("1"));
    let first = wanted("0.9");
    assert!(ledger.reserve_budget(&first, limit).await.unwrap());
    assert!(!ledger.reserve_budget(&wanted("0.2"), limit).await.unwrap());
    spend(&ledger, Some(first.run_id), "0.25").await;
    assert_eq!(ledger.budget_used().await.unwrap(), dollars("0.9"));
    ledger.settle_budget(first.run_id).await.unwrap();
    ledger.settle_budget(first.run_id).await.unwrap();
    assert_eq!(ledger.budget_used().await.unwrap(), dollars("0.25"));
    assert!(ledger.reserve_budget(&wanted("0.75"), limit).await.unwrap());
    assert!(!ledger.reserve_budget(&wanted("0.01"), limit).await.unwrap());
    assert!(ledger.reserve_budget(&wanted("5"), None).await.unwrap());
}

#[tokio::test]
async fn what_was_spent_without_a_reservation_counts() {
    let (ledger, _database, _spool) = ledger().await;
    spend(&ledger, Some(Uuid::now_v7()), "0.4").await;
    let limit = Some(dollars("1"));
    assert_eq!(ledger.budget_used().await.unwrap(), dollars("0.4"));
    assert!(!ledger.reserve_budget(&wanted("0.7"), limit).await.unwrap());
    assert!(ledger.reserve_budget(&wanted("0.5"), limit).await.unwrap());
    spend(&ledger, Some(Uuid::now_v7()), "0.05").await;
    assert!(!ledger.reserve_budget(&wanted("0.1"), limit).await.unwrap());
    assert_eq!(ledger.budget_used().await.unwrap(), dollars("0.95"));
}

#[tokio::test]
async fn what_a_dead_run_reserved_is_released_but_not_what_it_spent() {
    let (ledger, _database, _spool) = ledger().await;
    let (dead, alive) = (wanted("0.6"), wanted("0.3"));
    for one in [&dead, &alive] {
        assert!(ledger.reserve_budget(one, None).await.unwrap());
    }
    spend(&ledger, Some(dead.run_id), "0.1").await;
    let long = Duration::from_mins(5);
    // Nobody is silent yet, and the place may have many processes.
    ledger.release_dead_budgets(long, None).await.unwrap();
    assert_eq!(ledger.budget_used().await.unwrap(), dollars("0.9"));
    // Only one process may own the place, and it is the one of the second run.
    let place = Some(("here", alive.process));
    ledger.release_dead_budgets(long, place).await.unwrap();
    assert_eq!(ledger.budget_used().await.unwrap(), dollars("0.4"));
    // Silent for too long.
    tokio::time::sleep(Duration::from_millis(30)).await;
    ledger
        .release_dead_budgets(Duration::from_millis(20), None)
        .await
        .unwrap();
    assert_eq!(ledger.budget_used().await.unwrap(), dollars("0.1"));
}
