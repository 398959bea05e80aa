//! `docent mcp`: the same tools on standard input and output, with and without a `serve` that owns the data
//! folder.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use docent_scripted::database::TestDatabase;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use serde_json::{Value, json};

use super::{QUESTION, call, request, text_of};
use crate::binary::{Serving, docent, folder, text};
use crate::support::eventually;

/// A client's side of the pipe.
struct Pipe {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Pipe {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .arg("mcp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        let input = child.stdin.take().unwrap();
        let mut pipe = Self {
            child,
            input,
            lines,
        };
        let introduction = json!({
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        pipe.send(&request(0, "initialize", &introduction));
        assert_eq!(pipe.read()["result"]["serverInfo"]["name"], "docent");
        pipe.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        pipe
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }

    /// The next message; whatever else came would be none.
    fn read(&mut self) -> Value {
        let line = self.lines.recv_timeout(Duration::from_mins(1));
        let line = line.expect("a message within a minute");
        let message: Value = serde_json::from_str(&line).expect("nothing but the protocol");
        assert_eq!(message["jsonrpc"], "2.0");
        message
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.send(&call(1, tool, arguments));
        self.read()["result"].clone()
    }

    /// Closes the pipe, as a client does that ends; what was logged.
    fn end(self) -> String {
        let Self {
            child,
            input,
            lines,
        } = self;
        drop(input);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
        assert!(lines.recv().is_err(), "nothing is said after the end");
        text(&ended.stderr)
    }
}

fn within(folder: &Path) -> Command {
    let docs = "[[source]]\nname = \"docs\"\nkind = \"folder\"\npath = \"docs\"\n";
    std::fs::write(folder.join("docent.toml"), docs).unwrap();
    let mut command = docent(&folder.join("data"));
    command.current_dir(folder);
    command
}

#[test]
fn the_tools_work_without_a_running_docent_and_keep_the_folder_from_nobody() {
    let folder = folder();
    let folder = folder.path();
    let mut pipe = Pipe::start(&mut within(folder));
    let nothing = pipe.call("ask", &json!({ "question": QUESTION }));
    assert_eq!(nothing["isError"], true);
    assert_eq!(nothing["_meta"]["docent/code"], "nothing_ingested");
    // Another command has the folder while no call is under way.
    let ingest = within(folder).arg("ingest").output().unwrap();
    assert_eq!(ingest.status.code(), Some(0), "{}", text(&ingest.stderr));
    let answer = pipe.call("ask", &json!({ "question": QUESTION }));
    assert_eq!(
        answer["structuredContent"]["outcome"], "answered",
        "{answer}"
    );
    let conversation = &answer["structuredContent"]["conversation_id"];
    let next = json!({ "question": "And is it hourly?", "conversation_id": conversation });
    let next = pipe.call("ask", &next);
    let standalone = next["structuredContent"]["standalone_question"]
        .as_str()
        .unwrap();
    assert!(standalone.contains("fct_trips"), "{standalone}");
    let found = pipe.call("search_docs", &json!({ "query": "station" }));
    assert_eq!(
        found["structuredContent"]["passages"][0]["path"],
        "stations.md"
    );

    // A `serve` that comes takes over, and one that goes leaves the tools as they were.
    let serving = Serving::start(&mut within(folder), &folder.join("data"));
    let mut tries = 0;
    loop {
        let served = pipe.call("ask", &json!({ "question": QUESTION }));
        if served["structuredContent"]["outcome"] == "answered" {
            break;
        }
        // In its first moment it has not read yet how rare the words are.
        tries += 1;
        assert!(tries < 100, "{served}");
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(serving);
    let asset = pipe.call("get_asset", &json!({ "name": "fct_trips" }));
    assert_eq!(asset["structuredContent"]["found"], false, "{asset}");
    // Two at once share what was opened.
    pipe.send(&call(2, "search_docs", &json!({ "query": "station" })));
    pipe.send(&call(3, "ask", &json!({ "question": QUESTION })));
    let mut both = [pipe.read(), pipe.read()];
    both.sort_by_key(|reply| reply["id"].as_u64());
    assert_eq!(both[0]["result"]["isError"], false, "{}", both[0]);
    assert_eq!(
        both[1]["result"]["structuredContent"]["outcome"],
        "answered"
    );
    pipe.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_call_stops_the_model_of_the_docent_that_does_it() {
    let folder = folder();
    let folder = folder.path();
    let database = TestDatabase::create().await;
    let model = ScriptedOpenAi::start(Script::default()).await;
    model.change(|script| {
        script.answer = Answer::Text("word ".repeat(400));
        script.gap = Duration::from_millis(50);
    });
    let with_model = |command: &mut Command| {
        command
            .env("DATABASE_URL", database.url())
            .env("OPENAI_BASE_URL", model.base_url())
            .env("DOCENT_CHAT__MODEL", "scripted-chat");
    };
    let ingest = within(folder)
        .env("DATABASE_URL", database.url())
        .arg("ingest")
        .output()
        .unwrap();
    assert_eq!(ingest.status.code(), Some(0), "{}", text(&ingest.stderr));
    for (turn, beside_serve) in [(1, false), (2, true)] {
        let mut command = within(folder);
        with_model(&mut command);
        let serving = beside_serve.then(|| {
            let mut serve = within(folder);
            with_model(&mut serve);
            Serving::start(&mut serve, &folder.join("data"))
        });
        tokio::task::block_in_place(|| {
            let mut pipe = Pipe::start(&mut command);
            let mut asked = call(9, "ask", &json!({ "question": QUESTION }));
            asked["params"]["_meta"] = json!({ "progressToken": 1 });
            pipe.send(&asked);
            while !pipe.read()["params"]["message"]
                .as_str()
                .unwrap()
                .contains("written")
            {}
            let params = json!({ "requestId": 9, "reason": "enough" });
            pipe.send(
                &json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }),
            );
            let found = pipe.call("search_docs", &json!({ "query": QUESTION }));
            assert!(text_of(&found).contains("loaded hourly"), "{found}");
            let logged = pipe.end();
            assert!(!logged.contains("fct_trips"), "{logged}");
        });
        let recorded = async || {
            let count = database
                .rows("SELECT count(*)::text FROM interaction")
                .await;
            count[0][0].as_deref() == Some(turn.to_string().as_str())
        };
        eventually("the turn is recorded", recorded).await;
        drop(serving);
        assert_eq!(model.stopped_streams(), turn);
        let rows = database
            .rows("SELECT outcome, channel, caller FROM interaction ORDER BY at")
            .await;
        assert_eq!(rows.len(), turn);
        let row: Vec<&str> = rows[turn - 1]
            .iter()
            .flatten()
            .map(String::as_str)
            .collect();
        assert_eq!(row, ["cancelled", "mcp", "terminal"]);
    }
}
