//! What other tools read: the files in `deploy` agree with what docent has.
//!
//! `UPDATE_DEPLOY=1` writes `deploy/dbt/sources.yml` anew.

use std::path::Path;

use crate::support::World;

const HEAD: &str = "\
# docent's own views as a dbt source: point dbt at docent's Postgres, put this file into `models/`, and
# `{{ source('docent', 'report_use') }}` is a relation. Made from the comments in the database; a test
# compares the two (UPDATE_DEPLOY=1 makes it anew).
version: 2

sources:
  - name: docent
    description: >-
      What people ask docent, what the documents lack, what it costs. These views are a stable contract.
    schema: \"{{ env_var('DOCENT_SCHEMA', 'public') }}\"
    tables:
";

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[tokio::test]
async fn the_dbt_source_names_every_view_and_column_with_its_comment() {
    let world = World::new().await;
    world.app().await.close().await;
    let columns = world
        .database
        .rows(
            "SELECT c.relname::text, obj_description(c.oid), a.attname::text, col_description(c.oid, a.attnum)
               FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
              WHERE c.relkind = 'v' AND starts_with(c.relname, 'report_')
              ORDER BY c.relname, a.attnum",
        )
        .await;
    let mut made = HEAD.to_owned();
    let mut table = String::new();
    for column in columns {
        let [view, about, name, comment] = column.try_into().unwrap();
        let (view, name) = (view.unwrap(), name.unwrap());
        if table != view {
            let about = about.unwrap_or_else(|| panic!("{view} has no comment"));
            made.push_str(&format!(
                "      - name: {view}\n        description: {}\n        columns:\n",
                quoted(&about)
            ));
            table.clone_from(&view);
        }
        let comment = comment.unwrap_or_else(|| panic!("{view}.{name} has no comment"));
        made.push_str(&format!(
            "          - name: {name}\n            description: {}\n",
            quoted(&comment)
        ));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/dbt/sources.yml");
    if std::env::var_os("UPDATE_DEPLOY").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap();
    assert!(
        there == made,
        "deploy/dbt/sources.yml is not what the views are; UPDATE_DEPLOY=1 makes it anew"
    );
}
