//! The span of a request that brings a question.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use docent_core::traces::TARGET;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

/// Puts a request into a span, which belongs to its caller's trace where it names one (`traceparent`, W3C
/// Trace Context). The span ends with the answer, also where that is streamed.
pub(crate) async fn request(
    State(route): State<&'static str>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().as_str();
    let span = info_span!(
        target: TARGET,
        parent: None,
        "request",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        "error.type" = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    if span.is_disabled() {
        return next.run(request).await;
    }
    span.record("otel.name", format!("{method} {route}"));
    #[cfg(feature = "otlp")]
    super::export::continue_trace(&span, request.headers());
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("error.type", status.as_str());
        span.record("otel.status_code", "ERROR");
    }
    response
}
