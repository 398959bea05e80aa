//! When data was last loaded: `sources.json` (`dbt source freshness`), `freshness.json`
//! (`dbt freshness`, dbt 2) and `run_results.json` (what the last invocation built or tested).

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;

use super::DbtError;
use super::lenient;
use super::node::Criteria;

/// What is known by unique id.
#[derive(Debug, Default)]
pub(super) struct Freshness {
    checks: HashMap<String, Check>,
    runs: HashMap<String, RunResult>,
}

/// How fresh a source or model was found.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Check {
    #[serde(deserialize_with = "lenient::text")]
    unique_id: Option<String>,
    #[serde(deserialize_with = "time")]
    pub(super) max_loaded_at: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "time")]
    pub(super) snapshotted_at: Option<DateTime<Utc>>,
    /// `pass`, `warn`, `error` or `runtime error`; dbt 2 writes them with a capital.
    #[serde(deserialize_with = "lenient::text")]
    pub(super) status: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) criteria: Option<Criteria>,
    /// Why the check itself failed.
    #[serde(deserialize_with = "lenient::text")]
    pub(super) error: Option<String>,
}

/// What the last invocation made of a model, seed, snapshot or test.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunResult {
    #[serde(deserialize_with = "lenient::text")]
    unique_id: Option<String>,
    /// `success`, `error`, `skipped`; of tests `pass`, `fail`, `warn`.
    #[serde(deserialize_with = "lenient::text")]
    pub(super) status: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    timing: Vec<Timing>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) message: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) failures: Option<u64>,
    /// When it ended; without timing, when the file was written.
    #[serde(skip)]
    pub(super) at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Timing {
    #[serde(deserialize_with = "time")]
    completed_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct File<T> {
    #[serde(default, deserialize_with = "lenient::or_default")]
    metadata: Metadata,
    #[serde(default = "Vec::new")]
    results: Vec<T>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    args: Arguments,
}

#[derive(Default, Deserialize)]
struct Arguments {
    /// The command: `run`, `build`, `test`, `generate` …
    #[serde(default, deserialize_with = "lenient::text")]
    which: Option<String>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default, deserialize_with = "time")]
    generated_at: Option<DateTime<Utc>>,
}

fn time<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(lenient::text(deserializer)?.and_then(|text| parse_time(&text)))
}

/// A time with or without a zone; without one it is UTC, as dbt writes it.
pub(super) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|at| at.and_utc())
}

/// A moment as documents write it, to the minute.
pub(super) fn in_words(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

impl Freshness {
    /// Adds the checks of `sources.json` or `freshness.json`; of two for one resource the later wins.
    pub(super) fn add_checks(&mut self, file: &'static str, bytes: &[u8]) -> Result<(), DbtError> {
        let read: File<Check> = parse(file, bytes)?;
        for check in read.results {
            let Some(id) = check.unique_id.clone() else {
                continue;
            };
            let later = self
                .checks
                .get(&id)
                .is_none_or(|known| known.snapshotted_at <= check.snapshotted_at);
            if later {
                self.checks.insert(id, check);
            }
        }
        Ok(())
    }

    /// Adds `run_results.json`.
    pub(super) fn add_runs(&mut self, bytes: &[u8]) -> Result<(), DbtError> {
        let read: File<RunResult> = parse("run_results.json", bytes)?;
        // `dbt compile` and `dbt docs generate` call it a success to have compiled a model.
        let builds = read.args.which.as_deref().is_none_or(|command| {
            ["run", "build", "seed", "snapshot", "retry", "test"].contains(&command)
        });
        for mut result in read.results {
            let Some(id) = result.unique_id.clone().filter(|_| builds) else {
                continue;
            };
            let ended = result.timing.iter().filter_map(|step| step.completed_at);
            result.at = ended.max().or(read.metadata.generated_at);
            self.runs.insert(id, result);
        }
        Ok(())
    }

    pub(super) fn check(&self, id: &str) -> Option<&Check> {
        self.checks.get(id)
    }

    pub(super) fn run(&self, id: &str) -> Option<&RunResult> {
        self.runs.get(id)
    }
}

fn parse<T: serde::de::DeserializeOwned>(
    file: &'static str,
    bytes: &[u8],
) -> Result<File<T>, DbtError> {
    serde_json::from_slice(bytes).map_err(|error| DbtError::Unreadable {
        file,
        reason: error.to_string(),
    })
}

impl RunResult {
    /// Whether it stands in the database as of [`Self::at`].
    pub(super) fn built(&self) -> bool {
        self.status.as_deref() == Some("success")
    }
}
