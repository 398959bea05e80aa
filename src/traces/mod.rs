//! Traces for a collector of OpenTelemetry (OTLP over HTTP), where docent is built with the feature `otlp`: a
//! question and a document are a trace each. The walks make the spans; here is where they go, and where the
//! trace of a caller is continued.
//!
//! Nobody waits for a collector: spans go through a bounded queue to a thread of their own, and what cannot
//! be sent is dropped.

#[cfg(feature = "otlp")]
mod export;
pub(crate) mod question;
mod request;

use docent_core::config::Config;
use tracing_subscriber::{Layer, Registry};

pub(crate) use request::request;

/// A layer of the log's subscriber.
pub(crate) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// What exports spans, for as long as it is kept.
#[derive(Default)]
pub(crate) struct Traces {
    #[cfg(feature = "otlp")]
    exporter: Option<export::Exporter>,
}

impl Traces {
    /// The exporter that the configuration asks for and the layer that feeds it. The text says why there is
    /// none although one was asked for. To be called within the runtime.
    pub(crate) fn open(config: &Config) -> (Self, Option<BoxedLayer>, Option<String>) {
        let settings = &config.traces;
        if settings.endpoint.is_empty() {
            return (Self::default(), None, None);
        }
        #[cfg(feature = "otlp")]
        match export::open(settings) {
            Ok((exporter, layer)) => {
                let exporter = Some(exporter);
                (Self { exporter }, Some(layer), None)
            }
            Err(problem) => (Self::default(), None, Some(problem)),
        }
        #[cfg(not(feature = "otlp"))]
        {
            let problem = "traces.endpoint (OTEL_EXPORTER_OTLP_ENDPOINT) is set, but this docent was built \
                           without traces, so none are sent; build it with `cargo build --release --features \
                           otlp`, or leave the setting out";
            (Self::default(), None, Some(problem.to_owned()))
        }
    }

    /// Sends what is still in the queue, for two seconds at the most.
    #[cfg_attr(
        not(feature = "otlp"),
        expect(
            clippy::unused_async,
            reason = "without an exporter there is nothing to wait for"
        )
    )]
    pub(crate) async fn end(self) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = self.exporter {
            exporter.end().await;
        }
    }
}
