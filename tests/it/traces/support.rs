//! The program with a model and a collector.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Output};

use docent_scripted::database::TestDatabase;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use docent_scripted::otlp::{Mood, Received, ScriptedCollector};
use tempfile::TempDir;

use crate::binary::{docent, folder, signal, text};
use crate::support::{eventually, write};

const SECRET: &str = "key-of-the-collector";

pub(super) struct Scene {
    pub(super) folder: TempDir,
    pub(super) database: TestDatabase,
    pub(super) model: ScriptedOpenAi,
    pub(super) collector: ScriptedCollector,
    pub(super) environment: Vec<(&'static str, String)>,
}

impl Scene {
    pub(super) async fn new(mood: Mood) -> Self {
        let script = Script {
            answer: Answer::Text("The table fct_trips is loaded hourly [1].".to_owned()),
            ..Script::default()
        };
        let database = TestDatabase::create().await;
        let model = ScriptedOpenAi::start(script).await;
        let collector = ScriptedCollector::start(mood).await;
        let url = model.base_url().to_owned();
        let environment = vec![
            ("DATABASE_URL", database.url().to_owned()),
            ("DOCENT_CHAT__BASE_URL", url.clone()),
            ("DOCENT_CHAT__MODEL", "scripted-chat".to_owned()),
            ("DOCENT_EMBEDDING__KIND", "openai".to_owned()),
            ("DOCENT_EMBEDDING__BASE_URL", url),
            ("DOCENT_EMBEDDING__MODEL", "scripted-embedding".to_owned()),
            ("DOCENT_EMBEDDING__DIMENSIONS", "64".to_owned()),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                collector.address().to_owned(),
            ),
            ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
            // The scripted vectors say little about what answers what.
            ("DOCENT_RETRIEVAL__MIN_EVIDENCE", "0".to_owned()),
            ("DOCENT_TRACES__HEADERS", format!("x-key={SECRET}")),
        ];
        Self {
            folder: folder(),
            database,
            model,
            collector,
            environment,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        write(&self.folder.path().join("docs"), path, text);
    }

    pub(super) fn command(&self) -> Command {
        let mut command = docent(&self.data());
        command.current_dir(self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.args(arguments);
        let run = move || command.output().unwrap();
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    pub(super) async fn ingest(&self) {
        let output = self.run(&["ingest", "docs"]).await;
        assert!(output.status.code() < Some(2), "{}", text(&output.stderr));
    }

    pub(super) async fn serve(&self) -> Serving {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let log = self.folder.path().join("log");
        let child = self
            .command()
            .arg("serve")
            .env("DOCENT_SERVER__PORT", port.to_string())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let serving = Serving {
            child,
            log,
            url: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        eventually("the service is ready", || async {
            let ready = serving
                .http
                .get(format!("{}/readyz", serving.url))
                .send()
                .await;
            ready.is_ok_and(|response| response.status().is_success())
        })
        .await;
        serving
    }

    /// The spans of a trace, once the one that ends last has arrived.
    pub(super) async fn spans_of(&self, trace: &str, last: &str) -> Spans {
        let last = if last == "request" {
            "POST /v1/chat"
        } else {
            last
        };
        eventually("the trace is there", || async {
            let spans = Spans(self.collector.spans()).of(trace);
            spans.0.iter().any(|span| span.name == last)
        })
        .await;
        Spans(self.collector.spans()).of(trace)
    }

    /// Rows of the ledger, once there are so many.
    pub(super) async fn rows(&self, query: &str, wanted: usize) -> Vec<Vec<Option<String>>> {
        eventually("the rows are there", || async {
            self.database.rows(query).await.len() >= wanted
        })
        .await;
        self.database.rows(query).await
    }

    /// Nothing that anybody wrote has left the program, nor its key in anything but the header.
    pub(super) fn holds_no_text(&self) {
        let sent = self.collector.bytes();
        let sent = String::from_utf8_lossy(&sent);
        for words in [
            "How often",
            "loaded hourly",
            "from the river",
            "SECRET WORDS",
            SECRET,
        ] {
            assert!(!sent.contains(words), "{words} was sent");
        }
        assert_eq!(self.collector.header("x-key").as_deref(), Some(SECRET));
    }
}

/// `docent serve`, stopped when it is dropped.
pub(super) struct Serving {
    child: Child,
    log: PathBuf,
    pub(super) url: String,
    http: reqwest::Client,
}

impl Serving {
    pub(super) fn ask(&self, question: &str) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}/v1/chat", self.url))
            .header("content-type", "application/json")
            .body(serde_json::json!({ "question": question }).to_string())
    }

    /// Lines of the log with some words in them.
    pub(super) fn said(&self, words: &str) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let lines = log.lines().filter(|line| line.contains(words));
        lines.map(str::to_owned).collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal(&self.child, "-TERM");
        }
        let _ = self.child.wait();
    }
}

/// Spans, in the order of their beginning.
pub(super) struct Spans(pub(super) Vec<Received>);

impl Spans {
    pub(super) fn of(self, trace: &str) -> Self {
        let mut spans: Vec<Received> = self
            .0
            .into_iter()
            .filter(|span| span.trace == trace)
            .collect();
        spans.sort_by_key(|span| span.begun);
        Self(spans)
    }

    pub(super) fn all(&self, name: &str) -> Vec<&Received> {
        self.0.iter().filter(|span| span.name == name).collect()
    }

    /// The only one of its name.
    pub(super) fn one(&self, name: &str) -> &Received {
        let names: Vec<&str> = self.0.iter().map(|span| span.name.as_str()).collect();
        let named = self.all(name);
        assert_eq!(named.len(), 1, "{name} among {names:?}");
        named[0]
    }
}
