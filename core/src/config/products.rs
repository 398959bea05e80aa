//! What a source of data products may say. `docent.default.toml` describes the keys.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;

/// The artefacts of a dbt project: a folder (`target`, or the project's own), or a server.
#[derive(Debug, Clone, Deserialize)]
pub struct Dbt {
    /// Empty where `url` is given.
    #[serde(default)]
    pub path: PathBuf,
    /// `{url}/manifest.json` and its neighbours are fetched. Empty where `path` is given.
    #[serde(default)]
    pub url: String,
    /// Globs over documents, such as `model/**`.
    #[serde(default)]
    pub include: Vec<String>,
    #[serde(default)]
    pub exclude: Vec<String>,
    #[serde(default)]
    pub allow_hosts: Vec<String>,
    /// Sent as `Authorization: Bearer`, to the host of `url` only.
    #[serde(default)]
    pub token_env: String,
    #[serde(default)]
    pub token_file: PathBuf,
    #[serde(skip)]
    pub token: Secret,
    /// Largest artefact, in bytes.
    #[serde(default = "half_a_gigabyte")]
    pub max_bytes: u64,
    /// Longest time for one artefact.
    #[serde(default = "ten_minutes")]
    pub timeout_seconds: u64,
}

impl Dbt {
    /// The artefacts in a folder.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            url: String::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            allow_hosts: Vec::new(),
            token_env: String::new(),
            token_file: PathBuf::new(),
            token: Secret::default(),
            max_bytes: half_a_gigabyte(),
            timeout_seconds: ten_minutes(),
        }
    }
}

fn half_a_gigabyte() -> u64 {
    500_000_000
}

fn ten_minutes() -> u64 {
    600
}
