//! Only what people ask is use: not an evaluation, not what docent asks itself again, not the demo.

use docent::commands::eval::{EvalRequest, SetRequest, evaluate};
use docent::eval;
use docent::insights::keep;
use docent::server::Service;
use docent_core::ledger::{Feedback, Origin, Rating};

use crate::support::{TestServer, World, ingest};

const ANSWERED: &str = "How often is fct_trips loaded?";
const GAP: &str = "Who owns dim_scooters?";

/// Every view that says how much docent is used, and its count.
const VIEWS: [(&str, &str); 10] = [
    ("report_use", "sum(questions)"),
    ("report_hours", "sum(questions)"),
    ("report_latency", "sum(questions)"),
    ("report_people", "count(*)"),
    ("report_active_people", "sum(people)"),
    ("report_conversations", "sum(conversations)"),
    ("report_documents", "sum(citations)"),
    ("report_interactions", "count(*)"),
    ("report_feedback", "count(*)"),
    ("report_gaps", "sum(abstained + disliked)"),
];

async fn uses(world: &World) -> Vec<(&'static str, String)> {
    let mut figures = Vec::new();
    for (view, count) in VIEWS {
        let query = format!("SELECT coalesce({count}, 0)::text FROM {view}");
        let mut rows = world.database.rows(&query).await;
        figures.push((view, rows.remove(0).remove(0).unwrap()));
    }
    figures
}

async fn ask_and_dislike(server: &TestServer) {
    let app = &server.service.app;
    assert_eq!(server.ask(GAP).await["outcome"], "abstained");
    let answer = server.ask(ANSWERED).await;
    assert_eq!(answer["outcome"], "answered");
    app.ledger.flush().await;
    let feedback = Feedback {
        interaction_id: answer["interaction_id"].as_str().unwrap().parse().unwrap(),
        rating: Rating::Down,
        comment: None,
    };
    assert!(app.ledger.rate("anonymous", &feedback).await.unwrap());
}

#[tokio::test]
async fn evaluations_what_is_asked_again_and_the_demo_are_never_use() {
    let world = World::of_trips().await;
    let server = world.serve().await;
    ask_and_dislike(&server).await;
    let people = uses(&world).await;
    assert!(people.iter().all(|(_, count)| count != "0"), "{people:?}");
    assert_eq!(people[0], ("report_use", "2".to_owned()));

    // An evaluation.
    let app = &server.service.app;
    let set = world.folder.path().join("set.jsonl");
    let line = |id: &str, question: &str| {
        serde_json::json!({ "id": id, "question": question, "kind": "single",
                            "gold": [{ "path": "fct_trips.md" }] })
        .to_string()
    };
    let lines = format!("{}\n{}\n", line("answered", ANSWERED), line("gap", GAP));
    std::fs::write(&set, lines).unwrap();
    let request = EvalRequest {
        sets: vec![SetRequest {
            file: set,
            corpus: None,
            over: None,
        }],
        ..EvalRequest::default()
    };
    evaluate(app, &request, &eval::ProgressSender::default())
        .await
        .unwrap();
    // Asked again after a run that does not help: a gap that it closed would be none.
    world.write(
        "other.md",
        "# Other\n\nThe table dim_bikes is loaded weekly.\n",
    );
    ingest(app).await;
    keep::once(&server.service, &mut None).await;
    server.stop().await;
    // The demo, with the same ledger.
    let mut demo = Service::new(world.app().await).unwrap();
    demo.origin = Origin::Demo;
    let server = TestServer::of(demo).await;
    ask_and_dislike(&server).await;

    let origins = world
        .database
        .rows("SELECT origin, count(*)::text FROM interaction GROUP BY 1 ORDER BY 1")
        .await;
    let origins: Vec<&str> = origins.iter().filter_map(|row| row[0].as_deref()).collect();
    assert_eq!(origins, ["demo", "evaluation", "person", "re_ask"]);
    assert_eq!(uses(&world).await, people, "while the day is open");

    // The same from the sums, when the days are over.
    for table in ["interaction", "model_call"] {
        let query = format!("UPDATE {table} SET at = at - interval '3 days' RETURNING id::text");
        world.database.rows(&query).await;
    }
    // No program moves a row, so nothing has opened that day.
    let open = "INSERT INTO open_day SELECT DISTINCT (at AT TIME ZONE 'UTC')::date FROM interaction
                ON CONFLICT DO NOTHING RETURNING day::text";
    world.database.rows(open).await;
    let app = &server.service.app;
    while app.ledger.sum_days(50).await.unwrap() > 0 {}
    let open = world
        .database
        .rows("SELECT day::text FROM open_day WHERE day < now() - interval '2 days'")
        .await;
    assert!(open.is_empty(), "{open:?}");
    assert_eq!(uses(&world).await, people, "when the day is summed");
    server.stop().await;
}
