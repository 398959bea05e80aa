//! What a document says of itself, and what its source knows and allows besides.

use std::fmt::Write as _;

use docent_core::document::{Outcome, Status};
use docent_ingest::clean::clean;
use docent_ingest::extract::{FrontMatter, extract};
use docent_ingest::source::Form;
use insta::assert_snapshot;

use crate::extraction::{extracted, raw};

#[test]
fn yaml_front_matter_is_metadata() {
    let page = extracted(
        "tables/fct_trips.md",
        "---\ntitle: Trips\nowner: rides-team\nowner-slack: '#rides'\nowner_email: rides@example.com\n\
         groups: [analysts, finance]\nasset: fct_trips\nstatus: Certified\nupdated: 2026-03-01\n\
         fresh_at: 2026-03-02T04:00:00+09:00\nurl: https://example.com/trips\nlang: en-GB\n\
         tags: [rides, daily]\nsomething_else: {a: 1}\n---\n# Another heading\n\nOne row a trip.\n",
    );
    assert_eq!(page.title, "Trips");
    assert_eq!(page.front.owner.as_deref(), Some("rides-team"));
    assert_eq!(page.front.owner_slack.as_deref(), Some("#rides"));
    assert_eq!(page.front.owner_email.as_deref(), Some("rides@example.com"));
    assert_eq!(
        page.front.groups,
        Some(vec!["analysts".to_owned(), "finance".to_owned()])
    );
    assert_eq!(page.front.asset.as_deref(), Some("fct_trips"));
    assert_eq!(page.front.status, Some(Status::Certified));
    assert_eq!(page.front.uri.as_deref(), Some("https://example.com/trips"));
    assert_eq!(page.front.tags, ["rides", "daily"]);
    assert_eq!(page.language.as_deref(), Some("en"));
    let days = [page.front.updated_at, page.front.fresh_at].map(|at| at.unwrap().to_rfc3339());
    assert_eq!(
        days,
        ["2026-03-01T00:00:00+00:00", "2026-03-01T19:00:00+00:00"]
    );
    assert_eq!(
        clean(&page.markdown),
        "# Another heading\n\nOne row a trip."
    );
}

#[test]
fn toml_front_matter_is_metadata_too() {
    let page = extracted(
        "a.md",
        "+++\ntitle = \"Stations\"\ndate = 2026-01-02\n[extra]\ngroups = \"ops\"\nowner = \"ops\"\n+++\nText\n",
    );
    assert_eq!(page.title, "Stations");
    assert_eq!(page.front.groups, Some(vec!["ops".to_owned()]));
    assert_eq!(page.front.owner.as_deref(), Some("ops"));
    assert_eq!(
        page.front.updated_at.unwrap().to_rfc3339(),
        "2026-01-02T00:00:00+00:00"
    );
}

#[test]
fn a_document_whose_permission_is_unknown_is_not_indexed() {
    let cases = [
        "---\ngroups:\n---\nText",
        "---\ngroups: []\n---\nText",
        "---\ngroups: ['']\n---\nText",
        "---\ngroups: 7\n---\nText",
        "---\ntitle: [broken\ngroups: [finance]\n---\nText",
        "---\ngroups: [a]\ngroups: [b]\n---\nText",
        "---\nGroups: [a]\ngroups: [b]\n---\nText",
        "+++\ngroups = [\n+++\nText",
        "---\n{title: x, \"groups\": [a\n---\nText",
        "---\ngroups: [finance]\n\nText of a front matter that nobody closed",
    ];
    let reasons: Vec<String> = cases
        .iter()
        .map(|text| match extract(&raw("a.md", text.as_bytes())) {
            Err(Outcome::Skipped(reason)) => reason,
            other => panic!("{text}: {other:?}"),
        })
        .collect();
    assert_snapshot!(reasons.join("\n"));
}

#[test]
fn broken_front_matter_without_groups_does_not_hide_the_text() {
    let page = extracted("a.md", "---\ntitle: [broken\n---\n# Trips\n\nText\n");
    assert_eq!(page.title, "Trips");
    assert!(page.front.problem.is_some());
    assert_eq!(clean(&page.markdown), "# Trips\n\nText");
    let ruler = extracted("a.md", "---\n\n# Trips\n\nText\n");
    assert_eq!(clean(&ruler.markdown), "---\n\n# Trips\n\nText");
    assert_eq!(ruler.front.problem, None);
}

#[test]
fn a_yaml_bomb_is_passed_over_quickly() {
    let mut bomb = String::from("---\na0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 9].join(",");
        let _ = writeln!(bomb, "a{level}: &a{level} [{inner}]");
    }
    bomb.push_str("---\n# Trips\n\nText\n");
    let begun = std::time::Instant::now();
    let page = extracted("a.md", &bomb);
    assert!(page.front.problem.is_some());
    assert!(begun.elapsed().as_secs() < 5);
}

#[test]
fn a_document_never_widens_what_its_source_allows() {
    let readers = |front: &str, given: &[&str]| {
        let mut page = raw("a.md", format!("---\n{front}\n---\nText.\n").as_bytes());
        page.given.groups = Some(given.iter().map(ToString::to_string).collect());
        extract(&page).map(|page| page.front.groups.unwrap().join(" "))
    };
    assert_eq!(readers("title: T", &["finance"]).unwrap(), "finance");
    assert_eq!(
        readers("groups: [everyone]", &["finance"]).unwrap(),
        "finance"
    );
    assert_eq!(
        readers("groups: [finance, hr]", &["finance", "ops"]).unwrap(),
        "finance"
    );
    assert_eq!(readers("groups: hr", &["everyone"]).unwrap(), "hr");
    let Err(Outcome::Skipped(reason)) = readers("groups: hr", &["finance"]) else {
        panic!("groups that have nothing in common let somebody in");
    };
    assert_snapshot!(reason, @"permission unknown: its own `groups` (hr) and those that its source allows (finance) have none in common");
}

#[test]
fn what_a_source_knows_completes_what_a_document_says() {
    let mut page = raw(
        "a.md",
        b"---\nowner: Growth\ntitle: Own\n---\n# Heading\n\nText.\n",
    );
    page.given = FrontMatter {
        title: Some("Given".to_owned()),
        owner: Some("Platform".to_owned()),
        owner_slack: Some("#platform".to_owned()),
        uri: Some("https://wiki.example.com/1".to_owned()),
        above: vec!["Handbook".to_owned()],
        ..FrontMatter::default()
    };
    let front = extract(&page).unwrap().front;
    assert_eq!(front.title.as_deref(), Some("Own"));
    assert_eq!(front.uri.as_deref(), Some("https://wiki.example.com/1"));
    assert_eq!(front.above, ["Handbook"]);
    // Another owner's contact would be wrong.
    assert_eq!(
        (front.owner.as_deref(), front.owner_slack),
        (Some("Growth"), None)
    );

    // What a source wrote itself has no front matter, whatever it looks like.
    page.form = Form::Made;
    page.given.groups = Some(vec!["finance".to_owned()]);
    page.bytes = b"---\ngroups: [everyone]\ntitle: Fooled\n---\n\nText.\n".to_vec();
    let made = extract(&page).unwrap();
    assert_eq!(
        (made.title.as_str(), made.front.groups),
        ("Given", Some(vec!["finance".to_owned()]))
    );
    assert!(made.markdown.contains("Fooled"));
}
