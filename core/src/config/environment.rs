//! The environment as a layer: `DOCENT_SECTION__KEY`, and the names that people expect.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::ConfigError;
use super::load::{nearest, unknown};

/// Environment names that people expect, and the settings they fill.
const KNOWN_NAMES: [(&str, &str); 8] = [
    ("DATABASE_URL", "ledger.database_url"),
    ("QDRANT_URL", "index.qdrant_url"),
    ("QDRANT_API_KEY", "index.qdrant_api_key"),
    ("PG_BIN_DIR", "ledger.pg_bin_dir"),
    ("SLACK_BOT_TOKEN", "slack.bot_token"),
    ("SLACK_SIGNING_SECRET", "slack.signing_secret"),
    ("SLACK_APP_TOKEN", "slack.app_token"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "traces.endpoint"),
];

/// Names that other programs or docent's own scripts set and that are no settings.
const NOT_SETTINGS: [&str; 1] = ["DOCENT_LOG"];

/// Puts what the environment says over `settings`; `defaults` tell the type of each.
pub(super) fn apply_environment(
    settings: &mut Table,
    defaults: &Table,
    environment: &BTreeMap<String, String>,
) -> Result<(), ConfigError> {
    for (name, setting) in KNOWN_NAMES {
        if let Some(value) = environment.get(name).filter(|value| !value.is_empty()) {
            let (section, key) = setting.split_once('.').unwrap_or((setting, ""));
            if let Some(Value::Table(section)) = settings.get_mut(section) {
                section.insert(key.to_owned(), Value::String(value.clone()));
            }
        }
    }
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix("DOCENT_") else {
            continue;
        };
        if NOT_SETTINGS.contains(&name.as_str()) {
            continue;
        }
        let parts: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
        let (section, key) = match parts.as_slice() {
            [key] => (None, key.as_str()),
            [section, key] => (Some(section.as_str()), key.as_str()),
            _ => return Err(unknown("the environment", name, None)),
        };
        let known = match section {
            None => Some(defaults),
            Some(section) => defaults.get(section).and_then(Value::as_table),
        };
        let Some(default) = known.and_then(|known| known.get(key)) else {
            let names: Vec<String> = environment_names(defaults);
            let hint = nearest(name, names.iter().map(String::as_str));
            return Err(unknown("the environment", name, hint));
        };
        let value = parse_like(default, value)
            .map_err(|wanted| ConfigError(format!("the environment: {name} wants {wanted}")))?;
        let table = match section {
            None => Some(&mut *settings),
            Some(section) => settings.get_mut(section).and_then(Value::as_table_mut),
        };
        if let Some(table) = table {
            table.insert(key.to_owned(), value);
        }
    }
    Ok(())
}

fn environment_names(defaults: &Table) -> Vec<String> {
    let mut names = Vec::new();
    for (section, value) in defaults {
        match value {
            Value::Table(table) => names.extend(
                table
                    .keys()
                    .map(|key| format!("DOCENT_{section}__{key}").to_uppercase()),
            ),
            _ => names.push(format!("DOCENT_{section}").to_uppercase()),
        }
    }
    names
}

/// Reads an environment text as the type of the default that it replaces.
fn parse_like(default: &Value, text: &str) -> Result<Value, &'static str> {
    match default {
        Value::Integer(_) => text
            .parse()
            .map(Value::Integer)
            .map_err(|_| "a whole number"),
        Value::Float(_) => text.parse().map(Value::Float).map_err(|_| "a number"),
        Value::Boolean(_) => text
            .parse()
            .map(Value::Boolean)
            .map_err(|_| "true or false"),
        Value::Array(_) => Ok(Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| Value::String(part.to_owned()))
                .collect(),
        )),
        Value::Table(_) | Value::Datetime(_) => Err("a section, which only a file can give"),
        Value::String(_) => Ok(Value::String(text.to_owned())),
    }
}
