//! Condense: a follow-up question and the conversation before it become one question that stands
//! alone, so that it can be searched for. A chat model writes it; without one, words of the question
//! before are carried over.

use docent_core::app::App;
use docent_core::ledger::Purpose;
use docent_core::models::CallFor;

use super::follow_up::carry_over;
use super::history::PastTurn;
use super::language::Language;
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
            let fits = !text.is_empty() && text.chars().count() <= longest;
            if !fits || !is_question_again(text, &turn.question, history) {
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

/// Whether a text can be the last question again: one line, Korean where that is Korean, and without a number that
/// nobody has said. Small models like to answer instead, and the search would follow them.
fn is_question_again(text: &str, question: &str, history: &[PastTurn]) -> bool {
    let said = |number: &str| {
        let past = history
            .iter()
            .any(|turn| turn.question.contains(number) || turn.answer.contains(number));
        past || question.contains(number)
    };
    let mut numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|number| !number.is_empty());
    let has_hangul = text.chars().any(|c| matches!(c, '\u{ac00}'..='\u{d7a3}'));
    let keeps_language = has_hangul || Language::of(question) == Language::English;
    !text.contains('\n') && keeps_language && numbers.all(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_question_any_more_is_not_searched_for() {
        let again = |text: &str, question: &str| is_question_again(text, question, &[]);
        assert!(again("What is the target for 2026?", "And for 2026?"));
        assert!(again("결품률의 목표는 무엇인가요?", "그 목표는요?"));
        // A Korean name in an English question is fine.
        assert!(again("What is the target of 결품률?", "And its target?"));
        for (text, question) in [
            (
                "1. It is owned by Rider Analytics.\n2. It is set.",
                "결품률은 무엇인가요?",
            ),
            ("What is the stock-out rate?", "결품률은 무엇인가요?"),
            ("The salary is set to 100,000", "What is the CEO's salary?"),
        ] {
            assert!(!again(text, question), "{text}");
        }
    }
}
