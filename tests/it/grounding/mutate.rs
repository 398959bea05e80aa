//! Real sentences said otherwise, rightly and wrongly. Everything is drawn from a seed: the same corpus
//! gives the same pairs.

mod number;

use self::number::{moved_number, other_number, reformatted};
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
