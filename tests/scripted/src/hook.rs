//! An HTTP endpoint that keeps what is posted to it, and answers with the status that it is told to.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// What was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Posted {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body; null where it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

struct Shared {
    status: Mutex<u16>,
    posted: Mutex<Vec<Posted>>,
}

/// A running endpoint at `/hook`. It stops when it is dropped.
pub struct ScriptedHook {
    host: String,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl ScriptedHook {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            status: Mutex::new(200),
            posted: Mutex::default(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port on the loopback interface");
        let host = listener
            .local_addr()
            .expect("an address that was bound")
            .to_string();
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self {
            host,
            shared,
            task: task.abort_handle(),
        }
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.host)
    }

    /// What requests are answered with from now on.
    pub fn answer(&self, status: u16) {
        *self.shared.status.lock() = status;
    }

    /// Everything so far.
    pub fn posted(&self) -> Vec<Posted> {
        self.shared.posted.lock().clone()
    }
}

impl Drop for ScriptedHook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)));
    shared.posted.lock().push(Posted {
        headers: headers.collect(),
        body: body.to_vec(),
    });
    StatusCode::from_u16(*shared.status.lock()).unwrap_or(StatusCode::IM_A_TEAPOT)
}
