//! `manifest.json`: what a project consists of.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use docent_core::document::Outcome;
use serde::Deserialize;
use serde_json::Value;

use super::freshness::parse_time;
use super::lenient::{self, Entries};
use super::node::{Group, Node};
use super::{DbtError, problem_path};
use crate::source::Problem;

/// dbt 1.7 writes 11, dbt 1.8 to 2 write 12.
const VERSIONS: std::ops::RangeInclusive<u32> = 11..=12;

/// What a document can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Model,
    Source,
    Seed,
    Snapshot,
    Exposure,
    Metric,
    SemanticModel,
    SavedQuery,
}

impl Kind {
    /// As dbt writes it, and as the first part of a document's path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Source => "source",
            Self::Seed => "seed",
            Self::Snapshot => "snapshot",
            Self::Exposure => "exposure",
            Self::Metric => "metric",
            Self::SemanticModel => "semantic_model",
            Self::SavedQuery => "saved_query",
        }
    }

    /// As a person writes it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Source => "source table",
            Self::SemanticModel => "semantic model",
            Self::SavedQuery => "saved query",
            other => other.name(),
        }
    }

    fn of_node(node: &Node) -> Option<Self> {
        match node.resource_type.as_deref()? {
            "model" => Some(Self::Model),
            "seed" => Some(Self::Seed),
            "snapshot" => Some(Self::Snapshot),
            _ => None,
        }
    }
}

/// A resource that has a document.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// As a person calls it: a model's name (with its version, `dim_riders.v2`), `source.table`.
    pub(super) name: String,
    pub(super) node: Node,
}

/// A project, disabled resources left out.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    /// By unique id.
    pub(super) resources: BTreeMap<String, Resource>,
    /// Data tests and unit tests by unique id.
    pub(super) tests: BTreeMap<String, Node>,
    pub(super) unit_tests: Vec<Node>,
    pub(super) groups: Vec<Group>,
    /// When dbt wrote it.
    pub(super) generated_at: Option<DateTime<Utc>>,
    /// Resources that could not be read.
    pub(super) problems: Vec<Problem>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default, deserialize_with = "lenient::or_default")]
    metadata: FileMetadata,
    #[serde(default)]
    nodes: Entries<Node>,
    #[serde(default)]
    sources: Entries<Node>,
    #[serde(default)]
    exposures: Entries<Node>,
    #[serde(default)]
    metrics: Entries<Node>,
    #[serde(default)]
    semantic_models: Entries<Node>,
    #[serde(default)]
    saved_queries: Entries<Node>,
    #[serde(default)]
    unit_tests: Entries<Node>,
    #[serde(default)]
    groups: Entries<Group>,
}

#[derive(Default, Deserialize)]
struct FileMetadata {
    #[serde(default, deserialize_with = "lenient::text")]
    generated_at: Option<String>,
}

/// Only what tells the version, which is read first: another version may have another shape.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    metadata: Value,
}

/// Reads a manifest of version 11 or 12; another one is an error that says what to do.
pub(super) fn read(bytes: &[u8]) -> Result<Manifest, DbtError> {
    let head: Head = serde_json::from_slice(bytes).map_err(|error| DbtError::Unreadable {
        file: "manifest.json",
        reason: error.to_string(),
    })?;
    check_version(&head.metadata)?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let file: File = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        DbtError::Unreadable {
            file: "manifest.json",
            reason: format!("{}: {}", error.path(), error.inner()),
        }
    })?;

    let mut manifest = Manifest {
        generated_at: file
            .metadata
            .generated_at
            .and_then(|text| parse_time(&text)),
        groups: file.groups.read.into_values().collect(),
        unit_tests: file.unit_tests.read.into_values().collect(),
        ..Manifest::default()
    };
    for (id, reason) in file.nodes.unreadable {
        // Tests are no documents: what cannot be read of one is a promise less.
        if let Some(kind) = id.split('.').next().filter(|kind| *kind != "test") {
            manifest.unreadable(kind, &id, &reason);
        }
    }
    for (id, node) in file.nodes.read {
        if node.config.enabled == Some(false) {
            continue;
        }
        if let Some(kind) = Kind::of_node(&node) {
            manifest.add(kind, id, node);
        } else if node.resource_type.as_deref() == Some("test") {
            manifest.tests.insert(id, node);
        }
    }
    for (kind, entries) in [
        (Kind::Source, file.sources),
        (Kind::Exposure, file.exposures),
        (Kind::Metric, file.metrics),
        (Kind::SemanticModel, file.semantic_models),
        (Kind::SavedQuery, file.saved_queries),
    ] {
        for (id, reason) in entries.unreadable {
            manifest.unreadable(kind.name(), &id, &reason);
        }
        for (id, node) in entries.read {
            if node.config.enabled != Some(false) {
                manifest.add(kind, id, node);
            }
        }
    }
    Ok(manifest)
}

impl Manifest {
    fn add(&mut self, kind: Kind, id: String, node: Node) {
        let name = display_name(kind, &id, &node);
        let resource = Resource {
            id: id.clone(),
            kind,
            name,
            node,
        };
        self.resources.insert(id, resource);
    }

    fn unreadable(&mut self, kind: &str, id: &str, reason: &str) {
        self.problems.push(Problem {
            path: problem_path(kind, name_in(kind, id)),
            outcome: Outcome::Failed(format!("manifest.json: {id}.{reason}")),
        });
    }
}

fn display_name(kind: Kind, id: &str, node: &Node) -> String {
    let name = node.name.as_deref().unwrap_or_else(|| last_part(id));
    match (kind, &node.source_name, &node.version) {
        (Kind::Source, Some(source), _) => format!("{source}.{name}"),
        (Kind::Model, _, Some(version)) => format!("{name}.v{version}"),
        _ => name.to_owned(),
    }
}

/// The name in a unique id such as `model.project.name`.
pub(super) fn last_part(id: &str) -> &str {
    id.rsplit('.').next().unwrap_or(id)
}

/// The name that a document of a resource would have by its id alone.
fn name_in<'a>(kind: &str, id: &'a str) -> &'a str {
    // `source.package.source.table`, but `model.package.name`.
    let named = id.splitn(3, '.').nth(2).filter(|_| kind == "source");
    named.unwrap_or_else(|| last_part(id))
}

fn check_version(metadata: &Value) -> Result<(), DbtError> {
    let schema = metadata.get("dbt_schema_version").and_then(Value::as_str);
    // https://schemas.getdbt.com/dbt/manifest/v12.json
    let version = schema
        .and_then(|schema| schema.rsplit('/').next())
        .and_then(|file| file.strip_prefix('v'))
        .and_then(|version| version.strip_suffix(".json"))
        .and_then(|version| version.parse::<u32>().ok());
    let is_manifest = schema.is_some_and(|schema| schema.contains("/manifest/"));
    match version {
        Some(version) if is_manifest && VERSIONS.contains(&version) => Ok(()),
        Some(version) if is_manifest => Err(DbtError::Version {
            version,
            writer: writer(metadata),
            advice: if version < *VERSIONS.start() {
                "run `dbt parse` with dbt 1.8 or later"
            } else {
                "update docent, or run `dbt parse` with dbt 1.8 to 2"
            },
        }),
        _ => Err(DbtError::NoManifest {
            found: schema
                .unwrap_or("no metadata.dbt_schema_version")
                .to_owned(),
        }),
    }
}

fn writer(metadata: &Value) -> String {
    let version = metadata.get("dbt_version").and_then(Value::as_str);
    version.map_or_else(|| "dbt".to_owned(), |version| format!("dbt {version}"))
}
