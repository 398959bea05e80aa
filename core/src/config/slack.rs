//! The Slack bridge. `docent.default.toml` describes the keys.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;

/// docent's app in a Slack workspace.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackApp {
    pub bot_token: Secret,
    pub bot_token_file: PathBuf,
    pub api_url: String,
    pub streaming: Streaming,
    pub post_interval_ms: u64,
}

/// Where answers are shown word by word while they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Streaming {
    Everywhere,
    /// In direct messages.
    Direct,
    Never,
}

impl Streaming {
    /// Whether it is allowed in a place.
    pub fn allows(self, is_direct: bool) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Direct => is_direct,
            Self::Never => false,
        }
    }
}
