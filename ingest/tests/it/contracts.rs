//! Data contracts (ODCS) and data products (ODPS) as documents.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use docent_core::document::{Outcome, Status};
use docent_ingest::source::contracts::documents;
use docent_ingest::source::{Content, Found};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contracts")
}

fn read(folder: &Path, name: &str) -> Vec<Found> {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    documents(name, &bytes).unwrap()
}

fn whole(found: &Found) -> String {
    let given = found.given.as_ref().unwrap();
    let Content::Made(markdown) = &found.content else {
        panic!("{} is not written", found.path)
    };
    format!(
        "{} | {:?} | owner {:?} {:?} {:?} | {:?}\n---\n{markdown}",
        found.path, given.asset, given.owner, given.owner_slack, given.owner_email, given.status
    )
}

#[test]
fn a_contract_is_one_document() {
    let [contract] = read(&fixtures(), "full-example.odcs.yaml")
        .try_into()
        .unwrap();
    insta::assert_snapshot!(whole(&contract));
}

#[test]
fn the_demo_contract_and_product_read_well() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/contracts");
    let [contract] = read(&demo, "fct_trips.odcs.yaml").try_into().unwrap();
    let given = contract.given.as_ref().unwrap();
    assert_eq!(given.status, Some(Status::Certified));
    assert_eq!(given.owner.as_deref(), Some("Rider Analytics"));
    insta::assert_snapshot!(whole(&contract));
    let [product] = read(&demo, "rides.odps.yaml").try_into().unwrap();
    insta::assert_snapshot!(whole(&product));
}

#[test]
fn nested_properties_have_a_row_of_their_own() {
    let [contract] = read(&fixtures(), "all-schema-types.odcs.yaml")
        .try_into()
        .unwrap();
    insta::assert_snapshot!(whole(&contract));
}

#[test]
fn a_large_contract_has_a_document_for_each_schema_object() {
    let mut yaml =
        "apiVersion: v3.0.0\nkind: DataContract\nid: a\nversion: 1.0\nname: erp\nschema:\n"
            .to_owned();
    for table in ["orders", "lines", "customers", "items", "prices", "orders"] {
        write!(
            yaml,
            "  - name: {table}\n    properties:\n      - name: {table}_id\n"
        )
        .unwrap();
    }
    let made = documents("erp.odcs.yaml", yaml.as_bytes()).unwrap();
    let paths: Vec<&str> = made.iter().map(|found| found.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "erp.odcs.yaml",
            "erp.odcs.yaml#orders",
            "erp.odcs.yaml#lines",
            "erp.odcs.yaml#customers",
            "erp.odcs.yaml#items",
            "erp.odcs.yaml#prices",
            "erp.odcs.yaml#orders~2"
        ]
    );
    insta::assert_snapshot!(format!("{}\n\n{}", whole(&made[0]), whole(&made[1])));
}

#[test]
fn what_is_wrong_is_named_with_its_path_in_the_file() {
    let head = "apiVersion: v3.1.0\nkind: DataContract\nid: a\nversion: 1.0.0\nstatus: active\n";
    let schema = |properties: &str| {
        format!(
            "{head}schema:\n  - name: orders\n    properties:\n      - name: a\n      - name: b\n{properties}"
        )
    };
    let cases = [
        schema("      - name: c\n        logicalType: strng\n"),
        schema("      - logicalType: string\n"),
        schema("      - name: c\n        required: maybe\n"),
        schema("      - name: c\n        items: {properties: [{name: x, properties: {a: b}}]}\n"),
        format!("{head}team:\n  members:\n    - username: [a]\n"),
        format!("{head}slaProperties:\n  - property: latency\n"),
        format!("{head}servers: somewhere\n"),
        format!("{head}servers:\n  - type: kafka\n"),
        "apiVersion: v2.2.2\nkind: DataContract\nid: a\nversion: 1.0.0\n".to_owned(),
        "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\n".to_owned(),
        "kind: DataProduct\nid: a\n".to_owned(),
        "apiVersion: v1.0.0\nkind: DataProduct\nid: a\nstatus: active\ninputPorts: [{version: 1.0.0}]\n"
            .to_owned(),
        "apiVersion: v3.1.0\nid: a\n".to_owned(),
        "kind: DataContract\n  bad: [\n".to_owned(),
        "a: &a [x]\n".to_owned() + &"b: [*a, *a]\n".repeat(2),
    ];
    let mut said = String::new();
    for yaml in cases {
        match documents("x.yaml", yaml.as_bytes()).unwrap_err() {
            Outcome::Failed(reason) => writeln!(said, "failed: {reason}").unwrap(),
            Outcome::Skipped(reason) => writeln!(said, "skipped: {reason}").unwrap(),
            other => panic!("{other:?}"),
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn other_yaml_is_no_contract() {
    for yaml in [
        "site_name: handbook\n",
        "- a\n- b\n",
        "",
        "kind: Deployment\napiVersion: apps/v1\n",
    ] {
        let outcome = documents("x.yaml", yaml.as_bytes()).unwrap_err();
        assert!(
            matches!(outcome, Outcome::Skipped(_)),
            "{yaml:?}: {outcome:?}"
        );
    }
}

#[test]
fn aliases_that_expand_without_end_are_refused() {
    let mut bomb = "kind: DataContract\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{below}]").unwrap();
    }
    let outcome = documents("x.yaml", bomb.as_bytes()).unwrap_err();
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome:?}");
}

/// All examples of the standard, where somebody has them.
#[test]
#[ignore = "needs DOCENT_CORPORA"]
fn every_example_of_the_standard_is_read() {
    let corpora = PathBuf::from(std::env::var_os("DOCENT_CORPORA").unwrap());
    let mut folders = vec![corpora.join("odcs-examples/docs/examples")];
    let mut number = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                let bytes = std::fs::read(&path).unwrap();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let made = documents(&name, &bytes);
                assert!(made.is_ok(), "{name}: {made:?}");
                number += 1;
            }
        }
    }
    assert_eq!(number, 18);
}
