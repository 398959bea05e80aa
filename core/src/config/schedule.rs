//! When a source is run by itself: a cron expression of five fields (`crontab(5)`: minute, hour, day
//! of the month, month, day of the week), at a fixed offset from UTC, so that no hour is there twice
//! or never.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// How far is looked for the next time: a 29th of February on a given day of the week comes again
/// after 40 years at the latest (1896 to 1936).
const DAYS: u64 = 41 * 366;

/// A cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// The values of a field, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// Written as `*` (or `*/n`): it does not restrict the days together with the other day field.
    is_open: bool,
}

impl Field {
    fn has(self, value: u32) -> bool {
        self.bits >> value & 1 == 1
    }

    fn values(self) -> impl DoubleEndedIterator<Item = u32> {
        (0..64).filter(move |value| self.has(*value))
    }
}

/// What a field may hold.
struct Range {
    name: &'static str,
    lowest: u32,
    highest: u32,
    /// Names of values, from the lowest on.
    names: &'static [&'static str],
}

const MINUTE: Range = Range {
    name: "minute",
    lowest: 0,
    highest: 59,
    names: &[],
};
const HOUR: Range = Range {
    name: "hour",
    lowest: 0,
    highest: 23,
    names: &[],
};
const DAY: Range = Range {
    name: "day of the month",
    lowest: 1,
    highest: 31,
    names: &[],
};
const MONTH: Range = Range {
    name: "month",
    lowest: 1,
    highest: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
/// 7 is Sunday, as 0 is.
const WEEKDAY: Range = Range {
    name: "day of the week",
    lowest: 0,
    highest: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expression = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!(
                "\"{text}\" has {} fields; a cron expression has five: minute, hour, day of the \
                 month, month, day of the week",
                fields.len()
            ));
        };
        let mut weekdays = field(weekday, &WEEKDAY)?;
        if weekdays.has(7) {
            weekdays.bits = weekdays.bits & !(1 << 7) | 1;
        }
        let schedule = Self {
            text: text.trim().to_owned(),
            minutes: field(minute, &MINUTE)?,
            hours: field(hour, &HOUR)?,
            days: field(day, &DAY)?,
            months: field(month, &MONTH)?,
            weekdays,
        };
        // Any beginning will do: what comes at all comes within the days that are looked at.
        let begin = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap_or_default();
        if schedule.first_day(begin, true).is_none() {
            return Err(format!("\"{text}\" is a day that never comes"));
        }
        Ok(schedule)
    }
}

impl Schedule {
    /// The first time after `after`.
    pub fn next_after(&self, after: DateTime<Utc>, offset: FixedOffset) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&offset).naive_local();
        let today = self
            .times(local.date())
            .find(|time| *time > local)
            .filter(|_| self.is_on(local.date()));
        let time = if let Some(time) = today {
            time
        } else {
            let tomorrow = local.date().checked_add_days(Days::new(1))?;
            self.times(self.first_day(tomorrow, true)?).next()?
        };
        Some(time.and_local_timezone(offset).single()?.to_utc())
    }

    /// The last time that is not after `at`.
    pub fn latest(&self, at: DateTime<Utc>, offset: FixedOffset) -> Option<DateTime<Utc>> {
        let local = at.with_timezone(&offset).naive_local();
        let today = self
            .times(local.date())
            .rfind(|time| *time <= local)
            .filter(|_| self.is_on(local.date()));
        let time = if let Some(time) = today {
            time
        } else {
            let yesterday = local.date().checked_sub_days(Days::new(1))?;
            self.times(self.first_day(yesterday, false)?).next_back()?
        };
        Some(time.and_local_timezone(offset).single()?.to_utc())
    }

    /// The times of a day that it is on.
    fn times(&self, day: NaiveDate) -> impl DoubleEndedIterator<Item = NaiveDateTime> {
        self.hours.values().flat_map(move |hour| {
            self.minutes
                .values()
                .filter_map(move |minute| day.and_hms_opt(hour, minute, 0))
        })
    }

    /// Whether it has times on a day. Where both days are restricted, one of them is enough
    /// (`crontab(5)`).
    fn is_on(&self, day: NaiveDate) -> bool {
        let of_month = self.days.has(day.day());
        let of_week = self.weekdays.has(day.weekday().num_days_from_sunday());
        let fits = if self.days.is_open || self.weekdays.is_open {
            of_month && of_week
        } else {
            of_month || of_week
        };
        fits && self.months.has(day.month())
    }

    /// The first day that it is on, from `day` on or back.
    fn first_day(&self, day: NaiveDate, forward: bool) -> Option<NaiveDate> {
        let mut day = day;
        for _ in 0..DAYS {
            if self.is_on(day) {
                return Some(day);
            }
            day = if forward {
                day.succ_opt()?
            } else {
                day.pred_opt()?
            };
        }
        None
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|reason| D::Error::custom(format!("schedule: {reason}")))
    }
}

/// Reads a list: `5`, `1-5`, `*/15`, `8-18/2`, `mon,wed`.
fn field(text: &str, range: &Range) -> Result<Field, String> {
    let wrong = |part: &str, why: &str| {
        format!(
            "\"{part}\" is no {} ({} to {}): {why}",
            range.name, range.lowest, range.highest
        )
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => {
                let step: u32 = step
                    .parse()
                    .ok()
                    .filter(|step| (1..=range.highest).contains(step))
                    .ok_or_else(|| wrong(part, "what comes after / is no step"))?;
                (span, Some(step))
            }
            None => (part, None),
        };
        let (first, last) = if span == "*" {
            (range.lowest, range.highest)
        } else if let Some((first, last)) = span.split_once('-') {
            let bounds = value(first, range).zip(value(last, range));
            bounds.ok_or_else(|| wrong(part, "it is no range"))?
        } else {
            let only = value(span, range).ok_or_else(|| wrong(part, "it is no such value"))?;
            if step.is_some() {
                return Err(wrong(
                    part,
                    "a step needs a range, such as 0-59/15, or */15",
                ));
            }
            (only, only)
        };
        if first > last {
            return Err(wrong(part, "the range ends before it begins"));
        }
        // Sunday once is enough.
        let last = if span == "*" && range.highest == 7 {
            6
        } else {
            last
        };
        for value in (first..=last).step_by(step.unwrap_or(1) as usize) {
            bits |= 1 << value;
        }
    }
    Ok(Field {
        bits,
        is_open: text.starts_with('*'),
    })
}

fn value(text: &str, range: &Range) -> Option<u32> {
    if let Some(at) = range
        .names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
    {
        return Some(range.lowest + at as u32);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = digits.then(|| text.parse().ok()).flatten()?;
    (range.lowest..=range.highest)
        .contains(&value)
        .then_some(value)
}

/// Reads a fixed offset: `UTC`, `+09:00`, `-03:30`.
pub fn utc_offset(text: &str) -> Option<FixedOffset> {
    if text.eq_ignore_ascii_case("utc") || text == "Z" {
        return FixedOffset::east_opt(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let hours: i32 = hours.parse().ok()?;
    let minutes: i32 = minutes.parse().ok()?;
    if !(0..=14).contains(&hours) || !(0..60).contains(&minutes) {
        return None;
    }
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Timelike};
    use proptest::prelude::*;

    use super::*;

    fn utc() -> FixedOffset {
        utc_offset("UTC").unwrap()
    }

    fn next(expression: &str, after: &str) -> String {
        let schedule: Schedule = expression.parse().unwrap();
        let after = DateTime::parse_from_rfc3339(after).unwrap().to_utc();
        let next = schedule.next_after(after, utc()).unwrap();
        next.format("%Y-%m-%d %H:%M %a").to_string()
    }

    #[test]
    fn the_next_time_is_the_one_that_cron_would_take() {
        let at = "2026-11-26T04:14:22Z";
        assert_eq!(next("* * * * *", at), "2026-11-26 04:15 Thu");
        assert_eq!(next("*/15 * * * *", at), "2026-11-26 04:15 Thu");
        assert_eq!(next("0 3 * * *", at), "2026-11-27 03:00 Fri");
        assert_eq!(next("30 8-18/2 * * mon-fri", at), "2026-11-26 08:30 Thu");
        assert_eq!(next("0 0 29 2 *", at), "2028-02-29 00:00 Tue");
        assert_eq!(next("0 0 1 jan,JUL *", at), "2027-01-01 00:00 Fri");
        assert_eq!(next("@weekly", at), "2026-11-29 00:00 Sun");
        assert_eq!(next("0 0 * * 7", at), "2026-11-29 00:00 Sun");
        assert_eq!(next("0 0 * * 5-7", at), "2026-11-27 00:00 Fri");
        // Either day, where both are restricted.
        assert_eq!(next("0 0 13 * fri", at), "2026-11-27 00:00 Fri");
        assert_eq!(next("0 0 13 * *", at), "2026-12-13 00:00 Sun");
        assert_eq!(next("0 0 */2 * fri", at), "2026-11-27 00:00 Fri");
        assert_eq!(next("59 23 31 12 *", at), "2026-12-31 23:59 Thu");
    }

    #[test]
    fn a_time_is_after_and_not_at_the_given_moment() {
        assert_eq!(
            next("15 4 * * *", "2026-11-26T04:15:00Z"),
            "2026-11-27 04:15 Fri"
        );
        let schedule: Schedule = "15 4 * * *".parse().unwrap();
        let at = Utc.with_ymd_and_hms(2026, 11, 26, 4, 15, 0).unwrap();
        assert_eq!(schedule.latest(at, utc()), Some(at));
    }

    #[test]
    fn an_offset_moves_the_day() {
        let schedule: Schedule = "0 3 * * mon".parse().unwrap();
        let seoul = utc_offset("+09:00").unwrap();
        let at = Utc.with_ymd_and_hms(2026, 11, 26, 0, 0, 0).unwrap();
        // Monday 03:00 in Seoul is Sunday 18:00 UTC.
        assert_eq!(
            schedule.next_after(at, seoul).unwrap().to_rfc3339(),
            "2026-11-29T18:00:00+00:00"
        );
        assert_eq!(utc_offset("-03:30").unwrap().local_minus_utc(), -12_600);
        for wrong in ["", "9", "+9:00", "Asia/Seoul", "+15:00", "+09:60", "+0९:00"] {
            assert_eq!(utc_offset(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_expression_is_told() {
        let told = |text: &str| text.parse::<Schedule>().unwrap_err();
        insta::assert_snapshot!(told("0 3 * *"), @r#""0 3 * *" has 4 fields; a cron expression has five: minute, hour, day of the month, month, day of the week"#);
        insta::assert_snapshot!(told("60 * * * *"), @r#""60" is no minute (0 to 59): it is no such value"#);
        insta::assert_snapshot!(told("0 22-2 * * *"), @r#""22-2" is no hour (0 to 23): the range ends before it begins"#);
        insta::assert_snapshot!(told("5/10 * * * *"), @r#""5/10" is no minute (0 to 59): a step needs a range, such as 0-59/15, or */15"#);
        insta::assert_snapshot!(told("*/0 * * * *"), @r#""*/0" is no minute (0 to 59): what comes after / is no step"#);
        insta::assert_snapshot!(told("0 0 30 2 *"), @r#""0 0 30 2 *" is a day that never comes"#);
        insta::assert_snapshot!(told("0 0 * foo *"), @r#""foo" is no month (1 to 12): it is no such value"#);
    }

    /// A field and whether a value is in it, told by a list of values and nothing else.
    fn list(lowest: u32, highest: u32) -> impl Strategy<Value = (String, Vec<u32>)> {
        prop_oneof![
            Just(("*".to_owned(), (lowest..=highest).collect())),
            proptest::collection::btree_set(lowest..=highest, 1..5).prop_map(|values| {
                let texts: Vec<String> = values.iter().map(u32::to_string).collect();
                (texts.join(","), values.into_iter().collect())
            }),
            (lowest..=highest, lowest..=highest, 1..5_u32).prop_map(|(a, b, step)| {
                let (first, last) = (a.min(b), a.max(b));
                let values = (first..=last).step_by(step as usize).collect();
                (format!("{first}-{last}/{step}"), values)
            }),
        ]
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Schedule>();
        }

        #[test]
        fn the_next_time_fits_and_none_that_fits_is_passed_over(
            minute in list(0, 59), hour in list(0, 23), month in list(1, 12), weekday in list(0, 6),
            begin in 0..2_000_000_000_i64, offset in -14 * 60..=14 * 60,
        ) {
            let text = format!("{} {} * {} {}", minute.0, hour.0, month.0, weekday.0);
            let schedule: Schedule = text.parse().unwrap();
            let offset = FixedOffset::east_opt(offset * 60).unwrap();
            let begin = DateTime::from_timestamp(begin, 0).unwrap();
            let found = schedule.next_after(begin, offset).unwrap();
            let fits = |at: DateTime<Utc>| {
                let local = at.with_timezone(&offset);
                minute.1.contains(&local.minute())
                    && hour.1.contains(&local.hour())
                    && month.1.contains(&local.month())
                    && weekday.1.contains(&local.weekday().num_days_from_sunday())
            };
            prop_assert!(found > begin && fits(found) && found.timestamp() % 60 == 0);
            // Minute by minute for two days, then by the days' first matching minutes.
            let mut at = begin + chrono::Duration::seconds(60 - begin.timestamp().rem_euclid(60));
            let end = found.min(begin + chrono::Duration::days(2));
            while at < end {
                prop_assert!(!fits(at), "{} was passed over", at);
                at += chrono::Duration::minutes(1);
            }
            prop_assert_eq!(schedule.latest(found, offset), Some(found));
            let before = schedule.latest(found - chrono::Duration::seconds(1), offset).unwrap();
            prop_assert!(before <= begin && fits(before));
        }
    }
}
