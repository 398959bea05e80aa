//! A server that speaks the OpenAI API, answers by a script, and fails on request.
//!
//! Its vectors are made from a text's words: texts that share words are similar. It is cheap enough
//! to stand behind a benchmark.

mod chat;
mod embeddings;
mod fault;
mod load;
mod made;
mod rerank;
mod script;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use self::embeddings::vector;
use self::fault::Faults;
pub use self::fault::{Fault, Route, Times};
pub use self::load::Load;
pub use self::made::Made;
pub use self::script::{Answer, Script};

/// A running server. It stops when it is dropped.
pub struct ScriptedOpenAi {
    base_url: String,
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    faults: Mutex<Faults>,
    embedding_requests: AtomicUsize,
    load: Mutex<Load>,
    embedded_texts: Mutex<Vec<String>>,
    embedding_bodies: Mutex<Vec<Value>>,
    chat_requests: Mutex<Vec<Value>>,
    made: Mutex<Vec<Made>>,
    embedded: Mutex<Vec<Made>>,
    chat_count: AtomicUsize,
    rerank_requests: Mutex<Vec<Value>>,
    model_requests: AtomicUsize,
    stopped_streams: AtomicUsize,
    authorization: Mutex<Option<String>>,
}

impl ScriptedOpenAi {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn start(script: Script) -> Self {
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            ..Shared::default()
        });
        let router = Router::new()
            .route("/v1/embeddings", post(embeddings::embed))
            .route("/v1/chat/completions", post(chat::complete))
            .route("/v1/models", get(models))
            .route("/v1/rerank", post(rerank::rerank))
            .route("/rerank", post(rerank::rerank))
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&shared));
        let (listener, base_url) = bind().await.expect("a free port on 127.0.0.1");
        let listener = listener.tap_io(|stream| {
            // Without it the pieces of a stream wait for each other.
            let _ = stream.set_nodelay(true);
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            base_url,
            shared,
            task: task.abort_handle(),
        }
    }

    /// `http://127.0.0.1:PORT/v1`
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Changes the script for requests from now on.
    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.shared.script.lock());
    }

    /// Lets requests to a route fail. Faults of a route come one after another.
    pub fn fail(&self, route: Route, times: Times, fault: Fault) {
        self.shared.faults.lock().add(route, times, fault);
    }

    /// Takes all faults away.
    pub fn heal(&self) {
        self.shared.faults.lock().clear();
    }

    /// Requests to `/v1/embeddings`, failed ones too.
    pub fn embedding_requests(&self) -> usize {
        self.shared.embedding_requests.load(Ordering::Relaxed)
    }

    /// How much there was to do on `/v1/embeddings`.
    pub fn load(&self) -> Load {
        self.shared.load.lock().clone()
    }

    /// Texts whose vectors were sent out, in order, doubles and all.
    pub fn embedded_texts(&self) -> Vec<String> {
        self.shared.embedded_texts.lock().clone()
    }

    /// Bodies of the requests to `/v1/embeddings` without their texts.
    pub fn embedding_bodies(&self) -> Vec<Value> {
        self.shared.embedding_bodies.lock().clone()
    }

    /// What the chat requests that were answered, or begun to be, have cost so far.
    pub fn made(&self) -> Vec<Made> {
        self.shared.made.lock().clone()
    }

    /// What the embedding requests that were accepted have cost so far.
    pub fn embedded(&self) -> Vec<Made> {
        self.shared.embedded.lock().clone()
    }

    /// Requests to `/v1/chat/completions`, failed ones too.
    pub fn chat_count(&self) -> usize {
        self.shared.chat_count.load(Ordering::Relaxed)
    }

    /// Bodies of the requests to `/v1/chat/completions`, failed ones too.
    pub fn chat_requests(&self) -> Vec<Value> {
        self.shared.chat_requests.lock().clone()
    }

    /// Bodies of the requests to `/rerank` and `/v1/rerank`, failed ones too.
    pub fn rerank_requests(&self) -> Vec<Value> {
        self.shared.rerank_requests.lock().clone()
    }

    /// Requests to `/v1/models`.
    pub fn model_requests(&self) -> usize {
        self.shared.model_requests.load(Ordering::Relaxed)
    }

    /// Streams whose reader went away before their end.
    pub fn stopped_streams(&self) -> usize {
        self.shared.stopped_streams.load(Ordering::Relaxed)
    }

    /// The `Authorization` header of the last chat, embedding or rerank request.
    pub fn authorization(&self) -> Option<String> {
        self.shared.authorization.lock().clone()
    }
}

impl Drop for ScriptedOpenAi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn bind() -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    Ok((listener, base_url))
}

async fn models(State(shared): State<Arc<Shared>>) -> Response {
    shared.model_requests.fetch_add(1, Ordering::Relaxed);
    if let Some(fault) = shared.fault(Route::Models)
        && let Some(response) = fault.response().await
    {
        return response;
    }
    let models = shared.script.lock().models.clone();
    let data = models.iter().map(|id| json!({"id": id, "object": "model"}));
    Json(json!({"object": "list", "data": data.collect::<Vec<_>>()})).into_response()
}

impl Shared {
    fn fault(&self, route: Route) -> Option<Fault> {
        self.faults.lock().next(route)
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({"error": {
        "message": message, "type": "invalid_request_error", "param": null, "code": code,
    }});
    (status, Json(body)).into_response()
}
