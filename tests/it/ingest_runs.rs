//! `/v1/ingest/runs`: what an orchestrator starts, repeats and looks at.

use std::time::Duration;

use docent_core::config::Secret;
use docent_ingest::RunReport;
use docent_scripted::openai::{Script, ScriptedOpenAi};
use serde_json::{Value, json};

use crate::support::{TestServer, World, write};

async fn post(server: &TestServer, body: &Value, key: Option<&str>) -> (u16, Value) {
    let mut request = server
        .http
        .post(format!("{}/v1/ingest/runs", server.url))
        .header("content-type", "application/json")
        .body(body.to_string());
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let location = response
        .headers()
        .get("location")
        .map(|value| value.to_str().unwrap().to_owned());
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    if status == 202 {
        let id = body["id"].as_str().unwrap();
        assert_eq!(location.unwrap(), format!("/v1/ingest/runs/{id}"));
    }
    (status, body)
}

async fn get(server: &TestServer, id: &Value) -> Value {
    let id = id.as_str().unwrap();
    let response = server
        .http
        .get(format!("{}/v1/ingest/runs/{id}", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// Waits for a run's end.
async fn ended(server: &TestServer, id: &Value) -> Value {
    for _ in 0..400 {
        let run = get(server, id).await;
        if !["queued", "running"].contains(&run["state"].as_str().unwrap()) {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the run does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_once_for_a_key_and_ends_with_the_report_of_the_command() {
    let world = World::new().await;
    world.write("trips.md", "# Trips\n\nTrips are loaded hourly.\n");
    world.write("empty.md", "");
    let server = world.serve().await;
    let (status, first) = post(&server, &json!({"sources": ["docs"]}), Some("dag-1")).await;
    assert_eq!(status, 202);
    let (_, again) = post(&server, &json!({"sources": ["docs"], "key": "dag-1"}), None).await;
    assert_eq!(again["id"], first["id"]);

    let run = ended(&server, &first["id"]).await;
    assert_eq!(run["state"], "done_with_failures", "{run}");
    assert_eq!(
        (&run["origin"], &run["key"]),
        (&json!("api"), &json!("dag-1"))
    );
    let report: RunReport = serde_json::from_value(run["report"].clone()).unwrap();
    assert_eq!(json!(report.run_id), run["id"]);
    assert_eq!(report.sources[0].documents.indexed, 1);
    assert_eq!(report.sources[0].problems[0].path, "empty.md");
    let progress = &run["progress"]["sources"][0];
    assert_eq!(
        (&progress["name"], &progress["documents"], &progress["done"]),
        (&json!("docs"), &json!(2), &json!(2))
    );
    // Also once it has ended; another key is another run.
    let (_, later) = post(&server, &json!({"sources": ["docs"]}), Some("dag-1")).await;
    assert_eq!(
        (&later["id"], &later["report"]),
        (&run["id"], &run["report"])
    );
    let (_, other) = post(&server, &json!({}), Some("dag-2")).await;
    assert_ne!(other["id"], run["id"]);
    let other = ended(&server, &other["id"]).await;
    assert_eq!(other["report"]["sources"][0]["documents"]["unchanged"], 1);
    let rows = world
        .database
        .rows("SELECT origin, seconds::text, indexed::text FROM report_ingest ORDER BY started_at")
        .await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0][0].as_deref(), Some("api"));
    assert_eq!(world.database.count("lease").await, 0);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_started_is_a_problem_with_a_stable_code() {
    let world = World::new().await;
    world.write("trips.md", "# Trips\n\nTrips are loaded hourly.\n");
    let server = world.serve().await;
    let code = |(status, body): (u16, Value)| (status, body["code"].as_str().unwrap().to_owned());
    for (body, key, status, told) in [
        (json!({"sources": ["nope"]}), None, 400, "source_unknown"),
        (json!({"sources": ["/etc"]}), None, 400, "source_unknown"),
        (json!({"path": "/etc"}), None, 422, "bad_request"),
        (json!({"key": ""}), None, 400, "key_invalid"),
        (json!({"key": "a"}), Some("b"), 400, "key_invalid"),
    ] {
        assert_eq!(
            code(post(&server, &body, key).await),
            (status, told.to_owned()),
            "{body}"
        );
    }
    let unknown = server
        .http
        .get(format!(
            "{}/v1/ingest/runs/{}",
            server.url,
            uuid::Uuid::nil()
        ))
        .send()
        .await
        .unwrap();
    let said: Value = serde_json::from_str(&unknown.text().await.unwrap()).unwrap();
    assert_eq!(
        (&said["status"], &said["code"]),
        (&json!(404), &json!("run_unknown"))
    );
    let foreign = server
        .http
        .post(format!("{}/v1/ingest/runs", server.url))
        .header("content-type", "application/json")
        .header("origin", "https://evil.example")
        .body("{}");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    server.stop().await;
    assert_eq!(world.database.count("ingest_request").await, 0);
}

#[tokio::test]
async fn with_a_key_configured_nobody_starts_a_run_without_it() {
    let mut world = World::new().await;
    world.config.access.admin_key = Secret::new("s3cret");
    let server = world.serve().await;
    let send = |key: Option<&'static str>| {
        let mut request = server
            .http
            .post(format!("{}/v1/ingest/runs", server.url))
            .header("content-type", "application/json")
            .body("{}");
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        request.send()
    };
    let without = send(None).await.unwrap();
    assert_eq!(
        (
            without.status().as_u16(),
            without.headers()["www-authenticate"].to_str().unwrap()
        ),
        (401, "Bearer")
    );
    assert_eq!(send(Some("other")).await.unwrap().status(), 401);
    let run = send(Some("s3cret")).await.unwrap();
    assert_eq!(run.status(), 202);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_of_a_source_is_told_who_holds_it_and_runs_of_other_sources_wait() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.embedding_delay = Duration::from_millis(1500));
    let mut world = World::new().await;
    world.embed_with(&model);
    world.config.embedding.timeout_ms = 10_000;
    world.write("trips.md", "# Trips\n\nTrips are loaded hourly.\n");
    let other = world.folder.path().join("other");
    write(&other, "bikes.md", "# Bikes\n\nBikes are red.\n");
    let source = docent_core::config::Source::folder("other".to_owned(), other);
    world.config.sources.push(source);
    let server = world.serve().await;

    let (_, slow) = post(&server, &json!({"sources": ["docs"]}), None).await;
    let (status, refused) = post(&server, &json!({"sources": ["docs", "other"]}), None).await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (409, Some("source_busy"))
    );
    let said = refused["detail"].as_str().unwrap();
    let run_id = slow["id"].as_str().unwrap();
    assert!(
        said.starts_with(
            "source \"docs\" is being ingested by a run asked for over HTTP (process "
        ) && said.contains(&format!("(run {run_id})"))
            && said.contains(" since 20"),
        "{said}"
    );
    // The command in this process, and one of another process.
    let request = docent::owner::IngestRequest {
        targets: vec!["docs".to_owned()],
        ..Default::default()
    };
    let app = std::sync::Arc::clone(&server.service.app);
    let progress = docent_ingest::ProgressSender::default();
    let held = docent::commands::ingest::run(app, &request, progress).await;
    assert!(
        held.unwrap_err()
            .to_string()
            .contains("is being ingested by")
    );

    let (status, waiting) = post(&server, &json!({"sources": ["other"]}), None).await;
    assert_eq!(status, 202);
    let waiting = ended(&server, &waiting["id"]).await;
    assert_eq!(waiting["state"], "done", "{waiting}");
    let first = get(&server, &slow["id"]).await;
    assert_eq!(first["state"], "done", "{first}");
    let time = |run: &Value, of: &str| run[of].as_str().unwrap().to_owned();
    assert!(
        time(&waiting, "started_at") >= time(&first, "finished_at"),
        "they overlapped: {first} {waiting}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_a_dead_holder_is_taken_over_and_its_key_begins_its_run_anew() {
    let world = World::new().await;
    world.write("trips.md", "# Trips\n\nTrips are loaded hourly.\n");
    let server = world.serve().await;
    let lease = |process: &str, expires: &str| {
        format!(
            "INSERT INTO lease (name, run_id, holder, process, taken_at, heartbeat_at, expires_at) \
             VALUES ('docent/docs', '00000000-0000-0000-0000-000000000007', 'docent ingest (process 7 on other)', \
             '{process}', now(), now(), now() {expires}) \
             ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at, process = excluded.process \
             RETURNING name"
        )
    };
    // Of another machine: until it expires.
    world
        .database
        .rows(&lease("elsewhere pid:[1] 7 7", "+ interval '1 minute'"))
        .await;
    world
        .database
        .rows(
            "INSERT INTO ingest_request (id, key, origin, sources, started_at) VALUES \
             ('00000000-0000-0000-0000-000000000007', 'dag-7', 'api', '{docs}', now()) RETURNING key",
        )
        .await;
    let body = json!({"sources": ["docs"]});
    assert_eq!(post(&server, &body, None).await.0, 409);
    let (status, running) = post(&server, &body, Some("dag-7")).await;
    assert_eq!((status, running["state"].as_str()), (202, Some("running")));

    world
        .database
        .rows(&lease("elsewhere pid:[1] 7 7", "- interval '1 second'"))
        .await;
    assert_eq!(get(&server, &running["id"]).await["state"], "interrupted");
    let (status, again) = post(&server, &body, Some("dag-7")).await;
    assert_eq!((status, &again["id"]), (202, &running["id"]));
    let run = ended(&server, &again["id"]).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(run["report"]["sources"][0]["documents"]["indexed"], 1);
    let (status, refused) = post(&server, &json!({}), Some("dag-7")).await;
    assert_eq!(status, 202, "all sources are this one: {refused}");

    // Of this machine: at once.
    let mut dead = std::process::Command::new("true").spawn().unwrap();
    let own = docent_core::process::identity();
    let of_dead = own.replace(
        &format!(" {} ", std::process::id()),
        &format!(" {} ", dead.id()),
    );
    dead.wait().unwrap();
    world
        .database
        .rows(&lease(&of_dead, "+ interval '1 hour'"))
        .await;
    let (status, run) = post(&server, &body, None).await;
    assert_eq!(status, 202);
    ended(&server, &run["id"]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_source_is_run_by_serve_and_not_again_before_its_time() {
    let mut world = World::new().await;
    world.write("trips.md", "# Trips\n\nTrips are loaded hourly.\n");
    // The 29th of February: not while this test runs.
    world.config.sources[0].schedule = Some("0 0 29 2 *".parse().unwrap());
    let server = world.serve().await;
    let runs = || {
        world
            .database
            .rows("SELECT origin, outcome, id::text FROM ingest_request")
    };
    crate::support::eventually("a source that was never run is due at once", || async {
        runs()
            .await
            .first()
            .is_some_and(|run| run[1].as_deref() == Some("done"))
    })
    .await;
    assert_eq!(runs().await[0][0].as_deref(), Some("schedule"));
    assert_eq!(
        server.ask("How often are trips loaded?").await["outcome"],
        "answered"
    );
    server.stop().await;

    let again = world.serve().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(runs().await.len(), 1);
    again.stop().await;
    // A time that was missed is made up for.
    world
        .database
        .rows("UPDATE source SET last_run_at = last_run_at - interval '5 years' RETURNING name")
        .await;
    let late = world.serve().await;
    crate::support::eventually("a missed time is made up for", || async {
        runs().await.len() == 2
    })
    .await;
    late.stop().await;
}

#[tokio::test]
async fn what_is_held_back_stands_in_the_report_and_in_the_run() {
    let world = World::new().await;
    for number in 0..5 {
        let text = format!("# Table {number}\n\nTable {number} is loaded daily.\n");
        world.write(&format!("{number}.md"), &text);
    }
    world.ingest().await;
    for number in 0..4 {
        std::fs::remove_file(world.docs().join(format!("{number}.md"))).unwrap();
    }
    let report = world.ingest().await;
    assert_eq!(report.sources[0].held_back.as_ref().unwrap().documents, 4);
    let rows = world
        .database
        .rows("SELECT held_back::text, outcome, problems::text FROM report_ingest ORDER BY started_at")
        .await;
    assert_eq!(rows[0][0].as_deref(), Some("0"));
    assert_eq!(rows[1][0].as_deref(), Some("4"));
    assert_eq!(rows[1][1].as_deref(), Some("done_with_failures"));
    assert!(rows[1][2].as_deref().unwrap().contains("--allow-removals"));
}

#[test]
fn doctor_shows_when_a_source_is_run_next() {
    let folder = crate::binary::folder();
    let folder = folder.path();
    let configuration = "[ingest]\nschedule_offset = \"+09:00\"\n[[source]]\nname = \"docs\"\n\
                         kind = \"folder\"\npath = \"docs\"\nschedule = \"30 3 * * *\"\n";
    std::fs::write(folder.join("docent.toml"), configuration).unwrap();
    let mut doctor = crate::binary::docent(&folder.join("data"));
    let output = doctor.current_dir(folder).arg("doctor").output().unwrap();
    let said = crate::binary::text(&output.stdout);
    let line = said
        .lines()
        .find(|line| line.contains("source docs"))
        .unwrap();
    assert!(
        line.contains("schedule 30 3 * * *: docent serve runs it next at 20")
            && line.ends_with(" 03:30 +09:00"),
        "{line}"
    );
    let wrong = configuration.replace("30 3", "30 25");
    std::fs::write(folder.join("docent.toml"), wrong).unwrap();
    let mut doctor = crate::binary::docent(&folder.join("data"));
    let output = doctor.current_dir(folder).arg("doctor").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = crate::binary::text(&output.stderr);
    assert!(said.contains("\"25\" is no hour (0 to 23)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_share_a_database_never_run_one_source_at_once() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| script.embedding_delay = Duration::from_secs(20));
    let world = World::new().await;
    world.write("trips.md", "# Trips\n\nTrips are loaded hourly.\n");
    let file = world.folder.path().join("docent.toml");
    let settings = format!(
        "[ledger]\ndatabase_url = \"{}\"\n[embedding]\nkind = \"openai\"\nbase_url = \"{}\"\n\
         model = \"scripted-embedding\"\ndimensions = 64\n[[source]]\nname = \"docs\"\n\
         kind = \"folder\"\npath = \"docs\"\n",
        world.database.url(),
        model.base_url()
    );
    std::fs::write(&file, settings).unwrap();
    let ingest = |data: &str| {
        let mut command = crate::binary::docent(&world.folder.path().join(data));
        command.arg("--config").arg(&file).arg("ingest");
        command
    };
    let mut first = ingest("one")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    crate::support::eventually("the first run embeds", || async {
        model.embedding_requests() > 0
    })
    .await;
    let second = ingest("two").output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    let said = crate::binary::text(&second.stderr);
    let holder = format!("by docent ingest (process {} on ", first.id());
    assert!(
        said.contains("source \"docs\" is being ingested") && said.contains(&holder),
        "{said}"
    );

    // kill -9: what it held is free at once, for this is the same machine.
    first.kill().unwrap();
    first.wait().unwrap();
    model.change(|script| script.embedding_delay = Duration::ZERO);
    let third = ingest("two").output().unwrap();
    assert_eq!(
        third.status.code(),
        Some(0),
        "{}",
        crate::binary::text(&third.stderr)
    );
    let requests = world
        .database
        .rows("SELECT outcome FROM ingest_request ORDER BY requested_at")
        .await;
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1][0].as_deref(), Some("done"));
    assert_eq!(world.database.count("lease").await, 0);
}
