//! What a run commits is there, all of it or none.

use std::time::Instant;

use docent_core::ledger::{
    CollectionRow, DocumentBatch, DocumentOutcome, DocumentRow, Ledger, RunOutcome, RunProblem,
    RunReport, SourceRow, TermDeltas,
};
use uuid::Uuid;

use super::ledger;

fn row(path: &str) -> DocumentRow {
    DocumentRow {
        document_id: docent_core::document::document_id("docs", path),
        path: path.to_owned(),
        source: "docs".to_owned(),
        raw_hash: "raw".to_owned(),
        content_hash: "content".to_owned(),
        metadata_hash: "metadata".to_owned(),
        title: "Title".to_owned(),
        chunks: 3,
        lexical_length: 100,
        indexed: true,
        outcome: DocumentOutcome::Indexed,
        reason: None,
    }
}

fn terms(deltas: &[(&str, &[&str], i64)]) -> TermDeltas {
    let mut counted = TermDeltas::default();
    for (term, groups, delta) in deltas {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        counted.of(&groups).add(term, *delta);
    }
    counted
}

async fn commit(ledger: &Ledger, batch: DocumentBatch) {
    ledger
        .commit_documents("c", Uuid::now_v7(), &batch)
        .await
        .unwrap();
}

async fn frequencies(ledger: &Ledger) -> Vec<(String, i64)> {
    let mut found = Vec::new();
    ledger
        .each_term("c", |term, frequency| {
            found.push((term.to_owned(), frequency));
        })
        .await
        .unwrap();
    found.sort();
    found
}

#[tokio::test]
async fn documents_are_kept_by_collection_and_source_and_removed_ones_are_gone() {
    let (ledger, _database, _spool) = ledger().await;
    let odd = "a \"quoted\"\nname\0.md";
    commit(
        &ledger,
        DocumentBatch {
            upserted: vec![row("a.md"), row("b.md"), row(odd)],
            ..DocumentBatch::default()
        },
    )
    .await;
    let read = ledger.documents("c", "docs").await.unwrap();
    assert_eq!(read.len(), 3);
    assert_eq!(read["a.md"], row("a.md"));
    assert!(read.contains_key("a \"quoted\"\nname.md"));
    assert!(ledger.documents("other", "docs").await.unwrap().is_empty());
    assert_eq!(ledger.lexical_totals("c").await.unwrap(), (9, 300));

    let id = row("b.md").document_id;
    commit(
        &ledger,
        DocumentBatch {
            removed: vec![id],
            ..DocumentBatch::default()
        },
    )
    .await;
    assert_eq!(ledger.document_of("c", id).await.unwrap(), None);
    assert_eq!(ledger.lexical_totals("c").await.unwrap(), (6, 200));

    ledger.forget_source("c", "docs").await.unwrap();
    assert!(ledger.documents("c", "docs").await.unwrap().is_empty());
    assert_eq!(ledger.lexical_totals("c").await.unwrap(), (0, 0));
}

#[tokio::test]
async fn a_failure_is_noted_without_forgetting_what_the_index_still_holds() {
    let (ledger, _database, _spool) = ledger().await;
    commit(
        &ledger,
        DocumentBatch {
            upserted: vec![row("a.md")],
            ..DocumentBatch::default()
        },
    )
    .await;
    let failed = |path| DocumentRow {
        raw_hash: String::new(),
        content_hash: String::new(),
        chunks: 0,
        indexed: false,
        outcome: DocumentOutcome::Failed,
        reason: Some("it vanished".to_owned()),
        ..row(path)
    };
    commit(
        &ledger,
        DocumentBatch {
            outcomes: vec![failed("a.md"), failed("new.md")],
            ..DocumentBatch::default()
        },
    )
    .await;
    let read = ledger.documents("c", "docs").await.unwrap();
    assert_eq!(
        read["a.md"],
        DocumentRow {
            outcome: DocumentOutcome::Failed,
            reason: Some("it vanished".to_owned()),
            ..row("a.md")
        }
    );
    assert_eq!(read["new.md"], failed("new.md"));
}

#[tokio::test]
async fn terms_are_counted_by_group_and_go_when_no_chunk_holds_them() {
    let (ledger, database, _spool) = ledger().await;
    let everyone: &[&str] = &["everyone"];
    let both: &[&str] = &["legal", "finance"];
    commit(
        &ledger,
        DocumentBatch {
            terms: terms(&[("trip", everyone, 3), ("trip", both, 2), ("fee", both, 1)]),
            ..DocumentBatch::default()
        },
    )
    .await;
    commit(
        &ledger,
        DocumentBatch {
            terms: terms(&[
                ("trip", everyone, -1),
                ("fee", &["finance", "legal"], -1),
                ("nul\0", everyone, 1),
            ]),
            ..DocumentBatch::default()
        },
    )
    .await;
    assert_eq!(
        frequencies(&ledger).await,
        [("nul".to_owned(), 1), ("trip".to_owned(), 4)]
    );
    let groups: Vec<Vec<String>> = sqlx::query_scalar(
        "SELECT groups FROM term WHERE term = 'trip' ORDER BY frequency DESC, groups",
    )
    .fetch_all(&mut database.connect().await)
    .await
    .unwrap();
    assert_eq!(
        groups,
        [
            vec!["everyone".to_owned()],
            vec!["finance".to_owned(), "legal".to_owned()]
        ]
    );

    ledger
        .replace_terms("c", &terms(&[("dock", everyone, 7)]))
        .await
        .unwrap();
    assert_eq!(frequencies(&ledger).await, [("dock".to_owned(), 7)]);
}

#[tokio::test]
async fn a_batch_that_fails_changes_nothing() {
    let (ledger, database, _spool) = ledger().await;
    sqlx::raw_sql("ALTER TABLE term ADD CHECK (term <> 'refused')")
        .execute(&mut database.connect().await)
        .await
        .unwrap();
    let batch = DocumentBatch {
        upserted: vec![row("a.md")],
        terms: terms(&[("refused", &["everyone"], 1)]),
        ..DocumentBatch::default()
    };
    let refused = ledger.commit_documents("c", Uuid::now_v7(), &batch).await;
    assert!(refused.is_err());
    assert!(ledger.documents("c", "docs").await.unwrap().is_empty());
}

#[tokio::test]
async fn fifty_thousand_terms_are_committed_in_seconds() {
    let (ledger, _database, _spool) = ledger().await;
    let mut deltas = TermDeltas::default();
    let mut counts = deltas.of(&["everyone".to_owned()]);
    for index in 0..50_000 {
        counts.add(&format!("term{index}"), 1);
    }
    let batch = DocumentBatch {
        terms: deltas,
        ..DocumentBatch::default()
    };
    let begun = Instant::now();
    commit(&ledger, batch.clone()).await;
    let first = begun.elapsed();
    commit(&ledger, batch).await;
    println!(
        "50,000 terms: inserted in {first:?}, updated in {:?}",
        begun.elapsed().checked_sub(first).unwrap()
    );
    assert_eq!(frequencies(&ledger).await.len(), 50_000);
    assert!(begun.elapsed().as_secs() < 20);
}

#[tokio::test]
async fn a_collection_is_saved_changed_and_deleted_with_everything_in_it() {
    let (ledger, _database, _spool) = ledger().await;
    let mut saved = CollectionRow {
        name: "c".to_owned(),
        embedding: "model/384".to_owned(),
        layout: "1".to_owned(),
        dimensions: 384,
        generation: Uuid::now_v7(),
        average_length: 87.25,
        live: false,
    };
    ledger.save_collection(&saved).await.unwrap();
    saved.live = true;
    ledger.save_collection(&saved).await.unwrap();
    assert_eq!(ledger.collections().await.unwrap(), [saved]);
    commit(
        &ledger,
        DocumentBatch {
            upserted: vec![row("a.md")],
            terms: terms(&[("trip", &["everyone"], 3)]),
            ..DocumentBatch::default()
        },
    )
    .await;
    ledger.delete_collection("c").await.unwrap();
    assert!(ledger.collections().await.unwrap().is_empty());
    assert!(ledger.documents("c", "docs").await.unwrap().is_empty());
    assert!(frequencies(&ledger).await.is_empty());
}

#[tokio::test]
async fn a_run_has_a_row_for_each_source_and_one_that_was_killed_is_still_running() {
    let (ledger, _database, _spool) = ledger().await;
    let run_id = Uuid::now_v7();
    for name in ["docs", "wiki"] {
        let source = SourceRow {
            name: name.to_owned(),
            kind: "folder".to_owned(),
            location: "/docs".to_owned(),
        };
        ledger.start_run(run_id, "c", &source).await.unwrap();
    }
    let report = RunReport {
        outcome: RunOutcome::DoneWithFailures,
        indexed: 1,
        unchanged: 2,
        removed: 3,
        skipped: 4,
        failed: 5,
        held_back: 9,
        cleaned: 10,
        clean_refused: 11,
        clean_failed: 12,
        chunks_embedded: 6,
        chunks_reused: 7,
        tokens: 8,
        cost: Some("0.0000001".parse().unwrap()),
        problems: vec![RunProblem {
            path: "a\0b".to_owned(),
            outcome: DocumentOutcome::Skipped,
            reason: "it is empty".to_owned(),
        }],
    };
    ledger.finish_run(run_id, "docs", &report).await.unwrap();
    let mut runs = ledger.runs(10).await.unwrap();
    runs.sort_by(|a, b| a.source.cmp(&b.source));
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0].report.problems[0].path, "ab");
    let written = RunReport {
        problems: runs[0].report.problems.clone(),
        ..report
    };
    assert_eq!(runs[0].report, written);
    assert!(runs[0].finished_at.is_some());
    assert_eq!(runs[1].report.outcome, RunOutcome::Running);
    assert_eq!(runs[1].finished_at, None);
}
