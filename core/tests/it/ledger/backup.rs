//! A backup holds everything, and goes only where it can do no harm.

use chrono::Utc;
use docent_core::config::Migrate;
use docent_core::ledger::insights::{AskedAgain, PageView};
use docent_core::ledger::{
    Account, Act, Admission, AlertState, Allowance, ApiKey, Audit, Claimed, CleanedPart, DigestRow,
    DocumentBatch, DocumentOutcome, DocumentRow, Expiry, Finding, InteractionOutcome,
    KnownDocument, Ledger, LedgerError, Login, NewNotice, Record, Role, SourceRow, TermDeltas,
};
use docent_scripted::database::TestDatabase;
use uuid::Uuid;

use super::connection::migrate_to;
use super::lease::{claimant, request};
use super::{call, count, interaction, ledger, options, turn};

/// A row in every table, with texts that a careless format would break.
async fn fill(ledger: &Ledger) -> Uuid {
    let conversation = Uuid::now_v7();
    let mut odd = interaction(
        conversation,
        "tab\t newline\n backslash \\. \\N null 한국어",
    );
    odd.question_embedding = Some(vec![0.25, -1.5e-7]);
    odd.message_id = Some("odd".to_owned());
    let feedback = docent_core::ledger::Feedback {
        interaction_id: odd.id,
        rating: docent_core::ledger::Rating::Down,
        comment: Some("tab\t".to_owned()),
    };
    let caller = odd.caller.clone();
    ledger.writer().write(turn(odd));
    ledger.writer().write(Record::ModelCall(call("m")));
    ledger.flush().await;
    assert!(ledger.rate(&caller, &feedback).await.unwrap());
    let source = SourceRow {
        name: "docs".to_owned(),
        kind: "folder".to_owned(),
        location: "/docs".to_owned(),
    };
    ledger
        .start_run(Uuid::now_v7(), "c", &source)
        .await
        .unwrap();
    ledger
        .save_collection(&docent_core::ledger::CollectionRow {
            name: "c".to_owned(),
            embedding: "e".to_owned(),
            layout: "l".to_owned(),
            dimensions: 384,
            generation: Uuid::now_v7(),
            average_length: 0.1,
            live: true,
        })
        .await
        .unwrap();
    let reservation = docent_core::ledger::Reservation {
        run_id: Uuid::now_v7(),
        estimate: "0.25".parse().unwrap(),
        place: "here".to_owned(),
        process: Uuid::now_v7(),
    };
    assert!(ledger.reserve_budget(&reservation, None).await.unwrap());
    let document = DocumentRow {
        document_id: Uuid::now_v7(),
        path: "a.md".to_owned(),
        source: "docs".to_owned(),
        raw_hash: String::new(),
        content_hash: String::new(),
        metadata_hash: String::new(),
        title: String::new(),
        chunks: 1,
        lexical_length: 2,
        indexed: true,
        outcome: DocumentOutcome::Indexed,
        reason: None,
    };
    let mut terms = TermDeltas::default();
    terms
        .of(&["a,b".to_owned(), "everyone".to_owned()])
        .add("trip", 2);
    let batch = DocumentBatch {
        upserted: vec![document],
        terms,
        ..DocumentBatch::default()
    };
    ledger
        .commit_documents("c", Uuid::now_v7(), &batch)
        .await
        .unwrap();
    let run_id = Uuid::now_v7();
    let request = request(run_id, Some("a key"));
    let names = ["docent/docs".to_owned()];
    let claimed = ledger
        .claim(&names, &claimant(run_id), Some(&request))
        .await;
    assert_eq!(claimed.unwrap(), Claimed::Taken);
    ledger
        .mark_purged(&KnownDocument {
            document_id: Uuid::now_v7(),
            source: "docs".to_owned(),
            path: "gone.md".to_owned(),
        })
        .await
        .unwrap();
    ledger
        .keep_cleaned(&CleanedPart {
            key: "k".to_owned(),
            document_id: Uuid::now_v7(),
            result: Ok("tidy".to_owned()),
            run_id,
        })
        .await
        .unwrap();
    fill_access(ledger).await;
    conversation
}

/// What somebody answered.
async fn fill_answer(ledger: &Ledger) {
    let at = Utc::now();
    let answer = docent_core::ledger::CuratedAnswer {
        id: Uuid::now_v7(),
        question: "why?".to_owned(),
        answer: "because\tof it".to_owned(),
        author: "key:ana".to_owned(),
        owner: None,
        at,
        updated_at: at,
        expires_at: Some(at),
        groups: vec!["a,b".to_owned()],
        evidence: vec![Uuid::now_v7()],
        evidence_hashes: vec![String::new()],
        interaction_id: None,
    };
    assert!(ledger.save_answer(&answer).await.unwrap());
}

/// What was answered, who may ask, what was done and counted, and what has expired.
async fn fill_access(ledger: &Ledger) {
    fill_answer(ledger).await;
    let key = ApiKey {
        id: Uuid::now_v7(),
        name: "etl".to_owned(),
        prefix: "docent_abc".to_owned(),
        groups: vec!["finance".to_owned()],
        role: Role::Admin,
        created_at: Utc::now(),
        expires_at: None,
        revoked_at: None,
    };
    assert!(ledger.create_key(&key, "hash").await.unwrap());
    ledger.signing_key("signs").await.unwrap();
    let login = Login {
        name: "user:ana".to_owned(),
        issuer: "https://login.example.com".to_owned(),
        groups: vec!["everyone".to_owned()],
        expires_at: Utc::now(),
    };
    ledger.sign_in("hash of a cookie", &login).await.unwrap();
    super::slack::fill(ledger).await;
    let account = Account {
        subject: "caller/ana".to_owned(),
        allowance: Allowance::default(),
        owed: 0,
    };
    assert!(ledger.admit(&[account]).await.unwrap().1);
    let admission = Admission {
        interaction_id: Uuid::now_v7(),
        at: Utc::now(),
        subjects: vec!["caller/ana".to_owned()],
    };
    let writer = ledger.writer();
    writer.write(Record::Admission(admission));
    writer.write(Audit::now("terminal", Act::KeyCreated, "etl"));
    let mut old = interaction(Uuid::now_v7(), "expired");
    old.at = Utc::now() - chrono::TimeDelta::days(40);
    let expiry = Expiry {
        channel: old.channel,
        before: Utc::now() - chrono::TimeDelta::days(30),
    };
    let mut old_call = call("m");
    old_call.at = old.at;
    writer.write(Record::ModelCall(old_call));
    let question_key = Uuid::now_v7();
    writer.write(turn(old));
    ledger.flush().await;
    assert!(ledger.sum_days(10).await.unwrap() > 0);
    let asked = AskedAgain {
        question_key,
        run_id: Uuid::now_v7(),
        interaction_id: Uuid::now_v7(),
        answered: false,
        was_answered: false,
    };
    assert!(!ledger.note_asked_again(&asked).await.unwrap());
    let seen = PageView {
        id: Uuid::now_v7(),
        at: Utc::now(),
        page: "use".to_owned(),
        caller: "operator".to_owned(),
        ms: 12,
    };
    ledger.note_page_view(&seen).await.unwrap();
    assert_eq!(ledger.expire(expiry).await.unwrap(), 1);
    fill_alerts(ledger).await;
    // One that retention has left, for what is summed of rows.
    let mut left = interaction(Uuid::now_v7(), "left");
    left.at = Utc::now() - chrono::TimeDelta::days(40);
    left.outcome = InteractionOutcome::Abstained;
    writer.write(turn(left));
    ledger.flush().await;
    // Its day is open again.
    assert!(ledger.sum_days(10).await.unwrap() > 0);
}

/// An alert that was told and muted, and a digest.
async fn fill_alerts(ledger: &Ledger) {
    let now = Utc::now();
    let finding = Finding {
        rule: "stale".to_owned(),
        subject: "tab\t".to_owned(),
        addressed_to: "fallback".to_owned(),
        recipients: vec!["mail:a@example.com".to_owned()],
        since: now,
        title: "title".to_owned(),
        what: "한국어".to_owned(),
        todo: "todo".to_owned(),
        place: "insights/use".to_owned(),
        documents: vec![Uuid::now_v7()],
    };
    let rules = ["stale".to_owned()];
    ledger.observe(&rules, &[finding], now, now).await.unwrap();
    let alerts = ledger.untold_alerts().await.unwrap();
    let notice = NewNotice {
        id: Uuid::now_v7(),
        kind: "alert",
        recipient: "mail:a@example.com".to_owned(),
        alerts: vec![alerts[0].id],
        content: serde_json::json!({ "subject": "tab\t" }),
    };
    let told = ledger.make_notices(&[notice], &alerts, now).await;
    told.unwrap();
    let muted = ledger.mute_alert(alerts[0].id, "operator", now).await;
    assert_eq!(muted.unwrap(), Some(AlertState::Muted));
    let digest = DigestRow {
        owner: "Finance\t".to_owned(),
        from_at: now,
        until_at: now,
        recipients: Vec::new(),
        questions: 3,
        gaps: 1,
    };
    assert!(ledger.make_digest(&digest, &[], now).await.unwrap());
}

/// Every table of a database as text.
async fn contents(database: &TestDatabase) -> Vec<(String, String)> {
    let mut connection = database.connect().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
            AND relkind = 'r' AND relname <> 'docent_migration' ORDER BY relname COLLATE \"C\"",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut all = Vec::new();
    for table in tables {
        let rows =
            format!("SELECT coalesce(jsonb_agg(t ORDER BY t::text), '[]')::text FROM {table} t");
        let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(rows))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        all.push((table, rows));
    }
    all
}

/// What is of this moment, or secret.
const LEFT_OUT: [&str; 7] = [
    "lease",
    "signing_key",
    "login",
    "usage_count",
    "admission",
    "slack_event",
    "slack_handoff",
];

fn kept(mut all: Vec<(String, String)>) -> Vec<(String, String)> {
    all.retain(|(table, _)| !LEFT_OUT.contains(&table.as_str()));
    all
}

#[tokio::test]
async fn a_restored_ledger_is_the_one_that_was_backed_up_in_every_table() {
    let (from, from_database, _from_spool) = ledger().await;
    fill(&from).await;
    let mut bytes = Vec::new();
    from.export(&mut bytes).await.unwrap();
    let (to, to_database, _to_spool) = ledger().await;
    to.import(bytes.as_slice()).await.unwrap();
    let before = contents(&from_database).await;
    for (table, rows) in &before {
        assert_ne!(
            rows, "[]",
            "{table} is not in this test, or not in the list of tables"
        );
    }
    for table in LEFT_OUT {
        assert_eq!(count(&to_database, table).await, 0, "{table}");
    }
    assert_eq!(kept(contents(&to_database).await), kept(before));
    // A call of today, and one of forty days ago.
    assert_eq!(count(&to_database, "report_cost").await, 2);
    assert_eq!(count(&to_database, "report_ingest").await, 1);
}

#[tokio::test]
async fn a_backup_of_the_first_migration_is_restored_into_the_newest() {
    let old_database = TestDatabase::create().await;
    migrate_to(&old_database, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let mut old_options = options(old_database.options(), &folder.path().join("old"));
    old_options.migrate = Migrate::Check;
    sqlx::raw_sql(
        "INSERT INTO model_call (id, at, purpose, model, latency_ms, outcome, cost)
         VALUES (gen_random_uuid(), now(), 'answer', 'm', 1, 'ok', 0.5)",
    )
    .execute(&mut old_database.connect().await)
    .await
    .unwrap();
    let mut bytes = Vec::new();
    Ledger::open_lazy(old_options)
        .export(&mut bytes)
        .await
        .unwrap();
    assert!(bytes.starts_with(b"docent-ledger 1\nmigration 1\n"));

    let new_database = TestDatabase::create().await;
    let new = Ledger::open_lazy(options(new_database.options(), &folder.path().join("new")));
    new.import(bytes.as_slice()).await.unwrap();
    assert_eq!(count(&new_database, "model_call").await, 1);
    assert_eq!(count(&new_database, "report_cost").await, 1);
}

#[tokio::test]
async fn a_ledger_that_holds_anything_is_not_overwritten() {
    let (ledger, database, _spool) = ledger().await;
    fill(&ledger).await;
    let mut bytes = Vec::new();
    ledger.export(&mut bytes).await.unwrap();
    let before = contents(&database).await;
    let error = ledger.import(bytes.as_slice()).await.unwrap_err();
    assert!(matches!(error, LedgerError::Backup { .. }));
    assert!(error.to_string().contains("not empty"), "{error}");
    assert_eq!(contents(&database).await, before);
}

#[tokio::test]
async fn a_backup_that_was_cut_short_restores_nothing_and_can_be_tried_again() {
    let (from, from_database, _from_spool) = ledger().await;
    fill(&from).await;
    let mut bytes = Vec::new();
    from.export(&mut bytes).await.unwrap();
    let (to, to_database, _to_spool) = ledger().await;
    for length in [0, 10, 40, bytes.len() / 2, bytes.len() - 1, bytes.len() - 4] {
        let error = to.import(&bytes[..length]).await.unwrap_err();
        assert!(
            matches!(error, LedgerError::Backup { .. }),
            "{length}: {error}"
        );
    }
    assert_eq!(count(&to_database, "interaction").await, 0);
    to.import(bytes.as_slice()).await.unwrap();
    assert_eq!(
        kept(contents(&to_database).await),
        kept(contents(&from_database).await)
    );
}

#[tokio::test]
async fn a_backup_of_a_newer_docent_is_refused_by_name() {
    let (ledger, _database, _spool) = ledger().await;
    let error = ledger
        .import(&b"docent-ledger 1\nmigration 999\nend\n"[..])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("newer docent"), "{error}");
}
