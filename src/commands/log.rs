//! What a command writes on standard error, and where its traces go.

use docent_core::config::{Config, LogFormat};
use docent_core::traces::TARGET;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use super::terminal;
use crate::traces::{BoxedLayer, Traces};

/// Begins to log to standard error, a short command only warnings unless `log.level` was changed; and to
/// trace, where that is configured, until what is returned ends.
pub(super) fn begin(config: &Config, short: bool) -> Traces {
    let level = &config.log.level;
    let filter = if short && level == "info" {
        "warn"
    } else {
        level
    };
    // Qdrant's engine warns of settings of a server that it is not part of; async-openai logs the
    // texts of answers that it cannot read, and rmcp messages with questions in them. Spans that are
    // exported do not stand before each line.
    let filter =
        format!("qdrant_edge=error,async_openai=off,rmcp=off,sqlx=warn,{TARGET}=off,{filter}");
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let shown = fmt::layer()
        .with_ansi(terminal::is_watched())
        .with_writer(std::io::stderr);
    let shown: BoxedLayer = match config.log.format {
        LogFormat::Text => shown.with_target(false).with_filter(filter).boxed(),
        LogFormat::Json => shown.json().with_filter(filter).boxed(),
    };
    let (traces, layer, problem) = Traces::open(config);
    let mut layers = vec![shown];
    layers.extend(layer);
    // A second `serve` in one process (the tests) keeps the first one's log.
    drop(registry().with(layers).try_init());
    if let Some(problem) = problem {
        tracing::warn!("{problem}");
    }
    traces
}
