//! The document of a model, source table, seed or snapshot, as a person would write it.

use docent_core::document::Status;

use super::Project;
use super::catalog::Relation;
use super::columns::columns;
use super::loaded::freshness;
use super::manifest::{Kind, Resource};
use super::node::Node;
use super::owner::{Owner, Standing};
use crate::source::prose::{Page, and, code, embedded, names, one_line, sentence};

/// Markdown of a resource that has columns.
pub(super) fn markdown(project: &Project<'_>, resource: &Resource) -> String {
    let mut page = Page::default();
    let node = &resource.node;
    page.block(&format!("# {}", resource.name));
    page.block(&what_it_is(project, resource));
    standing(&mut page, &resource.name, &Standing::of(node));
    page.block(&embedded(node.description.as_deref().unwrap_or_default()));
    if resource.kind == Kind::Source {
        page.block(&of_source(node));
    }
    page.section("Owner and place", &[facts(project, resource)]);
    page.section("Freshness", &freshness(project, resource));
    page.section("Columns", &columns(project, resource));
    page.section("Promises that are tested", &promises(project, resource));
    lineage(&mut page, project, resource);
    page.finish()
}

/// Whether it may be relied on, before anything else is said.
pub(super) fn standing(page: &mut Page, name: &str, standing: &Standing) {
    let subject = code(name);
    match standing.status {
        Some(Status::Certified) => page.block(&format!("{subject} is certified.")),
        Some(Status::Deprecated) => {
            let from = standing.deprecated_from.map_or_else(String::new, |at| {
                format!(" as of {}", at.format("%Y-%m-%d"))
            });
            let instead = standing
                .replaced_by
                .as_deref()
                .map_or_else(String::new, |by| {
                    format!("; it is replaced by {}", code(by))
                });
            page.block(&format!("**{subject} is deprecated{from}**{instead}."));
        }
        None => {}
    }
}

/// Upstream and downstream, each a section of its own.
pub(super) fn lineage(page: &mut Page, project: &Project<'_>, resource: &Resource) {
    let (lineage, manifest) = (&project.lineage, project.manifest);
    page.section(
        "Upstream: what feeds it",
        &lineage.upstream_paragraphs(manifest, &resource.id),
    );
    page.section(
        "Downstream: what depends on it",
        &lineage.downstream_paragraphs(manifest, &resource.id),
    );
}

fn what_it_is(project: &Project<'_>, resource: &Resource) -> String {
    let node = &resource.node;
    let subject = code(&resource.name);
    let mut text = match resource.kind {
        Kind::Source => {
            let loader = node
                .loader
                .as_deref()
                .map_or_else(String::new, |loader| format!(", loaded by {loader}"));
            format!(
                "{subject} is a source table{loader}: raw data that dbt reads and does not make."
            )
        }
        Kind::Seed => format!("{subject} is a seed: a CSV file that dbt loads into a table."),
        Kind::Snapshot => {
            let strategy = node
                .config
                .strategy
                .as_deref()
                .map_or_else(String::new, |by| format!(" (strategy: {by})"));
            format!(
                "{subject} is a snapshot: it keeps the history of the rows it is taken of{strategy}."
            )
        }
        _ => match node.config.materialized.as_deref() {
            Some("ephemeral") => format!(
                "{subject} is an ephemeral dbt model: it is no table of its own, its query becomes \
                 part of the models that use it."
            ),
            Some("incremental") => format!(
                "{subject} is a dbt model, materialized as an incremental table: a run adds or \
                 changes rows instead of building all of them anew."
            ),
            Some(kind) => format!("{subject} is a dbt model, materialized as a {kind}."),
            None => format!("{subject} is a dbt model."),
        },
    };
    if let (Some(version), Some(latest)) = (&node.version, &node.latest_version) {
        let latest = if version == latest {
            " It is the latest version.".to_owned()
        } else {
            format!(" The latest version is {latest}.")
        };
        text.push_str(&latest);
    }
    let rows = project
        .catalog
        .and_then(|catalog| catalog.relation(&resource.id))
        .and_then(Relation::rows);
    if let Some(rows) = rows {
        text.push_str(&format!(" It had {rows} rows when its catalog was made."));
    }
    text
}

/// What is said of the whole source that a table belongs to.
fn of_source(node: &Node) -> String {
    let (Some(source), Some(description)) = (&node.source_name, &node.source_description) else {
        return String::new();
    };
    format!(
        "About the source {}: {}",
        code(source),
        sentence(&one_line(description))
    )
}

/// Owner, tags, where it lies and where it is defined, in sentences that can be quoted alone.
pub(super) fn facts(project: &Project<'_>, resource: &Resource) -> String {
    let node = &resource.node;
    let subject = code(&resource.name);
    let mut facts = Vec::new();
    if let Some(owner) = Owner::of(project.manifest, node).in_words() {
        facts.push(format!("{subject} is owned by {owner}, its owner to ask."));
    }
    if let Some(place) = place(node) {
        facts.push(format!("In the database {subject} is {}.", code(&place)));
    }
    if let Some(path) = &node.original_file_path {
        let package = node
            .package_name
            .as_deref()
            .map_or_else(String::new, |package| {
                format!(" of the dbt package {}", code(package))
            });
        facts.push(format!(
            "It is defined in the file {}{package}.",
            code(path)
        ));
    }
    let tags = node.all_tags();
    if !tags.is_empty() {
        facts.push(format!("{subject} is tagged {}.", names(tags)));
    }
    if let Some(group) = node.group() {
        facts.push(format!("{subject} belongs to the group {}.", code(group)));
    }
    if let Some(access @ ("private" | "public")) = node.access() {
        facts.push(format!("Its access is {access}."));
    }
    if node.contract.enforced {
        facts.push("Its columns and types are an enforced dbt contract.".to_owned());
    }
    facts.extend(notes(node));
    facts.join(" ")
}

/// What else `meta` says.
fn notes(node: &Node) -> Option<String> {
    const SAID_ELSEWHERE: [&str; 14] = [
        "owner",
        "owners",
        "owner_slack",
        "owner_email",
        "slack",
        "slack_channel",
        "status",
        "certified",
        "deprecated",
        "certification",
        "replaced_by",
        "replacement",
        "contact_email",
        "slack_channel_name",
    ];
    let mut notes: Vec<String> = Vec::new();
    for (key, value) in node.metas().into_iter().flatten() {
        if SAID_ELSEWHERE.contains(&key.as_str()) {
            continue;
        }
        let values = super::lenient::strings(value);
        let note = format!("{} = {}", code(key), one_line(&values.join(", ")));
        if !values.is_empty() && !notes.contains(&note) {
            notes.push(note);
        }
    }
    (!notes.is_empty()).then(|| format!("Its meta says {}.", and(&notes)))
}

/// `database.schema.name` as the database calls it; `None` where there is no relation.
fn place(node: &Node) -> Option<String> {
    if node.config.materialized.as_deref() == Some("ephemeral") {
        return None;
    }
    let name = node
        .identifier
        .as_ref()
        .or(node.alias.as_ref())
        .or(node.name.as_ref())?;
    node.schema.as_ref()?;
    let parts = [node.database.as_ref(), node.schema.as_ref(), Some(name)];
    let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    Some(parts.join("."))
}

fn promises(project: &Project<'_>, resource: &Resource) -> Vec<String> {
    let mut sentences = project
        .promises
        .sentences(project.manifest, resource, project.freshness);
    let key = &resource.node.primary_key;
    let keys = if key.is_empty() {
        &resource.node.config.unique_key
    } else {
        key
    };
    if !keys.is_empty() {
        let subject = code(&resource.name);
        sentences.insert(
            0,
            format!(
                "The key of {subject}, one row for each value, is {}.",
                names(keys)
            ),
        );
    }
    sentences
        .into_iter()
        .map(|promise| format!("- {promise}"))
        .collect::<Vec<_>>()
        .chunks(1000)
        .map(|lines| lines.join("\n"))
        .collect()
}
