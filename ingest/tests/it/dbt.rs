//! dbt artefacts as documents.
//!
//! The excerpts of real projects are described in `fixtures/dbt/README.md`; `demo/dbt` is a small
//! invented project with resources of every kind.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use docent_core::document::{Outcome, Status};
use docent_ingest::source::dbt::{Artifacts, Documents, documents};
use docent_ingest::source::{Content, Found};
use serde_json::{Value, json};

fn excerpt(project: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/dbt/{project}"))
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/dbt")
}

fn artifacts(folder: &Path) -> Artifacts {
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    Artifacts {
        manifest: read("manifest.json").unwrap(),
        catalog: read("catalog.json"),
        sources: read("sources.json"),
        freshness: read("freshness.json"),
        run_results: read("run_results.json"),
    }
}

fn made(folder: &Path) -> Documents {
    documents(&artifacts(folder), "").unwrap()
}

fn of_manifest(manifest: &Value) -> Result<Documents, String> {
    let artifacts = Artifacts {
        manifest: manifest.to_string().into_bytes(),
        ..Artifacts::default()
    };
    documents(&artifacts, "").map_err(|error| error.to_string())
}

fn find<'a>(documents: &'a Documents, path: &str) -> &'a Found {
    documents
        .documents
        .iter()
        .find(|found| found.path == path)
        .unwrap_or_else(|| panic!("no document {path}"))
}

fn text(found: &Found) -> &str {
    match &found.content {
        Content::Made(markdown) => markdown,
        other => panic!("{} is not written: {other:?}", found.path),
    }
}

/// A document with its metadata, as a person reads it.
fn whole(documents: &Documents, path: &str) -> String {
    let found = find(documents, path);
    let given = found.given.as_deref().unwrap();
    let mut out = String::new();
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            writeln!(out, "{key}: {value}").unwrap();
        }
    };
    line("title", given.title.clone());
    line("asset", given.asset.clone());
    line("owner", given.owner.clone());
    line("slack", given.owner_slack.clone());
    line("email", given.owner_email.clone());
    line(
        "status",
        given.status.map(|status| status.name().to_owned()),
    );
    line("fresh_at", given.fresh_at.map(|at| at.to_rfc3339()));
    line("stale_at", given.stale_at.map(|at| at.to_rfc3339()));
    line("uri", given.uri.clone());
    line(
        "tags",
        Some(given.tags.join(", ")).filter(|tags| !tags.is_empty()),
    );
    format!("{out}---\n{}", text(found))
}

/// How many resources of each kind a manifest has, counted without docent.
fn counted(folder: &Path) -> BTreeMap<String, usize> {
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let mut counts = BTreeMap::new();
    for node in manifest["nodes"].as_object().unwrap().values() {
        let kind = node["resource_type"].as_str().unwrap();
        if ["model", "seed", "snapshot"].contains(&kind) {
            *counts.entry(kind.to_owned()).or_default() += 1;
        }
    }
    for (key, kind) in [
        ("sources", "source"),
        ("exposures", "exposure"),
        ("metrics", "metric"),
        ("semantic_models", "semantic_model"),
        ("saved_queries", "saved_query"),
    ] {
        let number = manifest[key].as_object().unwrap().len();
        if number > 0 {
            counts.insert(kind.to_owned(), number);
        }
    }
    counts
}

fn documented(documents: &Documents) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for found in &documents.documents {
        let (kind, _) = found.path.split_once('/').unwrap();
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn every_resource_that_is_not_disabled_is_one_document() {
    for folder in [excerpt("salesforce"), excerpt("netsuite"), demo()] {
        let documents = made(&folder);
        assert_eq!(documented(&documents), counted(&folder), "{folder:?}");
        assert_eq!(documents.problems, []);
        let mut paths: Vec<&str> = documents
            .documents
            .iter()
            .map(|d| d.path.as_str())
            .collect();
        paths.dedup();
        assert_eq!(paths.len(), documents.documents.len());
    }
}

/// The whole artefacts of both projects, where somebody has them: `DOCENT_CORPORA` is the folder
/// that holds `dbt-artifacts/dbt_salesforce/docs`.
#[test]
#[ignore = "needs DOCENT_CORPORA"]
fn the_whole_projects_give_a_document_for_each_resource() {
    let corpora = PathBuf::from(std::env::var_os("DOCENT_CORPORA").unwrap());
    for (project, number) in [("dbt_salesforce", 56), ("dbt_netsuite", 200)] {
        let folder = corpora.join("dbt-artifacts").join(project).join("docs");
        let documents = made(&folder);
        assert_eq!(documented(&documents), counted(&folder));
        assert_eq!(documents.documents.len(), number);
        assert_eq!(documents.problems, []);
        for found in &documents.documents {
            assert!(text(found).contains("Downstream"), "{}", found.path);
        }
    }
}

#[test]
fn a_large_model_reads_well() {
    insta::assert_snapshot!(whole(
        &made(&excerpt("salesforce")),
        "model/salesforce__opportunity_enhanced"
    ));
}

#[test]
fn lineage_reaches_from_the_sources_to_the_end() {
    let documents = made(&excerpt("netsuite"));
    insta::assert_snapshot!(whole(&documents, "model/netsuite2__balance_sheet"));
    insta::assert_snapshot!(whole(&documents, "source/netsuite2.subsidiary"));
}

#[test]
fn every_kind_of_resource_reads_well() {
    let documents = made(&demo());
    for path in [
        "model/fct_trips",
        "model/stg_payments",
        "model/rpt_trips_daily",
        "model/rpt_net_revenue_daily",
        "model/dim_stations",
        "model/fct_bike_day",
        "source/fleet.bikes",
        "seed/city_codes",
        "snapshot/stations_snapshot",
        "exposure/bike_health_dashboard",
        "metric/net_revenue_without_penalties",
        "semantic_model/payments",
        "saved_query/net_revenue_by_day",
    ] {
        let name = path.replace('/', "__");
        insta::assert_snapshot!(name, whole(&documents, path));
    }
}

#[test]
fn freshness_of_dbt_2_is_read_and_the_later_check_wins() {
    let mut artifacts = artifacts(&demo());
    artifacts.freshness = std::fs::read(excerpt("freshness.json")).ok();
    let documents = documents(&artifacts, "").unwrap();
    let trips = find(&documents, "model/fct_trips");
    assert_eq!(
        trips.given.as_ref().unwrap().fresh_at.unwrap().to_rfc3339(),
        "2026-11-20T06:20:31+00:00"
    );
    assert!(
        text(trips).contains(
            "The data of `fct_trips` was last loaded at 2026-11-20 06:20 UTC; it was found fresh by \
             the check at 2026-11-20 06:59 UTC."
        ),
        "{}",
        text(trips)
    );
    assert!(text(find(&documents, "source/fleet.bikes")).contains("2026-11-20 06:59 UTC"));
    // A check of one resource says nothing of the others.
    assert!(text(find(&documents, "source/locks.lock_events")).contains("2026-11-20 05:30 UTC"));
}

#[test]
fn what_a_compile_succeeded_in_was_not_built() {
    let mut artifacts = artifacts(&demo());
    let runs = String::from_utf8(artifacts.run_results.unwrap()).unwrap();
    artifacts.run_results = Some(runs.replace("\"build\"", "\"generate\"").into_bytes());
    let documents = documents(&artifacts, "").unwrap();
    let trips = find(&documents, "model/fct_trips");
    assert_eq!(trips.given.as_ref().unwrap().fresh_at, None);
    assert!(!text(trips).contains("last built"));
}

#[test]
fn an_address_is_made_of_the_template_and_an_exposure_has_its_own() {
    let template = "https://dbt.example.com/#!/{resource_type}/{unique_id}";
    let documents = documents(&artifacts(&demo()), template).unwrap();
    let uri = |path: &str| {
        find(&documents, path)
            .given
            .as_ref()
            .unwrap()
            .uri
            .clone()
            .unwrap()
    };
    assert_eq!(
        uri("model/fct_trips"),
        "https://dbt.example.com/#!/model/model.tandemoor.fct_trips"
    );
    assert_eq!(
        uri("exposure/revenue_dashboard"),
        "https://looker.tandemoor.example/dashboards/12"
    );
}

#[test]
fn a_manifest_that_cannot_be_read_is_named_with_what_to_do() {
    let version = |version: u32, dbt: &str| {
        let schema = format!("https://schemas.getdbt.com/dbt/manifest/v{version}.json");
        json!({"metadata": {"dbt_schema_version": schema, "dbt_version": dbt}, "nodes": 7})
    };
    let mut said = String::new();
    for manifest in [
        version(7, "1.3.4"),
        version(13, "2.4.0"),
        json!({"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}}),
        json!({"some": "file"}),
        json!([1, 2]),
    ] {
        writeln!(said, "{}", of_manifest(&manifest).unwrap_err()).unwrap();
    }
    let whole = std::fs::read(excerpt("salesforce/manifest.json")).unwrap();
    let half = Artifacts {
        manifest: whole[..whole.len() / 2].to_vec(),
        ..Artifacts::default()
    };
    writeln!(said, "{}", documents(&half, "").unwrap_err()).unwrap();
    insta::assert_snapshot!(said);
}

fn small() -> Value {
    json!({
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v11.json",
            "dbt_version": "1.7.4"
        },
        "nodes": {
            "model.a.orders": {
                "name": "orders", "resource_type": "model", "package_name": "a",
                "config": {"materialized": "table"}, "depends_on": {"nodes": []}, "columns": {}
            }
        },
        "sources": {}, "exposures": {}, "metrics": {}, "groups": {}
    })
}

#[test]
fn what_other_versions_write_is_passed_over() {
    let mut manifest = small();
    // Version 11 has no saved queries or unit tests; newer ones have what nobody knows yet.
    assert_eq!(of_manifest(&manifest).unwrap().documents.len(), 1);
    let node = &mut manifest["nodes"]["model.a.orders"];
    node["new_in_dbt_3"] = json!({"deep": [1, {"er": null}]});
    node["description"] = Value::Null;
    node["columns"] = json!({
        "id": {"name": "id", "data_type": {"of": "another shape"}, "constraints": null, "tags": "pii"}
    });
    node["config"]["tags"] = json!("daily");
    node["config"]["freshness"] = json!({"build_after": {"count": 4, "period": "hour"}});
    node["meta"] = Value::Null;
    node["version"] = json!(2);
    manifest["functions"] = json!({"function.a.f": {"name": "f"}});
    let documents = of_manifest(&manifest).unwrap();
    assert_eq!(documents.problems, []);
    let orders = find(&documents, "model/orders.v2");
    assert!(text(orders).contains("`id`"), "{}", text(orders));
    assert_eq!(orders.given.as_ref().unwrap().tags, ["daily"]);
}

#[test]
fn one_resource_that_cannot_be_read_does_not_spoil_the_others() {
    let mut manifest = small();
    manifest["nodes"]["model.a.broken"] = json!("a text");
    let documents = of_manifest(&manifest).unwrap();
    assert_eq!(documents.documents.len(), 1);
    let [problem] = documents.problems.as_slice() else {
        panic!("{:?}", documents.problems)
    };
    assert_eq!(problem.path, "model/broken");
    assert!(
        matches!(&problem.outcome, Outcome::Failed(reason) if reason.contains("model.a.broken")),
        "{problem:?}"
    );
}

#[test]
fn two_packages_may_have_a_model_of_the_same_name() {
    let mut manifest = small();
    let mut other = manifest["nodes"]["model.a.orders"].clone();
    other["package_name"] = json!("b");
    manifest["nodes"]["model.b.orders"] = other;
    let documents = of_manifest(&manifest).unwrap();
    let paths: Vec<&str> = documents
        .documents
        .iter()
        .map(|d| d.path.as_str())
        .collect();
    assert_eq!(paths, ["model/a.orders", "model/b.orders"]);
}

#[test]
fn owner_and_status_are_found_wherever_they_are_said() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut manifest = small();
        change(&mut manifest);
        let documents = of_manifest(&manifest).unwrap();
        documents.documents[0].given.clone().unwrap()
    };
    let node = |key: &'static str, value: Value| {
        with(&move |manifest: &mut Value| {
            manifest["nodes"]["model.a.orders"][key] = value.clone();
        })
    };
    let given = node(
        "meta",
        json!({"owner": "@ann", "slack_channel": "sales-data"}),
    );
    assert_eq!(given.owner.as_deref(), Some("@ann"));
    assert_eq!(given.owner_slack.as_deref(), Some("#sales-data"));
    let given = node(
        "config",
        json!({"meta": {"owner": {"name": "Sales", "email": "s@x.example"}}}),
    );
    assert_eq!(given.owner.as_deref(), Some("Sales"));
    assert_eq!(given.owner_email.as_deref(), Some("s@x.example"));
    let given = node("meta", json!({"owners": ["Ann", "Bo"]}));
    assert_eq!(given.owner.as_deref(), Some("Ann, Bo"));
    let given = with(&|manifest: &mut Value| {
        manifest["nodes"]["model.a.orders"]["group"] = json!("sales");
        manifest["groups"] =
            json!({"group.a.sales": {"name": "sales", "owner": {"email": "s@x.example"}}});
    });
    assert_eq!(given.owner.as_deref(), Some("sales"));
    assert_eq!(given.owner_email.as_deref(), Some("s@x.example"));
    // The group's contacts are not those of another owner.
    let given = with(&|manifest: &mut Value| {
        manifest["nodes"]["model.a.orders"]["group"] = json!("sales");
        manifest["nodes"]["model.a.orders"]["meta"] = json!({"owner": "Ann"});
        manifest["groups"] =
            json!({"g": {"name": "sales", "owner": {"name": "Bo", "email": "bo@x.example"}}});
    });
    assert_eq!(
        (given.owner.as_deref(), given.owner_email),
        (Some("Ann"), None)
    );

    let status = |key, value| node(key, value).status;
    assert_eq!(
        status("tags", json!(["Certified"])),
        Some(Status::Certified)
    );
    assert_eq!(
        status("meta", json!({"certified": true})),
        Some(Status::Certified)
    );
    assert_eq!(status("meta", json!({"certified": false})), None);
    assert_eq!(
        status("meta", json!({"status": "deprecated"})),
        Some(Status::Deprecated)
    );
    assert_eq!(
        status("deprecation_date", json!("2027-01-31T00:00:00Z")),
        Some(Status::Deprecated)
    );
    assert_eq!(status("tags", json!(["nightly"])), None);
}

#[test]
fn text_of_a_project_cannot_break_its_document() {
    let mut manifest = small();
    let node = &mut manifest["nodes"]["model.a.orders"];
    node["description"] = json!("First.\n\n# A heading\n\n```sql\n# no heading\nselect 1");
    node["columns"] = json!({
        "a|b": {"name": "a|b", "description": "One | two.\n\n- three\n`four"},
    });
    let documents = of_manifest(&manifest).unwrap();
    insta::assert_snapshot!(text(&documents.documents[0]));
}

/// Replaces the value at a position, counted through the whole tree.
fn replace(value: &mut Value, position: &mut usize, by: &Value) {
    if *position == 0 {
        value.clone_from(by);
    }
    *position = position.wrapping_sub(1);
    match value {
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| replace(value, position, by)),
        Value::Object(map) => map
            .values_mut()
            .for_each(|value| replace(value, position, by)),
        _ => {}
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(size).sum::<usize>(),
        Value::Object(map) => map.values().map(size).sum(),
        _ => 0,
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// A field of an unexpected shape costs at most what it says: never a panic, and never all of
    /// the other documents.
    #[test]
    fn a_value_of_any_shape_anywhere_is_survived(
        positions in proptest::collection::vec(0.0..1.0_f64, 1..20),
        shape in 0..6_usize,
    ) {
        let by = [
            json!(null), json!(-3), json!("| ` \n# x"), json!([]), json!([{"name": []}]), json!({"a": 1}),
        ][shape].clone();
        let mut manifest: Value = serde_json::from_slice(&artifacts(&demo()).manifest).unwrap();
        let metadata = manifest["metadata"].clone();
        for position in positions {
            let at = (position * size(&manifest) as f64) as usize;
            replace(&mut manifest, &mut at.max(1), &by);
        }
        if !manifest.is_object() {
            return Ok(());
        }
        manifest["metadata"] = metadata;
        if let Ok(documents) = of_manifest(&manifest) {
            for found in &documents.documents {
                proptest::prop_assert!(!text(found).trim().is_empty());
            }
        }
    }
}
