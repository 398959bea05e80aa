//! Who may ask, how much, and for how long it is kept. `docent.default.toml` describes the keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::Secret;
use crate::ledger::{Allowance, Channel};

/// Who may ask without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anonymous {
    Loopback,
    Anywhere,
    Never,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    pub anonymous: Anonymous,
    pub anonymous_groups: Vec<String>,
    pub admin_key: Secret,
    pub admin_key_file: PathBuf,
    pub signing_key: Secret,
    pub signing_key_file: PathBuf,
}

/// The widget on pages of others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Widget {
    pub allowed_origins: Vec<String>,
    pub user_secret: Secret,
    pub user_secret_file: PathBuf,
    pub user_issuer: String,
    pub user_audience: String,
}

/// Curated answers: who may write them, and how well a question must meet one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    pub groups: Vec<String>,
    pub min_match: f32,
}

/// How much may be asked; zero: as much as one likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    pub questions_per_minute: u32,
    pub questions_per_day: u32,
    pub tokens_per_day: u64,
    pub usd_per_day: Decimal,
}

impl Limit {
    /// As the ledger counts by it; `None`: there is no limit.
    pub fn allowance(&self) -> Option<Allowance> {
        let above_zero = |limit: i64| Some(limit).filter(|limit| *limit > 0);
        let allowance = Allowance {
            questions_per_minute: above_zero(self.questions_per_minute.into()),
            questions_per_day: above_zero(self.questions_per_day.into()),
            tokens_per_day: above_zero(self.tokens_per_day as i64),
            usd_per_day: Some(self.usd_per_day).filter(|limit| !limit.is_zero()),
        };
        (allowance != Allowance::default()).then_some(allowance)
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of each caller.
    pub caller: Limit,
    /// Of all callers of a channel together.
    pub channels: BTreeMap<Channel, Limit>,
}

impl Limits {
    /// Each limit with the section that it stands in.
    pub fn named(&self) -> impl Iterator<Item = (String, &Limit)> {
        let channels = self.channels.iter();
        let channels =
            channels.map(|(channel, limit)| (format!("limits.channels.{}", channel.name()), limit));
        std::iter::once(("limits.caller".to_owned(), &self.caller)).chain(channels)
    }
}

/// For how many days the texts of questions are kept; zero: for ever.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub days: u32,
    pub channels: BTreeMap<Channel, u32>,
}

impl Retention {
    /// The days of a channel, where it has a limit.
    pub fn of(&self, channel: Channel) -> Option<u32> {
        let days = self.channels.get(&channel).copied().unwrap_or(self.days);
        Some(days).filter(|days| *days > 0)
    }
}
