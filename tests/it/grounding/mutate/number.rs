//! Numbers, dates and times: in other forms, with other values, or in each other's places.

use std::ops::Range;

use super::Random;

/// A run of digits with its signs, not part of an identifier.
struct Number {
    start: usize,
    end: usize,
}

fn numbers(text: &str) -> Vec<Number> {
    let bytes = text.as_bytes();
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'#';
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len()
            && (bytes[at].is_ascii_digit()
                || (matches!(bytes[at], b',' | b'.')
                    && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)))
        {
            at += 1;
        }
        let joined =
            |b: Option<u8>| b.is_some_and(|b| is_part(b) || b == b'-' || b == b':' || b == b'/');
        let before = start.checked_sub(1).map(|before| bytes[before]);
        let versions = text[start..at].matches('.').count() > 1;
        if !joined(before) && before != Some(b'.') && !joined(bytes.get(at).copied()) && !versions {
            found.push(Number { start, end: at });
        }
    }
    found
}

const MONTHS: &str =
    "January February March April May June July August September October November December";
const NUMERALS: &str = "zero one two three four five six seven eight nine ten eleven twelve thirteen \
    fourteen fifteen sixteen seventeen eighteen nineteen twenty";

/// Words for small numbers, other separators, other forms of dates and times.
pub(super) fn reformatted(text: &str, random: &mut Random) -> Option<String> {
    let korean = text.chars().any(|c| matches!(c, '가'..='힣'));
    let mut changed = text.to_owned();
    if let Some(at) = iso_date(text) {
        changed.replace_range(at..at + 10, &date_form(&text[at..at + 10], korean, random)?);
    } else if let Some(at) = text.find('%') {
        changed.replace_range(at..=at, if korean { "퍼센트" } else { " percent" });
    } else if let Some(at) = clock(text) {
        changed.replace_range(at..at + 5, &clock_form(&text[at..at + 5], korean)?);
    } else {
        let mut forms = numbers(text).into_iter().rev();
        let (place, form) = forms.find_map(|number| number_form(text, &number, korean))?;
        changed.replace_range(place, &form);
    }
    Some(changed)
}

fn date_form(date: &str, korean: bool, random: &mut Random) -> Option<String> {
    let parts: Vec<usize> = date.split('-').map(|part| part.parse().unwrap()).collect();
    let [year, number, day] = parts[..] else {
        return None;
    };
    let month = MONTHS.split(' ').nth(number.checked_sub(1)?)?;
    Some(match (korean, random.below(2)) {
        (true, _) => format!("{year}년 {number}월 {day}일"),
        (false, 0) => format!("{day} {month} {year}"),
        (false, _) => format!("{month} {day}, {year}"),
    })
}

fn clock_form(time: &str, korean: bool) -> Option<String> {
    let (hour, minute) = time.split_once(':')?;
    let hour: usize = hour.parse().ok()?;
    let half = if hour < 12 { "am" } else { "pm" };
    let twelve = if hour.is_multiple_of(12) {
        12
    } else {
        hour % 12
    };
    Some(match (korean, minute) {
        (true, _) => format!("{hour}시"),
        (false, "00") => format!("{twelve} {half}"),
        (false, minute) => format!("{twelve}:{minute} {half}"),
    })
}

/// Another form of a number, with the place that it takes.
fn number_form(text: &str, number: &Number, korean: bool) -> Option<(Range<usize>, String)> {
    let place = number.start..number.end;
    let digits = &text[place.clone()];
    if digits.contains(',') {
        return Some((place, digits.replace(',', "")));
    }
    let value: f64 = digits.parse().ok()?;
    let after = &text[number.end..];
    if korean {
        let minutes = after.starts_with('분');
        return match value as usize {
            60 if minutes => Some((number.start..number.end + 3, "1시간".to_owned())),
            tens @ (10 | 20 | 30 | 40 | 50) if minutes => Some((
                place,
                format!("{}십", ["", "이", "삼", "사", "오"][tens / 10 - 1]),
            )),
            _ => None,
        };
    }
    let counts = after
        .strip_prefix(' ')
        .is_some_and(|word| word.starts_with(char::is_lowercase));
    let small = value.fract() == 0.0 && (2.0..=20.0).contains(&value);
    let numeral = NUMERALS.split(' ').nth(value as usize);
    numeral
        .filter(|_| small && counts)
        .map(|numeral| (place, numeral.to_owned()))
}

fn iso_date(text: &str) -> Option<usize> {
    (0..text.len().saturating_sub(9)).find(|&at| {
        text.get(at..at + 10).is_some_and(|part| {
            part.char_indices().all(|(place, c)| {
                if place == 4 || place == 7 {
                    c == '-'
                } else {
                    c.is_ascii_digit()
                }
            })
        }) && !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-')
    })
}

fn clock(text: &str) -> Option<usize> {
    (0..text.len().saturating_sub(4)).find(|&at| {
        text.get(at..at + 5).is_some_and(|part| {
            part.char_indices().all(|(place, c)| {
                if place == 2 {
                    c == ':'
                } else {
                    c.is_ascii_digit()
                }
            })
        }) && !text[..at].ends_with(|c: char| c.is_ascii_digit() || c == ':')
    })
}

/// Another value in a number's, a date's or a time's place.
pub(super) fn other_number(text: &str, random: &mut Random) -> Option<String> {
    let mut changed = text.to_owned();
    let places = numbers(text);
    let date = iso_date(text);
    let time = clock(text);
    match random.below(3) {
        0 if date.is_some() => {
            let at = date? + 8;
            let day: usize = text[at..at + 2].parse().ok()?;
            changed.replace_range(at..at + 2, &format!("{:02}", day % 28 + 1));
            return Some(changed);
        }
        1 if time.is_some() => {
            let at = time?;
            let hour: usize = text[at..at + 2].parse().ok()?;
            changed.replace_range(
                at..at + 2,
                &format!("{:02}", (hour + 1 + random.below(5)) % 24),
            );
            return Some(changed);
        }
        _ => {}
    }
    let place = random.choose(&places)?;
    let digits = &text[place.start..place.end];
    let plain = digits.replace(',', "");
    let value: f64 = plain.parse().ok()?;
    let decimals = plain.split('.').nth(1).map_or(0, str::len);
    let other = match random.below(4) {
        0 => value * 2.0,
        1 => value + [1.0, 3.0, 5.0][random.below(3)],
        2 => value * 10.0,
        _ => (value / 2.0).max(0.1f64.powi(decimals as i32)),
    };
    let mut form = format!("{other:.decimals$}");
    if digits.contains(',') && form.len() > 3 {
        let at = form.find('.').unwrap_or(form.len());
        form.insert(at - 3, ',');
    }
    if form.replace(',', "").parse::<f64>() == Ok(value) {
        form = format!("{:.decimals$}", value + 7.0);
    }
    changed.replace_range(place.start..place.end, &form);
    Some(changed)
}

/// A number of the same passage in the place of another.
pub(super) fn moved_number(text: &str, passage: &str, random: &mut Random) -> Option<String> {
    let mine = numbers(text);
    let place = random.choose(&mine)?;
    let said = &text[place.start..place.end];
    let others: Vec<&str> = numbers(passage)
        .into_iter()
        .map(|number| &passage[number.start..number.end])
        .filter(|other| *other != said && !text.contains(other))
        .collect();
    let other = random.choose(&others)?;
    let mut changed = text.to_owned();
    changed.replace_range(place.start..place.end, other);
    Some(changed)
}
