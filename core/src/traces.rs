//! Spans of what docent does, for the program to export (its feature `otlp`). While nobody exports them
//! they cost nothing: whether a span is wanted is decided once for each place that makes one.
//!
//! Attributes are OpenTelemetry's where its conventions for generative AI have a name, else `docent.*`:
//! names, numbers and ids. Never the text of a question, an answer or a document, nor what a provider said.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::ledger::{CallOutcome, Purpose, UsageSource};
use crate::models::Usage;

/// The target of every span that is exported. The log leaves them out.
pub const TARGET: &str = "docent_traces";

/// A step of a walk, within the span that is current.
pub fn step(name: &'static str) -> Span {
    info_span!(target: TARGET, "step", otel.name = name)
}

/// What OpenTelemetry calls a model call of this purpose: `gen_ai.operation.name`. It has no word for
/// reranking.
pub fn operation(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::EmbedPassages | Purpose::EmbedQuestion => "embeddings",
        Purpose::Rerank => "rerank",
        Purpose::Condense | Purpose::Expand | Purpose::Answer | Purpose::Judge | Purpose::Clean => {
            "chat"
        }
    }
}

/// Who runs a model, as far as docent knows: `gen_ai.provider.name`, which for a compatible server is the one
/// that it is compatible with.
pub fn provider(model: &str) -> &'static str {
    if model.starts_with("builtin/") {
        "docent"
    } else {
        "openai"
    }
}

/// The span of one attempt to call a model; it ends when this is dropped.
pub(crate) struct ModelCall(Span);

impl ModelCall {
    /// Begins within the span that is current.
    pub(crate) fn begin(purpose: Purpose, model: &str) -> Self {
        let operation = operation(purpose);
        let provider = provider(model);
        let kind = if provider == "docent" {
            "internal"
        } else {
            "client"
        };
        let span = info_span!(
            target: TARGET,
            "model_call",
            otel.name = Empty,
            otel.kind = kind,
            otel.status_code = Empty,
            "error.type" = Empty,
            gen_ai.operation.name = operation,
            gen_ai.provider.name = provider,
            gen_ai.request.model = model,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            docent.purpose = purpose_name(purpose),
            docent.usage_source = Empty,
            docent.cost_usd = Empty,
        );
        if !span.is_disabled() {
            span.record("otel.name", format!("{operation} {model}"));
        }
        Self(span)
    }

    /// Notes what it used and how it ended, as the cost book has it.
    pub(crate) fn end(&self, usage: Option<&Usage>, cost: Option<Decimal>, outcome: CallOutcome) {
        let span = &self.0;
        if span.is_disabled() {
            return;
        }
        if let Some(usage) = usage {
            span.record("gen_ai.usage.input_tokens", usage.input_tokens as i64);
            span.record(
                "gen_ai.usage.cache_read.input_tokens",
                usage.cached_tokens as i64,
            );
            span.record("gen_ai.usage.output_tokens", usage.output_tokens as i64);
            let source = match usage.source {
                UsageSource::Reported => "reported",
                UsageSource::Estimated => "estimated",
            };
            span.record("docent.usage_source", source);
        }
        if let Some(cost) = cost.and_then(|cost| cost.to_f64()) {
            span.record("docent.cost_usd", cost);
        }
        let error = match outcome {
            CallOutcome::Ok => return,
            CallOutcome::RateLimited => "rate_limited",
            CallOutcome::Unavailable => "unavailable",
            CallOutcome::Rejected => "rejected",
            CallOutcome::BadResponse => "bad_response",
            CallOutcome::Cancelled => "cancelled",
        };
        span.record("error.type", error);
        // Who goes away breaks nothing.
        if outcome != CallOutcome::Cancelled {
            span.record("otel.status_code", "ERROR");
        }
    }
}

fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::EmbedPassages => "embed_passages",
        Purpose::EmbedQuestion => "embed_question",
        Purpose::Condense => "condense",
        Purpose::Expand => "expand",
        Purpose::Rerank => "rerank",
        Purpose::Answer => "answer",
        Purpose::Judge => "judge",
        Purpose::Clean => "clean",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_named_as_in_the_ledger() {
        for purpose in [
            Purpose::EmbedPassages,
            Purpose::EmbedQuestion,
            Purpose::Condense,
            Purpose::Expand,
            Purpose::Rerank,
            Purpose::Answer,
            Purpose::Judge,
            Purpose::Clean,
        ] {
            assert_eq!(
                serde_json::to_value(purpose).unwrap(),
                purpose_name(purpose)
            );
        }
    }
}
