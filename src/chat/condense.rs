//! Condense: a follow-up question and the conversation before it become one question that stands
//! alone, so that it can be searched for.

use docent_core::app::App;
use docent_core::ledger::Purpose;
use docent_core::models::CallFor;

use super::history::PastTurn;
use super::record::Draft;
use super::{Chat, ChatError, Turn};

/// Longest standalone question that is believed, as a multiple of what it was made from.
const LONGEST: usize = 4;
/// Output tokens of the condensing call.
const MAX_TOKENS: u32 = 200;

/// The standalone question: the question itself where it is the first, or where no chat model is
/// there to ask.
pub(super) async fn condense(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    history: &[PastTurn],
    draft: &mut Draft,
) -> Result<String, ChatError> {
    if history.is_empty() || !app.generator.is_model() {
        return Ok(turn.question.clone());
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
                return Ok(turn.question.clone());
            }
            Ok(text.to_owned())
        }
        Err(error) => {
            tracing::warn!(%error, "a follow-up could not be condensed; it is searched as it stands");
            draft.fallback_reason = Some(error.to_string());
            Ok(turn.question.clone())
        }
    }
}
