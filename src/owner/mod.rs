//! One process owns the data folder; others reach it through its socket and show the same.

pub mod client;
pub mod socket;

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
}

/// A line of the answer to [`IngestRequest`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IngestLine {
    Progress(docent_ingest::Progress),
    /// The run could not be done.
    Failed(String),
}

/// `POST /owner/backup`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupRequest {
    /// Absolute.
    pub file: std::path::PathBuf,
}
