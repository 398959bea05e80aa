//! Metrics for Prometheus, on a listener of their own.
//!
//! Model calls and turns are counted as they are handed to the ledger's writer, which every one of them
//! passes: so the metrics and the ledger cannot disagree on what there was. Names of model calls are those
//! of OpenTelemetry's semantic conventions for generative AI, as Prometheus writes them. What is no event
//! (spool, sources, alerts) is read when somebody asks.

mod families;
mod scrape;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use docent_core::ledger::{CallOutcome, Interaction, ModelCall, Origin, Record};
use docent_core::traces;
use prometheus_client::registry::Registry;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::server::AppState;
use families::Families;

/// `OpenMetrics` text, which `prometheus-client` writes.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    families: Families,
}

impl Metrics {
    pub(crate) fn new() -> Arc<Self> {
        let mut registry = Registry::default();
        let families = Families::register(&mut registry);
        Arc::new(Self { registry, families })
    }

    /// Counts what is handed to the ledger.
    pub(crate) fn count(&self, record: &Record) {
        match record {
            Record::ModelCall(call) => self.call(call),
            Record::Interaction(interaction) => self.turn(interaction),
            _ => {}
        }
    }

    fn call(&self, call: &ModelCall) {
        let operation = traces::operation(call.purpose);
        let provider = traces::provider(&call.model);
        let labels = |more: Option<(&'static str, String)>| {
            let mut labels = vec![
                ("gen_ai_operation_name", operation.to_owned()),
                ("gen_ai_provider_name", provider.to_owned()),
                ("gen_ai_request_model", call.model.clone()),
                ("docent_purpose", name(&call.purpose)),
            ];
            labels.extend(more);
            labels
        };
        let families = &self.families;
        for (kind, tokens) in [("input", call.input_tokens), ("output", call.output_tokens)] {
            let is_told = kind == "input" || operation == "chat";
            if let Some(tokens) = tokens.filter(|_| is_told) {
                let labels = labels(Some(("gen_ai_token_type", kind.to_owned())));
                families
                    .token_usage
                    .get_or_create(&labels)
                    .observe(tokens as f64);
            }
        }
        let error = (call.outcome != CallOutcome::Ok).then(|| ("error_type", name(&call.outcome)));
        families
            .call_duration
            .get_or_create(&labels(error))
            .observe(call.latency_ms as f64 / 1000.0);
        if let Some(cost) = call.cost.and_then(|cost| cost.to_f64()) {
            families.cost.get_or_create(&labels(None)).inc_by(cost);
        }
    }

    /// Only people's questions are use.
    fn turn(&self, turn: &Interaction) {
        if turn.origin != Origin::Person {
            return;
        }
        let families = &self.families;
        let outcome = name(&turn.outcome);
        let labels = vec![
            ("channel", name(&turn.channel)),
            ("outcome", outcome.clone()),
            (
                "generator",
                turn.generator.map_or_else(String::new, |kind| name(&kind)),
            ),
        ];
        families.turns.get_or_create(&labels).inc();
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let by_outcome = vec![("outcome", outcome)];
        let total = seconds(turn.total_ms);
        families
            .turn_duration
            .get_or_create(&by_outcome)
            .observe(total);
        families
            .retrieval_duration
            .observe(seconds(turn.retrieve_ms));
        if let Some(first) = turn.first_token_ms {
            families.first_token.observe(seconds(first));
        }
    }
}

/// The text of a plain enum variant, as it stands in the ledger.
fn name(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Counts requests by the beginning of their route, never by address: an address may hold a question,
/// and a label must not have as many values as there are addresses.
pub(crate) async fn observe(
    State(service): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let base = service.app.config.server.base_path();
    let path = request.uri().path();
    let mut route = beginning(path.strip_prefix(&base).unwrap_or(path));
    let method = request.method().as_str().to_owned();
    let started = Instant::now();
    let response = next.run(request).await;
    if matches!(
        response.status(),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
    ) {
        "other".clone_into(&mut route);
    }
    let families = &service.metrics.families;
    let labels = vec![
        ("route", route.clone()),
        ("method", method),
        ("status", response.status().as_u16().to_string()),
    ];
    families.requests.get_or_create(&labels).inc();
    families
        .request_duration
        .get_or_create(&vec![("route", route)])
        .observe(started.elapsed().as_secs_f64());
    response
}

/// `/v1/chat` of `/v1/chat/stop`, `/insights` of `/insights/gaps`: as far as no part can be an id.
fn beginning(path: &str) -> String {
    let mut parts = path.trim_start_matches('/').split('/');
    match (parts.next().unwrap_or_default(), parts.next()) {
        ("v1", Some(second)) => format!("/v1/{second}"),
        (first, _) => format!("/{first}"),
    }
}

/// `GET /metrics`, and nothing else.
pub fn router(service: AppState) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .with_state(service)
}

async fn show(State(service): State<AppState>) -> Response {
    scrape::refresh(&service).await;
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, &service.metrics.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}
