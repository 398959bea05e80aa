//! Dates, clock times, weekdays.

use super::number::{digits, ordinal};
use super::token::Token;

/// A date, as far as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Date {
    pub(crate) year: Option<u16>,
    pub(crate) month: Option<u8>,
    pub(crate) day: Option<u8>,
}

/// A time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) hour: u8,
    pub(crate) minute: u8,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [(&str, &str); 7] = [
    ("monday", "월요일"),
    ("tuesday", "화요일"),
    ("wednesday", "수요일"),
    ("thursday", "목요일"),
    ("friday", "금요일"),
    ("saturday", "토요일"),
    ("sunday", "일요일"),
];

impl Date {
    fn new(year: Option<f64>, month: Option<f64>, day: Option<f64>) -> Option<Self> {
        let whole = |value: f64, from: f64, to: f64| {
            (value.fract() == 0.0 && (from..=to).contains(&value)).then_some(value)
        };
        let part = |value: Option<f64>, from: f64, to: f64| match value {
            Some(value) => whole(value, from, to).map(Some),
            None => Some(None),
        };
        Some(Self {
            year: part(year, 1900.0, 9999.0)?.map(|year| year as u16),
            month: part(month, 1.0, 12.0)?.map(|month| month as u8),
            day: part(day, 1.0, 31.0)?.map(|day| day as u8),
        })
    }

    /// Whether another date says all that this one says.
    pub(crate) fn is_said_by(self, other: Self) -> bool {
        let same = |mine: Option<u16>, theirs: Option<u16>| mine.is_none() || mine == theirs;
        same(self.year, other.year)
            && same(self.month.map(u16::from), other.month.map(u16::from))
            && same(self.day.map(u16::from), other.day.map(u16::from))
    }
}

/// `2026-03-14`, `2026/03/14`, `2026-03`, `03-14`, also with a time behind it.
pub(crate) fn iso(word: &str) -> Option<Date> {
    let date = word.split(['t', 'T']).next()?;
    let parts: Vec<&str> = date.split(['-', '/', '.']).collect();
    let value = |part: &str| {
        part.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| part.parse::<f64>().ok())
            .flatten()
    };
    match parts.as_slice() {
        [year, month, day] if year.len() == 4 && month.len() <= 2 && day.len() <= 2 => {
            Date::new(Some(value(year)?), Some(value(month)?), Some(value(day)?))
        }
        [year, month] if year.len() == 4 && month.len() == 2 && !date.contains('.') => {
            Date::new(Some(value(year)?), Some(value(month)?), None)
        }
        [month, day] if month.len() == 2 && day.len() == 2 && date.contains('-') => {
            Date::new(None, Some(value(month)?), Some(value(day)?))
        }
        _ => None,
    }
}

fn month(word: &str) -> Option<f64> {
    let word = word.trim_end_matches('.');
    MONTHS
        .iter()
        .position(|month| {
            *month == word || month[..3] == *word || (word == "sept" && *month == "september")
        })
        .map(|at| at as f64 + 1.0)
}

fn day_of_month(token: &Token) -> Option<f64> {
    digits(&token.lower)
        .or_else(|| ordinal(&token.lower).filter(|_| token.lower.ends_with(['t', 'd', 'h'])))
        .filter(|day| day.fract() == 0.0 && (1.0..=31.0).contains(day) && token.lower.len() <= 4)
}

fn year(token: &Token) -> Option<f64> {
    digits(&token.lower).filter(|year| {
        token.lower.len() == 4 && (1900.0..=2100.0).contains(year) && year.fract() == 0.0
    })
}

/// An English date that begins at `at`, and how many tokens it takes: `14 March 2026`, `March 14th,
/// 2026`, `March 2026`, `October`.
pub(crate) fn english(tokens: &[Token], at: usize) -> Option<(Date, usize)> {
    let token = &tokens[at];
    let word = |ahead: usize| tokens.get(at + ahead).filter(|token| token.is_word());
    if let Some(day) = day_of_month(token) {
        let of = usize::from(word(1).is_some_and(|next| next.is("of")));
        // "Steps 7 and 8 may fail" has no date.
        let named = word(1 + of).filter(|next| !next.raw.starts_with(char::is_lowercase));
        if let Some(month) = named.and_then(|next| month(&next.lower)) {
            let comma = usize::from(tokens.get(at + 2 + of).is_some_and(|next| next.is(",")));
            let year = word(2 + of + comma).and_then(year);
            let length = if year.is_some() {
                3 + of + comma
            } else {
                2 + of
            };
            return Some((Date::new(year, Some(month), Some(day))?, length));
        }
        return None;
    }
    let first = month(&token.lower)?;
    let capital = token.raw.starts_with(|c: char| c.is_uppercase());
    let the = usize::from(word(1).is_some_and(|next| next.is("the")));
    if let Some(day) = word(1 + the).and_then(day_of_month) {
        let comma = usize::from(tokens.get(at + 2 + the).is_some_and(|next| next.is(",")));
        let year = word(2 + the + comma).and_then(year);
        let length = if year.is_some() {
            3 + the + comma
        } else {
            2 + the
        };
        return Some((Date::new(year, Some(first), Some(day))?, length));
    }
    let comma = usize::from(tokens.get(at + 1).is_some_and(|next| next.is(",")));
    if let Some(year) = word(1 + comma).and_then(year) {
        return Some((Date::new(Some(year), Some(first), None)?, 2 + comma));
    }
    // "may" and "march" are words, and so is a short form without its number.
    let doubtful = matches!(token.lower.as_str(), "may" | "march") || token.lower.len() <= 4;
    let led = at > 0
        && [
            "in", "of", "since", "until", "by", "last", "before", "after", "from", "to",
        ]
        .contains(&tokens[at - 1].lower.as_str());
    (capital && (!doubtful || (led && !token.is("mar")))).then_some((
        Date {
            month: Some(first as u8),
            ..Date::default()
        },
        1,
    ))
}

/// A Korean date that begins at `at`: `2026년 3월 14일`, `3월 14일`, `2026년 3월`, `10월`.
pub(crate) fn korean(tokens: &[Token], at: usize) -> Option<(Date, usize)> {
    let number = |at: usize| tokens.get(at).and_then(|token| digits(&token.lower));
    let named = |at: usize, name: &str| {
        tokens
            .get(at)
            .is_some_and(|token| token.is_hangul() && token.lower.starts_with(name))
    };
    let mut next = at;
    let (mut year, mut month, mut day) = (None, None, None);
    if number(next).is_some_and(|value| value >= 1900.0)
        && named(next + 1, "년")
        && !named(next + 1, "년간")
    {
        year = number(next);
        next += 2;
    }
    let goes_on = next == at || tokens.get(next - 1).is_some_and(|token| token.is("년"));
    if goes_on && number(next).is_some() && named(next + 1, "월") {
        month = number(next);
        let ends = tokens[next + 1].is("월");
        next += 2;
        if ends && number(next).is_some() && named(next + 1, "일") {
            day = number(next);
            next += 2;
        }
    }
    if year.is_none() && month.is_none() {
        return None;
    }
    Some((Date::new(year, month, day)?, next - at))
}

/// A time of the day that begins at `at`: `06:00`, `6 am`, `6:30 PM`, `오후 3시 30분`, `06시`, `noon`.
pub(crate) fn clock(tokens: &[Token], at: usize) -> Option<(Clock, usize)> {
    let token = &tokens[at];
    let lower = token.lower.as_str();
    let after = |ahead: usize| tokens.get(at + ahead);
    if matches!(lower, "noon" | "midnight" | "정오" | "자정") {
        let hour = if matches!(lower, "noon" | "정오") {
            12
        } else {
            0
        };
        return Some((Clock { hour, minute: 0 }, 1));
    }
    if token.is_hangul()
        && (token.is("오전") || token.is("오후") || token.is("새벽") || token.is("밤"))
    {
        let (clock, length) = clock(tokens, at + 1).filter(|_| at + 1 < tokens.len())?;
        let afternoon = token.is("오후") || (token.is("밤") && clock.hour >= 6);
        return Some((twelve_hours(clock, afternoon), length + 1));
    }
    let (time, half) = match lower
        .strip_suffix("am")
        .or_else(|| lower.strip_suffix("pm"))
    {
        Some(time) => (time, Some(lower.ends_with("pm"))),
        None => (lower, None),
    };
    let mut parts = time.split(':');
    let hour: u8 = whole(parts.next()?)?;
    let minute = match parts.next() {
        Some(minute) if minute.len() == 2 => Some(whole(minute)?),
        Some(_) => return None,
        None => None,
    };
    if hour > 24 || minute.is_some_and(|minute| minute > 59) {
        return None;
    }
    let clock = Clock {
        hour,
        minute: minute.unwrap_or(0),
    };
    if let Some(afternoon) = half {
        return Some((twelve_hours(clock, afternoon), 1));
    }
    if let Some(next) = after(1).filter(|next| next.is_word()) {
        // "a.m." is read as "a.m".
        if matches!(next.lower.as_str(), "am" | "a.m" | "pm" | "p.m") {
            return Some((twelve_hours(clock, next.lower.starts_with('p')), 2));
        }
        if next.lower == "o" && after(2).is_some_and(|sign| sign.is("'")) {
            return Some((clock, 4));
        }
    }
    if minute.is_some() {
        return Some((clock, 1));
    }
    if let Some(clock) = before_end(tokens, at, clock) {
        return Some((clock, 1));
    }
    let next = after(1).filter(|next| next.is_hangul() && !next.spaced)?;
    if next.lower.starts_with('시') && !next.lower.starts_with("시간") {
        let minute = after(2)
            .and_then(|minute| whole(&minute.lower))
            .filter(|_| {
                next.is("시")
                    && after(3).is_some_and(|unit| unit.is_hangul() && unit.lower.starts_with('분'))
            });
        return Some(match minute {
            Some(minute) => (Clock { hour, minute }, 4),
            None if next.lower.starts_with("시반") => (Clock { hour, minute: 30 }, 2),
            None => (clock, 2),
        });
    }
    None
}

/// The beginning of "2 to 4 am": its half of the day stands behind the end.
fn before_end(tokens: &[Token], at: usize, from: Clock) -> Option<Clock> {
    let joined = tokens.get(at + 1)?;
    if !["to", "-", "~", "and", "until"].contains(&joined.lower.as_str()) || from.hour > 12 {
        return None;
    }
    let end = tokens.get(at + 2)?;
    let half = |text: &str| {
        ["am", "pm", "a.m", "p.m"]
            .iter()
            .any(|half| text.ends_with(half))
    };
    let said = half(&end.lower) || tokens.get(at + 3).is_some_and(|next| half(&next.lower));
    let (to, _) = clock(tokens, at + 2).filter(|_| said)?;
    let afternoon = twelve_hours(from, true);
    Some(if to.hour >= 12 && afternoon.hour <= to.hour {
        afternoon
    } else {
        twelve_hours(from, false)
    })
}

fn whole(text: &str) -> Option<u8> {
    (text.len() <= 2 && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn twelve_hours(clock: Clock, afternoon: bool) -> Clock {
    let hour = match (clock.hour, afternoon) {
        (12, false) => 0,
        (hour @ 1..=11, true) => hour + 12,
        (hour, _) => hour,
    };
    Clock { hour, ..clock }
}

/// The weekday that a word names, from 0 for Monday.
pub(crate) fn weekday(token: &Token) -> Option<u8> {
    WEEKDAYS
        .iter()
        .position(|(english, korean)| {
            token.lower == *english
                || token.lower.strip_suffix('s') == Some(english)
                || (token.is_hangul() && token.lower.starts_with(korean))
        })
        .map(|at| at as u8)
}
