//! Who may answer, and who finds what was answered.

use docent_core::config::ANSWERS;
use docent_core::ledger::Role;
use serde_json::{Value, json};

use super::{ANSWER, QUESTION, answer, ask_as, path, payroll, world};
use crate::support::ingest;

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
