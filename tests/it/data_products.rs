//! Questions about dbt projects and data contracts, through the whole of docent: the built-in
//! embedder, the real search, and answers quoted word for word.
//!
//! The projects are excerpts of real ones (`ingest/tests/fixtures/dbt/README.md`).

use std::path::Path;

use docent_core::config::{Dbt, Source, SourceKind};
use serde_json::Value;

use crate::support::World;

/// A question, the document that has to be cited, and what its quotes have to say.
struct Expected {
    question: &'static str,
    path: &'static str,
    says: &'static [&'static str],
}

const EXPECTED: [Expected; 12] = [
    Expected {
        question: "which column of salesforce__opportunity_enhanced tells how long a deal took to close?",
        path: "model/salesforce__opportunity_enhanced",
        says: &["days_to_close"],
    },
    Expected {
        question: "what is upstream of netsuite2__balance_sheet?",
        path: "model/netsuite2__balance_sheet",
        says: &[
            "int_netsuite2__tran_with_converted_amounts",
            "int_netsuite2__accounting_periods",
            "stg_netsuite2__subsidiaries",
            "stg_netsuite2__currencies",
            "stg_netsuite2__accounts",
        ],
    },
    Expected {
        question: "What type is the column close_date of stg_salesforce__opportunity?",
        path: "model/stg_salesforce__opportunity",
        says: &["close_date", "timestamp"],
    },
    Expected {
        question: "Which column of salesforce__contact_enhanced is promised to be unique and never null?",
        path: "model/salesforce__contact_enhanced",
        says: &["`contact_id`", "is unique", "is never null"],
    },
    Expected {
        question: "What breaks if I drop stg_salesforce__user_role?",
        path: "model/stg_salesforce__user_role",
        says: &[
            "salesforce__opportunity_enhanced",
            "salesforce__manager_performance",
            "salesforce__sales_snapshot",
        ],
    },
    Expected {
        question: "Which models depend on int_netsuite2__tran_with_converted_amounts?",
        path: "model/int_netsuite2__tran_with_converted_amounts",
        says: &["netsuite2__balance_sheet", "netsuite2__income_statement"],
    },
    Expected {
        question: "Which source tables does the data of salesforce__sales_snapshot come from?",
        path: "model/salesforce__sales_snapshot",
        says: &[
            "salesforce.account",
            "salesforce.opportunity",
            "salesforce.user",
            "salesforce.user_role",
        ],
    },
    Expected {
        question: "After how many hours does dbt warn that the source salesforce_history.account is old?",
        path: "source/salesforce_history.account",
        says: &["24 hours"],
    },
    Expected {
        question: "How is netsuite2__income_statement materialized?",
        path: "model/netsuite2__income_statement",
        says: &["materialized as"],
    },
    Expected {
        question: "What does is_account_leftside mean in netsuite2__balance_sheet?",
        path: "model/netsuite2__balance_sheet",
        says: &["native debit balance"],
    },
    Expected {
        question: "What feeds int_salesforce__opportunity_aggregation_by_owner?",
        path: "model/int_salesforce__opportunity_aggregation_by_owner",
        says: &["salesforce__opportunity_enhanced", "stg_salesforce__user"],
    },
    Expected {
        question: "Which file defines salesforce__daily_activity?",
        path: "model/salesforce__daily_activity",
        says: &["salesforce__daily_activity.sql"],
    },
];

/// What no document says, although the words around it are everywhere.
const UNANSWERABLE: [&str; 3] = [
    "What feeds salesforce__churn_prediction?",
    "Which column of netsuite2__warehouse_inventory holds the pallet weight?",
    "Which model holds the Zendesk tickets of an account?",
];

async fn world() -> World {
    let mut world = World::new().await;
    world.config.sources.clear();
    for project in ["salesforce", "netsuite"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("ingest/tests/fixtures/dbt")
            .join(project);
        let kind = SourceKind::Dbt(Dbt::new(folder));
        world
            .config
            .sources
            .push(Source::new(project.to_owned(), kind));
    }
    world
}

fn quotes(answer: &Value, path: &str) -> String {
    answer["citations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|citation| citation["path"] == path)
        .map(|citation| format!("{}\n", citation["quote"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn questions_about_columns_tests_and_lineage_are_answered_from_the_right_document() {
    let world = world().await;
    let report = world.ingest().await;
    let indexed: Vec<u64> = report
        .sources
        .iter()
        .map(|source| source.documents.indexed)
        .collect();
    assert_eq!(indexed, [29, 54], "{:?}", report.sources);
    let server = world.serve().await;
    let mut wrong = Vec::new();
    for expected in EXPECTED {
        let answer = server.ask(expected.question).await;
        let text = answer["answer"].as_str().unwrap().to_owned();
        let cited = quotes(&answer, expected.path);
        let missing: Vec<&str> = expected
            .says
            .iter()
            .copied()
            .filter(|says| !text.contains(says))
            .collect();
        if answer["outcome"] != "answered" || cited.is_empty() || !missing.is_empty() {
            wrong.push(format!(
                "{}\n  missing {missing:?}, quoted of {}: {cited:?}\n  {text}",
                expected.question, expected.path
            ));
        }
    }
    for question in UNANSWERABLE {
        let answer = server.ask(question).await;
        if answer["outcome"] != "abstained" {
            wrong.push(format!("{question}\n  answered: {}", answer["answer"]));
        }
    }
    server.stop().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
