//! Real sentences said otherwise, rightly and wrongly. Everything is drawn from a seed: the same corpus
//! gives the same pairs.

use std::ops::Range;

use super::corpus::{Section, Sentence};

/// What was done to a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Verbatim,
    Reordered,
    Shortened,
    Reformatted,
    Number,
    Unit,
    Identifier,
    Invented,
    OtherPassage,
    /// A number in the place of another one of the same passage.
    Moved,
    Negated,
}

impl Kind {
    pub(crate) fn is_supported(self) -> bool {
        matches!(
            self,
            Self::Verbatim | Self::Reordered | Self::Shortened | Self::Reformatted
        )
    }
}

/// A claim with the section that it cites.
pub(crate) struct Pair {
    pub(crate) kind: Kind,
    pub(crate) section: usize,
    pub(crate) claim: String,
    pub(crate) is_korean: bool,
    /// The sentence that it was made from.
    pub(crate) from: String,
}

/// A small generator (`SplitMix64`, Steele and others 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn choose<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        (!of.is_empty()).then(|| &of[self.below(of.len())])
    }
}

/// Every sentence in every way that it can be said; Korean ones, of which there are fewer, with more
/// changed numbers, units and names.
pub(crate) fn pairs(sections: &[Section], sentences: &[Sentence], seed: u64) -> Vec<Pair> {
    let mut random = Random(seed);
    let identifiers: Vec<Vec<String>> = sections
        .iter()
        .map(|section| identifiers(&section.text))
        .collect();
    let all: Vec<String> = identifiers.iter().flatten().cloned().collect();
    let mut pairs = Vec::new();
    for sentence in sentences {
        let text = sentence.text.as_str();
        let mut push = |kind: Kind, claim: Option<String>, section: usize| {
            if let Some(claim) = claim.filter(|claim| {
                kind == Kind::Verbatim || kind == Kind::OtherPassage || claim != text
            }) {
                pairs.push(Pair {
                    kind,
                    section,
                    claim,
                    is_korean: sentence.is_korean,
                    from: text.to_owned(),
                });
            }
        };
        let own = sentence.section;
        push(Kind::Verbatim, Some(text.to_owned()), own);
        push(Kind::Reordered, reordered(text), own);
        push(Kind::Shortened, shortened(text), own);
        push(Kind::Reformatted, reformatted(text, &mut random), own);
        for _ in 0..if sentence.is_korean { 4 } else { 1 } {
            push(Kind::Number, other_number(text, &mut random), own);
            push(Kind::Unit, other_unit(text, &mut random), own);
            let pool = if random.below(2) == 0 {
                &identifiers[own]
            } else {
                &all
            };
            push(
                Kind::Identifier,
                other_identifier(text, pool, &mut random),
                own,
            );
        }
        push(
            Kind::Moved,
            moved_number(text, &sections[own].text, &mut random),
            own,
        );
        push(Kind::Negated, negated(text, sentence.is_korean), own);
        let elsewhere: Vec<&Sentence> = sentences
            .iter()
            .filter(|other| {
                sections[other.section].path != sections[own].path
                    && other.is_korean == sentence.is_korean
            })
            .collect();
        if let Some(other) = random.choose(&elsewhere) {
            push(Kind::Invented, chimera(text, &other.text), own);
        }
        let others: Vec<usize> = (0..sections.len())
            .filter(|other| {
                let other = &sections[*other];
                (other.path != sections[own].path
                    || (sentence.is_korean && !other.text.contains(text)))
                    && other.is_korean == sentence.is_korean
                    && !super::corpus::without_links(&other.text).contains(text)
            })
            .collect();
        if let Some(other) = random.choose(&others) {
            push(Kind::OtherPassage, Some(text.to_owned()), *other);
        }
    }
    pairs
}

/// The second clause first.
fn reordered(text: &str) -> Option<String> {
    let body = text.strip_suffix(['.', '!'])?;
    let (first, second) = body.split_once(", ").filter(|(first, second)| {
        !second.contains(", ") && first.split(' ').count() > 2 && second.split(' ').count() > 2
    })?;
    Some(format!("{second}, {first}."))
}

/// Without what stands in parentheses or in its last clause.
fn shortened(text: &str) -> Option<String> {
    if let (Some(open), Some(close)) = (text.find(" ("), text.find(')'))
        && open < close
        && close - open > 12
    {
        return Some(format!("{}{}", &text[..open], &text[close + 1..]));
    }
    [
        ", which",
        "; ",
        ": ",
        ", because",
        ", so ",
        ", as ",
        " because ",
        ", and ",
        "며, ",
        "고, ",
    ]
    .iter()
    .filter_map(|mark| text.find(mark))
    .map(|at| &text[..at])
    .find(|kept| kept.split(' ').count() >= 5)
    .map(|kept| format!("{kept}."))
}

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
fn reformatted(text: &str, random: &mut Random) -> Option<String> {
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
fn other_number(text: &str, random: &mut Random) -> Option<String> {
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

/// Another unit behind the same number.
fn other_unit(text: &str, random: &mut Random) -> Option<String> {
    const GROUPS: [&[&str]; 9] = [
        &[
            "seconds", "minutes", "hours", "days", "weeks", "months", "years",
        ],
        &["second", "minute", "hour", "day", "week", "month", "year"],
        &["hourly", "daily", "weekly", "monthly"],
        &["KB", "MB", "GB", "TB"],
        &["million", "thousand", "billion"],
        &["%", " percentage points", " million"],
        &["won", "dollars", "euros"],
        &["m ", "km ", "cm "],
        &["분", "시간", "주", "개월"],
    ];
    let mut places = Vec::new();
    for group in GROUPS {
        for unit in group {
            for (at, _) in text.match_indices(unit) {
                let before = text[..at].trim_end();
                let after = &text[at + unit.len()..];
                let whole = !after
                    .starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '`')
                    && !text[..at].ends_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let counted = before.ends_with(|c: char| c.is_ascii_digit())
                    || unit.ends_with("ly")
                    || before.ends_with("every")
                    || before.ends_with("each")
                    || before.ends_with("per");
                if whole && counted && !(*unit == "분" && after.starts_with('기')) {
                    places.push((at, *unit, group));
                }
            }
        }
    }
    let (at, unit, group) = random.choose(&places)?;
    let others: Vec<&&str> = group.iter().filter(|other| *other != unit).collect();
    let other = random.choose(&others)?;
    let mut changed = text.to_owned();
    changed.replace_range(*at..at + unit.len(), other);
    Some(changed)
}

/// Names in backticks or with underscores.
fn identifiers(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-#".contains(c);
    for word in text.split(|c: char| !is_part(c)) {
        let word = word.trim_matches(['.', '-']);
        let plain =
            word.len() > 4 && word.contains('_') && !word.starts_with('_') && !word.ends_with('_');
        if plain && !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
    }
    found
}

fn other_identifier(text: &str, pool: &[String], random: &mut Random) -> Option<String> {
    let mine = identifiers(text);
    let one = random.choose(&mine)?;
    let others: Vec<&String> = pool
        .iter()
        .filter(|other| {
            !mine.contains(other) && !other.contains(one.as_str()) && !one.contains(other.as_str())
        })
        .collect();
    let other = random.choose(&others)?;
    Some(text.replacen(one.as_str(), other, 1))
}

/// A number of the same passage in the place of another.
fn moved_number(text: &str, passage: &str, random: &mut Random) -> Option<String> {
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

/// The first half of one sentence and the second of another.
fn chimera(first: &str, second: &str) -> Option<String> {
    let half = |text: &str, from: usize, to: usize| {
        text.split(' ')
            .skip(from)
            .take(to - from)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let (left, right) = (first.split(' ').count(), second.split(' ').count());
    (left >= 6 && right >= 6).then(|| {
        format!(
            "{} {}",
            half(first, 0, left / 2),
            half(second, right / 2, right)
        )
    })
}

/// The opposite.
fn negated(text: &str, korean: bool) -> Option<String> {
    if korean {
        for (positive, negative) in [
            ("않습니다.", "합니다."),
            ("없습니다.", "있습니다."),
            ("있습니다.", "없습니다."),
            ("됩니다.", "되지 않습니다."),
            ("합니다.", "하지 않습니다."),
            ("입니다.", "이 아닙니다."),
            ("빠집니다.", "빠지지 않습니다."),
        ] {
            if let Some(rest) = text.strip_suffix(positive) {
                if positive == "않습니다." {
                    return rest
                        .strip_suffix("지 ")
                        .map(|rest| format!("{rest}ㅂ니다."));
                }
                return Some(format!("{rest}{negative}"));
            }
        }
        return None;
    }
    for negation in [" not ", " never "] {
        if let Some(at) = text.find(negation) {
            let mut changed = text.to_owned();
            changed.replace_range(at..at + negation.len(), " ");
            return Some(changed);
        }
    }
    [
        " is ",
        " are ",
        " was ",
        " were ",
        " can ",
        " will ",
        " has been ",
        " must ",
        " may ",
        " should ",
    ]
    .iter()
    .filter_map(|verb| Some((text.find(verb)?, verb)))
    .min()
    .map(|(at, verb)| {
        let first = verb.split(' ').nth(1).unwrap_or_default().len() + 1;
        let mut changed = text.to_owned();
        changed.insert_str(at + first, " not");
        changed
    })
}
