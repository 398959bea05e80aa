//! A schema object as text: its columns, its rules, what it refers to.

use serde_json::Value;

use super::shape::{Items, LogicalType, Property, Quality, QualityType, said};
use crate::source::prose::{and, article, cell, code, count, names, one_line, sentence, table};

/// Examples of a column that are written out.
const EXAMPLES: usize = 3;

/// Everything about one table, topic or file, in blocks below its heading.
pub(super) fn blocks(object: &Property) -> Vec<String> {
    let subject = code(object.name.as_str());
    let mut about = Vec::new();
    let kind = said(object.physical_type.as_ref()).unwrap_or("object");
    let physical = said(object.physical_name.as_ref())
        .filter(|name| *name != object.name.as_str())
        .map_or_else(String::new, |name| format!(", physically {}", code(name)));
    let business = said(object.business_name.as_ref())
        .map_or_else(String::new, |name| format!(", called \"{name}\""));
    about.push(format!(
        "{subject} is {}{physical}{business}.",
        article(kind)
    ));
    if let Some(description) = said(object.description.as_ref()) {
        about.push(sentence(&one_line(description)));
    }
    if let Some(granularity) = said(object.data_granularity_description.as_ref()) {
        about.push(format!(
            "Granularity of {subject}: {}",
            sentence(&one_line(granularity))
        ));
    }
    let tags = object.tags.as_deref().unwrap_or_default();
    if !tags.is_empty() {
        let tags = names(tags.iter().map(super::shape::Text::as_str));
        about.push(format!("{subject} is tagged {tags}."));
    }
    let mut rows = Vec::new();
    let mut rules = Vec::new();
    quality(&subject, None, object, &mut rules);
    references(&subject, None, object, &mut rules);
    for property in object.properties.as_deref().unwrap_or_default() {
        row(&subject, "", property, &mut rows, &mut rules);
    }
    let mut blocks = vec![about.join(" ")];
    if !rows.is_empty() {
        blocks.push(format!("{subject} has {}.", count(rows.len(), "column")));
        blocks.push(table(&["column", "type", "description", "promised"], &rows));
    }
    if !rules.is_empty() {
        blocks.push(format!("Rules that {subject} is held to:"));
        blocks.push(rules.iter().map(|rule| format!("- {rule}\n")).collect());
    }
    blocks
}

/// How many columns there are, nested ones too.
pub(super) fn size(object: &Property) -> usize {
    let inner = object.properties.as_deref().unwrap_or_default();
    let items = object
        .items
        .as_ref()
        .and_then(|items| items.properties.as_deref());
    inner
        .iter()
        .chain(items.unwrap_or_default())
        .map(|property| 1 + size(property))
        .sum()
}

/// One row for a column, then one for each field inside of it: `address.zip`, `lines[].id`.
fn row(
    subject: &str,
    above: &str,
    property: &Property,
    rows: &mut Vec<Vec<String>>,
    rules: &mut Vec<String>,
) {
    let name = format!("{above}{}", property.name.as_str());
    rows.push(vec![
        cell(&code(&name)),
        cell(&data_type(property)),
        cell(&meaning(property)),
        cell(&promised(property)),
    ]);
    quality(subject, Some(&name), property, rules);
    references(subject, Some(&name), property, rules);
    for inner in property.properties.as_deref().unwrap_or_default() {
        row(subject, &format!("{name}."), inner, rows, rules);
    }
    let items = property
        .items
        .as_ref()
        .and_then(|items| items.properties.as_deref());
    for inner in items.unwrap_or_default() {
        row(subject, &format!("{name}[]."), inner, rows, rules);
    }
}

fn data_type(property: &Property) -> String {
    let physical = said(property.physical_type.as_ref());
    let logical = property.logical_type.map(logical_name);
    let mut written = match (physical, logical) {
        (Some(physical), Some(logical)) if !physical.eq_ignore_ascii_case(logical) => {
            format!("{physical} ({logical})")
        }
        (Some(name), _) | (None, Some(name)) => name.to_owned(),
        (None, None) => String::new(),
    };
    if let Some(Items {
        physical_type,
        logical_type,
        ..
    }) = property.items.as_deref()
    {
        let of = said(physical_type.as_ref()).or(logical_type.map(logical_name));
        if let Some(of) = of {
            written.push_str(&format!(" of {of}"));
        }
    }
    written
}

fn logical_name(kind: LogicalType) -> &'static str {
    match kind {
        LogicalType::String => "string",
        LogicalType::Date => "date",
        LogicalType::Timestamp => "timestamp",
        LogicalType::Time => "time",
        LogicalType::Number => "number",
        LogicalType::Integer => "integer",
        LogicalType::Object => "object",
        LogicalType::Array => "array",
        LogicalType::Boolean => "boolean",
        LogicalType::Map => "map",
    }
}

fn meaning(property: &Property) -> String {
    let mut parts = Vec::new();
    let name = said(property.business_name.as_ref()).filter(|name| {
        name.to_lowercase() != property.name.as_str().replace('_', " ").to_lowercase()
    });
    if let Some(name) = name {
        parts.push(sentence(&one_line(name)));
    }
    if let Some(description) = said(property.description.as_ref()) {
        parts.push(sentence(&one_line(description)));
    }
    let physical =
        said(property.physical_name.as_ref()).filter(|name| *name != property.name.as_str());
    if let Some(physical) = physical {
        parts.push(format!("Physically {}.", code(physical)));
    }
    if let Some(how) = said(property.transform_description.as_ref()) {
        parts.push(format!("Made by: {}", sentence(&one_line(how))));
    }
    let made_from = property
        .transform_source_objects
        .as_deref()
        .unwrap_or_default();
    if !made_from.is_empty() {
        let made_from = names(made_from.iter().map(super::shape::Text::as_str));
        parts.push(format!("Made from {made_from}."));
    }
    let examples: Vec<String> = property
        .examples
        .iter()
        .flatten()
        .filter_map(written)
        .take(EXAMPLES)
        .map(|example| code(&example))
        .collect();
    if !examples.is_empty() {
        parts.push(format!("For example {}.", examples.join(", ")));
    }
    parts.join(" ")
}

fn promised(property: &Property) -> String {
    let holds = |flag: Option<bool>| flag == Some(true);
    let mut words = Vec::new();
    if holds(property.primary_key) {
        words.push("primary key".to_owned());
    }
    if holds(property.unique) {
        words.push("unique".to_owned());
    }
    if holds(property.required) {
        words.push("never null".to_owned());
    }
    if holds(property.partitioned) {
        words.push("partition column".to_owned());
    }
    if holds(property.critical_data_element) {
        words.push("critical data element".to_owned());
    }
    if let Some(class) = said(property.classification.as_ref()) {
        words.push(format!("classified {class}"));
    }
    words.extend(
        property
            .tags
            .iter()
            .flatten()
            .map(|tag| format!("tag {}", tag.as_str())),
    );
    words.join(", ")
}

fn quality(subject: &str, column: Option<&str>, of: &Property, rules: &mut Vec<String>) {
    let about = column.map_or_else(
        || subject.to_owned(),
        |column| format!("In {subject}, {}", code(column)),
    );
    for rule in of.quality.as_deref().unwrap_or_default() {
        rules.push(sentence(&format!("{about}: {}", rule_in_words(rule))));
    }
}

fn rule_in_words(rule: &Quality) -> String {
    let mut details = Vec::new();
    let measured = said(rule.metric.as_ref()).map(code);
    let limits = limits(rule);
    match (&measured, limits.is_empty()) {
        (Some(metric), false) => details.push(format!("{metric} must {}", and(&limits))),
        (Some(metric), true) => details.push(metric.clone()),
        (None, false) => details.push(format!("the result must {}", and(&limits))),
        (None, true) => {}
    }
    if rule.kind == QualityType::Sql
        && let Some(query) = said(rule.query.as_ref())
    {
        details.push(format!("checked by {}", code(&one_line(query))));
    }
    if let Some(engine) = said(rule.engine.as_ref()) {
        details.push(format!("checked with {engine}"));
    }
    if let Some(dimension) = said(rule.dimension.as_ref()) {
        details.push(dimension.to_owned());
    }
    if let Some(severity) = said(rule.severity.as_ref()) {
        details.push(format!("severity {severity}"));
    }
    if let Some(schedule) = said(rule.schedule.as_ref()) {
        details.push(format!("schedule {}", code(schedule)));
    }
    let description = said(rule.description.as_ref())
        .or_else(|| said(rule.name.as_ref()))
        .map(|text| one_line(text).trim_end_matches('.').to_owned());
    match (description, details.is_empty()) {
        (Some(text), true) => text,
        (Some(text), false) => format!("{text} ({})", details.join("; ")),
        (None, _) => details.join("; "),
    }
}

/// `be 0`, `be less than 5 percent` …
fn limits(rule: &Quality) -> Vec<String> {
    const WORDS: [(&str, &str); 10] = [
        ("mustBe", "be"),
        ("mustNotBe", "not be"),
        ("mustBeGreaterThan", "be greater than"),
        ("mustBeGreaterOrEqualTo", "be at least"),
        ("mustBeGreaterThanOrEqualTo", "be at least"),
        ("mustBeLessThan", "be less than"),
        ("mustBeLessOrEqualTo", "be at most"),
        ("mustBeLessThanOrEqualTo", "be at most"),
        ("mustBeBetween", "be between"),
        ("mustNotBeBetween", "not be between"),
    ];
    let unit = said(rule.unit.as_ref()).map_or_else(String::new, |unit| format!(" {unit}"));
    WORDS
        .iter()
        .filter_map(|(key, words)| {
            let value = rule.others.get(*key)?;
            let value = match value {
                Value::Array(bounds) => {
                    let bounds: Vec<String> = bounds.iter().filter_map(written).collect();
                    bounds.join(" and ")
                }
                other => written(other)?,
            };
            Some(format!("{words} {value}{unit}"))
        })
        .collect()
}

fn references(subject: &str, column: Option<&str>, of: &Property, rules: &mut Vec<String>) {
    for relationship in of.relationships.as_deref().unwrap_or_default() {
        let to = names(texts(&relationship.to));
        let (from, verb) = match column {
            Some(column) => (code(column), "refers"),
            None => (names(texts(&relationship.from)), "together refer"),
        };
        if !to.is_empty() && !from.is_empty() {
            rules.push(format!("In {subject}, {from} {verb} to {to}."));
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(written).collect(),
        other => written(other).into_iter().collect(),
    }
}

/// A value as it stands in the file; `None` for nothing.
pub(super) fn written(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(one_line(text)).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}
