//! The document of a model, source table, seed or snapshot, as a person would write it.

use docent_core::document::Status;

use super::catalog::{CatalogColumn, Relation};
use super::freshness::{Check, RunResult, in_words};
use super::manifest::{Kind, Resource};
use super::node::{Column, Criteria, Node};
use super::owner::{Owner, Standing};
use super::{Project, reading};
use crate::source::prose::{
    Page, and, cell, code, count, embedded, names, one_line, sentence, table,
};

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

fn freshness(project: &Project<'_>, resource: &Resource) -> Vec<String> {
    let subject = code(&resource.name);
    let mut sentences = Vec::new();
    let check = project.freshness.check(&resource.id);
    if let Some(check) = check {
        sentences.push(checked(&subject, &resource.node, check));
    }
    if let Some(run) = project.freshness.run(&resource.id) {
        sentences.push(last_run(&subject, run));
    }
    let given = check.and_then(|check| check.criteria.as_ref());
    let criteria = given
        .filter(|criteria| criteria.is_given())
        .or(resource.node.criteria());
    if let Some(criteria) = criteria {
        sentences.push(criterion(&subject, criteria));
    }
    if let Some((at, oldest)) = project.oldest_source(resource) {
        sentences.push(format!(
            "Of the sources that {subject} comes from, the one loaded longest ago is {}, at {}.",
            code(&oldest),
            in_words(at)
        ));
    }
    if sentences.is_empty() {
        return Vec::new();
    }
    vec![sentences.join(" ")]
}

fn checked(subject: &str, node: &Node, check: &Check) -> String {
    let status = check.status.as_deref().unwrap_or_default().to_lowercase();
    let when = check.snapshotted_at.map_or_else(String::new, |at| {
        format!(" by the check at {}", in_words(at))
    });
    let Some(loaded) = check.max_loaded_at else {
        let reason = check.error.as_deref().map_or_else(String::new, |error| {
            format!(": {}", one_line(error).trim_end_matches('.'))
        });
        return format!("The freshness of {subject} could not be checked{when}{reason}.");
    };
    let field = node
        .loaded_at_field()
        .map_or_else(String::new, |field| format!(" (newest {})", code(field)));
    let found = match status.as_str() {
        "pass" => format!("; it was found fresh{when}"),
        "warn" => format!("; it was found late (warning){when}"),
        "error" => format!("; it was found stale (error){when}"),
        _ => String::new(),
    };
    format!(
        "The data of {subject} was last loaded at {}{field}{found}.",
        in_words(loaded)
    )
}

fn last_run(subject: &str, run: &RunResult) -> String {
    let when = run
        .at
        .map_or_else(String::new, |at| format!(" at {}", in_words(at)));
    let message = run
        .message
        .as_deref()
        .map(one_line)
        .filter(|message| !message.is_empty());
    match run.status.as_deref() {
        Some("success") => format!("dbt last built {subject}{when}, with success."),
        Some("skipped") => format!(
            "In the last dbt run{when} {subject} was skipped, because something upstream failed."
        ),
        Some(status) => {
            let message = message.map_or_else(String::new, |message| {
                format!(": {}", message.trim_end_matches('.'))
            });
            format!("The last dbt run of {subject}{when} ended with {status}{message}.")
        }
        None => format!("dbt last ran {subject}{when}."),
    }
}

fn criterion(subject: &str, criteria: &Criteria) -> String {
    let after = |age: &Option<super::node::Age>| age.as_ref().and_then(super::node::Age::in_words);
    let mut limits = Vec::new();
    if let Some(age) = after(&criteria.warn_after) {
        limits.push(format!("warns when it is older than {age}"));
    }
    if let Some(age) = after(&criteria.error_after) {
        limits.push(format!("fails when it is older than {age}"));
    }
    let filter = criteria
        .filter
        .as_deref()
        .map_or_else(String::new, |filter| {
            format!(" (counting rows where {})", code(filter))
        });
    format!(
        "Freshness criterion of {subject}: dbt looks at its newest data{filter} and {}.",
        and(&limits)
    )
}

/// A column by what the project says and by what the database has.
struct Merged<'a> {
    name: &'a str,
    described: Option<&'a Column>,
    found: Option<&'a CatalogColumn>,
}

fn columns(project: &Project<'_>, resource: &Resource) -> Vec<String> {
    let columns = merged(project, resource);
    if columns.is_empty() {
        return Vec::new();
    }
    let rows: Vec<Vec<String>> = columns
        .iter()
        .map(|column| {
            vec![
                cell(&code(column.name)),
                cell(&column.data_type()),
                cell(&column.meaning()),
                cell(&column.promised(project, resource)),
            ]
        })
        .collect();
    vec![
        format!(
            "{} has {}.",
            code(&resource.name),
            count(columns.len(), "column")
        ),
        table(&["column", "type", "description", "promised"], &rows),
    ]
}

/// As the table has them, then what is only described. Databases differ in the case of names.
fn merged<'a>(project: &Project<'a>, resource: &'a Resource) -> Vec<Merged<'a>> {
    let described = &resource.node.columns.0;
    let name_of = |(key, column): &'a (String, Column)| column.name.as_deref().unwrap_or(key);
    let relation = project
        .catalog
        .and_then(|catalog| catalog.relation(&resource.id));
    let mut columns: Vec<Merged<'a>> = relation
        .map(Relation::columns)
        .unwrap_or_default()
        .into_iter()
        .map(|(name, found)| {
            let known = described
                .iter()
                .find(|column| name_of(column).eq_ignore_ascii_case(name));
            Merged {
                name: known.map_or(name, name_of),
                described: known.map(|(_, column)| column),
                found: Some(found),
            }
        })
        .collect();
    for column in described {
        let name = name_of(column);
        if !columns
            .iter()
            .any(|known| known.name.eq_ignore_ascii_case(name))
        {
            columns.push(Merged {
                name,
                described: Some(&column.1),
                found: None,
            });
        }
    }
    columns
}

impl Merged<'_> {
    fn data_type(&self) -> String {
        let found = self.found.and_then(|column| column.data_type.clone());
        let said = || self.described.and_then(|column| column.data_type.clone());
        found.or_else(said).unwrap_or_default()
    }

    fn meaning(&self) -> String {
        let said = self
            .described
            .and_then(|column| column.description.as_deref());
        let comment = || self.found.and_then(|column| column.comment.as_deref());
        let mut meaning = sentence(&one_line(said.or_else(comment).unwrap_or_default()));
        if let Some(reading) = reading::duration(self.name) {
            if !meaning.is_empty() {
                meaning.push(' ');
            }
            meaning.push_str(&format!("({reading})"));
        }
        let tags = self.described.map_or(&[][..], |column| &column.tags);
        if !tags.is_empty() {
            meaning.push_str(&format!(" Tagged {}.", and(tags)));
        }
        meaning
    }

    fn promised(&self, project: &Project<'_>, resource: &Resource) -> String {
        let mut words: Vec<String> = project
            .promises
            .of_column(resource, self.name)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let constraints = self.described.map_or(&[][..], |column| &column.constraints);
        for constraint in constraints {
            let word = match (constraint.kind.as_deref(), &constraint.expression) {
                (Some("not_null"), _) => "never null".to_owned(),
                (Some("check"), Some(expression)) => format!("check {}", code(expression)),
                (Some("foreign_key"), Some(expression)) => format!("refers to {expression}"),
                (Some(kind), _) => kind.replace('_', " "),
                (None, _) => continue,
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words.join(", ")
    }
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
