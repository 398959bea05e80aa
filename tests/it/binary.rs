//! The program as people run it: commands, exit codes, texts, one owner of the data folder.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::write;

/// The binary with a data folder and nothing of this machine's environment but what it needs.
pub(crate) fn docent(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docent"));
    command.env_clear();
    for name in ["PATH", "HOME", "PG_BIN_DIR", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.arg("--data").arg(data).stdin(Stdio::null());
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)))
}

pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path().join("docs");
    write(
        &docs,
        "fct_trips.md",
        "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
    );
    write(
        &docs,
        "stations.md",
        "# Stations\n\nStations are numbered from the river.\n",
    );
    folder
}

#[test]
fn a_folder_is_ingested_asked_and_backed_up_with_nothing_configured() {
    let folder = folder();
    let data = folder.path().join("data");
    let ingest = || {
        docent(&data)
            .args(["ingest", "--json"])
            .arg(folder.path().join("docs"))
            .output()
            .unwrap()
    };
    let first = ingest();
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert_eq!(json(&first)["sources"][0]["documents"]["indexed"], 2);
    let again = json(&ingest());
    assert_eq!(again["sources"][0]["documents"]["unchanged"], 2);
    assert_eq!(again["sources"][0]["chunks"]["embedded"], 0);

    let ask = |data: &Path| {
        json(
            &docent(data)
                .args(["ask", "--json", "How often is fct_trips loaded?"])
                .output()
                .unwrap(),
        )
    };
    let answer = ask(&data);
    assert_eq!(answer["outcome"], "answered");
    assert_eq!(answer["citations"][0]["path"], "fct_trips.md");

    let backup = folder.path().join("backup.docent");
    let written = docent(&data).arg("backup").arg(&backup).output().unwrap();
    assert!(written.status.success(), "{}", text(&written.stderr));
    let restored = folder.path().join("restored");
    let read = docent(&restored)
        .arg("restore")
        .arg(&backup)
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", text(&read.stderr));
    let same = ask(&restored);
    assert_eq!(
        same["citations"][0]["quote"],
        answer["citations"][0]["quote"]
    );
    let twice = docent(&restored)
        .arg("restore")
        .arg(&backup)
        .output()
        .unwrap();
    assert_eq!(twice.status.code(), Some(2));
    assert!(text(&twice.stderr).contains("restore into an empty one"));
    // What was restored is known to be unchanged.
    let unchanged = docent(&restored)
        .args(["ingest", "--json"])
        .arg(folder.path().join("docs"))
        .output()
        .unwrap();
    assert_eq!(json(&unchanged)["sources"][0]["documents"]["unchanged"], 2);
}

#[test]
fn exit_codes_tell_what_happened() {
    let folder = folder();
    let data = folder.path().join("data");
    write(&folder.path().join("docs"), "binary.md", "\0\0\0\0");
    let some_left_out = docent(&data)
        .arg("ingest")
        .arg(folder.path().join("docs"))
        .output()
        .unwrap();
    assert_eq!(some_left_out.status.code(), Some(1));
    assert!(text(&some_left_out.stderr).contains("binary.md"));
    let nowhere = docent(&data)
        .args(["ingest", "no-such-folder"])
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(2));
    insta::assert_snapshot!(text(&nowhere.stderr), @"
    error: `no-such-folder` is neither a folder nor a configured source (no source is configured)
      caused by: No such file or directory (os error 2)
    ");
}

#[test]
fn nothing_to_ingest_and_a_wrong_key_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let nothing = docent(&data)
        .arg("ingest")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(nothing.status.code(), Some(2));
    insta::assert_snapshot!(text(&nothing.stderr), @"error: there is nothing to ingest: name a folder (`docent ingest docs/`), or add a [[source]] to docent.toml (`docent init` writes a starter)");
    let wrong = docent(&data)
        .arg("doctor")
        .env("DOCENT_SERVER__PROT", "1")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    insta::assert_snapshot!(text(&wrong.stderr), @"error: the environment: unknown setting `DOCENT_SERVER__PROT`; did you mean `DOCENT_SERVER__PORT`?");
}

#[test]
fn init_writes_a_starter_that_works_and_overwrites_nothing() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        docent(&folder.path().join("data"))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    assert!(run(&["init"]).status.success());
    let again = run(&["init"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("nothing was changed"));
    assert_eq!(
        json(&run(&["ingest", "--json"]))["sources"][0]["documents"]["indexed"],
        2
    );
    let doctor = run(&["doctor"]);
    assert!(
        text(&doctor.stdout).contains("ok     index: 2 chunks"),
        "{}",
        text(&doctor.stdout)
    );
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_collector_is_of_no_use_to_a_program_without_traces_and_it_says_so() {
    let folder = folder();
    let data = folder.path().join("data");
    let ingest = docent(&data)
        .arg("ingest")
        .arg(folder.path().join("docs"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
        .output()
        .unwrap();
    assert_eq!(ingest.status.code(), Some(0));
    let said = text(&ingest.stderr);
    assert!(
        said.contains("this docent was built without traces") && said.contains("--features otlp"),
        "{said}"
    );
}

/// `docent serve` that is stopped when the test ends, however it ends.
pub(crate) struct Serving(pub(crate) Child);

impl Serving {
    /// Serves on a free port, and listens on the socket of its data folder when this returns.
    pub(crate) fn start(command: &mut Command, data: &Path) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let serving = command
            .arg("serve")
            .env("DOCENT_SERVER__PORT", port.to_string())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let socket = data.join("docent.sock");
        // Building the private Postgres takes seconds, more of them on a busy machine.
        for _ in 0..1200 {
            if socket.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Self(serving)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal, by its name.
pub(crate) fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn while_serve_owns_the_folder_other_commands_go_through_its_socket() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut serving = Serving::start(&mut docent(&data), &data);
    let socket = data.join("docent.sock");
    let mode = std::os::unix::fs::PermissionsExt::mode(&socket.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let ingest = docent(&data)
        .args(["ingest", "--json"])
        .arg(folder.path().join("docs"))
        .output()
        .unwrap();
    assert_eq!(json(&ingest)["sources"][0]["documents"]["indexed"], 2);
    let ask = docent(&data)
        .args(["ask", "How often is fct_trips loaded?"])
        .output()
        .unwrap();
    let said = text(&ask.stdout);
    assert!(
        said.contains("loaded hourly") && said.contains("[1] fct_trips"),
        "{said}"
    );
    let second = docent(&data).arg("serve").output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(
        text(&second.stderr).contains("docent serve (process"),
        "{}",
        text(&second.stderr)
    );

    signal(&serving.0, "-TERM");
    assert!(serving.0.wait().unwrap().success());
    assert!(!socket.exists());
}

#[test]
fn a_low_limit_of_open_files_is_raised_as_far_as_it_may_be() {
    let folder = folder();
    let data = folder.path().join("data");
    let program = docent(&data);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -Sn 256; exec \"$0\" \"$@\""])
        .arg(program.get_program())
        .args(program.get_args())
        .stdin(Stdio::null());
    let serving = Serving::start(&mut limited, &data);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.0.id())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    let numbers: Vec<&str> = line.split_whitespace().skip(3).take(2).collect();
    assert!(numbers[0] == numbers[1] && numbers[0] != "256", "{line}");
}
