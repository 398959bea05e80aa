//! Layers: the defaults, a file, the environment, the command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::environment::apply_environment;
use super::validate::validate;
use super::{ChatKind, Config, ConfigError, DEFAULTS, Secret};

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
            .map_err(|error| unreadable(path, &text, &error))?;
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

    config.file.clone_from(&file);
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
    config.retrieval.glossary = glossary_file(&config.retrieval.glossary, &defaults, &base)?;
    read_secret_files(&mut config, &base)?;
    fill_openai(&mut config, &overrides.environment);
    validate(&config)?;
    Ok(config)
}

/// What is wrong with a file, and where. The parser's own text would show the line, and a secret may
/// stand in it.
fn unreadable(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let place = error.span().map_or_else(String::new, |span| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or_default();
        let column = last.chars().count() + 1;
        format!(", line {line}, column {column}")
    });
    ConfigError(format!("{}{place}: {}", path.display(), error.message()))
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

/// The glossary beside the configuration is read where there is one; another one that is named has to
/// be there.
fn glossary_file(glossary: &Path, defaults: &Table, base: &Path) -> Result<PathBuf, ConfigError> {
    if glossary.as_os_str().is_empty() {
        return Ok(PathBuf::new());
    }
    let path = base.join(glossary);
    if path.is_file() {
        return Ok(path);
    }
    let retrieval = defaults.get("retrieval").and_then(Value::as_table);
    let usual = retrieval.and_then(|retrieval| retrieval.get("glossary")?.as_str());
    if usual.is_some_and(|usual| glossary == Path::new(usual)) {
        return Ok(PathBuf::new());
    }
    Err(ConfigError(format!(
        "retrieval.glossary: there is no file {}",
        path.display()
    )))
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

/// Tables whose keys are names that a person chooses, or that serde checks.
const FREE: [&str; 10] = [
    "notify.owners",
    "prices",
    "source",
    "redaction.patterns",
    "limits.channels",
    "retention.channels",
    "slack.people",
    "slack.channel_limit",
    "slack.every_channel",
    "slack.channels",
];

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
        if FREE.contains(&name.as_str()) {
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

pub(super) fn unknown(place: &str, name: &str, hint: Option<String>) -> ConfigError {
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
        (
            "access.admin_key",
            &mut config.access.admin_key,
            &config.access.admin_key_file,
        ),
        (
            "access.signing_key",
            &mut config.access.signing_key,
            &config.access.signing_key_file,
        ),
        (
            "oidc.client_secret",
            &mut config.oidc.client_secret,
            &config.oidc.client_secret_file,
        ),
        (
            "widget.user_secret",
            &mut config.widget.user_secret,
            &config.widget.user_secret_file,
        ),
        (
            "slack.bot_token",
            &mut config.slack.bot_token,
            &config.slack.bot_token_file,
        ),
        (
            "slack.signing_secret",
            &mut config.slack.signing_secret,
            &config.slack.signing_secret_file,
        ),
        (
            "slack.app_token",
            &mut config.slack.app_token,
            &config.slack.app_token_file,
        ),
        (
            "rerank.api_key",
            &mut config.rerank.api_key,
            &config.rerank.api_key_file,
        ),
        (
            "notify.slack_webhook",
            &mut config.notify.slack_webhook,
            &config.notify.slack_webhook_file,
        ),
        (
            "smtp.password",
            &mut config.smtp.password,
            &config.smtp.password_file,
        ),
        (
            "webhook.url",
            &mut config.webhook.url,
            &config.webhook.url_file,
        ),
        (
            "webhook.secret",
            &mut config.webhook.secret,
            &config.webhook.secret_file,
        ),
        (
            "traces.headers",
            &mut config.traces.headers,
            &config.traces.headers_file,
        ),
    ];
    for (name, secret, file) in pairs {
        read_secret_file(name, secret, file, base)?;
    }
    Ok(())
}

fn read_secret_file(
    name: &str,
    secret: &mut Secret,
    file: &Path,
    base: &Path,
) -> Result<(), ConfigError> {
    if file.as_os_str().is_empty() || !secret.is_empty() {
        return Ok(());
    }
    let path = base.join(file);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        ConfigError(format!(
            "{name}_file: cannot read {}: {error}",
            path.display()
        ))
    })?;
    *secret = Secret::new(text.trim());
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
