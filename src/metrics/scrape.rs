//! What is no event, as it is when somebody asks.

use std::collections::BTreeMap;

use chrono::Utc;
use docent_core::ledger::{AlertState, LedgerError};

use super::name;
use crate::server::AppState;

/// Reads spool, sources and alerts. Where Postgres is away, what was last known of it stays away.
pub(super) async fn refresh(service: &AppState) {
    let families = &service.metrics.families;
    let spool = std::fs::read_dir(service.app.data.spool())
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len() as i64);
    families.spool.set(spool.sum());
    let up = match of_ledger(service).await {
        Ok(()) => 1,
        Err(error) => {
            tracing::debug!(%error, "metrics go without the ledger's");
            families.source_run.clear();
            families.source_failing.clear();
            families.source_documents.clear();
            families.alerts.clear();
            0
        }
    };
    families.ledger_up.set(up);
}

async fn of_ledger(service: &AppState) -> Result<(), LedgerError> {
    let app = &service.app;
    let families = &service.metrics.families;
    let now = Utc::now();
    let names = app.config.sources.iter().map(|source| source.name.clone());
    let states = app
        .ledger
        .run_states(&names.collect::<Vec<_>>(), now)
        .await?;
    let alerts = app.ledger.alerts_since(now).await?;
    for state in states {
        let labels = vec![("source", state.source.clone())];
        if let Some(started) = state.started.first() {
            let run = families.source_run.get_or_create(&labels);
            run.set(started.timestamp());
        }
        let failing = state.outcome == "failed" || state.is_dead;
        families
            .source_failing
            .get_or_create(&labels)
            .set(failing.into());
        for (kind, count) in [("known", state.documents), ("failed", state.failed)] {
            let mut labels = labels.clone();
            labels.push(("documents", kind.to_owned()));
            families.source_documents.get_or_create(&labels).set(count);
        }
    }
    families.alerts.clear();
    let mut open: BTreeMap<(String, String), i64> = BTreeMap::new();
    for alert in alerts {
        if alert.state != AlertState::Resolved {
            *open.entry((alert.rule, name(&alert.state))).or_default() += 1;
        }
    }
    for ((rule, state), count) in open {
        let labels = vec![("rule", rule), ("state", state)];
        families.alerts.get_or_create(&labels).set(count);
    }
    Ok(())
}
