//! What each kind of source may say. `docent.default.toml` describes the keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;

/// Files in a folder, or a single file.
#[derive(Debug, Clone, Deserialize)]
pub struct Folder {
    pub path: PathBuf,
    #[serde(default)]
    pub include: Vec<String>,
    #[serde(default)]
    pub exclude: Vec<String>,
    #[serde(default = "yes")]
    pub gitignore: bool,
}

impl Folder {
    /// Every file of a known kind below a folder.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            include: Vec::new(),
            exclude: Vec::new(),
            gitignore: true,
        }
    }
}

/// A branch of a git repository, or a folder in it.
#[derive(Debug, Clone, Deserialize)]
pub struct Git {
    pub url: String,
    /// Empty: the repository's own default branch.
    #[serde(default)]
    pub branch: String,
    /// The folder in the repository. Empty: all of it.
    #[serde(default)]
    pub path: String,
    #[serde(default)]
    pub include: Vec<String>,
    #[serde(default)]
    pub exclude: Vec<String>,
    /// How the host's web view writes addresses. Empty: told by the host's name.
    #[serde(default)]
    pub host: String,
    /// Fetch the history (without the old files), which tells when each file was changed.
    #[serde(default = "yes")]
    pub history: bool,
    #[serde(default)]
    pub allow_hosts: Vec<String>,
    /// The user name that goes with the token. Empty: one that the host accepts.
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub token_env: String,
    #[serde(default)]
    pub token_file: PathBuf,
    #[serde(skip)]
    pub token: Secret,
    #[serde(default = "ten_minutes")]
    pub timeout_seconds: u64,
    /// Largest size of the repository.
    #[serde(default = "two_gigabytes")]
    pub max_bytes: u64,
}

/// Pages of a website: those of its sitemap, or those that links lead to.
#[derive(Debug, Clone, Deserialize)]
pub struct Website {
    /// Where reading begins.
    pub url: String,
    /// Pages whose address does not begin with it are left out. Empty: the folder of `url`.
    #[serde(default)]
    pub prefix: String,
    /// `auto`, `none`, or the address of the sitemap.
    #[serde(default = "auto")]
    pub sitemap: String,
    /// Globs over paths.
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
    #[serde(default = "ten_thousand")]
    pub max_pages: usize,
    /// Bytes that one run fetches at the most.
    #[serde(default = "gigabyte")]
    pub max_bytes: u64,
    #[serde(default = "hour")]
    pub timeout_seconds: u64,
    /// Requests at once.
    #[serde(default = "four")]
    pub concurrency: usize,
    /// Pause between two requests; robots.txt may ask for a longer one.
    #[serde(default)]
    pub delay_ms: u64,
}

/// A Confluence: spaces or labels of a site, or the export of a space.
#[derive(Debug, Clone, Deserialize)]
pub struct Confluence {
    /// `https://NAME.atlassian.net/wiki`. With `export` only links are made of it.
    #[serde(default)]
    pub url: String,
    #[serde(default)]
    pub spaces: Vec<String>,
    #[serde(default)]
    pub labels: Vec<String>,
    /// Whose token it is. Empty: the token is sent as `Bearer`.
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub token_env: String,
    #[serde(default)]
    pub token_file: PathBuf,
    #[serde(skip)]
    pub token: Secret,
    /// Folder or zip of a space's HTML or XML export.
    #[serde(default)]
    pub export: PathBuf,
    /// What Confluence's groups are called here. One that is not named keeps its name.
    #[serde(default)]
    pub group_names: BTreeMap<String, String>,
    #[serde(default = "hundred_thousand")]
    pub max_pages: usize,
    #[serde(default = "hour")]
    pub timeout_seconds: u64,
    #[serde(default = "four")]
    pub concurrency: usize,
}

/// The export of a Slack workspace.
#[derive(Debug, Clone, Deserialize)]
pub struct Slack {
    /// Folder or zip.
    pub path: PathBuf,
    /// `https://NAME.slack.com`, for links to the messages.
    #[serde(default)]
    pub workspace: String,
    /// Globs over channel names.
    #[serde(default)]
    pub include: Vec<String>,
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Who may read a private channel, by its name. One that is not named is left out.
    #[serde(default)]
    pub private: BTreeMap<String, Vec<String>>,
    /// Index messages without a thread as well: those of one channel and day are one document.
    #[serde(default = "yes")]
    pub unthreaded: bool,
}

fn yes() -> bool {
    true
}

fn auto() -> String {
    "auto".to_owned()
}

fn four() -> usize {
    4
}

fn ten_thousand() -> usize {
    10_000
}

fn hundred_thousand() -> usize {
    100_000
}

fn gigabyte() -> u64 {
    1_000_000_000
}

fn two_gigabytes() -> u64 {
    2_000_000_000
}

fn ten_minutes() -> u64 {
    600
}

fn hour() -> u64 {
    3600
}
