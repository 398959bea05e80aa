//! What a text names: numbers, dates, identifiers, links and names of people and things. Found by
//! their form alone; a name at the beginning of a sentence that stands alone there is not told from
//! any other word.

use std::collections::BTreeSet;

/// Everything lower-case, as it is compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    links: BTreeSet<String>,
    /// Also dates and times: figures with what joins them.
    numbers: BTreeSet<String>,
    identifiers: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Facts {
    pub(super) fn of(text: &str) -> Self {
        let mut facts = Self::default();
        let rest = facts.take_links(text);
        for line in rest.lines() {
            facts.take_numbers(without_list_mark(line));
            facts.take_words(line);
        }
        facts
    }

    /// The first that `original` does not have.
    pub(super) fn not_in(&self, known: &Self, original: &str) -> Option<&str> {
        let original = original.to_lowercase();
        let parts: BTreeSet<&str> = known
            .numbers
            .iter()
            .flat_map(|number| number.split(['-', '/', ':']))
            .collect();
        let link = self.links.iter().find(|link| !known.links.contains(*link));
        let number = || {
            self.numbers
                .iter()
                .find(|number| !known.numbers.contains(*number) && !parts.contains(number.as_str()))
        };
        let identifier = || {
            self.identifiers
                .iter()
                .find(|identifier| !stands_in(identifier, &original))
        };
        let name = || self.names.iter().find(|name| !is_named(name, &original));
        link.or_else(number)
            .or_else(identifier)
            .or_else(name)
            .map(String::as_str)
    }

    /// How many of these a result still has, and how many there are. The time of day of a message is
    /// noise.
    pub(super) fn kept_in(&self, named: &Self, result: &str) -> (usize, usize) {
        let result = result.to_lowercase();
        let numbers: Vec<&String> = self
            .numbers
            .iter()
            .filter(|number| !is_clock(number))
            .collect();
        let kept = self.links.intersection(&named.links).count()
            + numbers
                .iter()
                .filter(|number| named.numbers.contains(**number))
                .count()
            + self
                .identifiers
                .iter()
                .filter(|identifier| stands_in(identifier, &result))
                .count()
            + self
                .names
                .iter()
                .filter(|name| is_named(name, &result))
                .count();
        let all = self.links.len() + numbers.len() + self.identifiers.len() + self.names.len();
        (kept, all)
    }

    /// Takes links out of a text.
    fn take_links(&mut self, text: &str) -> String {
        let mut rest = String::with_capacity(text.len());
        let mut left = text;
        while let Some(at) = left
            .find("http://")
            .into_iter()
            .chain(left.find("https://"))
            .min()
        {
            rest.push_str(&left[..at]);
            rest.push(' ');
            let link = &left[at..];
            let end = link
                .find(|c: char| c.is_whitespace() || "()<>[]\"'`|".contains(c))
                .unwrap_or(link.len());
            let link = link[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']);
            self.links.insert(link.to_lowercase());
            left = &left[at + link.len().max(4)..];
        }
        rest.push_str(left);
        rest
    }

    /// Figures, also those of dates, times and amounts. Commas between thousands are taken out.
    fn take_numbers(&mut self, line: &str) {
        let bytes = line.as_bytes();
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mut at = 0;
        while at < bytes.len() {
            if !is_digit(at) {
                at += 1;
                continue;
            }
            let begin = at;
            while is_digit(at)
                || (b".,:/-".contains(&bytes[at.min(bytes.len() - 1)])
                    && at < bytes.len()
                    && is_digit(at + 1))
            {
                at += 1;
            }
            self.numbers.insert(without_thousands(&line[begin..at]));
        }
    }

    fn take_words(&mut self, line: &str) {
        let marks = |c: char| "*~\"“”‘’()[]{}<>|!?;,".contains(c) || c.is_whitespace();
        let mut begins = true;
        let words: Vec<&str> = line.split(marks).collect();
        for (at, raw) in words.iter().enumerate() {
            let is_code = raw.starts_with('`');
            let word = raw.trim_matches(['`', '.', ':', '\'', '-', '/', '=', '…']);
            let is_heading_mark = !word.is_empty() && word.chars().all(|c| c == '#');
            if word.is_empty() || is_heading_mark {
                // A mark such as "?" or an opening quotation mark ends or begins a sentence.
                begins |= raw.ends_with(['.', ':']);
                continue;
            }
            let next = words[at + 1..].iter().find(|next| !next.is_empty());
            if is_code || is_identifier(word) {
                self.identifiers.insert(word.to_lowercase());
            } else if let Some(name) = person(word) {
                self.names.insert(name.to_owned());
            } else if is_capitalised(word) {
                let is_alone = next.is_none_or(|next| !is_capitalised(next));
                let is_owner = word.ends_with("'s") || word.ends_with("’s");
                if !begins || !is_alone || is_owner {
                    self.names.insert(singular(&word.to_lowercase()).to_owned());
                }
            }
            begins = raw.ends_with(['.', ':']) || ends_sentence(line, raw);
        }
    }
}

/// Whether one of `?`, `!`, `"`, `(` follows a word, which the split has taken.
fn ends_sentence(line: &str, word: &str) -> bool {
    let end = word.as_ptr() as usize - line.as_ptr() as usize + word.len();
    line[end..].starts_with(['?', '!', ';', '"', '“', '(', '*', '|'])
}

/// A line without the number of an ordered list.
fn without_list_mark(line: &str) -> &str {
    let trimmed = line.trim_start();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    match trimmed[digits..].strip_prefix(['.', ')']) {
        Some(rest) if (1..=3).contains(&digits) && rest.starts_with(' ') => rest,
        _ => line,
    }
}

/// `12,480` is `12480`; `1,5` and `2026-03-05` stay.
fn without_thousands(number: &str) -> String {
    let groups: Vec<&str> = number.split(',').collect();
    let is_amount = groups.len() > 1
        && (1..=3).contains(&groups[0].len())
        && groups[1..].iter().all(|group| {
            let whole = group.split('.').next().unwrap_or_default();
            whole.len() == 3
        });
    if is_amount {
        groups.concat()
    } else {
        number.to_owned()
    }
}

/// `10:31`.
fn is_clock(number: &str) -> bool {
    number.contains(':')
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b':')
}

/// Names of tables, columns, files, channels, people's handles, tickets, abbreviations.
fn is_identifier(word: &str) -> bool {
    let has_letter = word.chars().any(char::is_alphabetic);
    let letters = word.chars().filter(|c| c.is_alphabetic());
    let is_short_for = word.len() >= 2
        && letters.clone().count() >= 2
        && letters.clone().all(|c| c.is_ascii_uppercase());
    let is_joined = word.contains('_')
        || word
            .split('.')
            .collect::<Vec<_>>()
            .windows(2)
            .any(|pair| ends_and_begins(pair[0], pair[1]));
    let is_camel = word
        .chars()
        .zip(word.chars().skip(1))
        .any(|(a, b)| a.is_ascii_lowercase() && b.is_ascii_uppercase());
    let is_handle = word.starts_with(['#', '@']) && word.len() > 1;
    has_letter && (is_short_for || is_joined || is_camel || is_handle)
}

/// Whether a dot joins two names: `schema.table`, not the end of a sentence.
fn ends_and_begins(left: &str, right: &str) -> bool {
    left.ends_with(|c: char| c.is_ascii_alphanumeric())
        && right.starts_with(|c: char| c.is_ascii_lowercase())
}

fn is_capitalised(word: &str) -> bool {
    let mut chars = word.chars();
    let first = chars.next().is_some_and(char::is_uppercase);
    first && chars.any(char::is_lowercase)
}

/// A Korean name with its title: `김민수님`.
fn person(word: &str) -> Option<&str> {
    let at = word.find(['님', '씨'])?;
    let name = &word[..at];
    let count = name.chars().count();
    let is_hangul = name.chars().all(|c| ('가'..='힣').contains(&c));
    ((2..=4).contains(&count) && is_hangul).then_some(name)
}

/// Without an ending that says whose or how many.
fn singular(word: &str) -> &str {
    let word = word
        .strip_suffix("'s")
        .or_else(|| word.strip_suffix("’s"))
        .unwrap_or(word);
    match word.strip_suffix('s') {
        Some(rest) if rest.chars().count() > 3 => rest,
        _ => word,
    }
}

/// Whether an identifier stands in a lower-case text as a whole.
fn stands_in(identifier: &str, text: &str) -> bool {
    let joins = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(identifier).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}

/// Whether a name stands in a lower-case text, with whatever ending.
fn is_named(name: &str, text: &str) -> bool {
    let joins = |c: char| c.is_ascii_alphanumeric();
    text.match_indices(name).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let rest = &text[at + found.len()..];
        let ending = rest.chars().take_while(|c| joins(*c)).count();
        !before.is_some_and(joins) && ending <= 2
    })
}
