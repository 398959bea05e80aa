//! Rule `stale`: documents that answers rest on are past their own freshness criterion (their dbt project's,
//! or their front matter's), or older than the configuration lets them be. One alert for each source and
//! owner.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use docent_core::index::Payload;
use docent_core::ledger::{CitedDocument, Finding, LedgerError};

use super::Watch;
use super::owner::Contact;

/// Documents that an alert names.
const NAMED: usize = 8;

/// What is too old of one source and owner.
struct Old {
    contact: Contact,
    documents: Vec<(CitedDocument, Stale)>,
}

/// Why a document is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stale {
    /// Its data are as of a moment, and by its own criterion stale since another.
    Criterion {
        fresh_at: DateTime<Utc>,
        stale_at: DateTime<Utc>,
    },
    /// It, or its data, are as of a moment, and should be no older than so many days.
    Age {
        at: DateTime<Utc>,
        is_data: bool,
        days: u32,
    },
}

impl Stale {
    /// `None`: it is fresh enough. As answers say it (`chat::cite::note`).
    fn of(payload: &Payload, days: Option<u32>, now: DateTime<Utc>) -> Option<Self> {
        if let (Some(fresh_at), Some(stale_at)) = (payload.fresh_at, payload.stale_at)
            && stale_at < now
        {
            return Some(Self::Criterion { fresh_at, stale_at });
        }
        let days = days?;
        // The age of the data says more than that of the page about them.
        let (at, is_data) = match (payload.fresh_at, payload.updated_at) {
            (Some(fresh), _) => (fresh, true),
            (None, Some(updated)) => (updated, false),
            (None, None) => return None,
        };
        (now - at > TimeDelta::days(days.into())).then_some(Self::Age { at, is_data, days })
    }

    fn since(self) -> DateTime<Utc> {
        match self {
            Self::Criterion { stale_at, .. } => stale_at,
            Self::Age { at, days, .. } => at + TimeDelta::days(days.into()),
        }
    }

    fn words(self) -> String {
        match self {
            Self::Criterion { fresh_at, stale_at } => format!(
                "its data are of {}, by their own criterion stale since {} UTC",
                fresh_at.format("%Y-%m-%d %H:%M"),
                stale_at.format("%Y-%m-%d %H:%M")
            ),
            Self::Age { at, is_data, .. } => {
                let what = if is_data {
                    "its data are of"
                } else {
                    "updated"
                };
                format!("{what} {}", at.format("%Y-%m-%d"))
            }
        }
    }
}

pub(super) async fn find(watch: &Watch<'_>) -> Result<Vec<Finding>, LedgerError> {
    let config = &watch.app.config;
    let sources = config.sources.iter().map(|source| source.name.clone());
    let sources: Vec<String> = sources.collect();
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
        let Some(payload) = watch.document(document.document_id).await else {
            continue;
        };
        let days = config.stale_after(&document.source);
        let Some(stale) = Stale::of(&payload, days, watch.now) else {
            continue;
        };
        let contact = Contact::of_document(config, Some(&payload), None, &document.source);
        let key = (
            document.source.clone(),
            contact.name().unwrap_or_default().to_owned(),
        );
        let of_owner = old.entry(key).or_insert(Old {
            contact,
            documents: Vec::new(),
        });
        of_owner.documents.push((document, stale));
    }
    let old = old.into_iter();
    Ok(old
        .map(|((source, owner), old)| finding(watch, &source, &owner, &old))
        .collect())
}

fn finding(watch: &Watch<'_>, source: &str, owner: &str, old: &Old) -> Finding {
    let config = &watch.app.config;
    let (addressed_to, recipients) = old.contact.addressed(config);
    let since = old.documents.iter().map(|(_, stale)| stale.since()).min();
    let named = old.documents.iter().take(NAMED).map(|(document, stale)| {
        format!(
            "{} ({}, cited {} times)",
            document.title,
            stale.words(),
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
        since: since.unwrap_or(watch.now),
        title: format!(
            "{count} cited {documents} of source “{source}” {}",
            past(old)
        ),
        what: format!("{}{more}.", named.join("; ")),
        todo:
            "See whether they still hold, and update them; answers from them say that they are old."
                .to_owned(),
        place: "insights/ingest".to_owned(),
        documents: old
            .documents
            .iter()
            .map(|(document, _)| document.document_id)
            .collect(),
    }
}

/// What all of them are past.
fn past(old: &Old) -> String {
    let mut days = None;
    let mut own = false;
    for (_, stale) in &old.documents {
        match stale {
            Stale::Criterion { .. } => own = true,
            // Of one source, so of one age.
            Stale::Age {
                days: of_source, ..
            } => days = Some(*of_source),
        }
    }
    match (days, own) {
        (Some(days), false) => format!("older than {days} days"),
        (Some(days), true) => {
            format!("older than {days} days or past their own freshness criterion")
        }
        (None, _) => "past their own freshness criterion".to_owned(),
    }
}
