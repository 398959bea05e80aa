//! What needs a person. [`find`] shows every rule; [`check`] looks once: what was found goes to the
//! ledger, from there to the people, and what waits to be delivered is delivered. Of several processes
//! one does it.

pub(crate) mod act;
mod answers;
mod disliked;
mod ingest;
pub(crate) mod owner;
mod provider;
mod spending;
mod stale;
mod statistics;
mod tell;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use docent_core::app::App;
use docent_core::config::{self, Config, RULES};
use docent_core::index::Payload;
use docent_core::ledger::{Finding, LedgerError};
use uuid::Uuid;

use crate::report::digest;
use crate::server::AppState;
use crate::{lease, notify};

/// Rules that read much, and change slowly, are looked at this often.
const SLOW_EVERY: TimeDelta = TimeDelta::minutes(10);
/// The others.
const FAST: [&str; 3] = ["ingest_failed", "ingest_late", "provider"];
/// In the lease.
const WHO: &str = "alerts";

/// A look at the ledger as it stands at a moment.
pub(crate) struct Watch<'a> {
    app: &'a App,
    now: DateTime<Utc>,
    collection: Option<String>,
}

impl Watch<'_> {
    fn settings(&self) -> &config::Alerts {
        &self.app.config.alerts
    }

    /// What the index holds of a document now.
    async fn document(&self, id: Uuid) -> Option<Payload> {
        let collection = self.collection.as_deref()?;
        self.app.index.document(collection, id).await.ok().flatten()
    }

    /// What the index holds of a document that describes a data product.
    async fn describing(&self, asset: &str) -> Option<Payload> {
        let collection = self.collection.as_deref()?;
        self.app
            .index
            .describing(collection, asset)
            .await
            .ok()
            .flatten()
    }
}

/// Looks, tells and delivers until the service stops.
pub(crate) async fn keep(service: AppState) {
    let settings = &service.app.config.alerts;
    let every = Duration::from_secs(settings.every_seconds);
    let mut looked = None;
    let mut said = false;
    loop {
        let now = Utc::now();
        let slow = looked.is_none_or(|looked| now - looked >= SLOW_EVERY);
        // To its end, also when the service stops meanwhile: a message that was sent is to be noted.
        match look(&service, now, slow).await {
            Ok(did) => {
                if did && slow {
                    looked = Some(now);
                }
                said = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(%error, "alerts wait");
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = service.stopping.cancelled() => return,
        }
    }
}

async fn look(service: &AppState, now: DateTime<Utc>, slow: bool) -> Result<bool, LedgerError> {
    digest::make(service, now).await?;
    check(service, now, slow).await
}

/// Looks once. `false`: another process is at it.
pub async fn check(
    service: &AppState,
    now: DateTime<Utc>,
    slow: bool,
) -> Result<bool, LedgerError> {
    let app = &service.app;
    let work = async {
        if app.config.alerts.enabled {
            watch(app, now, slow).await?;
            tell::tell(service, now).await?;
        }
        notify::deliver(service, now).await
    };
    Ok(lease::under(app, WHO, work).await?.is_some())
}

/// Writes down what there is to find at a moment.
pub async fn watch(app: &App, now: DateTime<Utc>, slow: bool) -> Result<(), LedgerError> {
    let (rules, findings) = find(app, now, slow).await?;
    let gone_before = now - TimeDelta::minutes(app.config.alerts.resolve_after_minutes.into());
    // What is found now must have been seen before, or else it is new: nothing resolves at once.
    app.ledger
        .observe(&rules, &findings, now, gone_before)
        .await
}

/// Every rule: which were looked at, and what they found.
async fn find(
    app: &App,
    now: DateTime<Utc>,
    slow: bool,
) -> Result<(Vec<String>, Vec<Finding>), LedgerError> {
    let config = &app.config;
    let is_on = |rule: &str| !config.alerts.off.iter().any(|off| off == rule);
    let collection = app.index.live().await.ok().flatten();
    let watch = Watch {
        app,
        now,
        collection,
    };
    let mut findings = Vec::new();

    let names = config.sources.iter().map(|source| source.name.clone());
    for state in app
        .ledger
        .run_states(&names.collect::<Vec<_>>(), now)
        .await?
    {
        if is_on("ingest_failed") {
            findings.extend(ingest::failed(&watch, &state));
        }
        if is_on("ingest_late") {
            findings.extend(ingest::late(&watch, &state));
        }
    }
    if is_on("provider") {
        findings.extend(provider::find(&watch).await?);
    }
    // The others read weeks of rows.
    if slow {
        if is_on("budget") {
            findings.extend(spending::budget(&watch).await?);
        }
        if is_on("answers") {
            findings.extend(answers::find(&watch).await?);
        }
        if is_on("cost") {
            findings.extend(spending::cost(&watch).await?);
        }
        if is_on("disliked") {
            findings.extend(disliked::find(&watch).await?);
        }
        if is_on("stale") {
            findings.extend(stale::find(&watch).await?);
        }
    }
    // A rule that was turned off finds nothing, and what it found is over.
    let rules = RULES.into_iter().filter(|rule| slow || FAST.contains(rule));
    Ok((rules.map(str::to_owned).collect(), findings))
}

/// A moment for a person, at the offset of schedules.
pub(crate) fn moment(config: &Config, at: DateTime<Utc>) -> String {
    let offset = config.ingest.offset();
    let local = at.with_timezone(&offset);
    if offset.local_minus_utc() == 0 {
        return local.format("%Y-%m-%d %H:%M UTC").to_string();
    }
    local.format("%Y-%m-%d %H:%M %:z").to_string()
}

/// Whether two rates (hits, all) differ by more than chance, either way: Fisher's exact test at 1%, of each
/// side half.
pub(crate) fn differs(now: (i64, i64), before: (i64, i64)) -> bool {
    let count = |(hits, all): (i64, i64)| statistics::Count { hits, all };
    let rest = |(hits, all): (i64, i64)| statistics::Count {
        hits: all - hits,
        all,
    };
    statistics::fisher(count(now), count(before)) < 0.005
        || statistics::fisher(rest(now), rest(before)) < 0.005
}
