//! A whole docent for a test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use docent::commands::key::{self, Done, KeyRequest};
use docent::owner::IngestRequest;
use docent::server::{Service, serve};
use docent_core::app::App;
use docent_core::config::{self, ChatKind, Config, EmbeddingKind, Overrides, Secret};
use docent_core::data_folder::DataFolder;
use docent_core::ledger::Role;
use docent_ingest::{ProgressSender, RunReport};
use docent_scripted::database::TestDatabase;
use docent_scripted::openai::ScriptedOpenAi;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Documents, a data folder and a database of its own.
pub(crate) struct World {
    pub folder: TempDir,
    pub database: TestDatabase,
    pub config: Config,
}

impl World {
    /// The built-in embedder, extractive answers, and no documents yet.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        let database = TestDatabase::create().await;
        let mut config = config::load(&Overrides {
            data: Some(folder.path().join("data")),
            ..Overrides::default()
        })
        .unwrap();
        config.ledger.database_url = Secret::new(database.url());
        config.server.port = 0;
        // What runs here is a test, not docent.
        config.ingest.extract_program = env!("CARGO_BIN_EXE_docent").into();
        config.sources.push(config::Source::folder(
            "docs".to_owned(),
            folder.path().join("docs"),
        ));
        Self {
            folder,
            database,
            config,
        }
    }

    /// One that knows of a table: `fct_trips is loaded hourly`.
    pub(crate) async fn of_trips() -> Self {
        let world = Self::new().await;
        world.write(
            "fct_trips.md",
            "# fct_trips\n\nThe table fct_trips is loaded hourly.\n",
        );
        world.ingest().await;
        world
    }

    pub(crate) fn docs(&self) -> PathBuf {
        self.folder.path().join("docs")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        write(&self.docs(), path, text);
    }

    /// Puts sources in place of the folder, written as in a configuration file.
    pub(crate) fn sources(&mut self, entries: &str) {
        let file = self.folder.path().join("sources.toml");
        std::fs::write(&file, entries).unwrap();
        let overrides = Overrides {
            config: Some(file),
            ..Overrides::default()
        };
        self.config.sources = config::load(&overrides).unwrap().sources;
    }

    /// One run of everything, or why there was none.
    pub(crate) async fn try_ingest(&self) -> Result<RunReport, String> {
        let app = Arc::new(self.app().await);
        let progress = ProgressSender::default();
        let request = IngestRequest::default();
        let ran = docent::commands::ingest::run(Arc::clone(&app), &request, progress).await;
        closed(app).await;
        ran.map_err(|error| format!("{error:#}"))
    }

    /// One run as a request says.
    pub(crate) async fn ingest_with(&self, request: IngestRequest) -> RunReport {
        let app = Arc::new(self.app().await);
        let progress = ProgressSender::default();
        let report = docent::commands::ingest::run(Arc::clone(&app), &request, progress)
            .await
            .unwrap();
        closed(app).await;
        report
    }

    /// Embeddings from a scripted server.
    pub(crate) fn embed_with(&mut self, server: &ScriptedOpenAi) {
        let embedding = &mut self.config.embedding;
        embedding.kind = EmbeddingKind::OpenAi;
        embedding.base_url = server.base_url().to_owned();
        embedding.model = "scripted-embedding".to_owned();
        embedding.dimensions = 64;
        embedding.timeout_ms = 1000;
        embedding.retries = 2;
    }

    /// Answers from a scripted server.
    pub(crate) fn chat_with(&mut self, server: &ScriptedOpenAi) {
        let chat = &mut self.config.chat;
        chat.kind = ChatKind::OpenAi;
        chat.base_url = server.base_url().to_owned();
        chat.model = "scripted-chat".to_owned();
        chat.first_token_ms = 500;
        chat.stall_ms = 500;
        chat.retries = 1;
    }

    pub(crate) async fn app(&self) -> App {
        let data = DataFolder::open(&self.config.data).unwrap();
        let ownership = data.own("test", Duration::from_secs(5)).await.unwrap();
        App::open(self.config.clone(), data, Some(ownership), false)
            .await
            .unwrap()
    }

    /// One run over every source.
    pub(crate) async fn ingest(&self) -> RunReport {
        let app = Arc::new(self.app().await);
        let report = ingest(&app).await;
        closed(app).await;
        report
    }

    pub(crate) async fn serve(&self) -> TestServer {
        TestServer::start(self.app().await).await
    }

    /// The service while Postgres is away.
    pub(crate) async fn serve_lazily(&self) -> TestServer {
        let data = DataFolder::open(&self.config.data).unwrap();
        let ownership = data.own("test", Duration::from_secs(5)).await.unwrap();
        let app = App::open(self.config.clone(), data, Some(ownership), true)
            .await
            .unwrap();
        TestServer::start(app).await
    }
}

pub(crate) async fn ingest(app: &Arc<App>) -> RunReport {
    let request = IngestRequest::default();
    docent::commands::ingest::run(Arc::clone(app), &request, ProgressSender::default())
        .await
        .unwrap()
}

pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The real service on port 0.
pub(crate) struct TestServer {
    pub url: String,
    pub service: Arc<Service>,
    pub http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl TestServer {
    pub(crate) async fn start(app: App) -> Self {
        Self::of(Service::new(app).unwrap()).await
    }

    pub(crate) async fn of(service: Service) -> Self {
        let service = Arc::new(service);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn({
            let service = Arc::clone(&service);
            async move {
                let shutdown = async {
                    let _ = stopped.await;
                };
                serve(service, listener, shutdown).await.unwrap();
            }
        });
        Self {
            url,
            service,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop: Some(stop),
            serving: Some(serving),
        }
    }

    pub(crate) fn chat(&self) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}/v1/chat", self.url))
            .header("content-type", "application/json")
    }

    /// The JSON answer to a question.
    pub(crate) async fn ask(&self, question: &str) -> Value {
        self.ask_body(&serde_json::json!({ "question": question }))
            .await
    }

    pub(crate) async fn ask_body(&self, body: &Value) -> Value {
        let response = self.chat().body(body.to_string()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    /// Every event of a streamed answer: name and data.
    pub(crate) async fn stream(&self, body: &Value) -> Vec<(String, Value)> {
        let response = self
            .chat()
            .header("accept", "text/event-stream")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        events(&response.text().await.unwrap())
    }

    /// A new key for a program.
    pub(crate) async fn key(&self, name: &str, groups: &[&str], role: Role) -> String {
        let request = KeyRequest::Create {
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            role,
            expires_at: None,
        };
        match key::run(&self.service.app, &request).await.unwrap() {
            Done::Created { key, .. } => key,
            other => panic!("no key was made: {other:?}"),
        }
    }

    /// A request to any path: status and JSON (null where there is none). `token` is sent as
    /// `Authorization: Bearer`.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self
            .http
            .request(method.parse().unwrap(), format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// Asks the service to stop; answers when it has.
    pub(crate) async fn stop(mut self) {
        self.stop.take();
        self.serving.take().unwrap().await.unwrap();
        self.service.app.ledger.close().await;
    }
}

/// Reads a stream of server-sent events.
pub(crate) fn events(text: &str) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    for block in text.split("\n\n") {
        let field = |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .map(str::trim)
        };
        if let (Some(event), Some(data)) = (field("event"), field("data")) {
            events.push((event.to_owned(), serde_json::from_str(data).unwrap()));
        }
    }
    events
}

/// Waits until something holds, and fails where it does not within ten seconds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never came true: {what}");
}

/// Closes an app once the last tasks of a run have let go of it.
pub(crate) async fn closed(mut app: Arc<App>) {
    for _ in 0..1000 {
        match Arc::try_unwrap(app) {
            Ok(app) => return app.close().await,
            Err(shared) => app = shared,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("a task still holds the parts of a run that has ended");
}
