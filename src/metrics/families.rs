//! Every metric with its name, its unit and what it says.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

pub(super) type Labels = Vec<(&'static str, String)>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

pub(super) struct Families {
    pub(super) token_usage: Histograms,
    pub(super) call_duration: Histograms,
    pub(super) cost: Family<Labels, Counter<f64, AtomicU64>>,
    pub(super) turns: Family<Labels, Counter>,
    pub(super) turn_duration: Histograms,
    pub(super) retrieval_duration: Histogram,
    pub(super) first_token: Histogram,
    pub(super) requests: Family<Labels, Counter>,
    pub(super) request_duration: Histograms,
    pub(super) spool: Gauge,
    pub(super) ledger_up: Gauge,
    pub(super) source_run: Family<Labels, Gauge>,
    pub(super) source_failing: Family<Labels, Gauge>,
    pub(super) source_documents: Family<Labels, Gauge>,
    pub(super) alerts: Family<Labels, Gauge>,
}

/// Buckets that the conventions advise for tokens: powers of four up to 4^13.
fn tokens() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 4.0, 14))
}

/// Buckets that the conventions advise for calls, in seconds: 0.01 to 81.92, doubling.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 2.0, 14))
}

/// From a millisecond on.
fn short() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            token_usage: Family::new_with_constructor(tokens),
            call_duration: Family::new_with_constructor(seconds),
            cost: Family::default(),
            turns: Family::default(),
            turn_duration: Family::new_with_constructor(seconds),
            retrieval_duration: short(),
            first_token: seconds(),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(short),
            spool: Gauge::default(),
            ledger_up: Gauge::default(),
            source_run: Family::default(),
            source_failing: Family::default(),
            source_documents: Family::default(),
            alerts: Family::default(),
        };
        registry.register(
            "gen_ai_client_token_usage",
            "Tokens of each model call, as the provider reported or docent estimated them",
            families.token_usage.clone(),
        );
        registry.register_with_unit(
            "gen_ai_client_operation_duration",
            "Time of each attempt to call a model; error_type where it failed",
            Unit::Seconds,
            families.call_duration.clone(),
        );
        registry.register(
            "docent_model_cost_usd",
            "US dollars of calls whose model has a price",
            families.cost.clone(),
        );
        registry.register(
            "docent_turns",
            "Questions of people by how they ended",
            families.turns.clone(),
        );
        registry.register_with_unit(
            "docent_turn_duration",
            "Time from a question to the end of its answer",
            Unit::Seconds,
            families.turn_duration.clone(),
        );
        registry.register_with_unit(
            "docent_retrieval_duration",
            "Time to find the passages of a question",
            Unit::Seconds,
            families.retrieval_duration.clone(),
        );
        registry.register_with_unit(
            "docent_first_token",
            "Time from a question to the first word of its answer",
            Unit::Seconds,
            families.first_token.clone(),
        );
        registry.register(
            "docent_http_requests",
            "Requests by route, never by address",
            families.requests.clone(),
        );
        registry.register_with_unit(
            "docent_http_request_duration",
            "Time to the head of a response; streamed answers go on after it",
            Unit::Seconds,
            families.request_duration.clone(),
        );
        families.register_states(registry);
        families
    }

    /// What is read when somebody asks.
    fn register_states(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "docent_ledger_spool",
            "Records that wait on disk for Postgres, in this process's data folder",
            Unit::Bytes,
            self.spool.clone(),
        );
        registry.register(
            "docent_ledger_up",
            "Whether Postgres answers: 1 or 0",
            self.ledger_up.clone(),
        );
        registry.register_with_unit(
            "docent_source_last_run_timestamp",
            "When a source was last begun to be run",
            Unit::Seconds,
            self.source_run.clone(),
        );
        registry.register(
            "docent_source_failing",
            "Whether the last run of a source failed: 1 or 0",
            self.source_failing.clone(),
        );
        registry.register(
            "docent_source_documents",
            "Documents of the last run of a source: known, failed",
            self.source_documents.clone(),
        );
        registry.register(
            "docent_alerts_open",
            "Alerts that are not over, by rule and state",
            self.alerts.clone(),
        );
    }
}
