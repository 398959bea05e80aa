//! The weekly digest: once, to each owner with theirs and to the data team with everything.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use docent::alerts::check;
use docent::report::digest;
use docent::server::Service;
use docent_scripted::mail::ScriptedMail;

use crate::alerts::support::{TEAM, mail_to, still, told};
use crate::report::{monday, seeded};
use crate::support::World;

const FINANCE: &str = "finance@example.com";

async fn world(mail: &ScriptedMail) -> World {
    let mut world = World::new().await;
    mail_to(&mut world, mail);
    let owners = &mut world.config.notify.owners;
    owners.insert("Finance Data".to_owned(), vec![format!("mail:{FINANCE}")]);
    world.config.alerts.enabled = false;
    world
}

async fn at(service: &Arc<Service>, now: DateTime<Utc>) -> usize {
    let made = digest::make(service, now).await.unwrap();
    check(service, now, false).await.unwrap();
    made
}

#[tokio::test]
async fn owners_get_theirs_and_the_team_everything_once_a_week() {
    let mail = ScriptedMail::start().await;
    let world = world(&mail).await;
    let service = still(&world).await;
    seeded(&world, &service.app, monday()).await;
    let friday = monday() - TimeDelta::days(3) + TimeDelta::hours(2);
    assert_eq!(at(&service, friday).await, 0, "its time has not come");
    // Serve was down at eight o'clock.
    assert_eq!(at(&service, monday() + TimeDelta::hours(5)).await, 2);
    for hours in [5, 6, 30] {
        assert_eq!(at(&service, monday() + TimeDelta::hours(hours)).await, 0);
    }
    let mut sent = mail.mails();
    sent.sort_by_key(|mail| mail.to.clone());
    let subjects: Vec<(String, String)> = sent.iter().map(told).collect();
    let expected = [
        (TEAM, "What people asked, week from 2026-11-16"),
        (
            FINANCE,
            "What people asked of the documents of Finance Data, week from 2026-11-16",
        ),
    ]
    .map(|(to, subject)| (to.to_owned(), subject.to_owned()));
    assert_eq!(subjects, expected);
    let (team, finance) = (sent[0].body(), sent[1].body());
    for said in [
        "60 questions",
        "How are provider fees computed?",
        "Documents to write",
        "Cost",
        "Ingest",
        "Worse: questions without an answer",
    ] {
        assert!(team.contains(said), "{said} is missing in {team}");
    }
    assert!(
        finance.contains("How are provider fees computed?") && !finance.contains("fct_trips"),
        "{finance}"
    );
    // What was sent is not kept; that it was is.
    let kept = world
        .database
        .rows("SELECT count(*)::text FROM notice WHERE content IS NOT NULL")
        .await;
    assert_eq!(kept[0][0].as_deref(), Some("0"));
    let rows = world
        .database
        .rows("SELECT owner, questions::text FROM digest ORDER BY owner")
        .await;
    let rows: Vec<String> = rows
        .into_iter()
        .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(rows, [" 60", "Finance Data 23"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_one_makes_it() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    let one = still(&world).await;
    world.config.data = world.folder.path().join("data-2");
    let two = still(&world).await;
    seeded(&world, &one.app, monday()).await;
    let now = monday() + TimeDelta::minutes(1);
    let (first, second) = tokio::join!(digest::make(&one, now), digest::make(&two, now));
    let later = digest::make(&two, now).await.unwrap();
    assert_eq!(first.unwrap() + second.unwrap() + later, 2);
    let (_, _) = tokio::join!(check(&one, now, false), check(&two, now, false));
    check(&one, now, false).await.unwrap();
    assert_eq!(mail.mails().len(), 2);
}

#[tokio::test]
async fn a_week_that_nobody_asked_in_is_no_mail_and_one_long_over_is_not_made_up_for() {
    let mail = ScriptedMail::start().await;
    let world = world(&mail).await;
    let service = still(&world).await;
    assert_eq!(
        at(&service, monday() + TimeDelta::hours(1)).await,
        1,
        "it is noted"
    );
    assert!(mail.mails().is_empty());
    let service = still_elsewhere(&world).await;
    assert_eq!(at(&service, monday() + TimeDelta::days(4)).await, 0);
}

/// Another docent, with an empty ledger of its own.
async fn still_elsewhere(world: &World) -> Arc<Service> {
    let mut other = World::new().await;
    other.config.notify = world.config.notify.clone();
    other.config.smtp = world.config.smtp.clone();
    still(&other).await
}
