//! Sending spans to a collector: OTLP, protobuf over HTTP, with the HTTP client that docent has anyway.

use std::collections::HashMap;
use std::error::Error as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use docent_core::config;
use docent_core::traces::TARGET;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry::{Context, Key, KeyValue};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider,
};
use tokio::runtime::Handle;
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;

use super::BoxedLayer;

/// Where OTLP goes at a collector, behind its address.
const PATH: &str = "/v1/traces";
/// Spans that wait; more of them are dropped.
const QUEUE: usize = 8192;
/// Longest time for one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for what is left at the end.
const LAST: Duration = Duration::from_secs(2);

/// The thread that sends.
pub(super) struct Exporter(SdkTracerProvider);

/// The exporter and the layer that feeds it; the error says what is wrong with the settings.
pub(super) fn open(settings: &config::Traces) -> Result<(Exporter, BoxedLayer), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("traces are not sent: {error}");
    let endpoint = address(&settings.endpoint);
    let client = Collector::new(&endpoint).map_err(|error| wrong(&error))?;
    let headers: HashMap<String, String> = settings
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint)
        .with_protocol(Protocol::HttpBinary)
        .with_headers(headers)
        .with_timeout(TIMEOUT)
        .build()
        .map_err(|error| wrong(&error))?;
    let batch = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .build();
    let processor = BatchSpanProcessor::builder(exporter)
        .with_batch_config(batch)
        .build();
    let ratio = Sampler::TraceIdRatioBased(settings.sample);
    let provider = SdkTracerProvider::builder()
        .with_resource(resource())
        // Whoever begins a trace decides whether it is kept.
        .with_sampler(Sampler::ParentBased(Box::new(ratio)))
        .with_span_processor(processor)
        .build();
    let layer: BoxedLayer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("docent"))
        .with_location(false)
        .with_threads(false)
        .with_level(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(TARGET, Level::INFO))
        .boxed();
    Ok((Exporter(provider), layer))
}

impl Exporter {
    pub(super) async fn end(self) {
        // It waits for its thread, which waits for the runtime.
        let ending = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(LAST));
        let _ = ending.await;
    }
}

/// Makes a span part of the trace that a request names.
pub(super) fn continue_trace(span: &Span, headers: &HeaderMap) {
    let named = TraceContextPropagator::new()
        .extract_with_context(&Context::new(), &HeaderExtractor(headers));
    if named.span().span_context().is_valid() {
        // The span has just begun, so that it can still be given a parent.
        let _ = span.set_parent(named);
    }
}

/// A collector's address as people write it: without the path, as `OTEL_EXPORTER_OTLP_ENDPOINT` is.
fn address(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.ends_with(PATH) {
        endpoint.to_owned()
    } else {
        format!("{endpoint}{PATH}")
    }
}

/// Who sends: `docent`, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` says otherwise.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let told = Resource::builder().build();
    let is_named = told
        .get(&Key::from_static_str("service.name"))
        .is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let builder = Resource::builder().with_attribute(version);
    if is_named {
        builder.build()
    } else {
        builder.with_service_name("docent").build()
    }
}

/// The collector, as far as docent knows it.
#[derive(Debug)]
struct Collector {
    http: reqwest::Client,
    runtime: Handle,
    /// Without what may be secret in it.
    place: String,
    failing: AtomicBool,
}

impl Collector {
    fn new(endpoint: &str) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(LAST)
            // Headers may hold a key, which is the collector's alone.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let place = reqwest::Url::parse(endpoint).map_or_else(
            |_| "the collector".to_owned(),
            |url| {
                let port = url.port().map(|port| format!(":{port}"));
                let host = url.host_str().unwrap_or_default();
                format!("{}://{host}{}", url.scheme(), port.unwrap_or_default())
            },
        );
        Ok(Self {
            http,
            runtime: Handle::current(),
            place,
            failing: AtomicBool::new(false),
        })
    }

    /// Says once that it fails, and once that it works again.
    fn note(&self, sent: &Result<Response<Bytes>, HttpError>) {
        let problem = match sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status().as_u16())),
            Err(error) => Some(error.to_string()),
        };
        let was_failing = self.failing.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !was_failing => {
                let hint = if self.place.ends_with(":4317") {
                    "; docent speaks OTLP over HTTP, whose port is usually 4318"
                } else {
                    ""
                };
                tracing::warn!(
                    collector = %self.place,
                    "traces cannot be sent ({problem}); they are dropped until it takes them again{hint}"
                );
            }
            None if was_failing => {
                tracing::info!(collector = %self.place, "traces are sent again");
            }
            _ => {}
        }
    }
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Collector {
    fn send_bytes<'life0, 'async_trait>(
        &'life0 self,
        request: Request<Bytes>,
    ) -> Sending<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let http = self.http.clone();
            // The thread that waits here is not one of the runtime's.
            let sending = self
                .runtime
                .spawn(async move { send(&http, request).await });
            let sent = sending.await.unwrap_or_else(|error| Err(error.into()));
            self.note(&sent);
            sent
        })
    }
}

/// What the collector has to say besides its status is not read.
async fn send(
    http: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let request = reqwest::Request::try_from(request)?;
    let response = http
        .execute(request)
        .await
        .map_err(|error| innermost(&error))?;
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = response.status();
    Ok(answer)
}

/// `reqwest` hides the cause behind the address.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause = error.source();
    let mut text = "the connection broke".to_owned();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_added_to_an_address_that_has_none() {
        assert_eq!(address("http://otel:4318"), "http://otel:4318/v1/traces");
        assert_eq!(address("http://otel:4318/"), "http://otel:4318/v1/traces");
        assert_eq!(
            address("https://otel.example.com/api/otlp/v1/traces"),
            "https://otel.example.com/api/otlp/v1/traces"
        );
    }
}
