//! Numbers with what they count, and how often something happens.

use super::date::Date;
use super::number::{
    digits, korean_multiplier, multiplier, named_days, native_korean, ordinal, sino_korean, spelled,
};
use super::token::Token;
use super::unit::{self, Unit};
use super::{Detail, Found, date, written};

/// The quantities that begin at a token: two for a range (`3-5 days`), none where there is none.
pub(super) fn read(tokens: &[Token], at: usize) -> Vec<Found> {
    let found = |any: Vec<Detail>, length: usize, required: bool| {
        vec![Found {
            text: written(&tokens[at..at + length]),
            any,
            required,
            place: at..at + length,
        }]
    };
    let token = &tokens[at];
    if let Some((unit, length, required)) = rate(tokens, at) {
        return found(vec![Detail::Rate(unit)], length, required);
    }
    if token.is_hangul() {
        return match korean(tokens, at) {
            Some((any, length)) => found(any, length, true),
            None => Vec::new(),
        };
    }
    // `:20`, twenty minutes past the hour.
    if token.is(":") && token.spaced {
        let minute = tokens
            .get(at + 1)
            .filter(|next| !next.spaced && next.lower.len() == 2);
        return match minute.and_then(|next| digits(&next.lower)) {
            Some(value) => found(vec![Detail::Number(value, Some(unit::MINUTE))], 2, true),
            None => Vec::new(),
        };
    }
    if let Some(unit) = currency(token)
        && let Some(value) = tokens
            .get(at + 1)
            .filter(|next| !next.spaced)
            .and_then(|next| digits(&next.lower))
    {
        let (value, more) = multiplied(tokens, at + 2, value);
        return found(vec![Detail::Number(value, Some(unit))], 2 + more, true);
    }
    if !token.is_word() {
        return Vec::new();
    }
    if let Some(range) = range(tokens, at) {
        return range;
    }
    match counted(tokens, at) {
        Some((any, length)) => found(any, length, true),
        None => Vec::new(),
    }
}

/// `hourly`, `every day`, `매주`: the unit, the tokens it takes, and whether that must have been said.
/// "A day" may be said of anything.
fn rate(tokens: &[Token], at: usize) -> Option<(Unit, usize, bool)> {
    let token = &tokens[at];
    if token.is_hangul() {
        let after = token.lower.strip_prefix('매')?;
        let unit = match after.chars().next()? {
            '시' => unit::HOUR,
            '일' => unit::DAY,
            '주' => unit::WEEK,
            '월' | '달' => unit::MONTH,
            '년' | '해' => unit::YEAR,
            _ => return None,
        };
        return Some((unit, 1, true));
    }
    let next = tokens.get(at + 1);
    let unit = match token.lower.as_str() {
        "hourly" => unit::HOUR,
        "daily" | "nightly" => unit::DAY,
        "weekly" => unit::WEEK,
        "monthly" => unit::MONTH,
        "quarterly" => unit::QUARTER,
        "yearly" | "annually" => unit::YEAR,
        "every" | "each" | "per" | "a" | "an" => {
            let word = next.filter(|next| {
                next.is_word() && next.lower.len() > 2 && !next.lower.ends_with('s')
            })?;
            let unit = unit::english(&word.lower).filter(|unit| {
                matches!(
                    unit.dimension,
                    unit::Dimension::Duration | unit::Dimension::Calendar
                )
            })?;
            let often =
                at > 0 && ["once", "twice", "times"].contains(&tokens[at - 1].lower.as_str());
            return Some((unit, 2, often || !token.lower.starts_with('a')));
        }
        _ => return None,
    };
    // A weekly active user is the name of a metric.
    let names = next.is_some_and(|next| next.lower.starts_with("active"));
    Some((unit, 1, !names))
}

fn currency(token: &Token) -> Option<Unit> {
    match token.lower.as_str() {
        "$" => Some(unit::DOLLAR),
        "€" => Some(unit::EURO),
        "₩" => Some(unit::WON),
        _ => None,
    }
}

/// `10-15 minutes`, `3-5`: both ends, with the unit of the second.
fn range(tokens: &[Token], at: usize) -> Option<Vec<Found>> {
    let token = &tokens[at];
    let (from, to) = token.lower.split_once('-')?;
    let (from, to) = (digits(from)?, digits(to)?);
    let (unit, length) = unit_behind(tokens, at + 1);
    let mut ends: Vec<Vec<Detail>> = [from, to]
        .map(|value| vec![Detail::Number(value, unit)])
        .into();
    if let Some(date) = date::iso(&token.lower) {
        if unit.is_none() && date.year.is_some() {
            ends.truncate(1);
        }
        // `03-14` may be a day.
        if unit.is_none() {
            for end in &mut ends {
                end.push(Detail::Date(date));
            }
        }
    }
    let place = at..at + 1 + length;
    Some(
        ends.into_iter()
            .map(|any| Found {
                text: written(&tokens[place.clone()]),
                any,
                required: true,
                place: place.clone(),
            })
            .collect(),
    )
}

/// A number in digits or in English words, with its unit.
fn counted(tokens: &[Token], at: usize) -> Option<(Vec<Detail>, usize)> {
    let token = &tokens[at];
    if let Some(date) = date::iso(&token.lower).filter(|date| date.year.is_some()) {
        return Some((vec![Detail::Date(date)], 1));
    }
    if let Some(third) = token
        .lower
        .strip_prefix('q')
        .and_then(digits)
        .filter(|q| *q <= 4.0)
    {
        return Some((
            vec![
                Detail::Number(third, Some(unit::QUARTER)),
                Detail::Number(third, None),
            ],
            1,
        ));
    }
    if let Some(value) = digits(&token.lower) {
        return Some(with_unit(tokens, at, value));
    }
    if let Some(value) = ordinal(&token.lower) {
        let (unit, more) = unit_behind(tokens, at + 1);
        let mut any = vec![Detail::Number(value, unit)];
        if unit.is_none() {
            any.push(day_of_month(value));
        }
        return Some((any, 1 + more));
    }
    if let Some(attached) = attached(tokens, at) {
        return Some(attached);
    }
    let words: Vec<&str> = tokens[at..]
        .iter()
        .take(8)
        .take_while(|token| token.is_word() && !token.code)
        .map(|token| token.lower.as_str())
        .collect();
    if words.first() == Some(&"twice") {
        return Some((vec![Detail::Number(2.0, None)], 1));
    }
    let takes_one = |next: usize| unit_behind(tokens, at + next).0.is_some();
    let (value, length) = spelled(&words, takes_one)?;
    let (any, more) = with_unit(tokens, at + length - 1, value);
    Some((any, length - 1 + more))
}

/// What a value whose last token stands at `at` counts.
fn with_unit(tokens: &[Token], at: usize, value: f64) -> (Vec<Detail>, usize) {
    let (value, more) = multiplied(tokens, at + 1, value);
    let after = at + 1 + more;
    let (unit, length) = unit_behind(tokens, after);
    let mut any = vec![Detail::Number(value, unit)];
    let hangul = tokens.get(after).filter(|token| token.is_hangul());
    if unit == Some(unit::DAY) && hangul.is_some() {
        // `14일` is fourteen days or the fourteenth.
        any.push(day_of_month(value));
    }
    if unit.is_none() && length == 0 && is_year(tokens, at, value) {
        any.push(Detail::Date(Date {
            year: Some(value as u16),
            ..Date::default()
        }));
    }
    (any, 1 + more + length)
}

fn is_year(tokens: &[Token], at: usize, value: f64) -> bool {
    (1900.0..=2100.0).contains(&value) && tokens[at].lower.len() == 4
}

fn day_of_month(value: f64) -> Detail {
    Detail::Date(Date {
        day: Some(value as u8),
        ..Date::default()
    })
}

/// A value times what follows it: `142 million`, `3만`, `1억 4,200만`.
fn multiplied(tokens: &[Token], at: usize, value: f64) -> (f64, usize) {
    let Some(token) = tokens.get(at) else {
        return (value, 0);
    };
    if token.is_word() {
        return match multiplier(&token.lower).filter(|_| token.lower.len() > 2) {
            Some(factor) => (value * factor, 1),
            None => (value, 0),
        };
    }
    let Some(factor) = token
        .lower
        .chars()
        .next()
        .and_then(korean_multiplier)
        .filter(|_| token.is_hangul())
    else {
        return (value, 0);
    };
    let rest: String = token.lower.chars().skip(1).collect();
    // A particle may look like the numeral: `3만` is thirty thousand, but `10분만` has its unit before it.
    let value = value * factor;
    if !rest.is_empty() {
        return (value, 0);
    }
    if let Some(more) = tokens.get(at + 1).and_then(|token| digits(&token.lower)) {
        let (more, length) = multiplied(tokens, at + 2, more);
        if more < factor {
            return (value + more, 2 + length);
        }
    }
    (value, 1)
}

/// The unit that stands at `at`, behind a number, and the tokens it takes; a counter takes none.
fn unit_behind(tokens: &[Token], at: usize) -> (Option<Unit>, usize) {
    let Some(token) = tokens.get(at) else {
        return (None, 0);
    };
    let next = tokens.get(at + 1).map_or("", |next| next.lower.as_str());
    let after = tokens.get(at + 2).map_or("", |next| next.lower.as_str());
    if token.is_hangul() {
        // The numeral may be written together with its unit: `3만명`.
        let run = match token.lower.chars().next().and_then(korean_multiplier) {
            Some(_) => token.lower.get(3..).unwrap_or(""),
            None => token.lower.as_str(),
        };
        return match unit::korean(run) {
            Some((unit, _)) => (unit, 1),
            None => (None, 0),
        };
    }
    match token.lower.as_str() {
        "%" if next == "p" && !tokens[at + 1].spaced => (Some(unit::PERCENTAGE_POINT), 2),
        "per" if next == "cent" => (Some(unit::PERCENT), 2),
        "percentage" | "percent" | "%" if next.starts_with("point") => {
            (Some(unit::PERCENTAGE_POINT), 2)
        }
        "working" | "business" if next.starts_with("day") => (Some(unit::WORKING_DAY), 2),
        "calendar" | "whole" | "full" if unit::english(next).is_some() => (unit::english(next), 2),
        "korean" if next == "won" => (Some(unit::WON), 2),
        "us" if next.starts_with("dollar") => (Some(unit::DOLLAR), 2),
        "km" if next == "/" && after == "h" => (unit::english("km/h"), 3),
        "-" => {
            // A range goes on: its unit stands behind its end.
            let (unit, length) = match tokens.get(at + 1).and_then(|next| digits(&next.lower)) {
                Some(_) => unit_behind(tokens, at + 2),
                None => (None, 0),
            };
            (unit.filter(|_| length > 0), 0)
        }
        // One letter behind a space is seldom a unit.
        lower if lower.len() == 1 && token.is_word() && !"mhsg".contains(lower) => (None, 0),
        lower if token.is_word() || token.raw == "%" || token.raw == "°" => {
            match unit::english(lower) {
                Some(unit) => (Some(unit), 1),
                None => (None, 0),
            }
        }
        _ => (None, 0),
    }
}

/// A number and its unit in one word: `250m`, `72-hour`, `five-minute`, `142M`.
fn attached(tokens: &[Token], at: usize) -> Option<(Vec<Detail>, usize)> {
    let token = &tokens[at];
    let lower = token.lower.as_str();
    if let Some((number, rest)) = lower.split_once('-') {
        let value =
            digits(number).or_else(|| spelled(&[number], |_| false).map(|(value, _)| value))?;
        let unit = unit::english(rest).filter(|_| rest.len() > 1);
        let named = rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && rest.len() > 2;
        return (unit.is_some() || named).then(|| (vec![Detail::Number(value, unit)], 1));
    }
    let split = lower.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))?;
    let value = digits(&lower[..split])?;
    let suffix = &lower[split..];
    let mut any = Vec::new();
    match suffix {
        "k" | "bn" | "mn" => any.push(Detail::Number(value * multiplier(suffix)?, None)),
        "m" => {
            any.push(Detail::Number(value * 1e6, None));
            if token.raw.ends_with('m') {
                any.push(Detail::Number(value, Some(unit::MINUTE)));
                any.push(Detail::Number(value, unit::english("m")));
            }
        }
        "x" => any.push(Detail::Number(value, None)),
        _ => any.push(Detail::Number(value, Some(unit::english(suffix)?))),
    }
    Some((any, 1))
}

/// A Korean numeral without digits: `열흘`, `두 시간`, `천 명`, `오십 퍼센트`.
fn korean(tokens: &[Token], at: usize) -> Option<(Vec<Detail>, usize)> {
    let run = tokens[at].lower.as_str();
    let next = tokens.get(at + 1).filter(|next| next.is_hangul());
    if let Some((days, length)) = named_days(run) {
        let rest = &run[length..];
        let fits = rest.is_empty()
            || [
                "간", "에", "이", "마", "동", "뒤", "후", "만", "가", "을", "의", "정", "안", "치",
                "까",
            ]
            .iter()
            .any(|particle| rest.starts_with(particle));
        return fits.then(|| (vec![Detail::Number(days, Some(unit::DAY))], 1));
    }
    if run.starts_with("일주일") {
        return Some((vec![Detail::Number(1.0, Some(unit::WEEK))], 1));
    }
    // In one word with what it counts, or in two.
    let numeral = |value: f64, length: usize, sino: bool| {
        let rest = &run[length..];
        let (counted, tokens) = if rest.is_empty() {
            (next.filter(|next| next.spaced)?.lower.as_str(), 2)
        } else {
            (rest, 1)
        };
        let (unit, after) = unit::korean(counted)?;
        let time = unit.is_some_and(|unit| {
            matches!(
                unit.dimension,
                unit::Dimension::Duration | unit::Dimension::Calendar
            )
        });
        // One of anything is an article; `한 주` and `이 시간` are often "the week", "this time".
        let single = run[..length].chars().nth(1).is_none();
        let doubtful = if sino {
            single && value < 10.0
        } else {
            value < 2.0 && !time
        };
        // `두 분` are two persons.
        let minutes = unit == Some(unit::MINUTE) && !sino;
        (!doubtful && !minutes && is_ending(after))
            .then(|| (vec![Detail::Number(value, unit)], tokens))
    };
    if let Some((value, length)) = native_korean(run)
        && let Some(found) = numeral(value, length, false)
    {
        return Some(found);
    }
    let (value, length) = sino_korean(run)?;
    numeral(value, length, true)
}

/// Whether a run is nothing, or what may stand behind a Korean unit.
fn is_ending(rest: &str) -> bool {
    const ENDINGS: [&str; 30] = [
        "씩", "이", "가", "을", "를", "은", "는", "의", "에", "로", "으로", "까지", "부터", "만",
        "마다", "동안", "간", "안", "내", "뒤", "후", "전", "째", "정도", "이상", "이하", "미만",
        "도", "당", "단위",
    ];
    rest.is_empty() || ENDINGS.iter().any(|ending| rest.starts_with(ending))
}
