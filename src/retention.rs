//! What `docent serve` lets expire: texts of questions, by `[retention]`, and counts of days that have
//! passed.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, Utc};
use docent_core::config::Retention;
use docent_core::ledger::{Act, Audit, Channel, Expiry, LedgerError};

use crate::lease;
use crate::server::AppState;

/// How often it is looked.
const EVERY: Duration = Duration::from_hours(1);
/// In the audit and in the lease.
const WHO: &str = "retention";

/// Lets expire what has its time, until the service stops.
pub(crate) async fn keep(service: AppState) {
    loop {
        let sweeping = sweep(&service);
        tokio::select! {
            swept = sweeping => if let Err(error) = swept {
                tracing::warn!(%error, "texts that have expired wait to be deleted");
            },
            () = service.stopping.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = service.stopping.cancelled() => return,
        }
    }
}

/// Deletes what has expired, once. Of several processes one does it, under a lease; each looks after its
/// own spool. Answers how many questions went.
pub async fn sweep(service: &AppState) -> Result<u64, LedgerError> {
    let ledger = &service.app.ledger;
    let expiries = expiries(&service.app.config.retention, Utc::now());
    if !expiries.is_empty() {
        ledger.expire_spooled(expiries.clone());
        // What this process remembers may have expired as well; the ledger has the rest.
        service.chat.conversations.forget_all();
    }
    // Deleting twice does no harm.
    let swept = lease::under(&service.app, WHO, expire(service, &expiries)).await?;
    Ok(swept.unwrap_or(0))
}

async fn expire(service: &AppState, expiries: &[Expiry]) -> Result<u64, LedgerError> {
    let ledger = &service.app.ledger;
    let mut all = 0;
    for expiry in expiries {
        let gone = ledger.expire(*expiry).await?;
        all += gone;
        if gone > 0 {
            let channel = expiry.channel.name();
            tracing::info!(channel, gone, "texts of questions have expired");
            let target = format!("{channel}: {gone} questions from before {}", expiry.before);
            ledger
                .writer()
                .write(Audit::now(WHO, Act::TextsExpired, target));
        }
    }
    ledger.expire_counts().await?;
    Ok(all)
}

/// The moments before which texts go, for each channel that has one: whole days (UTC).
fn expiries(retention: &Retention, now: DateTime<Utc>) -> Vec<Expiry> {
    let of = |channel: Channel| {
        let days = Days::new(retention.of(channel)?.into());
        let day = now.date_naive().checked_sub_days(days)?;
        Some(Expiry {
            channel,
            before: day.and_time(NaiveTime::MIN).and_utc(),
        })
    };
    Channel::ALL.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_are_kept_and_a_channel_may_have_its_own_number() {
        let retention = Retention {
            days: 30,
            channels: [(Channel::Widget, 7), (Channel::Api, 0)].into(),
        };
        let now = "2026-11-26T13:00:00Z".parse().unwrap();
        let found: Vec<String> = expiries(&retention, now)
            .into_iter()
            .map(|expiry| format!("{} {}", expiry.channel.name(), expiry.before))
            .collect();
        let expected = [
            "web 2026-10-27 00:00:00 UTC",
            "widget 2026-11-19 00:00:00 UTC",
            "terminal 2026-10-27 00:00:00 UTC",
            "mcp 2026-10-27 00:00:00 UTC",
            "slack 2026-10-27 00:00:00 UTC",
        ];
        assert_eq!(found, expected);
    }
}
