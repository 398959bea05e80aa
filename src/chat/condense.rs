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
    draft: &Draft,
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
    let condensing = app.generator.complete(&call, &messages, MAX_TOKENS);
    // Half of the time that is left: the answer itself needs some.
    let failure = match tokio::time::timeout(draft.time_left(app) / 2, condensing).await {
        Ok(Ok(completed)) => {
            let text = completed.text.trim();
            // A model that explains, or says nothing, has not condensed.
            let longest = LONGEST * (turn.question.chars().count() + 100);
            if text.is_empty() || text.chars().count() > longest {
                return Ok(without_model());
            }
            return Ok(text.to_owned());
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    tracing::warn!(
        failure,
        "a follow-up could not be condensed; words of the question before are carried over"
    );
    Ok(without_model())
}
