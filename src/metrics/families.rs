//! Every metric with its name, its unit and what it says.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry, Unit};

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
    /// Makes every family and adds it to the registry, in the order in which they are shown.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut register = Registering(registry);
        Self {
            token_usage: register.plain(
                "gen_ai_client_token_usage",
                "Tokens of each model call, as the provider reported or docent estimated them",
                Family::new_with_constructor(tokens),
            ),
            call_duration: register.seconds(
                "gen_ai_client_operation_duration",
                "Time of each attempt to call a model; error_type where it failed",
                Family::new_with_constructor(seconds),
            ),
            cost: register.plain(
                "docent_model_cost_usd",
                "US dollars of calls whose model has a price",
                Family::default(),
            ),
            turns: register.plain(
                "docent_turns",
                "Questions of people by how they ended",
                Family::default(),
            ),
            turn_duration: register.seconds(
                "docent_turn_duration",
                "Time from a question to the end of its answer",
                Family::new_with_constructor(seconds),
            ),
            retrieval_duration: register.seconds(
                "docent_retrieval_duration",
                "Time to find the passages of a question",
                short(),
            ),
            first_token: register.seconds(
                "docent_first_token",
                "Time from a question to the first word of its answer",
                seconds(),
            ),
            requests: register.plain(
                "docent_http_requests",
                "Requests by route, never by address",
                Family::default(),
            ),
            request_duration: register.seconds(
                "docent_http_request_duration",
                "Time to the head of a response; streamed answers go on after it",
                Family::new_with_constructor(short),
            ),
            // What is read when somebody asks.
            spool: register.of(
                "docent_ledger_spool",
                "Records that wait on disk for Postgres, in this process's data folder",
                Unit::Bytes,
                Gauge::default(),
            ),
            ledger_up: register.plain(
                "docent_ledger_up",
                "Whether Postgres answers: 1 or 0",
                Gauge::default(),
            ),
            source_run: register.seconds(
                "docent_source_last_run_timestamp",
                "When a source was last begun to be run",
                Family::default(),
            ),
            source_failing: register.plain(
                "docent_source_failing",
                "Whether the last run of a source failed: 1 or 0",
                Family::default(),
            ),
            source_documents: register.plain(
                "docent_source_documents",
                "Documents of the last run of a source: known, failed",
                Family::default(),
            ),
            alerts: register.plain(
                "docent_alerts_open",
                "Alerts that are not over, by rule and state",
                Family::default(),
            ),
        }
    }
}

/// Adds metrics to a registry; what is handed back shares their values.
struct Registering<'a>(&'a mut Registry);

impl Registering<'_> {
    fn plain<M: Metric + Clone>(&mut self, name: &str, says: &str, metric: M) -> M {
        self.0.register(name, says, metric.clone());
        metric
    }

    fn of<M: Metric + Clone>(&mut self, name: &str, says: &str, unit: Unit, metric: M) -> M {
        self.0.register_with_unit(name, says, unit, metric.clone());
        metric
    }

    fn seconds<M: Metric + Clone>(&mut self, name: &str, says: &str, metric: M) -> M {
        self.of(name, says, Unit::Seconds, metric)
    }
}
