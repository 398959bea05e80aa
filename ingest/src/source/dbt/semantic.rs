//! The documents of exposures, metrics, semantic models and saved queries.

use serde_json::Value;

use super::Project;
use super::document::{facts, lineage, standing};
use super::lenient::{scalar, strings};
use super::manifest::{Kind, Resource};
use super::owner::Standing;
use crate::source::prose::{Page, and, code, embedded, names, one_line, sentence};

/// Markdown of a resource that is no table.
pub(super) fn markdown(project: &Project<'_>, resource: &Resource) -> String {
    let mut page = Page::default();
    page.block(&format!("# {}", title(resource)));
    page.block(&what_it_is(resource));
    standing(&mut page, &resource.name, &Standing::of(&resource.node));
    page.block(&embedded(
        resource.node.description.as_deref().unwrap_or_default(),
    ));
    match resource.kind {
        Kind::Metric => page.section("How it is computed", &[metric(project, resource)]),
        Kind::SemanticModel => semantic_model(&mut page, resource),
        Kind::SavedQuery => page.section("What it asks for", &[saved_query(resource)]),
        _ => {}
    }
    page.section("Owner and place", &[facts(project, resource)]);
    lineage(&mut page, project, resource);
    page.finish()
}

/// The label of an exposure or metric says more to a person than its name.
pub(super) fn title(resource: &Resource) -> String {
    resource
        .node
        .label
        .as_deref()
        .map_or_else(|| resource.name.clone(), one_line)
}

fn what_it_is(resource: &Resource) -> String {
    let node = &resource.node;
    let subject = code(&resource.name);
    let label = node.label.as_deref().map(one_line);
    let called = label
        .filter(|label| *label != resource.name)
        .map_or_else(String::new, |label| format!(", called \"{label}\""));
    match resource.kind {
        Kind::Exposure => {
            let kind = node.kind.as_deref().unwrap_or("use of the data");
            let maturity = node
                .maturity
                .as_deref()
                .map_or_else(String::new, |maturity| {
                    format!(" Its maturity is {maturity}.")
                });
            let url = node
                .url
                .as_deref()
                .map_or_else(String::new, |url| format!(" It is at {url} ."));
            format!("{subject} is a dbt exposure{called}, a {kind}.{maturity}{url}")
        }
        Kind::Metric => {
            let kind = node
                .kind
                .as_deref()
                .map_or_else(String::new, |kind| format!(", of the type {kind}"));
            format!("{subject} is a metric{called}{kind}.")
        }
        Kind::SemanticModel => {
            format!("{subject} is a semantic model{called}: what metrics are computed from.")
        }
        kind => format!("{subject} is a {}{called}.", kind.words()),
    }
}

fn metric(project: &Project<'_>, resource: &Resource) -> String {
    let node = &resource.node;
    let subject = code(&resource.name);
    let parameters = &node.type_params;
    let of = |key: &str| named(&parameters[key]);
    let mut sentences = Vec::new();
    if let (Some(numerator), Some(denominator)) = (of("numerator"), of("denominator")) {
        sentences.push(format!(
            "{subject} is {} divided by {}.",
            code(&numerator),
            code(&denominator)
        ));
    } else if let Some(measure) = of("measure") {
        let measured = measure_of(project, resource, &measure);
        sentences.push(format!(
            "{subject} is the measure {}{measured}.",
            code(&measure)
        ));
    }
    let aggregation = &parameters["metric_aggregation_params"];
    if let Some(how) = aggregation["agg"].as_str() {
        let of = scalar(&aggregation["expr"]).map_or_else(String::new, |expression| {
            format!(" of {}", code(&expression))
        });
        sentences.push(format!("{subject} is the {how}{of}."));
    }
    if let Some(expression) = scalar(&parameters["expr"]) {
        sentences.push(format!(
            "Its expression is {}.",
            code(&one_line(&expression))
        ));
    }
    let inputs: Vec<String> = parameters["metrics"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(named)
        .collect();
    if !inputs.is_empty() {
        sentences.push(format!("It is derived from the metrics {}.", names(inputs)));
    }
    let conversion = &parameters["conversion_type_params"];
    if let (Some(base), Some(converted)) = (
        named(&conversion["base_measure"]),
        named(&conversion["conversion_measure"]),
    ) {
        sentences.push(format!(
            "It is the conversion from {} to {}.",
            code(&base),
            code(&converted)
        ));
    }
    let windows = [
        &parameters["window"],
        &parameters["cumulative_type_params"]["window"],
        &conversion["window"],
    ];
    if let Some(window) = windows.into_iter().find_map(window) {
        sentences.push(format!("It is taken over a window of {window}."));
    }
    let filters: Vec<String> = filters(&node.filter)
        .into_iter()
        .chain(filters(&parameters["measure"]["filter"]))
        .collect();
    if !filters.is_empty() {
        sentences.push(format!("Only rows count where {}.", and(&filters)));
    }
    sentences.join(" ")
}

/// `: the sum of amount_krw in the semantic model payments`, where that is known.
fn measure_of(project: &Project<'_>, resource: &Resource, name: &str) -> String {
    for id in &resource.node.depends_on.nodes {
        let Some(semantic) = project.manifest.resources.get(id) else {
            continue;
        };
        let measure = semantic
            .node
            .measures
            .iter()
            .find(|measure| measure["name"].as_str() == Some(name));
        if let Some(how) = measure.and_then(|measure| aggregated(measure, name)) {
            return format!(", {how} in the semantic model {}", code(&semantic.name));
        }
    }
    String::new()
}

/// `the sum of amount_krw`.
fn aggregated(measure: &Value, name: &str) -> Option<String> {
    let how = match measure["agg"].as_str()? {
        "count_distinct" => "number of distinct",
        "count" => "number of",
        "sum_boolean" => "number of true",
        other => other,
    };
    let of = if how.ends_with(" of") || how.contains("number") {
        ""
    } else {
        " of"
    };
    let expression = scalar(&measure["expr"]).unwrap_or_else(|| name.to_owned());
    Some(format!("the {how}{of} {}", code(&one_line(&expression))))
}

fn semantic_model(page: &mut Page, resource: &Resource) {
    let node = &resource.node;
    let described = |value: &Value, what: String| {
        let name = value["name"].as_str().unwrap_or_default();
        let description = scalar(&value["description"])
            .map_or_else(String::new, |text| format!(": {}", one_line(&text)));
        sentence(&format!("- {}, {what}{description}", code(name)))
    };
    let list = |values: &[Value], what: &dyn Fn(&Value) -> String| {
        let lines: Vec<String> = values
            .iter()
            .map(|value| described(value, what(value)))
            .collect();
        lines.join("\n")
    };
    if let Some(time) = node.defaults["agg_time_dimension"].as_str() {
        page.block(&format!("Its measures are counted by {}.", code(time)));
    }
    let kind = |value: &Value| value["type"].as_str().unwrap_or("unknown").to_owned();
    page.section(
        "Entities",
        &[list(&node.entities, &|entity| {
            format!("a {} entity", kind(entity))
        })],
    );
    page.section(
        "Dimensions",
        &[list(&node.dimensions, &|dimension| {
            format!("a {} dimension", kind(dimension))
        })],
    );
    page.section(
        "Measures",
        &[list(&node.measures, &|measure| {
            let name = measure["name"].as_str().unwrap_or_default();
            aggregated(measure, name).unwrap_or_else(|| "a measure".to_owned())
        })],
    );
}

fn saved_query(resource: &Resource) -> String {
    let subject = code(&resource.name);
    let query = &resource.node.query_params;
    let mut sentences = Vec::new();
    let metrics = strings(&query["metrics"]);
    let by = strings(&query["group_by"]);
    if !metrics.is_empty() {
        let by = if by.is_empty() {
            String::new()
        } else {
            format!(" by {}", names(by))
        };
        sentences.push(format!(
            "{subject} gives the metrics {}{by}.",
            names(metrics)
        ));
    }
    let filters = filters(&query["where"]);
    if !filters.is_empty() {
        sentences.push(format!("Only rows count where {}.", and(&filters)));
    }
    let exports: Vec<&str> = resource
        .node
        .exports
        .iter()
        .filter_map(|export| export["name"].as_str())
        .collect();
    if !exports.is_empty() {
        sentences.push(format!("It is exported as {}.", names(exports)));
    }
    sentences.join(" ")
}

/// A name that stands alone or in an object.
fn named(value: &Value) -> Option<String> {
    scalar(value).or_else(|| scalar(&value["name"]))
}

/// `7 days`, as text or as an object.
fn window(value: &Value) -> Option<String> {
    scalar(value).or_else(|| {
        let granularity = value["granularity"].as_str()?;
        Some(format!("{} {granularity}", scalar(&value["count"])?))
    })
}

/// The conditions of a filter, in the shape of any version.
fn filters(filter: &Value) -> Vec<String> {
    let conditions = match filter {
        Value::Object(_) => &filter["where_filters"],
        other => other,
    };
    let texts = match conditions {
        Value::Array(conditions) => conditions
            .iter()
            .filter_map(|condition| {
                scalar(condition).or_else(|| scalar(&condition["where_sql_template"]))
            })
            .collect(),
        other => scalar(other).into_iter().collect::<Vec<_>>(),
    };
    texts.iter().map(|text| code(&one_line(text))).collect()
}
