//! `catalog.json`: what the database has, where `dbt docs generate` looked.

use std::collections::HashMap;

use serde::Deserialize;

use super::DbtError;
use super::lenient::{self, Ordered};

/// Relations by unique id.
#[derive(Debug, Default)]
pub(super) struct Catalog(HashMap<String, Relation>);

/// A table or view as it stands in the database.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Relation {
    #[serde(deserialize_with = "lenient::or_default")]
    pub(super) metadata: RelationMetadata,
    #[serde(deserialize_with = "lenient::or_default")]
    columns: Ordered<CatalogColumn>,
    #[serde(deserialize_with = "lenient::or_default")]
    stats: Ordered<Statistic>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RelationMetadata {
    /// `BASE TABLE`, `VIEW` …
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct CatalogColumn {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub(super) data_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) comment: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    index: Option<u64>,
}

/// What the adapter measured of a relation, such as its rows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Statistic {
    #[serde(deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient::or_default")]
    value: serde_json::Value,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    nodes: HashMap<String, Relation>,
    #[serde(default)]
    sources: HashMap<String, Relation>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Catalog, DbtError> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| DbtError::Unreadable {
        file: "catalog.json",
        reason: error.to_string(),
    })?;
    let mut relations = file.nodes;
    relations.extend(file.sources);
    Ok(Catalog(relations))
}

impl Catalog {
    pub(super) fn relation(&self, id: &str) -> Option<&Relation> {
        self.0.get(id)
    }
}

impl Relation {
    /// In the order of the table.
    pub(super) fn columns(&self) -> Vec<(&str, &CatalogColumn)> {
        let mut columns: Vec<(&str, &CatalogColumn)> = self
            .columns
            .0
            .iter()
            .map(|(key, column)| (column.name.as_deref().unwrap_or(key), column))
            .collect();
        columns.sort_by_key(|(_, column)| column.index.unwrap_or(u64::MAX));
        columns
    }

    /// How many rows it had, where the adapter counts them.
    pub(super) fn rows(&self) -> Option<u64> {
        self.stats.0.iter().find_map(|(key, statistic)| {
            let id = statistic.id.as_deref().unwrap_or(key);
            if !matches!(id, "num_rows" | "row_count" | "rows") {
                return None;
            }
            let value = &statistic.value;
            // Some adapters write 12000.0.
            value.as_u64().or_else(|| {
                let rows = value.as_f64().filter(|rows| *rows >= 0.0)?;
                Some(rows as u64)
            })
        })
    }
}
