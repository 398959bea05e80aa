//! How messages go out: once from several processes, together, not at night, signed, again after a
//! failure, and to the fallback in the end.

use std::sync::Arc;

use aws_lc_rs::hmac;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use docent::alerts::check;
use docent::server::Service;
use docent_core::config::{QuietHours, Secret, SmtpTls};
use docent_core::ledger::{CallOutcome, Record};
use docent_scripted::hook::ScriptedHook;
use docent_scripted::mail::ScriptedMail;
use docent_scripted::slack::{ScriptedSlack, SlackFault, SlackRules};

use super::support::{OWNER, TEAM, at, call, look, still, to, told, world, write};
use crate::support::World;

const NOW: &str = "2026-11-26T12:00:00Z";
const SECRET: &str = "0123456789abcdef-of-a-test";

/// Failing calls of a model, so that its provider fails.
fn outage(service: &Arc<Service>, model: &str, now: DateTime<Utc>) {
    for minutes in [9, 6, 3, 0] {
        let when = now - TimeDelta::minutes(minutes);
        write(
            service,
            Record::ModelCall(call(when, model, CallOutcome::Unavailable, "")),
        );
    }
}

/// A source of the owner's whose last run failed.
async fn failed_source(world: &World, when: DateTime<Utc>) {
    let insert = format!(
        "INSERT INTO ingest_run (id, source, collection, started_at, finished_at, outcome, problems)
         VALUES (gen_random_uuid(), 'docs', 'c', '{0}', '{0}', 'failed',
                 '[{{\"path\": \"\", \"outcome\": \"failed\", \"reason\": \"it is not there\"}}]')",
        when.to_rfc3339()
    );
    world.database.rows(&insert).await;
}

async fn notices(world: &World) -> Vec<String> {
    let query = "SELECT recipient, state, attempts::text, (content IS NULL)::text FROM notice ORDER BY made_at, recipient";
    let rows = world.database.rows(query).await;
    rows.into_iter()
        .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" "))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_that_look_at_once_one_sends() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    let one = still(&world).await;
    world.config.data = world.folder.path().join("data-2");
    let two = still(&world).await;
    let now = at(NOW);
    outage(&one, "gpt", now);
    one.app.ledger.flush().await;
    failed_source(&world, now).await;
    for round in 0..5 {
        let now = now + TimeDelta::seconds(round);
        let (first, second) = tokio::join!(check(&one, now, true), check(&two, now, true));
        assert!(first.unwrap() || second.unwrap(), "somebody looks");
    }
    let mut sent: Vec<(String, String)> = mail.mails().iter().map(told).collect();
    sent.sort();
    let expected = [
        to(TEAM, "Model gpt fails"),
        to(OWNER, "Ingest of source “docs” failed"),
    ]
    .concat();
    assert_eq!(sent, expected);
    assert_eq!(
        world.database.count("lease").await,
        0,
        "leases are given back"
    );
}

#[tokio::test]
async fn what_fires_at_night_comes_together_in_the_morning_and_what_is_urgent_at_once() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").unwrap();
    world.config.alerts.quiet_hours = QuietHours(Some((time("20:00"), time("07:00"))));
    world.config.sources[0].owner_email = Some(TEAM.to_owned());
    world.config.insights.month_usd = "1".parse().unwrap();
    let service = still(&world).await;
    let night = at("2026-11-26T23:00:00Z");
    failed_source(&world, night).await;
    write(
        &service,
        Record::ModelCall(call(night, "other", CallOutcome::Ok, "2")),
    );
    assert!(look(&service, &mail, night).await.is_empty());
    outage(&service, "gpt", night + TimeDelta::minutes(10));
    let urgent = look(&service, &mail, night + TimeDelta::minutes(10)).await;
    assert_eq!(urgent, to(TEAM, "Model gpt fails"));
    assert!(
        look(&service, &mail, at("2026-11-27T06:59:00Z"))
            .await
            .is_empty()
    );
    let morning = look(&service, &mail, at("2026-11-27T07:00:00Z")).await;
    assert_eq!(morning.len(), 1, "{morning:?}");
    let body = mail.mails()[1].body();
    assert!(
        body.contains("Ingest of source “docs” failed") && body.contains("used up the budget"),
        "{body}"
    );
}

#[tokio::test]
async fn what_fires_soon_after_a_message_waits_for_the_next_one() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    world.config.alerts.group_minutes = 10;
    world.config.alerts.urgent.clear();
    let service = still(&world).await;
    let now = at(NOW);
    outage(&service, "one", now);
    assert_eq!(
        look(&service, &mail, now).await,
        to(TEAM, "Model one fails")
    );
    outage(&service, "two", now + TimeDelta::minutes(1));
    outage(&service, "three", now + TimeDelta::minutes(2));
    assert!(
        look(&service, &mail, now + TimeDelta::minutes(3))
            .await
            .is_empty()
    );
    let next = look(&service, &mail, now + TimeDelta::minutes(11)).await;
    assert_eq!(next, to(TEAM, "2 alerts: Model three fails …"));
}

#[tokio::test]
async fn a_mail_server_that_is_busy_or_away_loses_nothing() {
    let mail = ScriptedMail::start().await;
    let world = world(&mail).await;
    let service = still(&world).await;
    let now = at(NOW);
    failed_source(&world, now).await;
    mail.refuse(OWNER, "451 come again");
    assert!(look(&service, &mail, now).await.is_empty());
    assert!(
        look(&service, &mail, now + TimeDelta::seconds(20))
            .await
            .is_empty()
    );
    assert_eq!(mail.connections(), 1, "it is not asked again at once");
    assert!(
        look(&service, &mail, now + TimeDelta::seconds(40))
            .await
            .is_empty()
    );
    assert_eq!(
        notices(&world).await,
        [format!("mail:{OWNER} waiting 2 false")]
    );
    mail.heal();
    // The wait has doubled.
    assert!(
        look(&service, &mail, now + TimeDelta::seconds(90))
            .await
            .is_empty()
    );
    let sent = look(&service, &mail, now + TimeDelta::seconds(130)).await;
    assert_eq!(sent, to(OWNER, "Ingest of source “docs” failed"));
    assert_eq!(notices(&world).await, [format!("mail:{OWNER} sent 3 true")]);
    let via = world
        .database
        .rows("SELECT array_to_string(sent_via, ',') FROM report_alerts")
        .await;
    assert_eq!(via[0][0].as_deref(), Some("mail"));
    let mail = &mail.mails()[0];
    assert_eq!(mail.from, "docent@example.com");
    assert_eq!(
        mail.header("auto-submitted").as_deref(),
        Some("auto-generated")
    );
}

#[tokio::test]
async fn a_mailbox_that_is_gone_sends_the_alert_to_the_fallback() {
    let mail = ScriptedMail::start().await;
    let world = world(&mail).await;
    let service = still(&world).await;
    let now = at(NOW);
    failed_source(&world, now).await;
    mail.refuse(OWNER, "550 no such mailbox");
    let sent = look(&service, &mail, now).await;
    assert_eq!(sent, to(TEAM, "Ingest of source “docs” failed"));
    assert!(
        mail.mails()[0]
            .body()
            .contains(&format!("This was for mail:{OWNER}"))
    );
    let states = notices(&world).await;
    assert!(
        states.contains(&format!("mail:{OWNER} failed 1 true")),
        "{states:?}"
    );
    // The fallback's own mailbox is the end.
    mail.refuse(TEAM, "550 no such mailbox");
    outage(&service, "gpt", now);
    assert!(look(&service, &mail, now).await.is_empty());
    assert_eq!(notices(&world).await.len(), 3);
}

#[tokio::test]
async fn without_a_channel_alerts_stand_in_the_ledger() {
    let world = World::new().await;
    let service = still(&world).await;
    let now = at(NOW);
    outage(&service, "gpt", now);
    service.app.ledger.flush().await;
    assert!(check(&service, now, true).await.unwrap());
    let rows = world
        .database
        .rows("SELECT rule, subject, state, told FROM report_alerts")
        .await;
    let expected = ["provider", "gpt", "open", "fired"].map(|text| Some(text.to_owned()));
    assert_eq!(rows, [expected]);
    assert_eq!(world.database.count("notice").await, 0);
}

#[tokio::test]
async fn mail_is_not_sent_in_the_clear_where_encryption_is_wanted() {
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    world.config.smtp.tls = SmtpTls::Starttls;
    let service = still(&world).await;
    outage(&service, "gpt", at(NOW));
    assert!(look(&service, &mail, at(NOW)).await.is_empty());
    assert_eq!(
        notices(&world).await,
        [format!("mail:{TEAM} waiting 1 false")]
    );
    assert!(mail.connections() > 0);
}

#[tokio::test]
async fn a_webhook_gets_signed_json_and_is_asked_again_after_a_failure() {
    let hook = ScriptedHook::start().await;
    let mut world = World::new().await;
    world.config.webhook.url = Secret::new(hook.url());
    world.config.webhook.secret = Secret::new(SECRET);
    world.config.notify.allow_hosts = vec![hook.host().to_owned()];
    world.config.notify.fallback = vec!["webhook".to_owned()];
    let service = still(&world).await;
    let now = at(NOW);
    outage(&service, "gpt", now);
    service.app.ledger.flush().await;
    hook.answer(503);
    check(&service, now, true).await.unwrap();
    hook.answer(200);
    check(&service, now + TimeDelta::minutes(1), true)
        .await
        .unwrap();
    check(&service, now + TimeDelta::minutes(2), true)
        .await
        .unwrap();
    let posted = hook.posted();
    assert_eq!(
        posted.len(),
        2,
        "once more after the failure, and then no more"
    );
    let notice = posted[1].header("docent-notice").unwrap();
    assert_eq!(
        posted[0].header("docent-notice"),
        Some(notice),
        "a repeated one can be told by its id"
    );
    let body = posted[1].json();
    assert_eq!(body["id"], *notice);
    assert_eq!(body["kind"], "alert");
    assert_eq!(body["alerts"][0]["rule"], "provider");
    assert_eq!(body["alerts"][0]["state"], "open");
    assert!(
        body["alerts"][0]["act"]
            .as_str()
            .unwrap()
            .contains("/alerts/")
    );
    // As a receiver would check it.
    let signature = posted[1]
        .header("docent-signature")
        .unwrap()
        .strip_prefix("v1=")
        .unwrap();
    let bytes: Vec<u8> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap())
        .collect();
    let timestamp = posted[1].header("docent-timestamp").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = |body: &[u8]| [timestamp.as_bytes(), b".", body].concat();
    hmac::verify(&key, &signed(&posted[1].body), &bytes).expect("the signature holds");
    hmac::verify(&key, &signed(b"{}"), &bytes).expect_err("it is of this body");
    assert!((Utc::now().timestamp() - timestamp.parse::<i64>().unwrap()).abs() < 60);
}

#[tokio::test]
async fn a_webhook_inside_the_network_is_refused_unless_it_is_named() {
    for url in [
        "http://127.0.0.1:9/hook",
        "http://169.254.169.254/latest",
        "http://[::1]/",
    ] {
        let mut world = World::new().await;
        world.config.webhook.url = Secret::new(url);
        world.config.webhook.secret = Secret::new(SECRET);
        let error = Service::new(world.app().await)
            .err()
            .expect("it is refused");
        let error = format!("{error:#}");
        assert!(
            error.contains("webhook.url") && error.contains("notify.allow_hosts"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn slack_gets_the_text_at_its_incoming_webhook() {
    let hook = ScriptedHook::start().await;
    let mut world = World::new().await;
    world.config.notify.slack_webhook = Secret::new(hook.url());
    world.config.notify.allow_hosts = vec!["127.0.0.1".to_owned()];
    world.config.notify.fallback = vec!["slack:#data-alerts".to_owned()];
    let service = still(&world).await;
    outage(&service, "gpt <!channel>", at(NOW));
    service.app.ledger.flush().await;
    check(&service, at(NOW), true).await.unwrap();
    let posted = hook.posted();
    assert_eq!(posted.len(), 1);
    let text = posted[0].json()["text"].as_str().unwrap().to_owned();
    assert!(
        text.starts_with("*Model gpt &lt;!channel&gt; fails*\nSince 2026-11-26 11:51 UTC."),
        "{text}"
    );
}

#[tokio::test]
async fn with_docents_app_slack_is_told_in_the_owners_own_channel_and_else_the_fallback_is() {
    let slack = ScriptedSlack::start(SlackRules::default()).await;
    let mail = ScriptedMail::start().await;
    let mut world = world(&mail).await;
    world.config.slack.bot_token = Secret::new("xoxb-scripted");
    world.config.slack.api_url = slack.api_url();
    world.config.sources[0].owner_slack = Some("#data-platform".to_owned());
    let service = still(&world).await;
    let now = at(NOW);
    failed_source(&world, now).await;
    assert!(
        look(&service, &mail, now).await.is_empty(),
        "Slack comes before mail"
    );
    let calls = slack.calls_of("chat.postMessage");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].body["channel"], "#data-platform");
    let text = calls[0].body["text"].as_str().unwrap();
    assert!(
        text.starts_with("*Ingest of source “docs” failed*\nSince "),
        "{text}"
    );
    // It is over, and the bot is not in the channel any more.
    slack.fail("chat.postMessage", 1, SlackFault::Refuse("not_in_channel"));
    world
        .database
        .rows("UPDATE ingest_run SET outcome = 'done'")
        .await;
    let told = look(&service, &mail, now + TimeDelta::minutes(16)).await;
    assert_eq!(told, to(TEAM, "Over: Ingest of source “docs” failed"));
}
