//! `docent report` says what the ledger has, in three forms, here and through a running docent.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use docent::report::{Report, markdown, read, text};
use docent_core::app::App;
use docent_core::config::Texts;
use docent_core::ledger::{Interaction, Record};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::World;

/// Noon of a day before `until`.
fn noon(until: DateTime<Utc>, days: u64) -> DateTime<Utc> {
    let day = (until - Days::new(days)).date_naive();
    day.and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap())
        .and_utc()
}

struct Asked<'a> {
    when: DateTime<Utc>,
    caller: &'a str,
    question: &'a str,
    outcome: &'a str,
    document: Option<(&'a str, &'a str)>,
    embedding: [f32; 3],
}

fn ask(app: &App, asked: &Asked<'_>) -> Uuid {
    let id = Uuid::now_v7();
    let answered = asked.outcome == "answered";
    let passages: Vec<Value> = asked
        .document
        .iter()
        .map(|(title, owner)| {
            json!({
                "rank": 1, "point_id": Uuid::new_v4(),
                "document_id": Uuid::new_v5(&Uuid::NAMESPACE_OID, title.as_bytes()),
                "source": "docs", "path": format!("{title}.md"), "title": title, "score": 1.0,
                "cosine": null, "coverage": null, "cited_as": answered.then_some(1),
                "quote": answered.then_some("it is so"), "asset": title, "owner": owner,
            })
        })
        .collect();
    let interaction: Interaction = serde_json::from_value(json!({
        "id": id, "at": asked.when, "conversation_id": Uuid::new_v4(), "message_id": null,
        "channel": "web", "caller": asked.caller, "origin": "person", "question": asked.question,
        "question_embedding": asked.embedding, "standalone_question": asked.question,
        "answer": "it is so [1]", "outcome": asked.outcome,
        "generator": answered.then_some("model"), "fallback_reason": null, "retrieve_ms": 5,
        "first_token_ms": 300, "total_ms": 1250, "passages": passages,
    }))
    .unwrap();
    app.ledger
        .writer()
        .write(Record::Interaction(Box::new(interaction)));
    id
}

/// Two weeks of a small company; the second is the one that is reported.
pub(crate) async fn seeded(world: &World, app: &App, until: DateTime<Utc>) {
    let fees = ("provider_fees", "Finance Data");
    let trips = ("fct_trips", "Mobility Data");
    let mut down = Vec::new();
    for number in 0..40 {
        let when = noon(until, 8 + number % 7) + TimeDelta::minutes(number as i64);
        let caller = format!("key:{}", number % 9);
        let asked = Asked {
            when,
            caller: &caller,
            question: "How fresh is fct_trips?",
            outcome: "answered",
            document: Some(trips),
            embedding: [1.0, 0.0, 0.0],
        };
        ask(app, &asked);
    }
    for number in 0..60_u64 {
        let when = noon(until, 1 + number % 7) + TimeDelta::minutes(number as i64);
        let caller = format!("key:{}", number % 11);
        let (question, outcome, document, embedding) = match number % 4 {
            0 => (
                "How are provider fees computed?",
                "abstained",
                fees,
                [0.0, 1.0, 0.0],
            ),
            1 if number % 8 == 1 => (
                "formula of provider fees",
                "abstained",
                fees,
                [0.05, 1.0, 0.0],
            ),
            2 if number % 12 == 2 => (
                "Is fct_trips loaded on Sundays?",
                "abstained",
                trips,
                [0.0, 0.0, 1.0],
            ),
            _ => (
                "How fresh is fct_trips?",
                "answered",
                trips,
                [1.0, 0.0, 0.0],
            ),
        };
        let asked = Asked {
            when,
            caller: &caller,
            question,
            outcome,
            document: Some(document),
            embedding,
        };
        let id = ask(app, &asked);
        if outcome == "answered" && number % 9 == 2 {
            down.push(format!(
                "('{id}', '{caller}', '{}', 'down')",
                when.to_rfc3339()
            ));
        }
    }
    for (origin, caller) in [("evaluation", "eval"), ("demo", "demo")] {
        let line = json!({
            "id": Uuid::now_v7(), "at": noon(until, 2), "conversation_id": Uuid::new_v4(),
            "message_id": null, "channel": "terminal", "caller": caller, "origin": origin,
            "question": "no use", "question_embedding": null, "standalone_question": "no use",
            "answer": "", "outcome": "abstained", "generator": null, "fallback_reason": null,
            "retrieve_ms": 1, "first_token_ms": null, "total_ms": 1, "passages": [],
        });
        let one: Interaction = serde_json::from_value(line).unwrap();
        app.ledger
            .writer()
            .write(Record::Interaction(Box::new(one)));
    }
    app.ledger.flush().await;
    let rated = format!(
        "INSERT INTO feedback (interaction_id, caller, at, rating) VALUES {}",
        down.join(", ")
    );
    world.database.rows(&rated).await;
    seed_costs_and_runs(world, until).await;
}

async fn seed_costs_and_runs(world: &World, until: DateTime<Utc>) {
    let day = noon(until, 3);
    world
        .database
        .rows(&format!(
            "INSERT INTO model_call (id, at, purpose, model, input_tokens, cached_tokens, output_tokens,
                 usage_source, cost, latency_ms, outcome)
             SELECT gen_random_uuid(), '{0}'::timestamptz, 'answer', 'gpt', 1000, 0, 100, 'reported', 0.25, 900, 'ok'
               FROM generate_series(1, 8)
             UNION ALL
             SELECT gen_random_uuid(), '{0}'::timestamptz, 'embed_passages', 'unknown-model', 500, 0, 0, 'reported', NULL::numeric, 90, 'ok'",
            day.to_rfc3339()
        ))
        .await;
    world
        .database
        .rows(&format!(
            "INSERT INTO ingest_run (id, source, collection, started_at, finished_at, outcome, indexed, removed, failed)
             VALUES (gen_random_uuid(), 'docs', 'c', '{0}', '{0}', 'failed', 0, 0, 0),
                    (gen_random_uuid(), 'docs', 'c', '{1}', '{1}', 'done_with_failures', 12, 1, 2)",
            noon(until, 5).to_rfc3339(),
            noon(until, 4).to_rfc3339()
        ))
        .await;
}

pub(crate) fn monday() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

async fn week(app: &App, owner: Option<&str>) -> Report {
    read(app, monday().date_naive(), 7, owner.map(str::to_owned))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_report_says_what_the_ledger_has() {
    let world = World::new().await;
    let app = world.app().await;
    seeded(&world, &app, monday()).await;
    let report = week(&app, None).await;
    insta::assert_snapshot!(text(&report));
    insta::assert_snapshot!(markdown(&report));
    // Sums over the rows themselves.
    let rows = world
        .database
        .rows(
            "SELECT count(*)::text, count(*) FILTER (WHERE outcome = 'abstained')::text, count(DISTINCT caller)::text
               FROM interaction WHERE origin = 'person' AND at >= '2026-11-16' AND at < '2026-11-23'",
        )
        .await;
    let expected: Vec<String> = rows.into_iter().flatten().flatten().collect();
    let totals = &report.totals;
    let said = [totals.questions, totals.abstained, totals.people].map(|number| number.to_string());
    assert_eq!(said.as_slice(), expected);
    // And as JSON, there and back.
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    app.close().await;
}

#[tokio::test]
async fn an_owners_report_has_only_what_concerns_their_documents() {
    let world = World::new().await;
    let app = world.app().await;
    seeded(&world, &app, monday()).await;
    let report = week(&app, Some("Finance Data")).await;
    let text = text(&report);
    insta::assert_snapshot!(text);
    assert!(!text.contains("fct_trips"), "{text}");
    assert!(report.cost.is_none());
    app.close().await;
}

#[tokio::test]
async fn without_texts_a_report_has_numbers_only() {
    let mut world = World::new().await;
    world.config.insights.texts = Texts::None;
    let app = world.app().await;
    seeded(&world, &app, monday()).await;
    let report = week(&app, None).await;
    assert!(report.gaps.open > 0 && report.totals.questions == 60);
    let json = serde_json::to_string(&report).unwrap();
    for said in [&text(&report), &markdown(&report), &json] {
        assert!(
            !said.contains("computed") && !said.contains("formula"),
            "{said}"
        );
    }
    app.close().await;
}

#[tokio::test]
async fn what_people_wrote_cannot_format_a_report() {
    let world = World::new().await;
    let app = world.app().await;
    let asked = Asked {
        when: noon(monday(), 2),
        caller: "key:a",
        question: "![x](https://evil.example/a.png) <img src=x>\n# Who?",
        outcome: "abstained",
        document: None,
        embedding: [0.0, 0.0, 1.0],
    };
    ask(&app, &asked);
    app.ledger.flush().await;
    let markdown = markdown(&week(&app, None).await);
    assert!(
        markdown.contains("\\!\\[x\\](https://evil.example/a.png) &lt;img src=x> \\# Who?"),
        "{markdown}"
    );
    app.close().await;
}

#[tokio::test]
async fn the_command_prints_the_same_through_a_running_docent() {
    let world = World::of_trips().await;
    let config = world.folder.path().join("docent.toml");
    let database = world.database.url();
    let text = format!("data = \"data\"\n[ledger]\ndatabase_url = \"{database}\"\n");
    std::fs::write(&config, text).unwrap();
    let report = |flag: &'static str| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_docent"));
        command
            .args(["report", "--since", "2d", flag, "--config"])
            .arg(&config);
        command.current_dir(world.folder.path());
        async move {
            let output = command.output().await.unwrap();
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{error}");
            String::from_utf8(output.stdout).unwrap()
        }
    };
    let server = world.serve().await;
    server.ask("How often is fct_trips loaded?").await;
    let through: Value = serde_json::from_str(&report("--json").await).unwrap();
    server.stop().await;
    let own: Value = serde_json::from_str(&report("--json").await).unwrap();
    assert_eq!(through["totals"]["questions"], 1);
    assert_eq!(own, through);
    let markdown = report("--markdown").await;
    assert!(
        markdown.starts_with("# docent, ")
            && markdown.contains("\n## Use\n\n- 1 question by 1 person"),
        "{markdown}"
    );
}
