//! A believable year: nothing fires outside of what was planted in it, and all of that is found and told
//! its owner.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use docent::alerts::watch;
use docent_core::config::Source;
use docent_scripted::mail::ScriptedMail;
use docent_scripted::year::{Event, EventKind, fill};

use super::support::{at, mail_to, still};
use crate::support::World;

/// Of a million questions: enough for a data product to have some thirty a week.
const SHARE: f64 = 0.08;
/// How long after an event its alert may still be open, or begin.
const AFTER: TimeDelta = TimeDelta::days(8);

/// Which rules may speak of an event.
fn rules(kind: EventKind) -> &'static [&'static str] {
    match kind {
        EventKind::Outage => &["provider", "answers"],
        EventKind::Rename => &["answers", "disliked"],
        EventKind::CostSpike => &["cost"],
        EventKind::DeadSource => &["ingest_failed"],
    }
}

struct Fired {
    rule: String,
    subject: String,
    to: String,
    at: DateTime<Utc>,
    title: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_years_planted_events_are_all_found_and_nothing_else_is() {
    let mail = ScriptedMail::start().await;
    let mut world = World::new().await;
    mail_to(&mut world, &mail);
    world.app().await.close().await;
    let today = at("2026-11-26T00:00:00Z").date_naive();
    let truth = fill(&world.database.options(), today, SHARE).await;
    world.config.sources.clear();
    for name in ["docs", "dbt", "wiki", "contracts", "notion"] {
        let mut source = Source::folder(name.to_owned(), world.docs());
        let owner = truth.events.iter().find(|event| event.about == name);
        source.owner = owner.and_then(|event| event.owner.clone());
        world.config.sources.push(source);
    }
    let owners = truth.events.iter().filter_map(|event| event.owner.clone());
    for owner in owners {
        world
            .config
            .notify
            .owners
            .insert(owner, vec!["mail:owner@example.com".to_owned()]);
    }
    let service = still(&world).await;
    let mut day = truth.first;
    while day <= truth.last {
        // Looked at once a day here, and every minute or every ten in life.
        let time = NaiveTime::from_hms_opt(11, 30, 0).unwrap();
        let now = day.and_time(time).and_utc();
        watch(&service.app, now, true).await.unwrap();
        day = day.succ_opt().unwrap();
    }
    let fired = world
        .database
        .rows("SELECT rule, subject, addressed_to, to_char(fired_at, 'YYYY-MM-DD\"T\"HH24:MI:SSOF:00'), title FROM alert ORDER BY fired_at")
        .await;
    let fired: Vec<Fired> = fired
        .into_iter()
        .map(|row| {
            let [rule, subject, to, at, title] = <[Option<String>; 5]>::try_from(row)
                .unwrap()
                .map(Option::unwrap);
            Fired {
                rule,
                subject,
                to,
                at: at.parse().unwrap(),
                title,
            }
        })
        .collect();
    let speaks_of = |alert: &Fired, event: &Event| {
        rules(event.kind).contains(&alert.rule.as_str())
            && event.from <= alert.at
            && alert.at <= event.until + AFTER
    };
    for event in &truth.events {
        let found: Vec<&Fired> = fired
            .iter()
            .filter(|alert| speaks_of(alert, event))
            .collect();
        assert!(!found.is_empty(), "{event:?} was not found");
        if let Some(owner) = event
            .owner
            .as_ref()
            .filter(|_| event.kind != EventKind::CostSpike)
        {
            assert!(
                found.iter().any(|alert| alert.to == *owner),
                "{owner} was not told of {event:?}"
            );
        }
    }
    let stray: Vec<String> = fired
        .iter()
        .filter(|alert| !truth.events.iter().any(|event| speaks_of(alert, event)))
        .map(|alert| {
            format!(
                "{} {} {}: {}",
                alert.at, alert.rule, alert.subject, alert.title
            )
        })
        .collect();
    assert!(stray.is_empty(), "{stray:#?}");
    let open = world
        .database
        .rows("SELECT count(*)::text FROM alert WHERE state <> 'resolved'")
        .await;
    assert_eq!(open[0][0].as_deref(), Some("0"), "each of them is over");
    assert!(fired.len() < 16, "{} alerts in a year", fired.len());
}
