//! The span of a question on its walk.

use docent_core::ledger::Origin;
use docent_core::traces::TARGET;
use rust_decimal::prelude::ToPrimitive;
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::chat::turn::AnswerGenerator;
use crate::chat::{Answer, AnswerOutcome, ChatError, Turn};

/// Begins it, within the span that is current: the request that brought the question, where that has one.
pub(crate) fn begin(turn: &Turn) -> Span {
    let origin = match turn.origin {
        Origin::Person => "person",
        Origin::Evaluation => "evaluation",
        Origin::Demo => "demo",
        Origin::ReAsk => "re_ask",
    };
    info_span!(
        target: TARGET,
        "question",
        otel.status_code = Empty,
        "error.type" = Empty,
        gen_ai.conversation.id = %turn.conversation_id,
        docent.interaction_id = %turn.interaction_id,
        docent.channel = turn.channel.name(),
        docent.origin = origin,
        docent.outcome = Empty,
        docent.generator = Empty,
        docent.fell_back = Empty,
        docent.citations = Empty,
        docent.unverified = Empty,
        docent.input_tokens = Empty,
        docent.output_tokens = Empty,
        docent.cost_usd = Empty,
    )
}

/// Notes what became of it: never a text.
pub(crate) fn end(span: &Span, result: &Result<Answer, ChatError>) {
    if span.is_disabled() {
        return;
    }
    let answer = match result {
        Ok(answer) => answer,
        Err(ChatError::Cancelled) => {
            span.record("docent.outcome", "cancelled");
            return;
        }
        Err(error) => {
            span.record("docent.outcome", "failed");
            span.record("error.type", error.code());
            span.record("otel.status_code", "ERROR");
            return;
        }
    };
    let outcome = match answer.outcome {
        AnswerOutcome::Answered => "answered",
        AnswerOutcome::Abstained => "abstained",
        AnswerOutcome::Failed => "failed",
    };
    let generator = match answer.generator {
        AnswerGenerator::Model => "model",
        AnswerGenerator::Extractive => "extractive",
    };
    let unverified = answer.marks.iter().filter(|mark| !mark.verified).count();
    span.record("docent.outcome", outcome);
    span.record("docent.generator", generator);
    span.record("docent.fell_back", answer.fallback_reason.is_some());
    span.record("docent.citations", answer.citations.len() as i64);
    span.record("docent.unverified", unverified as i64);
    span.record("docent.input_tokens", answer.usage.input_tokens as i64);
    span.record("docent.output_tokens", answer.usage.output_tokens as i64);
    if let Some(cost) = answer.usage.cost_usd.and_then(|cost| cost.to_f64()) {
        span.record("docent.cost_usd", cost);
    }
}
