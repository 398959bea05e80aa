//! Two processes of `docent serve`, as people run them, over one Postgres and one Qdrant server: what they
//! know together (`agreeing`), what one of them does alone (`ingesting`), and what becomes of it when one
//! is killed (`killed`).

mod agreeing;
mod ingesting;
mod killed;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use docent_scripted::database::TestDatabase;
use docent_scripted::openai::{Answer, Script, ScriptedOpenAi};
use docent_scripted::qdrant::ScriptedQdrant;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{docent, text};
use crate::support::write;

const QUESTION: &str = "How often is fct_trips loaded?";
const WIKI: &str = "https://wiki.example.com";

/// What the processes have in common: nothing but servers and a configuration.
struct Shared {
    folder: TempDir,
    database: TestDatabase,
    qdrant: ScriptedQdrant,
    model: ScriptedOpenAi,
}

impl Shared {
    /// With these lines in the configuration, and one document that is not ingested yet.
    async fn new(settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let qdrant = ScriptedQdrant::start().await;
        let model = ScriptedOpenAi::start(Script::default()).await;
        let answer = "The table fct_trips is loaded hourly [1].";
        model.change(|script| script.answer = Answer::Text(answer.to_owned()));
        let configuration = format!(
            "{settings}\n[ledger]\nmax_connections = 3\n[embedding]\nkind = \"openai\"\nbase_url = \"{0}\"\nmodel = \"scripted-embedding\"\n\
             [chat]\nkind = \"openai\"\nbase_url = \"{0}\"\nmodel = \"scripted-chat\"\n\
             [[source]]\nname = \"docs\"\nkind = \"folder\"\npath = \"docs\"\n",
            model.base_url()
        );
        std::fs::write(folder.path().join("docent.toml"), configuration).unwrap();
        let shared = Self {
            folder,
            database: TestDatabase::create().await,
            qdrant,
            model,
        };
        shared.write(
            "fct_trips.md",
            "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
        );
        shared
    }

    fn write(&self, path: &str, words: &str) {
        write(&self.folder.path().join("docs"), path, words);
    }

    /// The program with a data folder of its own.
    fn docent(&self, name: &str) -> Command {
        let mut command = docent(&self.data(name));
        command
            .arg("--config")
            .arg(self.folder.path().join("docent.toml"))
            .env("DATABASE_URL", self.database.url())
            .env("QDRANT_URL", self.qdrant.url());
        command
    }

    fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a command says, when it has ended; the servers of the test work meanwhile.
    async fn run(&self, name: &str, arguments: &[&str]) -> Output {
        let mut command = self.docent(name);
        command.args(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// Ingests everything.
    async fn ingest(&self) {
        let ran = self.run("command", &["ingest"]).await;
        assert!(ran.status.success(), "{}", text(&ran.stderr));
    }

    /// A new key.
    async fn key(&self, name: &str, role: &str) -> String {
        let made = self
            .run("command", &["key", "create", name, "--role", role])
            .await;
        let said = text(&made.stdout);
        let key = said.split_whitespace().find(|word| {
            let secret = word.strip_prefix("docent_");
            secret.is_some_and(|secret| secret.len() > 32)
        });
        key.unwrap_or_else(|| panic!("{said}{}", text(&made.stderr)))
            .to_owned()
    }

    async fn serve(&self, name: &str) -> Replica {
        let mut command = self.docent(name);
        command
            .arg("serve")
            .env("DOCENT_SERVER__PORT", "0")
            .stderr(Stdio::piped());
        let starting = tokio::task::spawn_blocking(move || started(command));
        let (process, url) = starting.await.unwrap();
        Replica {
            process,
            url,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// The rows of a query, whose columns are texts.
    async fn rows(&self, query: &str) -> Vec<Vec<String>> {
        let rows = self.database.rows(query).await;
        rows.into_iter()
            .map(|row| row.into_iter().map(Option::unwrap_or_default).collect())
            .collect()
    }

    /// Waits until so many questions are in the ledger.
    async fn recorded(&self, questions: usize) {
        for _ in 0..200 {
            if self.database.count("interaction").await >= questions {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let known = self.rows("SELECT question, outcome FROM interaction").await;
        panic!("{questions} questions are not in the ledger: {known:?}");
    }
}

/// Starts the program, and reads from its log where it listens.
fn started(mut command: Command) -> (Child, String) {
    let mut process = command.spawn().unwrap();
    let log = BufReader::new(process.stderr.take().unwrap());
    let (tell, told) = mpsc::channel();
    // Its log is read to the end: a full pipe would hold it up.
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            if let Some((_, url)) = line.split_once("docent listens on ") {
                let _ = tell.send(url.trim().to_owned());
            }
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    });
    match told.recv_timeout(Duration::from_mins(1)) {
        Ok(url) => (process, url),
        Err(error) => {
            let _ = process.kill();
            let _ = process.wait();
            panic!("docent does not listen: {error}");
        }
    }
}

/// A running process. It is killed when it is dropped.
struct Replica {
    process: Child,
    url: String,
    http: reqwest::Client,
}

impl Replica {
    /// A request as a program sends it: status and JSON.
    async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        answered(self.request(method, path, token, body)).await
    }

    /// The same from a page of the wiki.
    async fn send_from_page(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let request = self.request(method, path, token, body);
        answered(request.header("origin", WIKI)).await
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.url);
        let mut request = self.http.request(method.parse().unwrap(), url);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        request
    }

    async fn ask(&self, token: &str, body: Value) -> (u16, Value) {
        self.send("POST", "/v1/chat", token, Some(body)).await
    }

    /// Asks for a stream, and hands over the rest of it as soon as words of the answer have come.
    async fn begin(&self, token: &str, body: Value) -> reqwest::Response {
        let mut response = self
            .request("POST", "/v1/chat", token, Some(body))
            .header("accept", "text/event-stream")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let mut read = Vec::new();
        while let Some(part) = response.chunk().await.unwrap() {
            read.extend(part);
            if text(&read).contains("event: delta") {
                return response;
            }
        }
        panic!("the stream has ended: {}", text(&read));
    }

    /// `kill -9`
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn answered(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let words = response.text().await.unwrap();
    (status, serde_json::from_str(&words).unwrap_or_default())
}

fn question(words: &str) -> Value {
    json!({ "question": words })
}
