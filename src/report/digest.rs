//! The weekly digest: the report of the seven days before, to the data team and to each owner with what
//! concerns their documents. It is made once, whoever makes it: a row of `digest` for each owner.

use chrono::{DateTime, TimeDelta, Utc};
use docent_core::ledger::{DigestRow, LedgerError, NewNotice, Span};
use serde_json::json;
use uuid::Uuid;

use super::{Report, read, show};
use crate::alerts::owner::{Contact, fallback};
use crate::lease;
use crate::notify::Message;
use crate::server::{AppState, public_url};

/// Days of a digest.
const DAYS: u32 = 7;
/// A digest whose time passed this long ago is not made up for.
const TOO_LATE: TimeDelta = TimeDelta::days(3);
/// In the lease.
const WHO: &str = "digest";

/// Makes what is due; answers how many digests were made.
pub async fn make(service: &AppState, now: DateTime<Utc>) -> Result<usize, LedgerError> {
    let app = &service.app;
    let config = &app.config;
    let Some(schedule) = &config.digest.schedule else {
        return Ok(0);
    };
    let due = schedule.latest(now, config.ingest.offset());
    let Some(due) = due.filter(|due| now - *due < TOO_LATE) else {
        return Ok(0);
    };
    if app
        .ledger
        .last_digest()
        .await?
        .is_some_and(|last| last >= due)
    {
        return Ok(0);
    }
    // Who has no channel at all does not want one.
    let team = fallback(config);
    if team.is_empty() && config.notify.owners.is_empty() && config.smtp.host.is_empty() {
        return Ok(0);
    }
    let made = lease::under(app, WHO, make_all(service, due, now, &team)).await?;
    Ok(made.unwrap_or(0))
}

async fn make_all(
    service: &AppState,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
    team: &[String],
) -> Result<usize, LedgerError> {
    let app = &service.app;
    let until = due.date_naive();
    let mut made = 0;
    if app.config.digest.owners {
        let from = until - TimeDelta::days(DAYS.into());
        let span = Span {
            from,
            until,
            owner: None,
        };
        for (owner, document) in app.ledger.owners_of(&span).await? {
            let recipients = recipients(service, &owner, document).await;
            if recipients.is_empty() {
                continue;
            }
            let report = read(app, until, DAYS, Some(owner)).await?;
            made += usize::from(one(service, &report, due, now, &recipients).await?);
        }
    }
    // Of everything last: when it is there, the week is done.
    let report = read(app, until, DAYS, None).await?;
    made += usize::from(one(service, &report, due, now, team).await?);
    Ok(made)
}

/// How an owner is reached: by what the index says of one of their documents, or by a source of theirs.
async fn recipients(service: &AppState, owner: &str, document: Option<Uuid>) -> Vec<String> {
    let config = &service.app.config;
    let index = &service.app.index;
    let mut contact = Contact {
        owner: Some(owner.to_owned()),
        ..Contact::default()
    };
    if let (Some(document), Ok(Some(live))) = (document, index.live().await)
        && let Ok(Some(payload)) = index.document(&live, document).await
        && payload.owner.as_deref() == Some(owner)
    {
        contact.slack = payload.owner_slack;
        contact.email = payload.owner_email;
    } else if let Some(source) = config
        .sources
        .iter()
        .find(|source| source.owner.as_deref() == Some(owner))
    {
        contact = Contact::of_source(config, &source.name);
    }
    contact.recipients(config)
}

async fn one(
    service: &AppState,
    report: &Report,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
    recipients: &[String],
) -> Result<bool, LedgerError> {
    let ledger = &service.app.ledger;
    let message = message(service, report);
    let notices: Vec<NewNotice> = recipients
        .iter()
        .filter(|_| !report.is_empty())
        .map(|recipient| NewNotice {
            id: Uuid::now_v7(),
            kind: "digest",
            recipient: recipient.clone(),
            alerts: Vec::new(),
            content: message.content(),
        })
        .collect();
    let row = DigestRow {
        owner: report.owner.clone().unwrap_or_default(),
        from_at: due - TimeDelta::days(DAYS.into()),
        until_at: due,
        recipients: recipients.to_vec(),
        questions: report.totals.questions,
        gaps: report.gaps.open as i64,
    };
    ledger.make_digest(&row, &notices, now).await
}

fn message(service: &AppState, report: &Report) -> Message {
    let config = &service.app.config;
    let base = public_url(config, config.server.port);
    let subject = match &report.owner {
        Some(owner) => format!(
            "What people asked of the documents of {owner}, week from {}",
            report.from
        ),
        None => format!("What people asked, week from {}", report.from),
    };
    Message {
        subject,
        text: format!("{}\n\nMore: {base}/insights", show::text(report)),
        data: json!({ "report": report }),
        parts: Vec::new(),
        note: String::new(),
    }
}
