//! What stands in a page's address: days, channel, source and asset.

use chrono::{Days, Datelike, Months, NaiveDate};
use docent_core::ledger::insights::Filter;
use serde::Deserialize;

/// Days of a page whose address names none.
const DAYS: u64 = 28;
/// The most days that are looked at.
const MOST_DAYS: i64 = 3700;

/// As the address has it. What is left out or empty is not asked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    asset: String,
    /// `csv`, or nothing.
    #[serde(default)]
    pub(super) format: String,
    /// Which table is exported.
    #[serde(default)]
    pub(super) table: String,
    /// `ko` or `en`; empty: as the browser asks.
    #[serde(default)]
    pub(super) lang: String,
}

impl Asked {
    /// The filter, or what is wrong with it.
    pub(super) fn filter(&self, today: NaiveDate) -> Result<Filter, String> {
        let day = |name: &str, text: &str| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map_err(|_| format!("`{name}` is \"{text}\"; a day looks like 2026-03-31"))
        };
        let until = match self.to.as_str() {
            "" => today,
            text => day("to", text)?,
        };
        let from = match self.from.as_str() {
            "" => until - Days::new(DAYS - 1),
            text => day("from", text)?,
        };
        if from > until {
            return Err(format!("`from` ({from}) is after `to` ({until})"));
        }
        if (until - from).num_days() > MOST_DAYS {
            return Err(format!("from {from} to {until} are more than {MOST_DAYS} days"));
        }
        Ok(Filter {
            from,
            until,
            channel: self.channel.clone(),
            source: self.source.clone(),
            asset: self.asset.clone(),
        })
    }
}

/// The query of an address with a filter, without `?`.
pub(super) fn query(filter: &Filter, more: &[(&str, &str)]) -> String {
    let (from, until) = (filter.from.to_string(), filter.until.to_string());
    let mut parts = vec![("from", from.as_str()), ("to", until.as_str())];
    for (name, value) in [
        ("channel", &filter.channel),
        ("source", &filter.source),
        ("asset", &filter.asset),
    ] {
        if !value.is_empty() {
            parts.push((name, value));
        }
    }
    parts.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    let parts: Vec<String> = parts
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    parts.join("&")
}

/// Fit for an address: RFC 3986's unreserved characters stay.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Spans that a chart has a bar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Day,
    Week,
    Month,
}

impl Step {
    /// As many as can be told apart.
    pub(super) fn of(filter: &Filter) -> Self {
        match (filter.until - filter.from).num_days() {
            ..=62 => Self::Day,
            ..=430 => Self::Week,
            _ => Self::Month,
        }
    }

    /// The first day of the span that a day is in.
    pub(super) fn begin(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => day,
            Self::Week => day - Days::new(day.weekday().num_days_from_monday().into()),
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }

    fn next(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => day + Days::new(1),
            Self::Week => day + Days::new(7),
            Self::Month => day + Months::new(1),
        }
    }

    /// Every span of a filter, by its first day.
    pub(super) fn all(self, filter: &Filter) -> Vec<NaiveDate> {
        let mut day = self.begin(filter.from);
        let mut all = Vec::new();
        while day <= filter.until {
            all.push(day);
            day = self.next(day);
        }
        all
    }

    /// The word over the days of a table.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Day => "Day",
            Self::Week => "Week from",
            Self::Month => "Month from",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: &str) -> Asked {
        Asked {
            from: from.to_owned(),
            to: to.to_owned(),
            ..Asked::default()
        }
    }

    #[test]
    fn an_address_without_days_is_about_the_last_four_weeks() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 26).unwrap();
        let filter = Asked::default().filter(today).unwrap();
        assert_eq!(filter.from.to_string(), "2026-10-30");
        assert_eq!(filter.until, today);
        assert!(asked("2026-02-30", "").filter(today).is_err());
        assert!(asked("2026-11-27", "2026-11-26").filter(today).is_err());
        assert!(asked("2026-11-26", "2026-11-26").filter(today).is_ok());
        assert!(asked("1900-01-01", "").filter(today).is_err());
    }

    #[test]
    fn a_filter_survives_its_address() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 26).unwrap();
        let mut filter = asked("2026-01-01", "2026-01-31").filter(today).unwrap();
        filter.asset = "순매출 & more=1".to_owned();
        let query = query(&filter, &[("format", "csv"), ("lang", "")]);
        assert_eq!(
            query,
            "from=2026-01-01&to=2026-01-31&asset=%EC%88%9C%EB%A7%A4%EC%B6%9C%20%26%20more%3D1&format=csv"
        );
    }

    #[test]
    fn spans_cover_a_range_without_a_hole() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 26).unwrap();
        let one = asked("2026-11-26", "2026-11-26").filter(today).unwrap();
        assert_eq!(Step::of(&one).all(&one), [today]);
        let year = asked("2025-11-27", "2026-11-26").filter(today).unwrap();
        let weeks = Step::of(&year).all(&year);
        assert_eq!(weeks.len(), 53);
        assert!(weeks.iter().all(|day| day.weekday().number_from_monday() == 1));
        let long = asked("2020-01-15", "2026-11-26").filter(today).unwrap();
        assert_eq!(Step::of(&long).all(&long).len(), 83);
    }
}
