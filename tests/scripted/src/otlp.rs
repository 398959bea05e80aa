//! A collector of OpenTelemetry that keeps the spans which are sent to it (OTLP, protobuf over HTTP).

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A span as it arrived; ids as hexadecimal digits.
#[derive(Debug, Clone, Default)]
pub struct Received {
    pub trace: String,
    pub id: String,
    /// Empty: it is the first of its trace.
    pub parent: String,
    pub name: String,
    /// 1 internal, 2 server, 3 client.
    pub kind: i32,
    /// Whether its status is an error.
    pub is_error: bool,
    /// As text.
    pub attributes: BTreeMap<String, String>,
    /// Those of its resource.
    pub resource: BTreeMap<String, String>,
    /// Spans that it is linked to.
    pub links: Vec<String>,
    /// Nanoseconds since 1970.
    pub begun: u64,
    pub ended: u64,
}

impl Received {
    /// An attribute; empty where it has none of that name.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// How the collector answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Takes,
    Refuses(u16),
    /// No answer, ever.
    Hangs,
}

struct Shared {
    mood: Mutex<Mood>,
    spans: Mutex<Vec<Received>>,
    bodies: Mutex<Vec<u8>>,
    headers: Mutex<HeaderMap>,
    requests: Mutex<usize>,
}

/// A running collector. It stops when it is dropped.
pub struct ScriptedCollector {
    address: String,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl ScriptedCollector {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Panics
    /// Where no port can be had.
    pub async fn start(mood: Mood) -> Self {
        let shared = Arc::new(Shared {
            mood: Mutex::new(mood),
            spans: Mutex::default(),
            bodies: Mutex::default(),
            headers: Mutex::default(),
            requests: Mutex::default(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port on the loopback interface");
        let address = listener.local_addr().expect("it is bound").to_string();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address: format!("http://{address}"),
            shared,
            task: task.abort_handle(),
        }
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Answers in another way from now on.
    pub fn change(&self, mood: Mood) {
        *self.shared.mood.lock() = mood;
    }

    /// The spans that were taken.
    pub fn spans(&self) -> Vec<Received> {
        self.shared.spans.lock().clone()
    }

    /// Every body that was sent, one behind the other, with whatever text is in them.
    pub fn bytes(&self) -> Vec<u8> {
        self.shared.bodies.lock().clone()
    }

    /// A header of the last request.
    pub fn header(&self, name: &str) -> Option<String> {
        let headers = self.shared.headers.lock();
        headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    /// Requests, refused ones too.
    pub fn requests(&self) -> usize {
        *self.shared.requests.lock()
    }
}

impl Drop for ScriptedCollector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    *shared.requests.lock() += 1;
    *shared.headers.lock() = headers;
    let mood = *shared.mood.lock();
    match mood {
        Mood::Takes => {}
        Mood::Refuses(status) => {
            return StatusCode::from_u16(status)
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
                .into_response();
        }
        Mood::Hangs => pending().await,
    }
    let Ok(request) = ExportTraceServiceRequest::decode(&*body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    shared.bodies.lock().extend_from_slice(&body);
    for group in request.resource_spans {
        let resource = group.resource.unwrap_or_default();
        let resource = texts(resource.attributes);
        let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
        let spans = spans.map(|span| received(span, &resource));
        shared.spans.lock().extend(spans);
    }
    StatusCode::OK.into_response()
}

fn received(span: Span, resource: &BTreeMap<String, String>) -> Received {
    Received {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        kind: span.kind,
        is_error: span.status.is_some_and(|status| status.code == 2),
        attributes: texts(span.attributes),
        resource: resource.clone(),
        links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
        begun: span.start_time_unix_nano,
        ended: span.end_time_unix_nano,
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let pairs = attributes
        .into_iter()
        .map(|pair| (pair.key, pair.value.map(text).unwrap_or_default()));
    pairs.collect()
}

fn text(value: AnyValue) -> String {
    match value.value {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
