//! JSON, and what YAML holds: keys as headings and lists, long lists of equal objects as described
//! tables.

use docent_core::document::Outcome;
use serde_json::{Map, Value};

use super::table::Described;
use super::write::{Markdown, one_line};
use super::{MAX_MARKDOWN, Page, title};

/// Lists of at most so many objects are written whole where they are no table.
const WHOLE: usize = 500;
/// Headings go no deeper than this.
const DEEPEST: usize = 6;
/// Keys that name an object, likeliest first.
const NAMES: [&str; 5] = ["title", "name", "id", "key", "label"];
/// Longest value that can be a title, in characters.
const TITLE_LENGTH: usize = 120;

/// Reads one JSON value.
pub(super) fn page(text: &str) -> Result<Page, Outcome> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => Ok(value_page(&value)),
        // Lines of JSON are often named `.json`.
        Err(error) if error.line() > 1 => {
            lines(text).map_err(|_| Outcome::Failed(format!("not readable as JSON: {error}")))
        }
        Err(error) => Err(Outcome::Failed(format!("not readable as JSON: {error}"))),
    }
}

/// Reads JSON lines: one value a line.
pub(super) fn lines(text: &str) -> Result<Page, Outcome> {
    let mut values = Vec::new();
    let mut more = 0;
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        if values.len() >= WHOLE * 2 {
            more += 1;
            continue;
        }
        let value: Value = serde_json::from_str(line).map_err(|error| {
            Outcome::Failed(format!(
                "line {} is not readable as JSON: {error}",
                number + 1
            ))
        })?;
        values.push(value);
    }
    let mut markdown = Markdown::default();
    if !write_table(&values, more, &mut markdown) {
        write_list("", &values, 2, &mut markdown);
    }
    Ok(Page::of(markdown.finish()))
}

/// The page of a value.
pub(super) fn value_page(value: &Value) -> Page {
    let mut markdown = Markdown::default();
    match value {
        Value::Object(map) => write_object(map, 2, &mut markdown),
        Value::Array(values) => write_list("", values, 2, &mut markdown),
        value => markdown.paragraph(&scalar(value).unwrap_or_default()),
    }
    let name = |key: &&str| value.get(key).and_then(Value::as_str).map(title::tidy);
    let is_title = |name: &String| !name.is_empty() && name.chars().count() <= TITLE_LENGTH;
    Page {
        title: NAMES[..2].iter().filter_map(name).find(is_title),
        ..Page::of(markdown.finish())
    }
}

/// Scalars first, as a list; then what is nested, each below a heading.
fn write_object(map: &Map<String, Value>, level: usize, markdown: &mut Markdown) {
    for (key, value) in map {
        if let Some(text) = short(value) {
            markdown.item(0, None, &format!("{key}: {text}"));
        }
    }
    for (key, value) in map {
        if markdown.len() > MAX_MARKDOWN {
            return;
        }
        match value {
            value if short(value).is_some() => {}
            Value::String(text) => {
                markdown.paragraph(&format!("{key}:"));
                markdown.code("", text);
            }
            Value::Object(inner) if !inner.is_empty() => {
                markdown.heading(level.min(DEEPEST), key);
                write_object(inner, level + 1, markdown);
            }
            Value::Array(values) => write_list(key, values, level, markdown),
            _ => {}
        }
    }
}

fn write_list(key: &str, values: &[Value], level: usize, markdown: &mut Markdown) {
    markdown.heading(level.min(DEEPEST), key);
    if values.len() > 2 && write_table(values, 0, markdown) {
        return;
    }
    let level = if key.is_empty() { level } else { level + 1 };
    for (number, value) in values.iter().take(WHOLE).enumerate() {
        if markdown.len() > MAX_MARKDOWN {
            return;
        }
        match value {
            Value::Object(map)
                if map.values().all(|value| short(value).is_some()) && map.len() <= 4 =>
            {
                let pairs = map
                    .iter()
                    .filter_map(|(key, value)| Some(format!("{key}: {}", short(value)?)));
                markdown.item(0, None, &pairs.collect::<Vec<_>>().join(", "));
            }
            Value::Object(map) => {
                let name = NAMES.iter().find_map(|key| map.get(*key)?.as_str());
                let name = name.map_or_else(|| format!("{key} {}", number + 1), str::to_owned);
                markdown.heading(level.min(DEEPEST), &name);
                write_object(map, level + 1, markdown);
            }
            Value::Array(inner) => {
                let texts: Vec<String> = inner.iter().filter_map(short).collect();
                if texts.len() == inner.len() {
                    markdown.item(0, None, &texts.join(", "));
                } else {
                    write_list(&format!("{key} {}", number + 1), inner, level, markdown);
                }
            }
            value => markdown.item(0, None, &scalar(value).unwrap_or_default()),
        }
    }
    if values.len() > WHOLE {
        markdown.paragraph(&format!("… and {} more.", values.len() - WHOLE));
    }
}

/// Objects of scalars with the same keys are a table; whether they were one.
fn write_table(values: &[Value], more: u64, markdown: &mut Markdown) -> bool {
    let mut keys: Vec<&str> = Vec::new();
    for value in values {
        let Some(map) = value.as_object() else {
            return false;
        };
        for (key, value) in map {
            if short(value).is_none_or(|text| text.len() > 200) && values.len() <= WHOLE {
                return false;
            }
            if !keys.contains(&key.as_str()) {
                keys.push(key);
            }
        }
        if keys.len() > 60 {
            return false;
        }
    }
    if keys.is_empty() {
        return false;
    }
    let mut table = Described::with_header(keys.iter().map(|key| (*key).to_owned()).collect());
    for value in values {
        let cell = |key: &&str| {
            value
                .get(*key)
                .map(|value| short(value).unwrap_or_else(|| value.to_string()))
        };
        table.row(
            keys.iter()
                .map(|key| cell(key).unwrap_or_default())
                .collect(),
        );
    }
    let read = table.rows();
    table.more_rows(more);
    table.write(markdown, (more > 0).then_some(read));
    true
}

/// A value that fits on a line of a list: a scalar, or a list of scalars.
fn short(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim().matches('\n').count() >= 3 => None,
        Value::Array(values) => {
            let texts: Option<Vec<String>> = values.iter().map(scalar).collect();
            texts
                .map(|texts| texts.join(", "))
                .filter(|text| text.len() <= 1_000)
        }
        Value::Object(map) if map.is_empty() => Some(String::new()),
        value => scalar(value),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(one_line(text)),
        Value::Array(_) | Value::Object(_) => None,
    }
}
