//! Commands beside a running `docent serve`, and commands that are stopped.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use docent_core::config::Secret;
use docent_scripted::database::TestDatabase;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};

use crate::binary::{Serving, docent, folder, json, signal, text};
use crate::support::{World, write};

const QUESTION: &str = "How often is fct_trips loaded?";

fn configure(folder: &Path, more: &str) {
    let docs = "[[source]]\nname = \"docs\"\nkind = \"folder\"\npath = \"docs\"\n";
    fs::write(folder.join("docent.toml"), format!("{docs}{more}")).unwrap();
}

/// The program in the folder of its configuration.
fn within(folder: &Path) -> Command {
    let mut command = docent(&folder.join("data"));
    command.current_dir(folder);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    within(folder).args(arguments).output().unwrap()
}

#[test]
fn an_edited_configuration_holds_for_an_ingest_beside_a_running_serve() {
    let folder = folder();
    let folder = folder.path();
    configure(folder, "");
    let _serving = Serving::start(&mut within(folder), &folder.join("data"));
    let first = json(&run(folder, &["ingest", "--json"]));
    assert_eq!(first["sources"][0]["documents"]["indexed"], 2);
    let ask = || json(&run(folder, &["ask", "--json", QUESTION]));
    assert_eq!(ask()["outcome"], "answered");

    // Another permission and another source.
    write(
        &folder.join("more"),
        "bikes.md",
        "# Bikes\n\nBikes are red.\n",
    );
    configure(
        folder,
        "groups = [\"finance\"]\n[[source]]\nname = \"more\"\nkind = \"folder\"\npath = \"more\"\n",
    );
    let second = json(&run(folder, &["ingest", "--json"]));
    assert_eq!(second["sources"][1]["name"], "more");
    assert_eq!(second["sources"][1]["documents"]["indexed"], 1);
    assert_eq!(
        ask()["outcome"],
        "abstained",
        "the withdrawn permission holds"
    );
    assert_eq!(run(folder, &["ingest", "more"]).status.code(), Some(0));

    // What the running docent was built with cannot be changed under it.
    configure(folder, "[chunk]\nmax_tokens = 100\n");
    let refused = run(folder, &["ingest"]);
    assert_eq!(refused.status.code(), Some(2));
    insta::assert_snapshot!(text(&refused.stderr), @"error: the running docent cannot do this: it was started with other settings (chunk.max_tokens = 320 there, 100 here); stop it and start it again, then repeat this");
    let doctor = run(folder, &["doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    let said = text(&doctor.stdout);
    assert!(
        said.contains("WRONG  running docent: it was started with other settings"),
        "{said}"
    );
    assert!(said.contains("ok     index: 3 chunks"), "{said}");
}

#[test]
fn doctor_and_migrate_beside_a_running_serve_ask_it_for_its_state() {
    let folder = folder();
    let folder = folder.path();
    configure(folder, "");
    let _serving = Serving::start(&mut within(folder), &folder.join("data"));
    let migrate = run(folder, &["migrate"]);
    assert_eq!(migrate.status.code(), Some(0), "{}", text(&migrate.stderr));
    assert!(text(&migrate.stdout).starts_with("the ledger is at migration "));
    let doctor = run(folder, &["doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    let said = text(&doctor.stdout);
    assert!(
        said.contains("WRONG  index: nothing is ingested yet"),
        "{said}"
    );
    assert!(said.contains("ok     ledger: at migration"), "{said}");
}

#[tokio::test]
async fn what_waits_for_postgres_is_told_when_to_ask_again_on_the_socket_too() {
    let mut world = World::new().await;
    // Nobody listens there.
    world.config.ledger.database_url = Secret::new("postgres://docent@127.0.0.1:1/docent");
    let server = world.serve_lazily().await;
    // Its socket is there before it answers.
    assert_eq!(server.send("GET", "/healthz", "", None).await.0, 200);
    let http = reqwest::Client::builder()
        .unix_socket(world.config.data.join("docent.sock"))
        .build()
        .unwrap();
    for (route, body) in [("migrate", "null"), ("report", "{\"days\":7}")] {
        let asked = http
            .post(format!("http://docent/owner/{route}"))
            .header("content-type", "application/json")
            .body(body);
        let refused = asked.send().await.unwrap();
        assert_eq!(refused.status(), 503, "{route}");
        assert_eq!(refused.headers()["retry-after"], "5", "{route}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_stopped_in_the_terminal_is_recorded_with_what_it_used() {
    let folder = folder();
    let folder = folder.path();
    let database = TestDatabase::create().await;
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text("word ".repeat(400));
        script.gap = Duration::from_millis(50);
    });
    let base_url = model.base_url().to_owned();
    let url = database.url().to_owned();
    configure(folder, "");
    let asking = || {
        let mut command = within(folder);
        command.env("DATABASE_URL", &url);
        command
    };
    let ingest = asking().arg("ingest").output().unwrap();
    assert_eq!(ingest.status.code(), Some(0), "{}", text(&ingest.stderr));
    let mut child = asking()
        .args(["ask", QUESTION])
        .env("OPENAI_BASE_URL", &base_url)
        .env("DOCENT_CHAT__MODEL", "scripted-chat")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        let mut word = [0; 4];
        let out = child.stdout.as_mut().unwrap();
        out.read_exact(&mut word).unwrap();
        signal(&child, "-INT");
        child.wait_with_output().unwrap()
    });
    let ended = ended.await.unwrap();
    assert_eq!(ended.status.code(), Some(2), "{}", text(&ended.stderr));
    let turns = database
        .rows("SELECT outcome, answer FROM interaction")
        .await;
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0][0].as_deref(), Some("cancelled"));
    assert!(turns[0][1].as_deref().unwrap().starts_with("word"));
    let calls = database
        .rows("SELECT outcome FROM model_call WHERE purpose = 'answer'")
        .await;
    assert_eq!(calls, [[Some("cancelled".to_owned())]]);
}
