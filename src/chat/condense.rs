//! Condense: a follow-up question and the conversation before it become one question that stands
//! alone, so that it can be searched for. A chat model writes it; without one, words of the question
//! before are carried over.

use docent_core::app::App;
use docent_core::ledger::Purpose;
use docent_core::models::CallFor;

use super::follow_up::carry_over;
use super::history::PastTurn;
use super::record::Draft;
use super::{Chat, ChatError, Turn};

/// Longest standalone question that is believed, as a multiple of what it was made from.
const LONGEST: usize = 4;
/// Output tokens of the condensing call.
const MAX_TOKENS: u32 = 200;

/// The standalone question: the question itself where it is the first.
pub(super) async fn condense(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    history: &[PastTurn],
    draft: &mut Draft,
) -> Result<String, ChatError> {
    let Some(previous) = history.last() else {
        return Ok(turn.question.clone());
    };
    let without_model = || {
        carry_over(&turn.question, &previous.question, &app.terms())
            .unwrap_or_else(|| turn.question.clone())
    };
    if !app.generator.is_model() {
        return Ok(without_model());
    }
    let messages = chat.prompts.condense(&turn.question, history)?;
    let call = CallFor::interaction(Purpose::Condense, turn.interaction_id);
    match app.generator.complete(&call, &messages, MAX_TOKENS).await {
        Ok(completed) => {
            let usage = completed.usage;
            draft.usage.add(
                usage.input_tokens,
                usage.cached_tokens,
                usage.output_tokens,
                completed.cost,
            );
            let text = completed.text.trim();
            // A model that explains, or says nothing, has not condensed.
            let longest = LONGEST * (turn.question.chars().count() + 100);
            if text.is_empty() || text.chars().count() > longest {
                return Ok(without_model());
            }
            Ok(text.to_owned())
        }
        Err(error) => {
            tracing::warn!(%error, "a follow-up could not be condensed; words of the question before are carried over");
            draft.fallback_reason = Some(error.to_string());
            Ok(without_model())
        }
    }
}
