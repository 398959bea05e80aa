//! dbt artefacts as documents: one for each model, source table, seed, snapshot, exposure, metric,
//! semantic model and saved query.
//!
//! [`documents()`] turns the files of a `target/` folder into Markdown with metadata. Whatever dbt
//! version wrote them, an unknown field is passed over; a manifest of another version is an error
//! that says what to do. Formats: <https://docs.getdbt.com/reference/artifacts/dbt-artifacts>.

mod catalog;
mod columns;
mod document;
mod fetch;
mod freshness;
mod lenient;
mod lineage;
mod load;
mod loaded;
mod manifest;
mod node;
mod owner;
mod promise;
mod reading;
mod semantic;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub(super) use load::{check, list};

use super::{Found, Problem};
use crate::extract::FrontMatter;
use catalog::Catalog;
use freshness::Freshness;
use lineage::Lineage;
use manifest::{Kind, Manifest, Resource};
use owner::{Owner, Standing};
use promise::Promises;

/// The artefacts of one project as they were read.
#[derive(Debug, Clone, Default)]
pub struct Artifacts {
    pub manifest: Vec<u8>,
    pub catalog: Option<Vec<u8>>,
    pub sources: Option<Vec<u8>>,
    pub freshness: Option<Vec<u8>>,
    pub run_results: Option<Vec<u8>>,
}

/// What became of a project's artefacts.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// Sorted by path: `model/fct_trips`, `source/app.trips`, `exposure/revenue_dashboard`.
    pub documents: Vec<Found>,
    /// Resources of which nothing could be read, with the field that is wrong.
    pub problems: Vec<Problem>,
}

/// Why artefacts give no documents at all.
#[derive(Debug, thiserror::Error)]
pub enum DbtError {
    /// It is no JSON, or not of the shape that its name promises.
    #[error("{file} cannot be read ({reason}); write it anew with `dbt docs generate`")]
    Unreadable { file: &'static str, reason: String },
    /// A manifest of another version.
    #[error(
        "manifest.json is of version {version}, written by {writer}; docent reads versions 11 and \
         12 (dbt 1.7 to 2): {advice}"
    )]
    Version {
        version: u32,
        writer: String,
        advice: &'static str,
    },
    /// JSON, but no manifest.
    #[error(
        "manifest.json is no dbt manifest ({found}); point source.path at the `target` folder of a \
         dbt project"
    )]
    NoManifest { found: String },
}

/// Everything that is known of a project, for the documents to draw on.
struct Project<'a> {
    manifest: &'a Manifest,
    catalog: Option<&'a Catalog>,
    freshness: &'a Freshness,
    lineage: &'a Lineage,
    promises: &'a Promises<'a>,
}

/// One document for each resource that is not disabled. `uri` is a template of where people open it:
/// `{unique_id}`, `{resource_type}`, `{name}`, `{package}` and `{path}` are filled in; empty: none.
pub fn documents(artifacts: &Artifacts, uri: &str) -> Result<Documents, DbtError> {
    let manifest = manifest::read(&artifacts.manifest)?;
    let catalog = artifacts
        .catalog
        .as_deref()
        .map(catalog::read)
        .transpose()?;
    let mut freshness = Freshness::default();
    if let Some(bytes) = &artifacts.sources {
        freshness.add_checks("sources.json", bytes)?;
    }
    if let Some(bytes) = &artifacts.freshness {
        freshness.add_checks("freshness.json", bytes)?;
    }
    if let Some(bytes) = &artifacts.run_results {
        freshness.add_runs(bytes)?;
    }
    let (lineage, promises) = (Lineage::of(&manifest), Promises::of(&manifest));
    let project = Project {
        manifest: &manifest,
        catalog: catalog.as_ref(),
        freshness: &freshness,
        lineage: &lineage,
        promises: &promises,
    };
    let mut documents: Vec<Found> = paths(&manifest)
        .into_iter()
        .map(|(path, resource)| project.document(path, resource, uri))
        .collect();
    documents.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Documents {
        documents,
        problems: manifest.problems.clone(),
    })
}

/// A path for each resource: its kind and name, with its package before the name where two packages
/// have one of the same name.
fn paths(manifest: &Manifest) -> Vec<(String, &Resource)> {
    let plain = |resource: &Resource| problem_path(resource.kind.name(), &resource.name);
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for resource in manifest.resources.values() {
        *uses.entry(plain(resource)).or_default() += 1;
    }
    manifest
        .resources
        .values()
        .map(|resource| {
            let path = plain(resource);
            let path = match (uses.get(&path), &resource.node.package_name) {
                (Some(2..), Some(package)) => {
                    let name = format!("{package}.{}", resource.name);
                    problem_path(resource.kind.name(), &name)
                }
                _ => path,
            };
            (path, resource)
        })
        .collect()
}

/// `/` in a name would look like a folder.
fn problem_path(kind: &str, name: &str) -> String {
    format!("{kind}/{}", name.replace('/', "_"))
}

impl Project<'_> {
    fn document(&self, path: String, resource: &Resource, uri: &str) -> Found {
        let node = &resource.node;
        let (title, markdown) = match resource.kind {
            Kind::Model | Kind::Source | Kind::Seed | Kind::Snapshot => {
                (resource.name.clone(), document::markdown(self, resource))
            }
            _ => (
                semantic::title(resource),
                semantic::markdown(self, resource),
            ),
        };
        let owner = Owner::of(self.manifest, node);
        let own_url = node.url.clone().filter(|url| {
            resource.kind == Kind::Exposure
                && (url.starts_with("https://") || url.starts_with("http://"))
        });
        let given = FrontMatter {
            title: Some(title),
            asset: Some(resource.name.clone()),
            owner: owner.name,
            owner_slack: owner.slack,
            owner_email: owner.email,
            status: Standing::of(node).status,
            fresh_at: self.fresh_at(resource),
            stale_at: self.stale_at(resource),
            updated_at: self.manifest.generated_at,
            uri: own_url.or_else(|| address(uri, &path, resource)),
            tags: node.all_tags().into_iter().map(str::to_owned).collect(),
            ..FrontMatter::default()
        };
        Found::made(path, markdown, given)
    }

    /// When the data was last loaded: as checked, else when dbt last built the table, else (a view
    /// or an ephemeral model shows what is below it) the oldest of the sources it comes from.
    fn fresh_at(&self, resource: &Resource) -> Option<DateTime<Utc>> {
        let id = &resource.id;
        let checked = self
            .freshness
            .check(id)
            .and_then(|check| check.max_loaded_at);
        let built = || {
            let run = self.freshness.run(id).filter(|run| run.built())?;
            (!is_seen_through(resource)).then_some(run.at).flatten()
        };
        let below = || self.oldest_source(resource).map(|(at, _)| at);
        checked.or_else(built).or_else(below)
    }

    /// When the data count as stale by their own criterion; for what shows the data below it, by the
    /// first of theirs that is broken.
    fn stale_at(&self, resource: &Resource) -> Option<DateTime<Utc>> {
        if !is_seen_through(resource) {
            return self.stale_by_criterion(resource);
        }
        let roots = self.lineage.roots(self.manifest, &resource.id);
        let below = roots
            .into_iter()
            .filter_map(|id| self.stale_by_criterion(self.manifest.resources.get(id)?));
        below.min()
    }

    fn stale_by_criterion(&self, resource: &Resource) -> Option<DateTime<Utc>> {
        let check = self.freshness.check(&resource.id)?;
        let given = check.criteria.as_ref().filter(|given| given.is_given());
        let limit = given.or(resource.node.criteria())?.limit()?;
        check.max_loaded_at?.checked_add_signed(limit)
    }

    /// For what shows the data below it: the source of its lineage that was loaded longest ago.
    fn oldest_source(&self, resource: &Resource) -> Option<(DateTime<Utc>, String)> {
        if !is_seen_through(resource) {
            return None;
        }
        let roots = self.lineage.roots(self.manifest, &resource.id);
        let loaded = roots.into_iter().filter_map(|id| {
            let at = self.freshness.check(id)?.max_loaded_at?;
            Some((at, self.manifest.resources.get(id)?.name.clone()))
        });
        loaded.min()
    }
}

fn is_seen_through(resource: &Resource) -> bool {
    resource.kind == Kind::Model
        && matches!(
            resource.node.config.materialized.as_deref(),
            Some("view" | "ephemeral")
        )
}

fn address(template: &str, path: &str, resource: &Resource) -> Option<String> {
    if template.is_empty() {
        return None;
    }
    let package = resource.node.package_name.as_deref().unwrap_or_default();
    let name = resource.node.name.as_deref().unwrap_or(&resource.name);
    Some(
        template
            .replace("{unique_id}", &resource.id)
            .replace("{resource_type}", resource.kind.name())
            .replace("{name}", name)
            .replace("{package}", package)
            .replace("{path}", path),
    )
}
