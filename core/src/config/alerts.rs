//! Who is told of what, and how: alerts, digests, the channels that carry them, metrics.
//! `docent.default.toml` describes the keys.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveTime, Utc, Weekday};
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Config, ConfigError, Schedule, Secret};

/// The rules by name, as `alerts.off` and `alerts.urgent` write them.
pub const RULES: [&str; 8] = [
    "ingest_failed",
    "ingest_late",
    "budget",
    "cost",
    "answers",
    "disliked",
    "stale",
    "provider",
];

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    pub enabled: bool,
    pub off: Vec<String>,
    pub urgent: Vec<String>,
    pub every_seconds: u64,
    pub resolve_after_minutes: u32,
    pub group_minutes: u32,
    pub quiet_hours: QuietHours,
    pub quiet_weekends: bool,
    pub mute_days: u32,
    pub late_minutes: u32,
    pub failed_share: f64,
    pub budget_share: f64,
    pub cost_factor: f64,
    pub cost_floor_usd: Decimal,
    pub min_questions: u32,
    pub min_rise: f64,
    pub significance: f64,
    pub min_dislikes: u32,
    pub stale_citations: u32,
    pub provider_minutes: u32,
}

impl Alerts {
    /// Until when nothing but what is urgent is told. `None`: people may be told now.
    pub fn quiet_until(&self, now: DateTime<Utc>, offset: FixedOffset) -> Option<DateTime<Utc>> {
        let local = now.with_timezone(&offset).naive_local();
        let at = |day: chrono::NaiveDate, time: NaiveTime| {
            let local = day.and_time(time).and_local_timezone(offset).single()?;
            Some(local.to_utc())
        };
        let is_weekend = |day: Weekday| matches!(day, Weekday::Sat | Weekday::Sun);
        if self.quiet_weekends && is_weekend(local.weekday()) {
            let days = if local.weekday() == Weekday::Sat {
                2
            } else {
                1
            };
            let monday = local.date().checked_add_days(Days::new(days))?;
            let (begin, end) = self.quiet_hours.0.unwrap_or_default();
            // A night that ends on Monday morning is quiet to its end.
            let morning = if begin > end { end } else { NaiveTime::MIN };
            return at(monday, morning);
        }
        let (begin, end) = self.quiet_hours.0?;
        let time = local.time();
        let over_midnight = begin > end;
        let quiet = if over_midnight {
            time >= begin || time < end
        } else {
            time >= begin && time < end
        };
        if !quiet {
            return None;
        }
        let days = u64::from(over_midnight && time >= begin);
        let day = local.date().checked_add_days(Days::new(days))?;
        if self.quiet_weekends && is_weekend(day.weekday()) {
            // A Friday evening: the weekend follows.
            return self.quiet_until(at(day, NaiveTime::MIN)?, offset);
        }
        at(day, end)
    }
}

/// `22:00-07:00`; empty: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuietHours(pub Option<(NaiveTime, NaiveTime)>);

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Ok(Self(None));
        }
        let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
        text.split_once('-')
            .and_then(|(begin, end)| Some((time(begin)?, time(end)?)))
            .filter(|(begin, end)| begin != end)
            .map(|hours| Self(Some(hours)))
            .ok_or_else(|| {
                D::Error::custom(format!(
                    "alerts.quiet_hours = \"{text}\" must be two times such as \"22:00-07:00\""
                ))
            })
    }
}

/// Where messages go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    pub fallback: Vec<String>,
    pub slack_webhook: Secret,
    pub slack_webhook_file: PathBuf,
    pub prefer: Vec<String>,
    pub mail_domains: Vec<String>,
    pub allow_hosts: Vec<String>,
    pub timeout_seconds: u64,
    pub attempts: u32,
    /// Addresses by the owner's name in the metadata.
    pub owners: BTreeMap<String, Vec<String>>,
}

/// How a mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// From the first byte (port 465).
    Tls,
    /// STARTTLS, and nothing without it (port 587).
    Starttls,
    None,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub user: String,
    pub password: Secret,
    pub password_file: PathBuf,
    pub from: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    pub url: Secret,
    pub url_file: PathBuf,
    pub secret: Secret,
    pub secret_file: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    #[serde(deserialize_with = "schedule")]
    pub schedule: Option<Schedule>,
    pub owners: bool,
    pub texts: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    pub listen: String,
}

impl Metrics {
    /// Where metrics are served; `None`: nowhere.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen.parse().ok()
    }
}

fn schedule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Schedule>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|error: String| D::Error::custom(format!("digest.schedule: {error}")))
}

/// Refuses what could tell nobody, or the wrong people.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let fail = |text: String| Err(ConfigError(text));
    let alerts = &config.alerts;
    for (key, rules) in [("off", &alerts.off), ("urgent", &alerts.urgent)] {
        if let Some(rule) = rules.iter().find(|rule| !RULES.contains(&rule.as_str())) {
            return fail(format!(
                "alerts.{key}: there is no rule \"{rule}\"; there are {}",
                RULES.join(", ")
            ));
        }
    }
    for (name, share) in [
        ("budget_share", alerts.budget_share),
        ("failed_share", alerts.failed_share),
        ("min_rise", alerts.min_rise),
        ("significance", alerts.significance),
    ] {
        if !(0.0..=1.0).contains(&share) {
            return fail(format!(
                "alerts.{name} = {share} must be a share, from 0 to 1"
            ));
        }
    }
    if alerts.every_seconds == 0 {
        return fail("alerts.every_seconds must be at least 1".to_owned());
    }
    let notify = &config.notify;
    let all = notify.owners.iter();
    let fallback = "fallback".to_owned();
    for (owner, addresses) in all.chain(std::iter::once((&fallback, &notify.fallback))) {
        for address in addresses {
            let known = address == "webhook"
                || address
                    .strip_prefix("mail:")
                    .is_some_and(|mail| mail.contains('@'))
                || address
                    .strip_prefix("slack:")
                    .is_some_and(|to| !to.is_empty());
            if !known {
                return fail(format!(
                    "notify: \"{address}\" of {owner} must be \"mail:team@example.com\", \"slack:#channel\" or \"webhook\""
                ));
            }
        }
    }
    if !config.webhook.url.is_empty() && config.webhook.secret.expose().len() < 16 {
        return fail(
            "webhook.url needs webhook.secret, at least 16 characters: what is sent is signed with it"
                .to_owned(),
        );
    }
    if !config.smtp.host.is_empty() && !config.smtp.from.contains('@') {
        return fail(
            "smtp.host needs smtp.from, the address that docent's mails come from".to_owned(),
        );
    }
    if !config.metrics.listen.is_empty() && config.metrics.address().is_none() {
        return fail(format!(
            "metrics.listen = \"{}\" must be an address and a port, such as \"127.0.0.1:9464\"",
            config.metrics.listen
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::Offset as _;

    use super::*;
    use crate::config::{Overrides, load};

    #[test]
    fn quiet_hours_go_over_midnight_and_over_a_weekend() {
        let mut alerts = load(&Overrides::default()).unwrap().alerts;
        let utc = Utc.fix();
        let until = |alerts: &Alerts, at: &str| {
            let at: DateTime<Utc> = at.parse().unwrap();
            alerts
                .quiet_until(at, utc)
                .map(|end| end.format("%a %H:%M").to_string())
        };
        assert_eq!(until(&alerts, "2026-11-26T03:00:00Z"), None);
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").unwrap();
        alerts.quiet_hours = QuietHours(Some((time("22:00"), time("07:00"))));
        // 2026-11-26 is a Thursday.
        assert_eq!(until(&alerts, "2026-11-26T21:59:00Z"), None);
        assert_eq!(until(&alerts, "2026-11-26T22:00:00Z").unwrap(), "Fri 07:00");
        assert_eq!(until(&alerts, "2026-11-26T06:59:00Z").unwrap(), "Thu 07:00");
        assert_eq!(until(&alerts, "2026-11-26T07:00:00Z"), None);
        alerts.quiet_weekends = true;
        assert_eq!(until(&alerts, "2026-11-27T23:00:00Z").unwrap(), "Mon 07:00");
        assert_eq!(until(&alerts, "2026-11-29T12:00:00Z").unwrap(), "Mon 07:00");
        alerts.quiet_hours = QuietHours(None);
        assert_eq!(until(&alerts, "2026-11-28T12:00:00Z").unwrap(), "Mon 00:00");
        assert_eq!(until(&alerts, "2026-11-27T23:00:00Z"), None);
    }
}
