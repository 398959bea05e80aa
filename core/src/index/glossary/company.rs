//! `glossary.toml`: the acronyms and synonyms of a company.
//!
//! Each entry is a word and what else it is called: `WAU = ["weekly active users"]`. All names of an
//! entry stand for each other.

use std::collections::BTreeMap;

use toml::{Spanned, Value};

use super::lexicon::{Lexicon, is_acronym};
use crate::index::lexical;

type Entries = BTreeMap<String, Spanned<Value>>;

/// The error names the line.
pub(super) fn parse(text: &str) -> Result<Lexicon, String> {
    let entries: Entries = toml::from_str(text).map_err(|error| {
        let place = error.span().map_or(0, |span| span.start);
        format!("line {}: {}", line(text, place), error.message())
    })?;
    let mut lexicon = Lexicon::default();
    for (name, value) in &entries {
        let place = line(text, value.span().start);
        let word = name.trim();
        let names = names(value.get_ref()).ok_or_else(|| {
            format!(
                "line {place}: {word} must be a text or a list of texts, for example \
                 WAU = [\"weekly active users\"]"
            )
        })?;
        let names: Vec<&str> = std::iter::once(word).chain(names).collect();
        if names.len() < 2 || names.iter().any(|name| name.is_empty()) {
            return Err(format!(
                "line {place}: {word} must say what else it is called, for example \
                 WAU = [\"weekly active users\"]"
            ));
        }
        add(&mut lexicon, &names).map_err(|name| {
            format!("line {place}: \"{name}\" is too common to have another name; leave it out")
        })?;
    }
    Ok(lexicon)
}

fn names(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(name) => Some(vec![name.trim()]),
        Value::Array(names) => names
            .iter()
            .map(|name| name.as_str().map(str::trim))
            .collect(),
        _ => None,
    }
}

/// Adds names that stand for each other; gives back one that nothing can be found by.
fn add<'a>(lexicon: &mut Lexicon, names: &[&'a str]) -> Result<(), &'a str> {
    let analysed: Vec<Vec<String>> = names.iter().map(|name| lexical::terms(name)).collect();
    for (place, name) in names.iter().enumerate() {
        if analysed[place].is_empty() && !is_acronym(name) {
            return Err(name);
        }
        let others: Vec<Vec<String>> = analysed
            .iter()
            .enumerate()
            .filter(|&(other, terms)| other != place && *terms != analysed[place])
            .map(|(_, terms)| terms.clone())
            .collect();
        lexicon.add(name, &others);
        // The stemmer leaves the plural of some acronyms as it is (KPIs).
        let plural = format!("{name}s");
        if is_acronym(name) && lexical::terms(&plural) != analysed[place] {
            lexicon.add(&plural, &others);
        }
    }
    Ok(())
}

/// The line of a place in the text, from 1.
fn line(text: &str, place: usize) -> usize {
    text.bytes()
        .take(place)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}
