//! Each rule about sources and documents, fired by a situation: told once, to the owner, and over when it is over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{TimeDelta, Utc};
use docent::commands::ingest;
use docent::owner::IngestRequest;
use docent::server::Service;
use docent_core::config::{Folder, SourceKind};
use docent_core::ledger::Record;
use docent_ingest::ProgressSender;
use docent_scripted::mail::ScriptedMail;
use serde_json::json;
use uuid::Uuid;

use super::support::{OWNER, at, look, passage, question, still, to, world, write};
use crate::support::World;

/// After which an alert whose cause is gone is over.
fn later() -> TimeDelta {
    TimeDelta::minutes(16)
}

async fn run(service: &Arc<Service>) {
    let app = Arc::clone(&service.app);
    drop(ingest::run(app, &IngestRequest::default(), ProgressSender::default()).await);
}

async fn execute(world: &World, statement: &str) {
    world.database.rows(statement).await;
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_told_its_owner_once_and_is_over_when_a_run_succeeds() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    world.write("a.md", "# A\n\nThe table a is loaded hourly.\n");
    let folder = world.docs();
    world.config.sources[0].kind = SourceKind::Folder(Folder::new(folder.join("gone")));
    let service = still(&world).await;
    run(&service).await;
    let fired = look(&service, &mail, Utc::now()).await;
    assert_eq!(fired, to(OWNER, "Ingest of source “docs” failed"));
    let text = mail.mails()[0].body();
    for said in [
        "Since 2",
        "gone",
        "To do: ",
        "docent ingest",
        "Look: http://127.0.0.1",
        "Acknowledge or mute: http",
    ] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    // Told once, however often it is looked, and also after it failed again.
    run(&service).await;
    assert!(look(&service, &mail, Utc::now()).await.is_empty());
    std::fs::create_dir(folder.join("gone")).unwrap();
    std::fs::write(
        folder.join("gone/a.md"),
        "# A\n\nThe table a is loaded hourly.\n",
    )
    .unwrap();
    run(&service).await;
    assert!(
        look(&service, &mail, Utc::now()).await.is_empty(),
        "it may come back at once"
    );
    let over = look(&service, &mail, Utc::now() + later()).await;
    assert_eq!(over, to(OWNER, "Over: Ingest of source “docs” failed"));
    assert!(
        look(&service, &mail, Utc::now() + later() * 2)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_source_past_its_schedule_is_late_until_it_was_run() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    world.write("a.md", "# A\n\nThe table a is loaded hourly.\n");
    world.config.sources[0].schedule = Some("0 * * * *".parse().unwrap());
    let service = still(&world).await;
    run(&service).await;
    assert!(look(&service, &mail, Utc::now()).await.is_empty());
    let earlier = "UPDATE ingest_run SET started_at = started_at - interval '5 hours',
        finished_at = finished_at - interval '5 hours'";
    execute(&world, earlier).await;
    let now = Utc::now();
    assert_eq!(
        look(&service, &mail, now).await,
        to(OWNER, "Source “docs” was not run in time")
    );
    run(&service).await;
    let over = look(&service, &mail, now + later()).await;
    assert_eq!(over, to(OWNER, "Over: Source “docs” was not run in time"));
}

#[tokio::test]
async fn a_source_without_a_schedule_is_late_by_its_own_rhythm() {
    let mail = ScriptedMail::start().await;
    let world = world(&mail).await;
    let service = still(&world).await;
    execute(
        &world,
        "INSERT INTO ingest_run (id, source, collection, started_at, finished_at, outcome)
         SELECT gen_random_uuid(), 'docs', 'c', at, at + interval '1 minute', 'done'
           FROM generate_series('2026-10-01 03:00+00'::timestamptz, '2026-10-20 03:00+00', '1 day') AS at",
    )
    .await;
    assert!(
        look(&service, &mail, at("2026-10-21T12:00:00Z"))
            .await
            .is_empty()
    );
    assert!(
        look(&service, &mail, at("2026-10-22T20:00:00Z"))
            .await
            .is_empty()
    );
    let fired = look(&service, &mail, at("2026-10-23T05:00:00Z")).await;
    assert_eq!(fired, to(OWNER, "Source “docs” was not run in time"));
}

#[tokio::test]
async fn a_document_that_is_suddenly_disliked_is_told_its_owner() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    world.config.notify.owners.insert(
        "Finance".to_owned(),
        vec!["mail:finance@example.com".to_owned()],
    );
    let service = still(&world).await;
    let now = at("2026-11-26T12:00:00Z");
    let (liked, disliked) = (Uuid::new_v4(), Uuid::new_v4());
    let mut rated = Vec::new();
    let mut rate = |id: Uuid, title: &str, days: i64, caller: String, rating: &str| {
        let one = question(
            now - TimeDelta::days(days),
            &caller,
            "answered",
            Some(&passage(id, title, Some("Finance"))),
        );
        rated.push(format!(
            "('{}', '{caller}', '{}', '{rating}')",
            one.id,
            one.at.to_rfc3339()
        ));
        write(&service, Record::Interaction(Box::new(one)));
    };
    for reader in 0..30 {
        rate(
            liked,
            "net_revenue",
            40 + reader,
            format!("key:{reader}"),
            if reader % 10 == 0 { "down" } else { "up" },
        );
        rate(
            disliked,
            "fees",
            30 + reader,
            format!("key:{reader}"),
            if reader % 10 == 0 { "down" } else { "up" },
        );
        // Bad answers from here were never rare.
        rate(
            liked,
            "net_revenue",
            3,
            format!("key:{reader}"),
            if reader % 10 == 0 { "down" } else { "up" },
        );
    }
    // One reader six times is one reader.
    for number in 0..6 {
        rate(liked, "net_revenue", 2, "key:angry".to_owned(), "down");
        rate(disliked, "fees", number, format!("key:new{number}"), "down");
    }
    service.app.ledger.flush().await;
    execute(
        &world,
        &format!(
            "INSERT INTO feedback (interaction_id, caller, at, rating) VALUES {}",
            rated.join(", ")
        ),
    )
    .await;
    let fired = look(&service, &mail, now).await;
    assert_eq!(
        fired,
        to("finance@example.com", "Answers from “fees” are voted down")
    );
    assert!(
        mail.mails()[0]
            .body()
            .contains("6 of 6 readers in two weeks"),
        "{}",
        mail.mails()[0].body()
    );
    // Two weeks later nobody says so any more.
    let over = look(&service, &mail, now + TimeDelta::days(16)).await;
    assert_eq!(
        over,
        to(
            "finance@example.com",
            "Over: Answers from “fees” are voted down"
        )
    );
}

#[tokio::test]
async fn a_cited_document_past_its_freshness_is_told_the_owner_in_its_front_matter() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    world.config.sources[0].stale_after_days = Some(30);
    let text = "---\nowner: Mobility\nowner_email: mobility@example.com\n---\n# fct_trips\n\nThe table fct_trips is loaded hourly.\n";
    world.write("fct_trips.md", text);
    world.write(
        "fct_new.md",
        "# fct_new\n\nThe table fct_new is loaded daily.\n",
    );
    let old = SystemTime::now() - Duration::from_hours(100 * 24);
    let file = std::fs::File::options()
        .write(true)
        .open(world.docs().join("fct_trips.md"))
        .unwrap();
    file.set_modified(old).unwrap();
    world.ingest().await;
    let server = world.serve().await;
    for _ in 0..3 {
        let answer = server.ask("How often is fct_trips loaded?").await;
        assert_eq!(answer["outcome"], json!("answered"));
        server.ask("How often is fct_new loaded?").await;
    }
    server.stop().await;
    let service = still(&world).await;
    let fired = look(&service, &mail, Utc::now()).await;
    assert_eq!(
        fired,
        to(
            "mobility@example.com",
            "1 cited document of source “docs” older than 30 days"
        )
    );
    let body = mail.mails()[0].body();
    assert!(
        body.contains("fct_trips (updated ") && body.contains("cited 3 times"),
        "{body}"
    );
    assert!(!body.contains("fct_new"), "{body}");
    file.set_modified(SystemTime::now()).unwrap();
    world.write("fct_trips.md", &format!("{text}\nIt was looked at.\n"));
    run(&service).await;
    let over = look(&service, &mail, Utc::now() + later()).await;
    assert_eq!(
        over,
        to(
            "mobility@example.com",
            "Over: 1 cited document of source “docs” older than 30 days"
        )
    );
}

#[tokio::test]
async fn a_cited_document_past_its_own_criterion_is_told_whatever_ages_are_allowed() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    world.config.sources[0].stale_after_days = Some(0);
    let now = Utc::now();
    let page = |name: &str, stale_at: chrono::DateTime<Utc>| {
        format!(
            "---\nfresh_at: {}\nstale_at: {}\n---\n# {name}\n\nThe table {name} is loaded hourly.\n",
            (now - TimeDelta::hours(8)).to_rfc3339(),
            stale_at.to_rfc3339()
        )
    };
    let late = now - TimeDelta::hours(2);
    world.write("fct_late.md", &page("fct_late", late));
    world.write("fct_new.md", &page("fct_new", now + TimeDelta::hours(4)));
    world.ingest().await;
    let server = world.serve().await;
    for _ in 0..3 {
        let answer = server.ask("How often is fct_late loaded?").await;
        assert_eq!(answer["outcome"], json!("answered"));
        let answer = server.ask("How often is fct_new loaded?").await;
        assert_eq!(answer["outcome"], json!("answered"));
    }
    server.stop().await;
    let service = still(&world).await;
    let title = "1 cited document of source “docs” past their own freshness criterion";
    assert_eq!(look(&service, &mail, Utc::now()).await, to(OWNER, title));
    let body = mail.mails()[0].body();
    let since = late.format("%Y-%m-%d %H:%M");
    assert!(
        body.contains(&format!("stale since {since} UTC, cited 3 times")),
        "{body}"
    );
    assert!(body.contains(&format!("Since {since}")), "{body}");
    assert!(!body.contains("fct_new"), "{body}");
    world.write("fct_late.md", &page("fct_late", now + TimeDelta::hours(4)));
    run(&service).await;
    assert_eq!(
        look(&service, &mail, Utc::now() + later()).await,
        to(OWNER, &format!("Over: {title}"))
    );
}
