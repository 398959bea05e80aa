//! Rule `stale`: documents that answers rest on are older than they may be. One alert for each source
//! and owner.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use docent_core::ledger::{CitedDocument, Finding, LedgerError};

use super::Watch;
use super::owner::Contact;

/// Documents that an alert names.
const NAMED: usize = 8;

/// What is too old of one source and owner.
struct Old {
    contact: Contact,
    documents: Vec<(CitedDocument, DateTime<Utc>, bool)>,
    days: u32,
}

pub(super) async fn find(watch: &Watch<'_>) -> Result<Vec<Finding>, LedgerError> {
    let config = &watch.app.config;
    let sources = config.sources.iter().map(|source| source.name.clone());
    let sources: Vec<String> = sources
        .filter(|name| config.stale_after(name).is_some())
        .collect();
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let least = i64::from(watch.settings().stale_citations.max(1));
    let cited = watch
        .app
        .ledger
        .cited_documents(&sources, watch.now, least)
        .await?;
    let mut old: BTreeMap<(String, String), Old> = BTreeMap::new();
    for document in cited {
        let Some(days) = config.stale_after(&document.source) else {
            continue;
        };
        let Some(payload) = watch.document(document.document_id).await else {
            continue;
        };
        // The age of the data says more than that of the page about them.
        let (at, is_data) = match (payload.fresh_at, payload.updated_at) {
            (Some(fresh), _) => (fresh, true),
            (None, Some(updated)) => (updated, false),
            (None, None) => continue,
        };
        if watch.now - at <= TimeDelta::days(days.into()) {
            continue;
        }
        let contact = Contact::of_document(config, Some(&payload), None, &document.source);
        let key = (
            document.source.clone(),
            contact.name().unwrap_or_default().to_owned(),
        );
        let of_owner = old.entry(key).or_insert(Old {
            contact,
            documents: Vec::new(),
            days,
        });
        of_owner.documents.push((document, at, is_data));
    }
    let old = old.into_iter();
    Ok(old
        .map(|((source, owner), old)| finding(watch, &source, &owner, &old))
        .collect())
}

fn finding(watch: &Watch<'_>, source: &str, owner: &str, old: &Old) -> Finding {
    let config = &watch.app.config;
    let (addressed_to, recipients) = old.contact.addressed(config);
    let oldest = old
        .documents
        .iter()
        .map(|(_, at, _)| *at)
        .min()
        .unwrap_or(watch.now);
    let named = old
        .documents
        .iter()
        .take(NAMED)
        .map(|(document, at, is_data)| {
            let what = if *is_data {
                "its data are of"
            } else {
                "updated"
            };
            format!(
                "{} ({what} {}, cited {} times)",
                document.title,
                at.format("%Y-%m-%d"),
                document.citations
            )
        });
    let named: Vec<String> = named.collect();
    let more = old.documents.len() - named.len();
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    let count = old.documents.len();
    let documents = if count == 1 { "document" } else { "documents" };
    Finding {
        rule: "stale".to_owned(),
        subject: if owner.is_empty() {
            source.to_owned()
        } else {
            format!("{source} of {owner}")
        },
        addressed_to,
        recipients,
        since: oldest + TimeDelta::days(old.days.into()),
        title: format!(
            "{count} cited {documents} of source “{source}” older than {} days",
            old.days
        ),
        what: format!("{}{more}.", named.join("; ")),
        todo:
            "See whether they still hold, and update them; answers from them say that they are old."
                .to_owned(),
        place: "insights/ingest".to_owned(),
        documents: old
            .documents
            .iter()
            .map(|(document, ..)| document.document_id)
            .collect(),
    }
}
