//! The resources of a manifest, as far as a document tells of them. One structure serves every kind:
//! a kind leaves out what it does not have, and fields that are not named here are passed over.

#![expect(clippy::struct_field_names, reason = "the names are dbt's")]

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::lenient::{self, Ordered};

/// A model, source table, seed, snapshot, test, exposure, metric, semantic model or saved query.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Node {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) label: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) resource_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) package_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) original_file_path: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) description: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) database: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) schema: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) alias: Option<String>,
    /// The name of a source's table in the database.
    #[serde(deserialize_with = "lenient::text")]
    pub(super) identifier: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) columns: Ordered<Column>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) tags: Vec<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) meta: Map<String, Value>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) group: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) config: Config,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) depends_on: DependsOn,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) access: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) version: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) latest_version: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) deprecation_date: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) contract: Contract,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) primary_key: Vec<String>,

    // Sources.
    #[serde(deserialize_with = "lenient::text")]
    pub(super) source_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) source_description: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) source_meta: Map<String, Value>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) loader: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) loaded_at_field: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) freshness: Option<Criteria>,

    // Tests.
    #[serde(deserialize_with = "lenient::text")]
    pub(super) column_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) attached_node: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) test_metadata: Option<TestMetadata>,
    /// Unit tests: the model that is tested.
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) model: Value,

    // Exposures.
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) maturity: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) url: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) owner: Map<String, Value>,

    // Metrics, semantic models and saved queries: their shapes differ by version, so they are read
    // where they are written down.
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) type_params: Value,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) filter: Value,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) entities: Vec<Value>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) dimensions: Vec<Value>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) measures: Vec<Value>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) defaults: Value,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) query_params: Value,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) exports: Vec<Value>,
}

/// What a project configures of a resource.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) materialized: Option<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) tags: Vec<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) meta: Map<String, Value>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) group: Option<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) unique_key: Vec<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) strategy: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) severity: Option<String>,
    #[serde(rename = "where", deserialize_with = "lenient::text")]
    pub(super) condition: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) access: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) loaded_at_field: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) freshness: Option<Criteria>,
}

/// A column that the project describes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Column {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) description: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) data_type: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) constraints: Vec<Constraint>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) tags: Vec<String>,
}

/// What the database itself holds a column to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Constraint {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) expression: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct DependsOn {
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) nodes: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Contract {
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) enforced: bool,
}

/// What a generic test was called with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct TestMetadata {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) namespace: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) kwargs: Map<String, Value>,
}

/// How old data may become before dbt warns or fails.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Criteria {
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) warn_after: Option<Age>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) error_after: Option<Age>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) filter: Option<String>,
}

/// A number of minutes, hours or days.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Age {
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) count: Option<u64>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) period: Option<String>,
}

/// A group of models and who answers for them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Group {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) owner: Map<String, Value>,
}

impl Node {
    /// Of the resource itself and of its configuration; of a source also what its parent says.
    pub(super) fn metas(&self) -> [&Map<String, Value>; 3] {
        [&self.meta, &self.config.meta, &self.source_meta]
    }

    /// In the order in which they are given, each once.
    pub(super) fn all_tags(&self) -> Vec<&str> {
        let mut tags: Vec<&str> = Vec::new();
        for tag in self.tags.iter().chain(&self.config.tags) {
            if !tags.contains(&tag.as_str()) {
                tags.push(tag);
            }
        }
        tags
    }

    pub(super) fn group(&self) -> Option<&str> {
        self.group.as_deref().or(self.config.group.as_deref())
    }

    pub(super) fn access(&self) -> Option<&str> {
        self.access.as_deref().or(self.config.access.as_deref())
    }

    pub(super) fn loaded_at_field(&self) -> Option<&str> {
        let own = self.loaded_at_field.as_deref();
        own.or(self.config.loaded_at_field.as_deref())
    }

    pub(super) fn criteria(&self) -> Option<&Criteria> {
        [&self.freshness, &self.config.freshness]
            .into_iter()
            .flatten()
            .find(|criteria| criteria.is_given())
    }
}

impl Criteria {
    pub(super) fn is_given(&self) -> bool {
        [&self.warn_after, &self.error_after]
            .into_iter()
            .flatten()
            .any(|age| age.in_words().is_some())
    }
}

impl Criteria {
    /// The age at which data are stale: what fails, else what warns.
    pub(super) fn limit(&self) -> Option<TimeDelta> {
        let of = |age: &Option<Age>| age.as_ref().and_then(Age::span);
        of(&self.error_after).or_else(|| of(&self.warn_after))
    }
}

impl Age {
    fn span(&self) -> Option<TimeDelta> {
        let count = i64::try_from(self.count?).ok()?;
        match self.period.as_deref()?.to_lowercase().as_str() {
            "minute" => TimeDelta::try_minutes(count),
            "hour" => TimeDelta::try_hours(count),
            "day" => TimeDelta::try_days(count),
            _ => None,
        }
    }

    /// `24 hours`; `None` where one of the two is missing.
    pub(super) fn in_words(&self) -> Option<String> {
        let (count, period) = (self.count?, self.period.as_deref()?);
        let plural = if count == 1 { "" } else { "s" };
        Some(format!("{count} {period}{plural}"))
    }
}
