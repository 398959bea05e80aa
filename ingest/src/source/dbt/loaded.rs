//! How fresh a resource is, in sentences: when its data was last loaded, and what dbt holds it to.

use super::Project;
use super::freshness::{Check, RunResult, in_words};
use super::manifest::Resource;
use super::node::{Age, Criteria, Node};
use crate::source::prose::{and, code, one_line};

/// All that is known of it; nothing where nothing is.
pub(super) fn freshness(project: &Project<'_>, resource: &Resource) -> Vec<String> {
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
    let after = |age: &Option<Age>| age.as_ref().and_then(Age::in_words);
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
