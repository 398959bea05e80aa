//! Situations: what the ledger looks like when something is wrong, and who is told.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use docent::alerts::check;
use docent::server::Service;
use docent_core::config::SmtpTls;
use docent_core::ledger::{CallOutcome, Interaction, ModelCall, Purpose, Record, UsageSource};
use docent_scripted::mail::{Mail, ScriptedMail};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::World;

pub(crate) const OWNER: &str = "platform@example.com";
pub(crate) const TEAM: &str = "data-team@example.com";

/// A world with a mail server, whose source is owned by somebody.
pub(crate) async fn world(mail: &ScriptedMail) -> World {
    let mut world = World::new().await;
    mail_to(&mut world, mail);
    let source = &mut world.config.sources[0];
    source.owner = Some("Data Platform".to_owned());
    source.owner_email = Some(OWNER.to_owned());
    world
}

pub(crate) fn mail_to(world: &mut World, mail: &ScriptedMail) {
    let smtp = &mut world.config.smtp;
    smtp.host = "127.0.0.1".to_owned();
    smtp.port = mail.port();
    smtp.tls = SmtpTls::None;
    smtp.from = "docent <docent@example.com>".to_owned();
    world.config.notify.fallback = vec![format!("mail:{TEAM}")];
    world.config.alerts.group_minutes = 0;
}

/// A service that does nothing by itself.
pub(crate) async fn still(world: &World) -> Arc<Service> {
    Arc::new(Service::new(world.app().await).unwrap())
}

/// Looks, and answers what mails that brought: to whom, and the subject.
pub(crate) async fn look(
    service: &Arc<Service>,
    mail: &ScriptedMail,
    now: DateTime<Utc>,
) -> Vec<(String, String)> {
    let before = mail.mails().len();
    service.app.ledger.flush().await;
    assert!(
        check(service, now, true).await.unwrap(),
        "nobody else looks"
    );
    mail.mails()[before..].iter().map(told).collect()
}

/// To whom, and the subject without the mark that all have.
pub(crate) fn told(mail: &Mail) -> (String, String) {
    let subject = mail.header("subject").unwrap();
    let subject = subject.strip_prefix("[docent] ").unwrap_or(&subject);
    (mail.to.join(", "), subject.to_owned())
}

pub(crate) fn to(who: &str, subject: &str) -> Vec<(String, String)> {
    vec![(who.to_owned(), subject.to_owned())]
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A question of somebody: `outcome` is answered, abstained or failed; `document`, where there is one, is
/// cited.
pub(crate) fn question(
    when: DateTime<Utc>,
    caller: &str,
    outcome: &str,
    document: Option<&Value>,
) -> Interaction {
    let text = "How fresh is fct_trips?";
    let passages: Vec<&Value> = document.into_iter().collect();
    serde_json::from_value(json!({
        "id": Uuid::now_v7(), "at": when, "conversation_id": Uuid::new_v4(), "message_id": null,
        "channel": "web", "caller": caller, "origin": "person", "question": text,
        "question_embedding": null, "standalone_question": text, "answer": "hourly [1]",
        "outcome": outcome, "generator": (outcome == "answered").then_some("model"),
        "fallback_reason": null, "retrieve_ms": 5, "first_token_ms": null, "total_ms": 100,
        "passages": passages,
    }))
    .unwrap()
}

/// A passage of a document that answers cite.
pub(crate) fn passage(id: Uuid, title: &str, owner: Option<&str>) -> Value {
    json!({
        "rank": 1, "point_id": Uuid::new_v4(), "document_id": id, "source": "docs",
        "path": format!("{title}.md"), "title": title, "score": 1.0, "cosine": null,
        "coverage": null, "cited_as": 1, "quote": "hourly", "owner": owner,
    })
}

/// A model call of a moment.
pub(crate) fn call(
    when: DateTime<Utc>,
    model: &str,
    outcome: CallOutcome,
    cost: &str,
) -> ModelCall {
    let used = outcome == CallOutcome::Ok;
    ModelCall {
        id: Uuid::now_v7(),
        at: when,
        purpose: Purpose::Answer,
        model: model.to_owned(),
        input_tokens: used.then_some(100),
        cached_tokens: used.then_some(0),
        output_tokens: used.then_some(10),
        usage_source: used.then_some(UsageSource::Reported),
        cost: (!cost.is_empty()).then(|| cost.parse().unwrap()),
        latency_ms: 500,
        outcome,
        run_id: None,
        interaction_id: None,
    }
}

pub(crate) fn write(service: &Arc<Service>, record: Record) {
    service.app.ledger.writer().write(record);
}

/// `all` questions of a day, `abstained` of them without an answer.
pub(crate) fn day(service: &Arc<Service>, begin: DateTime<Utc>, all: i64, abstained: i64) {
    for number in 0..all {
        let when = begin + TimeDelta::minutes(1 + number * 1380 / all);
        let outcome = if number < abstained {
            "abstained"
        } else {
            "answered"
        };
        let one = question(when, &format!("key:{number}"), outcome, None);
        write(service, Record::Interaction(Box::new(one)));
    }
}
