//! Settings: what they are ([`Config`]), where they come from ([`load()`]) and what is wrong with
//! them. `docent.default.toml` holds every default and is the reference manual.

mod access;
mod alerts;
mod environment;
mod insights;
mod kinds;
mod load;
mod oidc;
mod products;
mod schedule;
mod secret;
mod slack;
mod source;
mod traces;
mod validate;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use access::{Access, Anonymous, Answers, Limit, Limits, Retention, Widget};
pub use alerts::{Alerts, Digest, Metrics, Notify, QuietHours, RULES, Smtp, SmtpTls, Webhook};
use chrono::Offset as _;
pub use insights::{Insights, Texts};
pub use kinds::{Confluence, Folder, Git, Slack, Website};
pub use load::{Overrides, load};
pub use oidc::Oidc;
pub use products::Dbt;
use rust_decimal::Decimal;
pub use schedule::{Schedule, utc_offset};
pub use secret::Secret;
use serde::Deserialize;
pub use slack::{
    AnswersWhat, HandOffs, SlackApp, SlackChannel, SlackLanguage, SlackMode, SlackPlace, Streaming,
};
pub use source::{ANSWERS, CleanedBy, Source, SourceKind};
pub use traces::Traces;

/// The embedded reference configuration.
pub const DEFAULTS: &str = include_str!("../../../docent.default.toml");

/// What is wrong with the configuration, in words that name the key, the file and the way out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Every setting. Each key is described in `docent.default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data: PathBuf,
    pub server: Server,
    pub access: Access,
    pub oidc: Oidc,
    pub widget: Widget,
    pub answers: Answers,
    pub slack: SlackApp,
    pub limits: Limits,
    pub retention: Retention,
    pub ledger: Ledger,
    pub index: Index,
    pub embedding: Embedding,
    pub chat: Chat,
    pub chunk: Chunk,
    pub ingest: Ingest,
    pub budget: Budget,
    pub clean: Clean,
    pub retrieval: Retrieval,
    pub rerank: Rerank,
    pub redaction: Redaction,
    pub grounding: Grounding,
    pub alerts: Alerts,
    pub notify: Notify,
    pub smtp: Smtp,
    pub webhook: Webhook,
    pub digest: Digest,
    pub metrics: Metrics,
    pub traces: Traces,
    pub insights: Insights,
    pub log: Log,
    pub prices: BTreeMap<String, Price>,
    #[serde(default, rename = "source", deserialize_with = "source::entries")]
    pub sources: Vec<Source>,
    /// The file that was read. `None`: nothing but defaults and the environment.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

impl Config {
    /// How old what a source says may be, in days. `None`: as old as it likes.
    pub fn stale_after(&self, source: &str) -> Option<u32> {
        let known = self.sources.iter().find(|known| known.name == source);
        let own = known.and_then(|known| known.stale_after_days);
        Some(own.unwrap_or(self.grounding.stale_after_days)).filter(|days| *days > 0)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub public_url: String,
    pub max_question_chars: usize,
    pub max_body_bytes: usize,
    pub answer_seconds: u64,
    pub shutdown_seconds: u64,
    pub resume_seconds: u64,
    pub suggestions: Vec<String>,
    pub max_answers: usize,
}

/// Whether tables are brought up to date at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Migrate {
    Auto,
    Check,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    pub database_url: Secret,
    pub database_url_file: PathBuf,
    pub pg_bin_dir: PathBuf,
    pub migrate: Migrate,
    pub max_connections: u32,
    pub spool_max_bytes: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    pub qdrant_url: String,
    pub qdrant_api_key: Secret,
    pub qdrant_api_key_file: PathBuf,
    pub collection: String,
    pub quantization: Quantization,
    pub timeout_ms: u64,
}

/// How new collections keep their dense vectors in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantization {
    /// As they are: four bytes a dimension, from the disk's cache.
    #[default]
    None,
    /// One byte a dimension, in memory; the vectors themselves stay on disk, and what is found is
    /// measured by them.
    Int8,
}

/// Which of the two embedders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingKind {
    Builtin,
    #[serde(rename = "openai")]
    OpenAi,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    pub kind: EmbeddingKind,
    pub base_url: String,
    pub api_key: Secret,
    pub api_key_file: PathBuf,
    pub model: String,
    pub question_model: String,
    pub passage_prefix: String,
    pub question_prefix: String,
    pub dimensions: usize,
    pub send_dimensions: bool,
    pub tokenizer: String,
    pub max_input_tokens: usize,
    pub batch_texts: usize,
    pub batch_tokens: usize,
    pub concurrency: usize,
    pub max_concurrency: usize,
    pub timeout_ms: u64,
    pub retries: usize,
}

/// Which generator; [`load()`] resolves `Auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    Auto,
    #[serde(rename = "openai")]
    OpenAi,
    Extractive,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    pub kind: ChatKind,
    pub base_url: String,
    pub api_key: Secret,
    pub api_key_file: PathBuf,
    pub model: String,
    pub temperature: f32,
    pub max_output_tokens: u32,
    pub window_tokens: usize,
    pub tokenizer: String,
    pub first_token_ms: u64,
    pub stall_ms: u64,
    pub retries: usize,
    pub history_turns: usize,
    pub prompts: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    pub max_tokens: usize,
    pub overlap_tokens: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    pub max_file_bytes: u64,
    pub readers: usize,
    pub extract_seconds: u64,
    pub extract_memory_mb: u64,
    pub extract_program: PathBuf,
    /// Of schedules; [`utc_offset`] reads it.
    pub schedule_offset: String,
}

impl Ingest {
    /// The offset that schedules are read at.
    pub fn offset(&self) -> chrono::FixedOffset {
        // Loading the configuration has refused what cannot be read.
        utc_offset(&self.schedule_offset).unwrap_or_else(|| chrono::Utc.fix())
    }
}

/// How sources with `clean = "model"` are tidied.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clean {
    pub part_tokens: usize,
    pub concurrency: usize,
}

/// US dollars that may be spent; zero: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub ingest_run_usd: Decimal,
    pub ingest_month_usd: Decimal,
}

impl Budget {
    /// What one run may cost.
    pub fn of_a_run(&self) -> Option<Decimal> {
        Some(self.ingest_run_usd).filter(|limit| !limit.is_zero())
    }

    /// What the runs of a calendar month (UTC) may cost together.
    pub fn of_a_month(&self) -> Option<Decimal> {
        Some(self.ingest_month_usd).filter(|limit| !limit.is_zero())
    }

    /// Whether there is any limit.
    pub fn is_limited(&self) -> bool {
        self.of_a_run().is_some() || self.of_a_month().is_some()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retrieval {
    pub candidates: usize,
    pub passages: usize,
    pub dense_weight: f32,
    pub sparse_weight: f32,
    pub min_evidence: f32,
    /// Empty: none.
    pub glossary: PathBuf,
    pub expand: Expand,
    pub expand_ms: u64,
    pub evidence: EvidenceWeights,
}

/// For which questions the chat model is asked for other wordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expand {
    Never,
    /// Those whose evidence would not do for an answer.
    Hard,
}

/// Weights of a logistic regression: how likely it is that the passages hold an answer.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceWeights {
    pub bias: f32,
    pub strength: f32,
    pub support: f32,
    pub coverage: f32,
    pub cosine: f32,
    pub agreement: f32,
    pub missing_names: f32,
    pub unknown: f32,
    pub moment: f32,
}

impl EvidenceWeights {
    /// Each weight by its name in the configuration, the bias first.
    pub fn named(&self) -> [(&'static str, f32); 9] {
        [
            ("bias", self.bias),
            ("strength", self.strength),
            ("support", self.support),
            ("coverage", self.coverage),
            ("cosine", self.cosine),
            ("agreement", self.agreement),
            ("missing_names", self.missing_names),
            ("unknown", self.unknown),
            ("moment", self.moment),
        ]
    }
}

/// Whether the hits are ordered anew, and how the server that does it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RerankKind {
    None,
    Tei,
    Cohere,
    Jina,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rerank {
    pub kind: RerankKind,
    pub base_url: String,
    pub api_key: Secret,
    pub api_key_file: PathBuf,
    pub model: String,
    pub candidates: usize,
    pub timeout_ms: u64,
}

/// What is taken out of texts before they are sent to a model that is not local.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redaction {
    pub enabled: bool,
    pub mail: bool,
    pub phone: bool,
    pub keys: bool,
    pub everywhere: bool,
    pub local_hosts: Vec<String>,
    /// Regular expressions by name.
    pub patterns: BTreeMap<String, String>,
}

/// When what an answer says counts as said by the passage that it cites.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grounding {
    pub min_words: f32,
    pub negation: bool,
    pub stale_after_days: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// US dollars for a million tokens, or for a thousand searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// `None` for models that are billed by searches alone.
    #[serde(default)]
    pub input: Option<Decimal>,
    /// Input tokens that the provider had in its cache; `None`: as `input`.
    #[serde(default)]
    pub cached_input: Option<Decimal>,
    /// `None` for models that give no tokens (embedders).
    #[serde(default)]
    pub output: Option<Decimal>,
    /// For a thousand searches, of a reranker that is billed by them.
    #[serde(default)]
    pub searches: Option<Decimal>,
}

impl Server {
    /// Whether the server can only be reached from this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// The path that a reverse proxy puts docent under: empty, or `/docent` (no slash at its end).
    pub fn base_path(&self) -> String {
        let after_scheme = self
            .public_url
            .split_once("://")
            .map_or("", |(_, rest)| rest);
        match after_scheme.find('/') {
            Some(slash) => after_scheme[slash..].trim_end_matches('/').to_owned(),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
