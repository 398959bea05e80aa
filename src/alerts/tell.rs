//! From alerts to messages: who is told what, together, and not at night.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use docent_core::config::Config;
use docent_core::ledger::{Alert, AlertState, LedgerError, NewNotice};
use serde_json::json;
use uuid::Uuid;

use super::moment;
use crate::notify::{Message, Part};
use crate::server::{AppState, alert_link, public_url};

/// Alerts in one message; the others follow in the next.
const TOGETHER: usize = 50;

/// Writes messages for alerts that their recipients do not know of, where they may be told now.
pub(super) async fn tell(service: &AppState, now: DateTime<Utc>) -> Result<(), LedgerError> {
    let app = &service.app;
    let config = &app.config;
    for alert in app.ledger.silent_alerts().await? {
        let state = if alert.state == AlertState::Resolved {
            "over"
        } else {
            "fired"
        };
        tracing::warn!(
            rule = %alert.rule, subject = %alert.subject,
            "an alert is {state}, and nobody can be told: [notify] names no channel that is set up ({})",
            alert.title
        );
    }
    let quiet = config
        .alerts
        .quiet_until(now, config.ingest.offset())
        .is_some();
    let is_urgent = |alert: &Alert| config.alerts.urgent.contains(&alert.rule);
    let group = TimeDelta::minutes(config.alerts.group_minutes.into());
    let lately = app.ledger.last_alert_notices(now - group).await?;
    let lately: HashSet<String> = lately.into_iter().map(|(recipient, _)| recipient).collect();
    let mut untold = app.ledger.untold_alerts().await?;
    untold.retain(|alert| {
        let busy = alert
            .recipients
            .iter()
            .any(|recipient| lately.contains(recipient));
        is_urgent(alert) || !(quiet || busy)
    });
    untold.truncate(TOGETHER);
    if untold.is_empty() {
        return Ok(());
    }
    let mut by_recipient: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in &untold {
        for recipient in &alert.recipients {
            by_recipient.entry(recipient).or_default().push(alert);
        }
    }
    let mut links = BTreeMap::new();
    for alert in untold
        .iter()
        .filter(|alert| alert.state == AlertState::Open)
    {
        if let Some(link) = alert_link(service, alert.id, now).await {
            links.insert(alert.id, link);
        }
    }
    let notices: Vec<NewNotice> = by_recipient
        .into_iter()
        .map(|(recipient, alerts)| NewNotice {
            id: Uuid::now_v7(),
            kind: "alert",
            recipient: recipient.to_owned(),
            content: message(config, &alerts, &links).content(),
            alerts: alerts.iter().map(|alert| alert.id).collect(),
        })
        .collect();
    app.ledger.make_notices(&notices, &untold, now).await
}

fn message(config: &Config, alerts: &[&Alert], links: &BTreeMap<Uuid, String>) -> Message {
    let is_over = |alert: &&&Alert| alert.state == AlertState::Resolved;
    let fired: Vec<&&Alert> = alerts.iter().filter(|alert| !is_over(alert)).collect();
    let subject = match (fired.as_slice(), alerts) {
        ([one], _) => one.title.clone(),
        ([], [one]) => format!("Over: {}", one.title),
        ([], all) => format!("{} alerts are over", all.len()),
        (all, _) => format!("{} alerts: {} …", all.len(), all[0].title),
    };
    let base = public_url(config, config.server.port);
    let parts: Vec<Part> = alerts
        .iter()
        .map(|alert| part(config, alert, &base))
        .collect();
    let texts: Vec<String> = parts
        .iter()
        .map(|part| text(part, links.get(&part.alert)))
        .collect();
    let rows: Vec<serde_json::Value> = alerts
        .iter()
        .map(|alert| {
            json!({
                "id": alert.id, "rule": alert.rule, "subject": alert.subject,
                "state": alert.state, "owner": alert.addressed_to, "title": alert.title,
                "what": alert.what, "todo": alert.todo, "since": alert.since,
                "resolved_at": alert.resolved_at, "look": format!("{base}/{}", alert.place),
                "act": links.get(&alert.id),
            })
        })
        .collect();
    Message {
        subject,
        text: texts.join("\n\n"),
        data: json!({ "alerts": rows }),
        parts,
        note: String::new(),
    }
}

/// What happened, since when, what to do, where to look.
fn part(config: &Config, alert: &Alert, base: &str) -> Part {
    let since = moment(config, alert.since);
    let is_open = alert.state != AlertState::Resolved;
    let (title, text) = if is_open {
        (
            alert.title.clone(),
            format!("Since {since}. {}\nTo do: {}", alert.what, alert.todo),
        )
    } else {
        let until = alert.resolved_at.map_or_else(String::new, |at| {
            format!(", over by {}", moment(config, at))
        });
        (
            format!("Over: {}", alert.title),
            format!("Since {since}{until}."),
        )
    };
    Part {
        alert: alert.id,
        title,
        text,
        look: if is_open {
            format!("{base}/{}", alert.place)
        } else {
            String::new()
        },
        is_open,
    }
}

/// An alert in words, with the link for whoever reads it where nothing can be pressed.
fn text(part: &Part, link: Option<&String>) -> String {
    let mut text = format!("{}\n{}", part.title, part.text);
    if !part.look.is_empty() {
        text.push_str(&format!("\nLook: {}", part.look));
    }
    if let Some(link) = link {
        text.push_str(&format!("\nAcknowledge or mute: {link}"));
    }
    text
}
