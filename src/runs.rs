//! Runs that `docent serve` does by itself: those asked for over HTTP, and those whose time has come.
//!
//! A source is *due* when the last time of its schedule is after its last run, whoever did that one
//! and wherever. So a time that passed while `serve` was down, or while the source was being run, is
//! made up for once, as soon as possible; of several replicas one runs it, and the others find it
//! done.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Timelike, Utc};
use docent_core::config::{Schedule, Source};
use docent_core::ledger::{Act, Audit, RunOrigin};
use docent_ingest::{Claim, IngestError, ProgressSender, Request, run_claimed};

use crate::server::AppState;

/// How long a run may take before its source counts as late.
const TAKES: Duration = Duration::from_hours(1);

/// Runs what was claimed, until it ends or the service stops; then the next run completes it.
pub(crate) fn spawn(service: &AppState, request: Request, claim: Claim) {
    let app = Arc::clone(&service.app);
    let stopping = service.stopping.clone();
    let (run_id, origin) = (claim.run_id(), request.origin.described());
    tokio::spawn(async move {
        let run = run_claimed(app, request, claim, ProgressSender::default());
        tokio::select! {
            ended = run => match ended {
                Ok(report) if report.has_failures() => {
                    tracing::warn!(%run_id, "{origin} has ended; something was left out, see ingest_run");
                }
                Ok(_) => tracing::info!(%run_id, "{origin} has ended"),
                Err(error) => tracing::error!(%run_id, %error, "{origin} has failed"),
            },
            () = stopping.cancelled() => {
                tracing::info!(%run_id, "{origin} was stopped in the middle; the next one completes it");
            }
        }
    });
}

/// Runs every source that is due, until the service stops.
pub(crate) async fn keep_schedules(service: AppState) {
    if service
        .app
        .config
        .sources
        .iter()
        .all(|source| source.schedule.is_none())
    {
        return;
    }
    // What this process tried itself: a run that cannot even begin is not tried every minute.
    let mut tried: HashMap<String, DateTime<Utc>> = HashMap::new();
    let mut said = false;
    loop {
        match run_due(&service, &mut tried).await {
            Ok(()) => said = false,
            Err(error) => {
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(%error, "schedules wait");
                }
            }
        }
        let seconds = 60 - u64::from(Utc::now().second().min(59));
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            () = service.stopping.cancelled() => return,
        }
    }
}

async fn run_due(
    service: &AppState,
    tried: &mut HashMap<String, DateTime<Utc>>,
) -> Result<(), IngestError> {
    let app = &service.app;
    let offset = app.config.ingest.offset();
    let last: HashMap<String, DateTime<Utc>> = app.ledger.last_runs().await?.into_iter().collect();
    let now = Utc::now();
    for source in &app.config.sources {
        let Some(schedule) = &source.schedule else {
            continue;
        };
        let before = last.get(&source.name).max(tried.get(&source.name)).copied();
        if !is_due(schedule, offset, before, now) {
            continue;
        }
        let request = Request {
            sources: vec![source.clone()],
            configured: app.config.sources.clone(),
            origin: RunOrigin::Schedule,
            ..Request::default()
        };
        match Claim::take(app, &request).await {
            Ok(claim) => {
                tracing::info!(source = %source.name, run_id = %claim.run_id(), "a scheduled run begins");
                let target = format!("{}: {}", claim.run_id(), source.name);
                let act = Audit::now("schedule", Act::RunStarted, target);
                app.ledger.writer().write(act);
                tried.insert(source.name.clone(), now);
                spawn(service, request, claim);
            }
            // It stays due: looked at again in a minute.
            Err(error @ IngestError::Held(_)) => tracing::debug!("{error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a source should be run now. One that was never run is.
fn is_due(
    schedule: &Schedule,
    offset: FixedOffset,
    last: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> bool {
    match last {
        Some(last) => schedule.latest(now, offset).is_some_and(|time| time > last),
        None => true,
    }
}

/// When a source is run next, in words for a person.
pub(crate) fn next_run(source: &Source, offset: FixedOffset, now: DateTime<Utc>) -> Option<String> {
    let schedule = source.schedule.as_ref()?;
    let next = schedule.next_after(now, offset)?.with_timezone(&offset);
    Some(format!(
        "schedule {schedule}: docent serve runs it next at {}",
        next.format("%Y-%m-%d %H:%M %:z")
    ))
}

/// The last time of a source's schedule that is so long over that its run should have ended.
pub(crate) fn last_due(
    source: &Source,
    offset: FixedOffset,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    source.schedule.as_ref()?.latest(now - TAKES, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_time_is_made_up_for_once() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let nightly: Schedule = "0 3 * * *".parse().unwrap();
        let utc = FixedOffset::east_opt(0).unwrap();
        let due = |last: Option<&str>, now: &str| is_due(&nightly, utc, last.map(at), at(now));
        assert!(due(None, "2026-11-26T12:00:00Z"));
        // Run at night: nothing until the next night.
        assert!(!due(Some("2026-11-26T03:00:05Z"), "2026-11-26T12:00:00Z"));
        assert!(!due(Some("2026-11-26T03:00:05Z"), "2026-11-27T02:59:59Z"));
        assert!(due(Some("2026-11-26T03:00:05Z"), "2026-11-27T03:00:00Z"));
        // Down for three nights: once, and then it is done.
        assert!(due(Some("2026-11-23T03:00:05Z"), "2026-11-26T12:00:00Z"));
        assert!(!due(Some("2026-11-26T12:00:01Z"), "2026-11-26T12:01:00Z"));
        // A run by hand since the last time counts as well.
        assert!(!due(Some("2026-11-26T09:00:00Z"), "2026-11-26T12:00:00Z"));
    }
}
