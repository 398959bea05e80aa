//! What people do with alerts: by the link in the message, or with an admin's key.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use docent::server::Service;
use docent_core::config::Anonymous;
use docent_core::ledger::{CallOutcome, Record, Role};
use docent_scripted::mail::ScriptedMail;
use reqwest::redirect::Policy;

use super::support::{call, look, still, world, write};
use crate::support::{TestServer, World};

fn outage(service: &Arc<Service>, model: &str) {
    for minutes in [9, 6, 3, 0] {
        let when = Utc::now() - TimeDelta::minutes(minutes);
        write(
            service,
            Record::ModelCall(call(when, model, CallOutcome::Unavailable, "")),
        );
    }
}

/// Two models fail; a server, and the links of both alerts.
async fn told(mail: &ScriptedMail) -> (World, TestServer, Vec<String>) {
    let mut world = world(mail).await;
    // Whoever comes without a key or a link is nobody.
    world.config.access.anonymous = Anonymous::Never;
    world.config.access.admin_key = docent_core::config::Secret::new("an-admin-key");
    world.config.alerts.every_seconds = 3600;
    let service = still(&world).await;
    outage(&service, "one");
    outage(&service, "two");
    look(&service, mail, Utc::now()).await;
    drop(service);
    let body = mail.mails()[0].body();
    let links = body
        .lines()
        .filter_map(|line| line.strip_prefix("Acknowledge or mute: http://127.0.0.1:0"))
        .map(|path| path.trim().to_owned())
        .collect();
    let server = world.serve().await;
    (world, server, links)
}

async fn states(world: &World) -> Vec<String> {
    let rows = world
        .database
        .rows("SELECT subject || ' ' || state || ' ' || coalesce(acted_by, '-') FROM alert ORDER BY fired_at, subject")
        .await;
    rows.into_iter().flatten().flatten().collect()
}

#[tokio::test]
async fn a_link_shows_its_alert_and_nothing_happens_until_its_button_is_pressed() {
    let mail = ScriptedMail::start().await;
    let (world, server, links) = Box::pin(told(&mail)).await;
    assert_eq!(links.len(), 2, "{}", mail.mails()[0].body());
    let open = ["one open -", "two open -"];
    let page = server
        .http
        .get(format!("{}{}", server.url, links[0]))
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("form-action 'self'") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    assert_eq!(page.headers()["referrer-policy"], "no-referrer");
    let page = page.text().await.unwrap();
    assert!(page.contains("<h1>Model one fails</h1>"), "{page}");
    assert_eq!(
        states(&world).await,
        open,
        "programs open the links of mails"
    );
    // As a browser would post the form: the address is taken from where the page is.
    let action = page
        .split("action=\"../")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let client = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    let post = client
        .post(format!("{}/{action}", server.url))
        .header("accept", "text/html,*/*")
        .header("origin", &server.url)
        .send()
        .await
        .unwrap();
    assert_eq!(post.status(), 200);
    assert!(
        post.text()
            .await
            .unwrap()
            .contains("somebody looks after it")
    );
    assert_eq!(
        states(&world).await,
        ["one acknowledged link", "two open -"]
    );
    server.service.app.ledger.flush().await;
    let audit = world
        .database
        .rows("SELECT who || ' ' || act FROM audit WHERE act LIKE 'alert%'")
        .await;
    assert_eq!(audit[0][0].as_deref(), Some("link alert_acknowledged"));
    server.stop().await;
}

#[tokio::test]
async fn a_link_is_of_one_alert_and_cannot_be_made_up() {
    let mail = ScriptedMail::start().await;
    let (world, server, links) = Box::pin(told(&mail)).await;
    let id = |link: &str| link.split(['/', '?']).nth(2).unwrap().to_owned();
    let token = |link: &str| link.split("token=").nth(1).unwrap().to_owned();
    let (one, two) = (id(&links[0]), id(&links[1]));
    let mut forged = token(&links[1]);
    forged.pop();
    for (path, status) in [
        (
            format!("/v1/alerts/{two}/mute?token={}", token(&links[0])),
            403,
        ),
        (format!("/v1/alerts/{two}/mute?token={forged}"), 401),
        (format!("/v1/alerts/{two}/mute"), 401),
        (
            format!("/v1/alerts/{one}/delete?token={}", token(&links[0])),
            404,
        ),
    ] {
        assert_eq!(
            server.send("POST", &path, "", None).await.0,
            status,
            "{path}"
        );
    }
    let path = format!("/alerts/{two}?token={}", token(&links[0]));
    assert_eq!(server.send("GET", &path, "", None).await.0, 403);
    assert_eq!(
        server
            .send("GET", &format!("/alerts/{two}"), "", None)
            .await
            .0,
        401
    );
    // A page of somebody else cannot post it either.
    let foreign = server
        .http
        .post(format!(
            "{}/v1/alerts/{one}/mute?token={}",
            server.url,
            token(&links[0])
        ))
        .header("origin", "https://evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 403);
    assert_eq!(states(&world).await, ["one open -", "two open -"]);
    server.stop().await;
}

#[tokio::test]
async fn what_is_muted_is_not_told_again_when_it_fires_anew() {
    let mail = ScriptedMail::start().await;
    let (world, server, _) = Box::pin(told(&mail)).await;
    let (_, alerts) = server.send("GET", "/v1/alerts", "an-admin-key", None).await;
    let alerts = alerts.as_array().unwrap().clone();
    assert_eq!(alerts.len(), 2);
    for alert in &alerts {
        let act = if alert["subject"] == "one" {
            "mute"
        } else {
            "acknowledge"
        };
        let path = format!("/v1/alerts/{}/{act}", alert["id"].as_str().unwrap());
        let (status, body) = server.send("POST", &path, "an-admin-key", None).await;
        assert_eq!(status, 200, "{body}");
    }
    let user = server.key("etl", &["everyone"], Role::User).await;
    assert_eq!(server.send("GET", "/v1/alerts", &user, None).await.0, 403);
    assert_eq!(
        states(&world).await,
        ["one muted operator", "two acknowledged operator"]
    );
    server.stop().await;
    // `docent serve` gives its leases back when it stops; a service alone does not.
    world.database.rows("DELETE FROM lease").await;
    let service = still(&world).await;
    for model in ["one", "two"] {
        write(
            &service,
            Record::ModelCall(call(Utc::now(), model, CallOutcome::Ok, "")),
        );
    }
    let over = look(&service, &mail, Utc::now() + TimeDelta::minutes(20)).await;
    // Who said that they look after it hears that it is over; nobody hears of the other.
    assert_eq!(over.len(), 1);
    assert_eq!(over[0].1, "Over: Model two fails");
    let later = Utc::now() + TimeDelta::minutes(30);
    for model in ["one", "two"] {
        for minutes in [9, 6, 3, 0] {
            let when = later - TimeDelta::minutes(minutes);
            write(
                &service,
                Record::ModelCall(call(when, model, CallOutcome::Unavailable, "")),
            );
        }
    }
    let again = look(&service, &mail, later).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].1, "Model two fails");
    // When the time of muting is over, it is told.
    let week = Utc::now() + TimeDelta::days(8);
    assert_eq!(
        look(&service, &mail, week).await.len(),
        1,
        "both are over by then"
    );
    for minutes in [9, 6, 3, 0] {
        let when = week + TimeDelta::hours(1) - TimeDelta::minutes(minutes);
        write(
            &service,
            Record::ModelCall(call(when, "one", CallOutcome::Unavailable, "")),
        );
    }
    let anew = look(&service, &mail, week + TimeDelta::hours(1)).await;
    assert_eq!(anew[0].1, "Model one fails");
}
