//! Leases: one holder, told by name, until it gives back, dies or stops moving on.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use docent_core::ledger::{Claimant, Claimed, NewRequest, RunOrigin, RunOutcome};
use uuid::Uuid;

use super::{count, ledger};

pub(super) fn claimant(run_id: Uuid) -> Claimant {
    Claimant {
        run_id,
        holder: format!("run {run_id}"),
        process: "elsewhere pid:[1] 7 7".to_owned(),
    }
}

pub(super) fn request(id: Uuid, key: Option<&str>) -> NewRequest {
    NewRequest {
        id,
        key: key.map(str::to_owned),
        origin: RunOrigin::Api,
        sources: vec!["docs".to_owned()],
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn leases_are_taken_all_or_none_and_the_holder_is_told() {
    let (ledger, database, _spool) = ledger().await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let claim = async |run_id, wanted: &[&str]| {
        let claimed = ledger.claim(&names(wanted), &claimant(run_id), None).await;
        claimed.unwrap()
    };
    assert_eq!(claim(first, &["d/a", "d/b"]).await, Claimed::Taken);
    let Claimed::Held(lease) = claim(second, &["d/c", "d/b"]).await else {
        panic!("d/b is held");
    };
    assert_eq!((lease.name.as_str(), lease.run_id), ("d/b", first));
    assert_eq!(
        count(&database, "lease").await,
        2,
        "d/c was not taken either"
    );
    assert_eq!(ledger.keep_leases(first).await.unwrap(), 2);
    assert_eq!(ledger.keep_leases(second).await.unwrap(), 0);

    // Whoever stops moving on loses it, and is told when it comes back.
    sqlx::query("UPDATE lease SET expires_at = now() - interval '1 second' WHERE name = 'd/b'")
        .execute(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(claim(second, &["d/c", "d/b"]).await, Claimed::Taken);
    assert_eq!(ledger.keep_leases(first).await.unwrap(), 1);
    ledger.release_leases(second).await.unwrap();
    assert_eq!(claim(Uuid::now_v7(), &["d/b", "d/c"]).await, Claimed::Taken);
}

#[tokio::test]
async fn leases_are_moved_on_until_somebody_else_has_one() {
    let (ledger, database, _spool) = ledger().await;
    let run_id = Uuid::now_v7();
    let wanted = names(&["d/a", "d/b"]);
    let claimed = ledger.claim(&wanted, &claimant(run_id), None).await;
    assert_eq!(claimed.unwrap(), Claimed::Taken);
    let keeping = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.keep_until_lost(run_id, &AtomicU64::new(2)).await }
    });
    let change = async |statement: &'static str| {
        let mut connection = database.connect().await;
        let changed = sqlx::query(statement).execute(&mut connection).await;
        changed.unwrap().rows_affected()
    };
    let soon = "UPDATE lease SET expires_at = now() + interval '10 seconds'";
    assert_eq!(change(soon).await, 2);
    let far = "UPDATE lease SET holder = holder WHERE expires_at > now() + interval '30 seconds'";
    while change(far).await < 2 {
        assert!(!keeping.is_finished());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let lost = "UPDATE lease SET run_id = gen_random_uuid() WHERE name = 'd/b'";
    assert_eq!(change(lost).await, 1);
    let told = tokio::time::timeout(Duration::from_secs(20), keeping).await;
    told.expect("it is told that a lease was lost").unwrap();
}

#[tokio::test]
async fn of_many_claims_at_once_exactly_one_is_taken() {
    let (ledger, _database, _spool) = ledger().await;
    let claims = (0..16).map(|_| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            let run_id = Uuid::now_v7();
            let new = request(run_id, Some("one key"));
            let wanted = names(&["d/a", "d/b"]);
            ledger
                .claim(&wanted, &claimant(run_id), Some(&new))
                .await
                .unwrap()
        })
    });
    let mut taken = 0;
    for claim in claims.collect::<Vec<_>>() {
        taken += usize::from(claim.await.unwrap() == Claimed::Taken);
    }
    assert_eq!(taken, 1);
}

#[tokio::test]
async fn a_key_is_one_request_and_an_interrupted_one_is_begun_again() {
    let (ledger, _database, _spool) = ledger().await;
    let first = Uuid::now_v7();
    let claim = async |id: Uuid| {
        let new = request(id, Some("key"));
        let claimed = ledger
            .claim(&names(&["d/docs"]), &claimant(id), Some(&new))
            .await;
        claimed.unwrap()
    };
    assert_eq!(claim(first).await, Claimed::Taken);
    let run = ledger.run_request_by_key("key").await.unwrap().unwrap();
    assert_eq!(
        (run.id, run.outcome, run.is_interrupted()),
        (first, RunOutcome::Running, false)
    );
    ledger.release_leases(first).await.unwrap();
    let other = claim(Uuid::now_v7()).await;
    assert_eq!(other, Claimed::KeyInUse(first));
    let run = ledger.run_request(first).await.unwrap().unwrap();
    assert!(run.is_interrupted() && run.holders.is_empty());

    assert_eq!(claim(first).await, Claimed::Taken);
    ledger.begin_request(first).await.unwrap();
    let report = serde_json::json!({"text": "with a nul \u{0}"});
    ledger
        .end_request(first, RunOutcome::Done, Some(report), None)
        .await
        .unwrap();
    let run = ledger.run_request(first).await.unwrap().unwrap();
    assert_eq!(
        (run.outcome, run.is_interrupted()),
        (RunOutcome::Done, false)
    );
    assert!(run.started_at <= run.finished_at && run.report.is_some());
}
