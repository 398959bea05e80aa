//! What a command writes on standard error, and where its traces go.

use docent_core::config::{Config, LogFormat};
use docent_core::traces::TARGET;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, registry};

use super::terminal;
use crate::traces::{BoxedLayer, Traces};

/// Libraries whose records are kept down whatever the level is: Qdrant's engine warns of settings of a
/// server that it is not part of, async-openai logs the texts of answers that it cannot read, rmcp
/// messages with questions in them, tokenizers each character.
const KEPT_DOWN: &str =
    "qdrant_edge=error,async_openai=off,rmcp=off,sqlx=warn,tokenizers=warn,h2=info,hyper=info";
/// Whose records a plain level is for. Nobody knows what other libraries write below `info`.
const OURS: [&str; 5] = [
    "docent",
    "docent_core",
    "docent_ingest",
    "tower_http",
    "axum",
];

/// Begins to log to standard error, a short command only warnings unless `log.level` was changed; and to
/// trace, where that is configured, until what is returned ends.
pub(super) fn begin(config: &Config, short: bool) -> Traces {
    let level = match config.log.level.as_str() {
        "info" if short => "warn",
        level => level,
    };
    let shown = fmt::layer()
        .with_ansi(terminal::is_watched())
        .with_writer(std::io::stderr);
    let shown = match config.log.format {
        LogFormat::Text => filtered(shown.with_target(false), level),
        LogFormat::Json => filtered(shown.json(), level),
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

fn filtered(shown: impl Layer<Registry> + Send + Sync, level: &str) -> BoxedLayer {
    shown.with_filter(AskedEachTime(filter(level))).boxed()
}

/// What `log.level` lets through. Spans that are exported do not stand before each line.
fn filter(level: &str) -> EnvFilter {
    let asked = match level.parse::<LevelFilter>() {
        Ok(plain) => {
            let others = plain.min(LevelFilter::INFO);
            let ours = OURS.map(|target| format!(",{target}={plain}")).concat();
            format!("{others}{ours}")
        }
        Err(_) => level.to_owned(),
    };
    EnvFilter::try_new(format!("{KEPT_DOWN},{TARGET}=off,{asked}"))
        .unwrap_or_else(|_| EnvFilter::new("info"))
}

/// A filter of one layer that is asked for each record. Where its answers are kept by call site, a
/// record that was asked for and refused (`log` asks so) has the next one on its thread refused as well.
struct AskedEachTime(EnvFilter);

impl<S: Subscriber + for<'span> LookupSpan<'span>> Filter<S> for AskedEachTime {
    fn callsite_enabled(&self, callsite: &'static Metadata<'static>) -> Interest {
        let interest = Filter::<S>::callsite_enabled(&self.0, callsite);
        if interest.is_never() {
            interest
        } else {
            Interest::sometimes()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        Filter::<S>::enabled(&self.0, metadata, context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<S>::max_level_hint(&self.0)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        Filter::<S>::on_new_span(&self.0, attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        Filter::<S>::on_record(&self.0, id, values, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        Filter::<S>::on_enter(&self.0, id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        Filter::<S>::on_exit(&self.0, id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        Filter::<S>::on_close(&self.0, id, context);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing::dispatcher;

    use super::*;

    #[derive(Clone, Default)]
    struct Shown(Arc<Mutex<Vec<u8>>>);

    impl Write for Shown {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is shown at a level of what `log` writes.
    fn shown(level: &str, log: impl FnOnce()) -> String {
        let shown = Shown::default();
        let writer = shown.clone();
        let layer = fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(registry().with(vec![filtered(layer, level)]), log);
        let bytes = shown.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_record_that_was_asked_for_and_refused_takes_no_other_along() {
        let text = shown("debug", || {
            for _ in 0..2 {
                // As `log` does, whose records have no call site of their own.
                let refused = tracing::debug_span!(target: "qdrant_edge", "refused");
                let metadata = refused.metadata().unwrap();
                dispatcher::get_default(|log| log.enabled(metadata));
                let _entered = tracing::debug_span!("request").entered();
                tracing::info!("one of ours");
            }
        });
        assert_eq!(text.matches("request: ").count(), 2, "{text}");
    }

    #[test]
    fn a_plain_level_is_for_our_records() {
        for (level, ours, others) in [("trace", 3, 1), ("info", 1, 1), ("error", 0, 0)] {
            let text = shown(level, || {
                tracing::trace!("ours");
                tracing::debug!(target: "tower_http::trace", "ours");
                tracing::info!(target: "docent_core::app", "ours");
                tracing::trace!(target: "tokenizers::normalizer", "others");
                tracing::debug!(target: "a_library", "others");
                tracing::info!(target: "a_library", "others");
            });
            assert_eq!(text.matches("ours").count(), ours, "{level}: {text}");
            assert_eq!(text.matches("others").count(), others, "{level}: {text}");
        }
    }

    #[test]
    fn a_filter_says_which_library_is_heard() {
        let text = shown("warn,a_library=debug", || {
            tracing::debug!(target: "a_library", "heard");
            tracing::info!(target: "docent", "not heard");
            tracing::warn!(target: "async_openai", "not heard");
        });
        assert_eq!(text.matches("heard").count(), 1, "{text}");
    }
}
