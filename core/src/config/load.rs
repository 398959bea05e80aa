//! Layers: the defaults, a file, the environment, the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Anonymous, ChatKind, Config, ConfigError, DEFAULTS, EmbeddingKind, Secret};

/// What the command line and the environment say.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--config`; otherwise `docent.toml` in the current folder, when there is one.
    pub config: Option<PathBuf>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// The environment, as [`std::env::vars`] gives it.
    pub environment: BTreeMap<String, String>,
}

/// Environment names that people expect, and the settings they fill.
const KNOWN_NAMES: [(&str, &str); 4] = [
    ("DATABASE_URL", "ledger.database_url"),
    ("QDRANT_URL", "index.qdrant_url"),
    ("QDRANT_API_KEY", "index.qdrant_api_key"),
    ("PG_BIN_DIR", "ledger.pg_bin_dir"),
];

/// Names that other programs or docent's own scripts set and that are no settings.
const NOT_SETTINGS: [&str; 1] = ["DOCENT_LOG"];

/// Reads every layer and checks the result.
pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
    let defaults: Table = DEFAULTS
        .parse()
        .map_err(|error| ConfigError(format!("docent.default.toml: {error}")))?;
    let mut settings = defaults.clone();

    let file = config_file(overrides)?;
    let mut base = PathBuf::new();
    if let Some(path) = &file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError(format!(
                "cannot read {}: {error}; `docent init` writes a starter",
                path.display()
            ))
        })?;
        let table: Table = text
            .parse()
            .map_err(|error| ConfigError(format!("{}: {error}", path.display())))?;
        let place = path.display().to_string();
        refuse_unknown(&table, &defaults, "", &place)?;
        merge(&mut settings, table);
        base = path.parent().map(Path::to_path_buf).unwrap_or_default();
    }
    apply_environment(&mut settings, &defaults, &overrides.environment)?;

    let place = file.as_ref().map_or_else(
        || "the configuration".to_owned(),
        |path| path.display().to_string(),
    );
    let mut config: Config = Value::Table(settings)
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError(format!("{place}: {}", error.message())))?;

    config.data = match &overrides.data {
        Some(data) => data.clone(),
        None => base.join(&config.data),
    };
    for source in &mut config.sources {
        source.resolve(&base, &overrides.environment);
    }
    if !config.chat.prompts.as_os_str().is_empty() {
        config.chat.prompts = base.join(&config.chat.prompts);
    }
    read_secret_files(&mut config, &base)?;
    fill_openai(&mut config, &overrides.environment);
    validate(&config)?;
    Ok(config)
}

fn config_file(overrides: &Overrides) -> Result<Option<PathBuf>, ConfigError> {
    match &overrides.config {
        Some(path) if path.is_file() => Ok(Some(path.clone())),
        Some(path) => Err(ConfigError(format!(
            "there is no configuration file {}; `docent init` writes a starter",
            path.display()
        ))),
        None => Ok(Some(PathBuf::from("docent.toml")).filter(|path| path.is_file())),
    }
}

/// Later tables win key by key; arrays and values win whole.
fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Refuses keys that the defaults don't have, and names the nearest one that they do.
fn refuse_unknown(
    table: &Table,
    known: &Table,
    prefix: &str,
    place: &str,
) -> Result<(), ConfigError> {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        // Sources are read, and their keys checked, in `source.rs`.
        if name == "prices" || name == "source" {
            continue;
        }
        match (known.get(key), value) {
            (None, _) => {
                let names = known.keys().map(String::as_str).chain(["source"]);
                let hint = nearest(key, names).map(|near| format!("{prefix}{near}"));
                return Err(unknown(place, &name, hint));
            }
            (Some(Value::Table(known)), Value::Table(inner)) => {
                refuse_unknown(inner, known, &format!("{name}."), place)?;
            }
            (Some(Value::Table(_)), _) => {
                return Err(ConfigError(format!(
                    "{place}: `{name}` is a section; write [{name}]"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

fn unknown(place: &str, name: &str, hint: Option<String>) -> ConfigError {
    let hint = hint.map_or_else(
        || "`docent init --all` prints every setting".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    ConfigError(format!("{place}: unknown setting `{name}`; {hint}"))
}

/// The name that is spelled most like `key`, where one is near.
pub(super) fn nearest<'a>(key: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    names
        .map(|name| (strsim::normalized_damerau_levenshtein(key, name), name))
        .filter(|(score, _)| *score >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

fn apply_environment(
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

fn read_secret_files(config: &mut Config, base: &Path) -> Result<(), ConfigError> {
    let pairs = [
        (
            "ledger.database_url",
            &mut config.ledger.database_url,
            &config.ledger.database_url_file,
        ),
        (
            "index.qdrant_api_key",
            &mut config.index.qdrant_api_key,
            &config.index.qdrant_api_key_file,
        ),
        (
            "embedding.api_key",
            &mut config.embedding.api_key,
            &config.embedding.api_key_file,
        ),
        (
            "chat.api_key",
            &mut config.chat.api_key,
            &config.chat.api_key_file,
        ),
    ];
    for (name, secret, file) in pairs {
        if file.as_os_str().is_empty() || !secret.is_empty() {
            continue;
        }
        let path = base.join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            ConfigError(format!(
                "{name}_file: cannot read {}: {error}",
                path.display()
            ))
        })?;
        *secret = Secret::new(text.trim());
    }
    Ok(())
}

/// `OPENAI_*` fill what the configuration leaves empty; then `auto` can be decided.
fn fill_openai(config: &mut Config, environment: &BTreeMap<String, String>) {
    let key = environment
        .get("OPENAI_API_KEY")
        .filter(|key| !key.is_empty());
    let url = environment
        .get("OPENAI_BASE_URL")
        .filter(|url| !url.is_empty());
    // A key is only for the server it was meant for: one that the configuration names gets its key
    // from the configuration, not from the environment.
    let fill = |base_url: &mut String, api_key: &mut Secret| {
        if base_url.is_empty() {
            if let Some(url) = url {
                base_url.clone_from(url);
            }
            if let Some(key) = key.filter(|_| api_key.is_empty()) {
                *api_key = Secret::new(key.clone());
            }
        }
    };
    fill(
        &mut config.embedding.base_url,
        &mut config.embedding.api_key,
    );
    fill(&mut config.chat.base_url, &mut config.chat.api_key);
    if config.chat.kind == ChatKind::Auto {
        config.chat.kind = if config.chat.base_url.is_empty() && config.chat.api_key.is_empty() {
            ChatKind::Extractive
        } else {
            ChatKind::OpenAi
        };
    }
}

fn validate(config: &Config) -> Result<(), ConfigError> {
    let fail = |text: String| Err(ConfigError(text));
    if config.access.anonymous == Anonymous::Loopback && !config.server.is_loopback() {
        return fail(format!(
            "server.host = \"{}\" can be reached from other machines, and anyone there could ask \
             without a key; listen on 127.0.0.1, or put docent behind a login of your own and set \
             access.anonymous = \"anywhere\"",
            config.server.host
        ));
    }
    let public = &config.server.public_url;
    if !(public.is_empty() || public.starts_with("http://") || public.starts_with("https://")) {
        return fail(format!(
            "server.public_url = \"{public}\" must start with http:// or https://"
        ));
    }
    for (name, url) in [
        ("embedding.base_url", &config.embedding.base_url),
        ("chat.base_url", &config.chat.base_url),
        ("index.qdrant_url", &config.index.qdrant_url),
    ] {
        if !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")) {
            return fail(format!(
                "{name} = \"{url}\" must start with http:// or https://"
            ));
        }
    }
    if config.embedding.kind == EmbeddingKind::OpenAi
        && config.embedding.base_url.is_empty()
        && config.embedding.api_key.is_empty()
    {
        return fail(
            "embedding.kind = \"openai\" needs embedding.base_url or a key (OPENAI_API_KEY)"
                .to_owned(),
        );
    }
    if config.chat.kind == ChatKind::OpenAi
        && config.chat.base_url.is_empty()
        && config.chat.api_key.is_empty()
    {
        return fail(
            "chat.kind = \"openai\" needs chat.base_url or a key (OPENAI_API_KEY)".to_owned(),
        );
    }
    if config.chunk.max_tokens < 32 {
        return fail("chunk.max_tokens must be at least 32".to_owned());
    }
    if config.chunk.overlap_tokens * 2 > config.chunk.max_tokens {
        return fail("chunk.overlap_tokens must be at most half of chunk.max_tokens".to_owned());
    }
    let at_least_one = [
        ("embedding.batch_texts", config.embedding.batch_texts),
        ("embedding.batch_tokens", config.embedding.batch_tokens),
        ("embedding.concurrency", config.embedding.concurrency),
        (
            "embedding.max_input_tokens",
            config.embedding.max_input_tokens,
        ),
        ("retrieval.candidates", config.retrieval.candidates),
        ("retrieval.passages", config.retrieval.passages),
        ("server.max_answers", config.server.max_answers),
        (
            "ledger.max_connections",
            config.ledger.max_connections as usize,
        ),
    ];
    for (name, value) in at_least_one {
        if value == 0 {
            return fail(format!("{name} must be at least 1"));
        }
    }
    if config.access.anonymous_groups.is_empty() {
        return fail(
            "access.anonymous_groups must name a group, for example \"everyone\"".to_owned(),
        );
    }
    let mut names = std::collections::BTreeSet::new();
    for source in &config.sources {
        let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        let is_dots = source.name.chars().all(|c| c == '.');
        if is_dots || !source.name.chars().all(fits) {
            return fail(format!(
                "source.name = \"{}\" may have letters, digits, `-`, `_` and `.` only",
                source.name
            ));
        }
        if !names.insert(&source.name) {
            return fail(format!("two sources are named \"{}\"", source.name));
        }
        if source.groups.is_empty() {
            return fail(format!(
                "source \"{}\": groups is empty, so nobody could read it; write [\"everyone\"] if all may",
                source.name
            ));
        }
    }
    Ok(())
}
