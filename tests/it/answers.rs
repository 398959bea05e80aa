//! `/v1/answers`: what people answered themselves is found by who may read what it rests on, comes first
//! where it answers the question, and is gone when it has expired or was deleted.

use std::sync::Arc;
use std::time::Duration;

use docent::commands::purge::{Done, PurgeRequest, Task, run};
use docent_core::config::ANSWERS;
use docent_core::index::Filter;
use docent_core::ledger::Role;
use serde_json::{Value, json};

use crate::support::{TestServer, World, ingest};

const QUESTION: &str = "Why does fct_trips have fewer rows on Mondays?";
const ANSWER: &str = "The vendor closes its depots on Sundays, so Monday's file holds half a day.";

/// Documents about trips, and one about payroll for finance alone.
async fn world() -> World {
    let mut world = World::new().await;
    world.config.answers.groups = vec!["data-team".to_owned()];
    world.write(
        "trips.md",
        "---\nuri: https://docs.example/trips\n---\n# fct_trips\n\nThe table fct_trips is loaded hourly. It has one \
         row for each trip.\n",
    );
    world.write(
        "weekdays.md",
        "# Weekdays\n\nOn Mondays the table fct_trips is checked by hand for missing rows.\n",
    );
    world.write("payroll.md", &payroll("[finance]"));
    world.ingest().await;
    world
}

fn payroll(groups: &str) -> String {
    format!(
        "---\ngroups: {groups}\nuri: https://docs.example/payroll\n---\n# Payroll\n\nThe table payroll_runs is loaded \
         every fortnight.\n"
    )
}

/// Answers as somebody; the answer as it was kept, and is indexed.
async fn answer(server: &TestServer, token: &str, body: Value) -> Value {
    let (status, kept) = server.send("POST", "/v1/answers", token, Some(body)).await;
    assert_eq!(status, 201, "{kept}");
    settled(server, token, kept).await
}

/// The answer once it is indexed, which on a busy machine may take longer than a request waits.
async fn settled(server: &TestServer, token: &str, mut kept: Value) -> Value {
    for _ in 0..240 {
        if kept["indexed"] == true {
            return kept;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        kept = server.send("GET", &path(&kept), token, None).await.1;
    }
    panic!("it was never indexed: {kept}");
}

async fn about_mondays(server: &TestServer, token: &str) -> Value {
    let evidence = ["https://docs.example/trips"];
    let body = json!({ "question": QUESTION, "answer": ANSWER, "evidence": evidence });
    answer(server, token, body).await
}

async fn ask_as(server: &TestServer, token: &str, question: &str) -> Value {
    let body = json!({ "question": question });
    let (status, answer) = server.send("POST", "/v1/chat", token, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn path(answer: &Value) -> String {
    format!("/v1/answers/{}", answer["id"].as_str().unwrap())
}

fn cites_it(answer: &Value) -> bool {
    let citations = answer["citations"].as_array().unwrap();
    citations
        .iter()
        .any(|citation| citation["author"].is_string())
}

/// Points of curated answers in the live collection.
async fn indexed(server: &TestServer) -> u64 {
    let index = &server.service.app.index;
    let live = index.live().await.unwrap().unwrap();
    let filter = Filter {
        source: Some(ANSWERS.to_owned()),
        ..Filter::default()
    };
    index.count(&live, &filter).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_first_where_it_answers_the_question_and_only_there() {
    let world = world().await;
    let server = world.serve().await;
    let before = server.ask(QUESTION).await;
    assert!(!before["answer"].as_str().unwrap().contains("depots"));

    let ana = server
        .key("ana", &["everyone", "data-team"], Role::User)
        .await;
    let kept = about_mondays(&server, &ana).await;
    assert_eq!(
        (&kept["author"], &kept["owner"]),
        (&json!("key:ana"), &Value::Null)
    );
    assert_eq!(
        (&kept["stale"], &kept["expired"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(kept["groups"], json!(["everyone"]));
    assert_eq!(kept["evidence"][0]["state"], "current");

    for asked in [
        QUESTION,
        "Why are there fewer rows in fct_trips on Mondays?",
    ] {
        let answer = server.ask(asked).await;
        assert_eq!(answer["outcome"], "answered", "{answer}");
        assert_eq!(answer["answer"], format!("{ANSWER} [1]"), "{asked}");
        let citation = &answer["citations"][0];
        assert_eq!(
            (&citation["author"], &citation["owner"]),
            (&json!("ana"), &json!("ana"))
        );
        assert_eq!(citation["title"], QUESTION);
        let day = chrono::Utc::now().format("%Y-%m-%d").to_string();
        assert_eq!(citation["heading"], format!("answered by: ana, {day}"));
        assert!(citation["updated_at"].as_str().unwrap().starts_with(&day));
    }
    // Another question about the same table is answered from the documents.
    let answer = server.ask("How often is fct_trips loaded?").await;
    assert!(
        answer["answer"].as_str().unwrap().contains("hourly"),
        "{answer}"
    );
    assert!(
        !answer["answer"].as_str().unwrap().contains("depots"),
        "{answer}"
    );

    let (_, known) = server.send("GET", "/v1/sources", "", None).await;
    let own = &known["sources"][0];
    assert_eq!(
        (&own["name"], &own["kind"]),
        (&json!(ANSWERS), &json!("answers"))
    );
    assert_eq!(
        (&own["documents"], &own["owners"][0]["name"]),
        (&json!(1), &json!("ana"))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_for_those_alone_who_may_read_its_evidence() {
    let world = world().await;
    let server = world.serve().await;
    let question = "Why was payroll_runs late in October?";
    let vera = server
        .key("vera", &["everyone", "finance", "data-team"], Role::User)
        .await;
    let ana = server
        .key("ana", &["everyone", "data-team"], Role::User)
        .await;
    let kept = answer(
        &server,
        &vera,
        json!({
            "question": question, "answer": "The bank changed its Zwiebel format.",
            "evidence": ["https://docs.example/payroll", "https://docs.example/trips"],
        }),
    )
    .await;
    assert_eq!(kept["groups"], json!(["finance"]));

    let hers = ask_as(&server, &vera, question).await;
    assert!(hers.to_string().contains("Zwiebel"), "{hers}");
    for token in ["", ana.as_str()] {
        let answer = ask_as(&server, token, question).await;
        assert!(!answer.to_string().contains("Zwiebel"), "{answer}");
        assert!(!answer.to_string().contains("October\""), "{answer}");
        let (_, sources) = server.send("GET", "/v1/sources", token, None).await;
        assert!(!sources.to_string().contains(ANSWERS), "{sources}");
        let (_, listed) = server.send("GET", "/v1/answers", token, None).await;
        assert_eq!(listed["answers"], json!([]));
        let (status, _) = server.send("GET", &path(&kept), token, None).await;
        assert_eq!(status, 404);
        let (status, _) = server.send("DELETE", &path(&kept), token, None).await;
        assert_eq!(status, 404);
    }

    // The evidence is withdrawn from finance: with the same run, the answer is.
    world.write("payroll.md", &payroll("[board]"));
    ingest(&server.service.app).await;
    let hers = ask_as(&server, &vera, question).await;
    assert!(!hers.to_string().contains("Zwiebel"), "{hers}");
    let (status, _) = server.send("GET", &path(&kept), &vera, None).await;
    assert_eq!(status, 404);
    // Made public, the evidence does not make the answer more public than it was written.
    world.write("payroll.md", &payroll("[everyone]"));
    ingest(&server.service.app).await;
    let hers = ask_as(&server, &vera, question).await;
    assert!(hers.to_string().contains("Zwiebel"), "{hers}");
    let others = ask_as(&server, "", question).await;
    assert!(!others.to_string().contains("Zwiebel"), "{others}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_answer_and_from_what() {
    let mut world = world().await;
    world.config.access.admin_key = docent_core::config::Secret::new("an admin key of the tests");
    let server = world.serve().await;
    let reader = server.key("reader", &["everyone"], Role::User).await;
    let ana = server
        .key("ana", &["everyone", "data-team"], Role::User)
        .await;
    let admin = "an admin key of the tests";
    let body = |more: Value| {
        let mut body = json!({ "question": QUESTION, "answer": ANSWER });
        let fields = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
        body
    };
    let trips = json!({ "evidence": ["https://docs.example/trips"] });
    for (token, more, expected) in [
        ("", trips.clone(), (401, "admin_key_required")),
        (reader.as_str(), trips, (403, "editor_required")),
        (ana.as_str(), json!({}), (400, "evidence_required")),
        (
            ana.as_str(),
            json!({ "groups": ["everyone"] }),
            (400, "evidence_required"),
        ),
        // Hidden from her, and not there at all: the same.
        (
            ana.as_str(),
            json!({ "evidence": ["https://docs.example/payroll"] }),
            (400, "evidence_unknown"),
        ),
        (
            ana.as_str(),
            json!({ "evidence": ["https://docs.example/nowhere"] }),
            (400, "evidence_unknown"),
        ),
        (admin, json!({}), (400, "answer_invalid")),
        (admin, json!({ "groups": [] }), (400, "answer_invalid")),
        (
            admin,
            json!({ "groups": ["everyone"], "expires_at": "2020-01-01T00:00:00Z" }),
            (400, "answer_invalid"),
        ),
        (
            admin,
            json!({ "groups": ["everyone"], "answer": " " }),
            (400, "answer_invalid"),
        ),
        (
            ana.as_str(),
            json!({ "interaction_id": uuid::Uuid::nil() }),
            (404, "interaction_unknown"),
        ),
    ] {
        let sent = body(more);
        let (status, problem) = server
            .send("POST", "/v1/answers", token, Some(sent.clone()))
            .await;
        let code = problem["code"].as_str().unwrap_or_default();
        assert_eq!((status, code), expected, "{sent} {problem}");
    }
    let vera = server
        .key("vera", &["finance", "data-team"], Role::User)
        .await;
    let wide = json!({ "evidence": ["https://docs.example/payroll"], "groups": ["everyone"] });
    let (status, problem) = server
        .send("POST", "/v1/answers", &vera, Some(body(wide)))
        .await;
    assert_eq!((status, &problem["code"]), (400, &json!("groups_too_wide")));
    let (status, _) = server.send("GET", "/v1/answers", &reader, None).await;
    assert_eq!(status, 403);
    assert_eq!(world.database.count("curated_answer").await, 0);

    // An admin answers from nothing, for whom they say; fewer may read than the evidence allows.
    answer(&server, admin, body(json!({ "groups": ["everyone"] }))).await;
    let narrow = json!({ "evidence": ["https://docs.example/trips"], "groups": ["data-team"] });
    let kept = answer(&server, &ana, body(narrow)).await;
    assert_eq!(kept["groups"], json!(["data-team"]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_answer_answers_anew_and_a_deleted_one_no_more() {
    let world = world().await;
    let server = world.serve().await;
    let kept = about_mondays(&server, "").await;
    let change = json!({ "answer": "The loader pauses on Sundays.", "owner": "Trips team" });
    let (status, edited) = server.send("PATCH", &path(&kept), "", Some(change)).await;
    assert_eq!(status, 200, "{edited}");
    let edited = settled(&server, "", edited).await;
    assert_eq!(
        (&edited["owner"], &edited["at"]),
        (&json!("Trips team"), &kept["at"])
    );
    assert!(edited["updated_at"].as_str() > kept["updated_at"].as_str());
    let answer = server.ask(QUESTION).await;
    assert_eq!(answer["answer"], "The loader pauses on Sundays. [1]");
    assert_eq!(answer["citations"][0]["owner"], "Trips team");
    let (_, edited) = server
        .send("PATCH", &path(&kept), "", Some(json!({ "owner": null })))
        .await;
    assert_eq!(
        (&edited["owner"], &edited["question"]),
        (&Value::Null, &json!(QUESTION))
    );

    let (_, listed) = server.send("GET", "/v1/answers", "", None).await;
    assert_eq!(
        listed["answers"][0]["answer"],
        "The loader pauses on Sundays."
    );
    let (status, _) = server.send("DELETE", &path(&kept), "", None).await;
    assert_eq!(status, 204);
    assert_eq!(indexed(&server).await, 0);
    let answer = server.ask(QUESTION).await;
    assert!(!answer.to_string().contains("loader"), "{answer}");
    let (_, listed) = server.send("GET", "/v1/answers", "", None).await;
    assert_eq!(listed, json!({ "answers": [], "next_cursor": null }));
    for (method, body) in [("GET", None), ("DELETE", None), ("PATCH", Some(json!({})))] {
        let (status, problem) = server.send(method, &path(&kept), "", body).await;
        assert_eq!((status, &problem["code"]), (404, &json!("answer_unknown")));
    }
    let left = world
        .database
        .rows("SELECT question || answer FROM curated_answer")
        .await;
    assert_eq!(left[0][0].as_deref(), Some(""));

    server.service.app.ledger.flush().await;
    let acts = world
        .database
        .rows("SELECT who, act, target FROM audit WHERE act LIKE 'answer%' ORDER BY at")
        .await;
    let id = kept["id"].as_str().unwrap();
    let acts: Vec<String> = acts
        .into_iter()
        .map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" "))
        .collect();
    let expected = [
        "answer_created",
        "answer_changed",
        "answer_changed",
        "answer_deleted",
    ]
    .map(|act| format!("operator {act} {id}"));
    assert_eq!(acts, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_answer_is_not_found_and_the_next_run_removes_it() {
    let world = world().await;
    let server = world.serve().await;
    let end = chrono::Utc::now() + chrono::Duration::seconds(6);
    let body = json!({
        "question": QUESTION, "answer": ANSWER, "groups": ["everyone"], "expires_at": end,
    });
    let kept = answer(&server, "", body).await;
    let found = server.ask(QUESTION).await;
    assert!(cites_it(&found), "{found}");
    let left = (end - chrono::Utc::now()).to_std().unwrap_or_default();
    tokio::time::sleep(left + Duration::from_millis(50)).await;
    // No run has been there yet.
    assert_eq!(indexed(&server).await, 1);
    let gone = server.ask(QUESTION).await;
    assert!(!gone.to_string().contains("depots"), "{gone}");
    let (_, listed) = server.send("GET", &path(&kept), "", None).await;
    assert_eq!(
        (&listed["expired"], &listed["indexed"]),
        (&json!(true), &json!(false))
    );
    ingest(&server.service.app).await;
    assert_eq!(indexed(&server).await, 0);

    // Extended, it holds again.
    let change = json!({ "expires_at": null });
    let (_, edited) = server.send("PATCH", &path(&kept), "", Some(change)).await;
    let edited = settled(&server, "", edited).await;
    assert_eq!(edited["expired"], false);
    assert!(cites_it(&server.ask(QUESTION).await));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_evidence_changes_is_stale_and_one_whose_evidence_is_gone_is_not_given() {
    let world = world().await;
    let server = world.serve().await;
    let kept = about_mondays(&server, "").await;
    let state = async || {
        let (_, shown) = server.send("GET", &path(&kept), "", None).await;
        let evidence = shown["evidence"][0]["state"].as_str().unwrap().to_owned();
        (shown["stale"].as_bool().unwrap(), evidence)
    };
    world.write(
        "trips.md",
        "---\nuri: https://docs.example/trips\n---\n# fct_trips\n\nThe table fct_trips is loaded nightly.\n",
    );
    ingest(&server.service.app).await;
    assert_eq!(state().await, (true, "changed".to_owned()));
    assert!(cites_it(&server.ask(QUESTION).await));
    // Whoever edits it has looked at it.
    let (_, edited) = server
        .send("PATCH", &path(&kept), "", Some(json!({ "answer": ANSWER })))
        .await;
    assert_eq!(edited["stale"], false);

    std::fs::remove_file(world.docs().join("trips.md")).unwrap();
    ingest(&server.service.app).await;
    assert_eq!(state().await, (true, "gone".to_owned()));
    let answer = server.ask(QUESTION).await;
    assert!(!answer.to_string().contains("depots"), "{answer}");
    let (status, problem) = server
        .send("PATCH", &path(&kept), "", Some(json!({})))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (400, &json!("evidence_unknown"))
    );
    let change = json!({ "evidence": [], "groups": ["everyone"] });
    let (status, edited) = server.send("PATCH", &path(&kept), "", Some(change)).await;
    assert_eq!((status, &edited["stale"]), (200, &json!(false)), "{edited}");
    assert!(cites_it(&server.ask(QUESTION).await));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_survives_restarts_full_runs_and_new_collections() {
    let mut world = world().await;
    let server = world.serve().await;
    about_mondays(&server, "").await;
    server.stop().await;

    // Another layout is another collection.
    world.config.chunk.max_tokens = 200;
    let report = world.ingest().await;
    let own = report.sources.last().unwrap();
    assert_eq!((own.name.as_str(), own.documents.indexed), (ANSWERS, 1));
    let server = world.serve().await;
    assert!(cites_it(&server.ask(QUESTION).await));
    // A run has nothing to do with it, and a configured source that is left out does not take it along.
    let report = ingest(&server.service.app).await;
    let own = report.sources.last().unwrap();
    assert_eq!((own.documents.unchanged, own.documents.removed), (1, 0));
    server.stop().await;
    let report = world
        .ingest_with(docent::owner::IngestRequest {
            full: true,
            ..docent::owner::IngestRequest::default()
        })
        .await;
    assert!(!report.has_failures());
    let server = world.serve().await;
    assert!(cites_it(&server.ask(QUESTION).await));
    assert_eq!(indexed(&server).await, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_but_a_whole_run_would_do_an_answer_waits_for_it() {
    let mut world = world().await;
    world.config.chunk.max_tokens = 200;
    let server = world.serve().await;
    let body = json!({ "question": QUESTION, "answer": ANSWER, "groups": ["everyone"] });
    let (status, kept) = server.send("POST", "/v1/answers", "", Some(body)).await;
    assert_eq!((status, &kept["indexed"]), (201, &json!(false)), "{kept}");
    let waits = kept["waits_for"].as_str().unwrap();
    assert!(waits.contains("docent ingest"), "{waits}");
    ingest(&server.service.app).await;
    assert!(cites_it(&server.ask(QUESTION).await));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_of_the_evidence_takes_the_answer_along() {
    let world = world().await;
    let server = world.serve().await;
    let kept = about_mondays(&server, "").await;
    assert!(cites_it(&server.ask(QUESTION).await));
    let app = Arc::clone(&server.service.app);
    let request = PurgeRequest {
        task: Task::Purge("trips.md".to_owned()),
        configured: None,
    };
    let Done::Purged(_, report) = run(&app, &request).await.unwrap() else {
        panic!("it is known by its path");
    };
    assert_eq!((report.curated, report.chunks), (1, 2));
    let (status, _) = server.send("GET", &path(&kept), "", None).await;
    assert_eq!(status, 404);
    assert_eq!(world.database.count("curated_answer").await, 0);
    assert_eq!(indexed(&server).await, 0);
    // What the conversation quoted of it is gone as well.
    let said = world.database.rows("SELECT answer FROM interaction").await;
    assert!(!said[0][0].as_deref().unwrap().contains("depots"));
    ingest(&app).await;
    assert_eq!(indexed(&server).await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interaction_gives_the_question_and_what_its_answer_cited() {
    let world = world().await;
    let server = world.serve().await;
    let first = server.ask("How often is fct_trips loaded?").await;
    assert_eq!(first["outcome"], "answered");
    let body =
        json!({ "interaction_id": first["interaction_id"], "answer": "Every hour, at ten past." });
    let kept = answer(&server, "", body).await;
    assert_eq!(kept["question"], "How often is fct_trips loaded?");
    assert_eq!(kept["interaction_id"], first["interaction_id"]);
    let evidence = kept["evidence"].as_array().unwrap();
    let trips = evidence
        .iter()
        .any(|document| document["uri"] == "https://docs.example/trips");
    assert!(trips, "{kept}");
    let again = server.ask("How often is fct_trips loaded?").await;
    assert_eq!(again["answer"], "Every hour, at ten past. [1]");

    // Not by somebody who may not read what it cited.
    let vera = server
        .key("vera", &["everyone", "finance"], Role::User)
        .await;
    let ana = server
        .key("ana", &["everyone", "data-team"], Role::User)
        .await;
    let hers = ask_as(&server, &vera, "How often is payroll_runs loaded?").await;
    assert_eq!(hers["outcome"], "answered", "{hers}");
    let body = json!({ "interaction_id": hers["interaction_id"], "answer": "Seldom.", "evidence":
        ["https://docs.example/trips"] });
    let (status, problem) = server.send("POST", "/v1/answers", &ana, Some(body)).await;
    assert_eq!(
        (status, &problem["code"]),
        (400, &json!("evidence_unknown"))
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn korean_questions_find_korean_answers() {
    let world = world().await;
    let server = world.serve().await;
    let body = json!({
        "question": "월요일에 fct_trips 행이 왜 적은가요?", "answer": "공급사가 일요일에 쉬기 때문입니다.",
        "groups": ["everyone"],
    });
    answer(&server, "", body).await;
    let answer = server.ask("fct_trips 행이 월요일에 왜 적은가요?").await;
    assert_eq!(
        answer["answer"], "공급사가 일요일에 쉬기 때문입니다. [1]",
        "{answer}"
    );
    server.stop().await;
}
