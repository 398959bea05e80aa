//! Tests as promises: what a project checks of a resource, in words.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::freshness::{Freshness, in_words};
use super::lenient::{scalar, strings};
use super::manifest::{Manifest, Resource, last_part};
use super::node::Node;
use crate::source::prose::{and, code, names, one_line, sentence};

/// Values of an `accepted_values` test that are written out.
const VALUES: usize = 30;
/// Longest argument of a test that is quoted, in characters.
const ARGUMENT: usize = 200;

/// The tests of every resource.
#[derive(Debug, Default)]
pub(super) struct Promises<'a> {
    by_resource: BTreeMap<&'a str, Vec<(&'a str, &'a Node)>>,
}

impl<'a> Promises<'a> {
    pub(super) fn of(manifest: &'a Manifest) -> Self {
        let mut promises = Self::default();
        for (id, test) in &manifest.tests {
            // A generic test names what it is attached to; a singular one, and any before dbt 1.4,
            // only what it reads.
            let attached = test.attached_node.as_deref();
            let tested: Vec<&str> = match attached {
                Some(node) => vec![node],
                None if test.test_metadata.is_some() => {
                    // `relationships` reads two: the last one is what is tested.
                    test.depends_on
                        .nodes
                        .last()
                        .map(String::as_str)
                        .into_iter()
                        .collect()
                }
                None => test.depends_on.nodes.iter().map(String::as_str).collect(),
            };
            for resource in tested {
                promises
                    .by_resource
                    .entry(resource)
                    .or_default()
                    .push((id, test));
            }
        }
        promises
    }

    /// One sentence for each column that is tested, then one for each other test.
    pub(super) fn sentences(
        &self,
        manifest: &Manifest,
        resource: &Resource,
        freshness: &Freshness,
    ) -> Vec<String> {
        let subject = code(&resource.name);
        let tests = self.by_resource.get(resource.id.as_str());
        let mut by_column: BTreeMap<&str, Vec<(u8, String)>> = BTreeMap::new();
        let mut others = Vec::new();
        for (id, test) in tests.into_iter().flatten() {
            let outcome = outcome(freshness, id);
            let Some((promise, column)) = promise(manifest, test) else {
                others.push(singular(&subject, test, &outcome));
                continue;
            };
            let promise = format!("{promise}{}{outcome}", conditions(test));
            match column {
                Some(column) => {
                    let list = by_column.entry(column).or_default();
                    list.push((rank(test), promise));
                }
                None => others.push(format!("{subject} {promise}.")),
            }
        }
        let mut sentences: Vec<String> = by_column
            .into_iter()
            .map(|(column, mut promises)| {
                promises.sort();
                let promises: Vec<String> =
                    promises.into_iter().map(|(_, promise)| promise).collect();
                format!("In {subject}, {} {}.", code(column), and(&promises))
            })
            .collect();
        sentences.extend(others);
        sentences.extend(unit_tests(manifest, resource));
        sentences
    }

    /// What a column is promised to be, in a word or two, for the table of columns.
    pub(super) fn of_column(&self, resource: &Resource, column: &str) -> Vec<&'static str> {
        let tests = self.by_resource.get(resource.id.as_str());
        let mut words: Vec<&'static str> = tests
            .into_iter()
            .flatten()
            .filter(|(_, test)| {
                tested_column(test).is_some_and(|tested| tested.eq_ignore_ascii_case(column))
                    && test.config.condition.is_none()
            })
            .filter_map(|(_, test)| match generic_name(test)? {
                (None, "unique") => Some("unique"),
                (None, "not_null") => Some("never null"),
                _ => None,
            })
            .collect();
        words.sort_unstable_by(|a, b| b.cmp(a));
        words.dedup();
        words
    }
}

/// "unique" and "never null" come before what needs more words.
fn rank(test: &Node) -> u8 {
    match generic_name(test) {
        Some((None, "unique")) => 0,
        Some((None, "not_null")) => 1,
        _ => 2,
    }
}

/// Namespace and name; `dbt_utils` and other packages have namespaces.
fn generic_name(test: &Node) -> Option<(Option<&str>, &str)> {
    let metadata = test.test_metadata.as_ref()?;
    let namespace = metadata.namespace.as_deref().filter(|name| *name != "dbt");
    Some((namespace, metadata.name.as_deref()?))
}

fn tested_column(test: &Node) -> Option<&str> {
    let of_arguments = || {
        let metadata = test.test_metadata.as_ref()?;
        metadata.kwargs.get("column_name")?.as_str()
    };
    // A name that the database needs in quotes carries them.
    let column = test.column_name.as_deref().or_else(of_arguments)?;
    Some(column.trim_matches(['"', '`']))
}

/// What a generic test promises, as the words after its subject, and the column that it is about.
/// `None` for a singular test.
fn promise<'a>(manifest: &Manifest, test: &'a Node) -> Option<(String, Option<&'a str>)> {
    let (namespace, name) = generic_name(test)?;
    let metadata = test.test_metadata.as_ref()?;
    let arguments = Arguments::of(&metadata.kwargs);
    let column = tested_column(test);
    let words = match (namespace, name) {
        (None, "unique") => "is unique".to_owned(),
        (None, "not_null") => "is never null".to_owned(),
        (None, "accepted_values") => format!("is one of {}", arguments.values("values")),
        (None, "relationships") => {
            let to = arguments.text("to").unwrap_or_default();
            let field = arguments.text("field").unwrap_or_default();
            format!(
                "has a match in {} of {} for every value that is not null",
                code(&field),
                code(referenced(manifest, &to).as_deref().unwrap_or(&to))
            )
        }
        (Some("dbt_utils"), "unique_combination_of_columns") => {
            let columns = arguments.list("combination_of_columns");
            format!(
                "has no two rows with the same combination of {}",
                names(columns)
            )
        }
        (Some("dbt_utils"), "expression_is_true") => {
            let expression = arguments.text("expression").unwrap_or_default();
            format!("fulfils {} in every row", code(&expression))
        }
        (Some("dbt_utils"), "accepted_range")
        | (Some("dbt_expectations"), "expect_column_values_to_be_between") => arguments.range(),
        (Some("dbt_utils"), "at_least_one") => "has at least one value that is not null".to_owned(),
        (Some("dbt_utils"), "not_empty_string") => "is never an empty text".to_owned(),
        (Some("dbt_utils"), "not_constant") => "has more than one value".to_owned(),
        (Some("dbt_utils"), "not_null_proportion") => {
            let least = arguments.text("at_least").unwrap_or_default();
            format!("is not null in a share of at least {least} of the rows")
        }
        (namespace, name) => {
            let name = namespace.map_or_else(|| name.to_owned(), |of| format!("{of}.{name}"));
            format!("passes the test {}{}", code(&name), arguments.written())
        }
    };
    Some((words, column))
}

/// A test written as a query of its own: its name and description are all that is known.
fn singular(subject: &str, test: &Node, outcome: &str) -> String {
    let name = test.name.as_deref().unwrap_or("unnamed");
    let description = test
        .description
        .as_deref()
        .map_or_else(String::new, |text| {
            format!(": {}", one_line(text).trim_end_matches('.'))
        });
    let conditions = conditions(test);
    sentence(&format!(
        "{subject} passes the test {}{description}{conditions}{outcome}",
        code(name)
    ))
}

fn conditions(test: &Node) -> String {
    let mut conditions = String::new();
    if let Some(condition) = &test.config.condition {
        conditions.push_str(&format!(", where {}", code(condition)));
    }
    let severity = test.config.severity.as_deref().unwrap_or_default();
    if severity.eq_ignore_ascii_case("warn") {
        conditions.push_str(" (only a warning when it does not hold)");
    }
    conditions
}

/// Nothing while a promise is kept.
fn outcome(freshness: &Freshness, id: &str) -> String {
    let Some(run) = freshness.run(id) else {
        return String::new();
    };
    let when = run
        .at
        .map_or_else(String::new, |at| format!(" at {}", in_words(at)));
    match run.status.as_deref() {
        Some("fail" | "warn") => {
            let failures = run.failures.map_or_else(String::new, |rows| {
                format!(
                    ": {rows} {}",
                    if rows == 1 { "failure" } else { "failures" }
                )
            });
            format!(" (broken in the last run{when}{failures})")
        }
        Some("error" | "runtime error") => format!(" (could not be checked in the last run{when})"),
        _ => String::new(),
    }
}

fn unit_tests(manifest: &Manifest, resource: &Resource) -> Vec<String> {
    let tests = manifest.unit_tests.iter().filter(|test| {
        test.depends_on.nodes.contains(&resource.id)
            && test.model.as_str() == resource.node.name.as_deref()
    });
    tests
        .map(|test| {
            let name = code(test.name.as_deref().unwrap_or("unnamed"));
            let description = test
                .description
                .as_deref()
                .map_or_else(String::new, |text| format!(": {}", one_line(text)));
            let subject = code(&resource.name);
            sentence(&format!(
                "The logic of {subject} has the unit test {name}{description}"
            ))
        })
        .collect()
}

/// The name of the model or source that an argument such as `ref('dim_riders')` names.
fn referenced(manifest: &Manifest, argument: &str) -> Option<String> {
    let quoted: Vec<&str> = argument.split(['\'', '"']).skip(1).step_by(2).collect();
    if argument.contains("source(") {
        return Some(quoted.join("."));
    }
    let name = quoted.last()?;
    // `ref('package', 'model')` and `ref('model')`: the last one is the model.
    let known = manifest
        .resources
        .values()
        .find(|resource| last_part(&resource.id) == *name);
    Some(known.map_or_else(|| (*name).to_owned(), |resource| resource.name.clone()))
}

/// The arguments of a test, without those that dbt adds.
struct Arguments(BTreeMap<String, Value>);

impl Arguments {
    fn of(kwargs: &Map<String, Value>) -> Self {
        let mut arguments = BTreeMap::new();
        for (key, value) in kwargs {
            match (key.as_str(), value) {
                ("model" | "column_name" | "config", _) => {}
                // dbt 1.10 and later may keep them together.
                ("arguments", Value::Object(inner)) => {
                    arguments.extend(inner.clone());
                }
                _ => {
                    arguments.insert(key.clone(), value.clone());
                }
            }
        }
        Self(arguments)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0
            .get(name)
            .and_then(scalar)
            .map(|text| one_line(&text))
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.0.get(name).map(strings).unwrap_or_default()
    }

    fn values(&self, name: &str) -> String {
        let values = self.list(name);
        let shown = names(values.iter().take(VALUES));
        match values.len().saturating_sub(VALUES) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }

    fn range(&self) -> String {
        let bound = |name| self.text(name);
        match (bound("min_value"), bound("max_value")) {
            (Some(least), Some(most)) => format!("is between {least} and {most}"),
            (Some(least), None) => format!("is at least {least}"),
            (None, Some(most)) => format!("is at most {most}"),
            (None, None) => "is in a range".to_owned(),
        }
    }

    /// ` (interval: 1, field: …)`, where there are any.
    fn written(&self) -> String {
        let arguments: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| {
                let value = scalar(value).unwrap_or_else(|| value.to_string());
                let value: String = one_line(&value).chars().take(ARGUMENT).collect();
                format!("{name}: {}", code(&value))
            })
            .collect();
        if arguments.is_empty() {
            String::new()
        } else {
            format!(" ({})", arguments.join(", "))
        }
    }
}
