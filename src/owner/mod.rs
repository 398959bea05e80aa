//! One process owns the data folder; others reach it through its socket and show the same.

pub mod client;
pub mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use docent_core::config::{self, Config, EmbeddingKind, Overrides, Source};
use docent_core::redaction::Redactor;
use rmcp::model::CallToolResult;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `POST /owner/ask`: answered as the events of `POST /v1/chat`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AskRequest {
    pub question: String,
    pub conversation_id: Option<Uuid>,
}

/// `POST /owner/ingest`: answered with one line of JSON for each [`IngestLine`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct IngestRequest {
    /// Names of configured sources, or absolute paths of folders. None: every configured source.
    pub targets: Vec<String>,
    pub dry_run: bool,
    pub full: bool,
    /// Remove what is gone even where so much is gone that it looks like a fault.
    #[serde(default)]
    pub allow_removals: bool,
    /// What the command's own configuration file says. `None`: it read none, and the owner's
    /// configuration holds.
    #[serde(default)]
    pub configured: Option<Configured>,
}

/// The part of a configuration that a run works by: the file may have changed since the owner
/// read it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Configured {
    /// The file, as an absolute path. The owner reads the sources from it anew: their tokens come
    /// from its own environment, and do not pass through the socket.
    pub file: PathBuf,
    /// Settings that the owner has built its parts with: they must be the same.
    pub settings: BTreeMap<String, String>,
}

impl Configured {
    /// Of a configuration, where it was read from a file.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(file) = &config.file else {
            return Ok(None);
        };
        Ok(Some(Self {
            file: std::path::absolute(file)?,
            settings: settings(config),
        }))
    }

    /// The sources as the file names them now.
    pub fn sources(&self) -> anyhow::Result<Vec<Source>> {
        let overrides = Overrides {
            config: Some(self.file.clone()),
            environment: std::env::vars().collect(),
            ..Overrides::default()
        };
        Ok(config::load(&overrides)?.sources)
    }

    /// How it differs from what the owner was started with; `None`: in nothing that matters.
    pub fn difference(&self, owner: &Config) -> Option<String> {
        let there = settings(owner);
        let names: BTreeSet<&String> = there.keys().chain(self.settings.keys()).collect();
        let shown = |value: Option<&String>| value.map_or("not set", String::as_str).to_owned();
        let differences: Vec<String> = names
            .into_iter()
            .filter(|name| there.get(*name) != self.settings.get(*name))
            .map(|name| {
                let (there, here) = (shown(there.get(name)), shown(self.settings.get(name)));
                format!("{name} = {there} there, {here} here")
            })
            .collect();
        (!differences.is_empty()).then(|| {
            format!(
                "it was started with other settings ({}); stop it and start it again, then repeat this",
                differences.join("; ")
            )
        })
    }
}

/// What decides how documents are cut, embedded and stored, and what a run may cost. Addresses and keys do not, and may
/// come from the environment of one process alone.
fn settings(config: &Config) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut add = |name: &str, value: &dyn std::fmt::Debug| {
        settings.insert(name.to_owned(), format!("{value:?}"));
    };
    let embedding = &config.embedding;
    add("embedding.kind", &embedding.kind);
    if embedding.kind == EmbeddingKind::OpenAi {
        add("embedding.model", &embedding.model);
        add("embedding.dimensions", &embedding.dimensions);
        add("embedding.passage_prefix", &embedding.passage_prefix);
        add("embedding.tokenizer", &embedding.tokenizer);
        add("embedding.max_input_tokens", &embedding.max_input_tokens);
    }
    add("redaction", &redaction(config));
    add("chunk.max_tokens", &config.chunk.max_tokens);
    add("chunk.overlap_tokens", &config.chunk.overlap_tokens);
    add("ingest.max_file_bytes", &config.ingest.max_file_bytes);
    add("index.collection", &config.index.collection);
    let budget = &config.budget;
    add("budget.ingest_run_usd", &budget.ingest_run_usd.normalize());
    add(
        "budget.ingest_month_usd",
        &budget.ingest_month_usd.normalize(),
    );
    settings
}

/// The rules by which texts are redacted, as far as they change what is embedded.
fn redaction(config: &Config) -> String {
    let of_server = config.embedding.kind == EmbeddingKind::OpenAi;
    Redactor::new(&config.redaction)
        .ok()
        .flatten()
        .filter(|redactor| of_server && redactor.is_for(&config.embedding.base_url))
        .map_or_else(
            || "none".to_owned(),
            |redactor| redactor.fingerprint().to_owned(),
        )
}

/// A line of the answer to [`IngestRequest`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IngestLine {
    Progress(docent_ingest::Progress),
    /// The run could not be done.
    Failed(String),
}

/// A line of the answer to `POST /owner/eval`, whose body is an
/// [`EvalRequest`](crate::commands::eval::EvalRequest).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvalLine {
    Progress(crate::eval::Progress),
    Ended(crate::commands::eval::Outcome),
    /// The evaluation could not be done.
    Failed(String),
}

/// A line of the answer to `POST /owner/tool`, whose body is a tool's call as MCP's clients make it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ToolLine {
    Progress(String),
    Done(Box<CallToolResult>),
}

/// `POST /owner/backup`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupRequest {
    /// Absolute.
    pub file: PathBuf,
}

/// `POST /owner/doctor`: answered with the [`Finding`](crate::commands::doctor::Finding)s of the
/// owner's parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DoctorRequest {
    pub configured: Option<Configured>,
}

/// The answer of `POST /owner/migrate`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Migrated {
    /// The newest migration in the database.
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use docent_core::config::load;

    use super::*;

    #[test]
    fn a_changed_setting_is_told_and_a_changed_source_is_no_difference() {
        let owner = load(&Overrides::default()).unwrap();
        let mut edited = owner.clone();
        edited.file = Some("docent.toml".into());
        let source = Source::folder("docs".to_owned(), "docs".into());
        edited.sources.push(source);
        let configured = |config: &Config| Configured::of(config).unwrap().unwrap();
        assert_eq!(configured(&edited).difference(&owner), None);
        assert!(configured(&edited).file.is_absolute());
        edited.chunk.max_tokens = 500;
        insta::assert_snapshot!(configured(&edited).difference(&owner).unwrap(), @"it was started with other settings (chunk.max_tokens = 320 there, 500 here); stop it and start it again, then repeat this");
        edited.file = None;
        assert!(Configured::of(&edited).unwrap().is_none());
    }
}
