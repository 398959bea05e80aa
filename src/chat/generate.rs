//! Generate: the chat model's answer as it streams, or, when it is down, too slow or cites nothing,
//! the best sentences of the passages.

use docent_core::app::App;
use docent_core::ledger::Purpose;
use docent_core::models::{CallFor, GenerateRequest, Generated, Generator, Message, ModelError};

use super::cite::{Citer, cited_numbers};
use super::record::Draft;
use super::retrieve::Retrieval;
use super::turn::{AnswerGenerator, Event, Events};
use super::{ChatError, Turn};

/// What the prompt tells the model to write first when the passages do not answer.
pub(super) const NO_ANSWER: &str = "NO_ANSWER";

/// An answer before its citations are looked up.
pub(super) struct GeneratedAnswer {
    pub(super) text: String,
    pub(super) generator: AnswerGenerator,
}

/// Streams the answer's words as events and returns the whole.
pub(super) async fn generate(
    app: &App,
    turn: &Turn,
    events: &Events,
    draft: &mut Draft,
    retrieval: &Retrieval,
    messages: Vec<Message>,
) -> Result<GeneratedAnswer, ChatError> {
    let request = GenerateRequest {
        question: draft.standalone_question.clone(),
        messages,
        passages: retrieval.for_generator(),
        terms: retrieval.question.clone(),
        max_output_tokens: app.config.chat.max_output_tokens,
    };
    if app.generator.is_model() {
        draft.generator = AnswerGenerator::Model;
        match stream(&app.generator, turn, events, draft, &request).await {
            Ok(text) if text.trim_start().starts_with(NO_ANSWER) => {
                return Ok(GeneratedAnswer {
                    text: String::new(),
                    generator: AnswerGenerator::Model,
                });
            }
            Ok(text) if cited_numbers(&text, request.passages.len()).is_empty() => {
                draft.fallback_reason =
                    Some("the model's answer cited none of the passages".to_owned());
            }
            Ok(text) => {
                return Ok(GeneratedAnswer {
                    text,
                    generator: AnswerGenerator::Model,
                });
            }
            Err(error) => {
                tracing::warn!(%error, interaction = %turn.interaction_id, "the chat model failed; quoting instead");
                draft.fallback_reason = Some(error.to_string());
            }
        }
    }
    draft.generator = AnswerGenerator::Extractive;
    // After a model's broken answer the quoted one is not streamed behind it: `done` replaces it.
    let fresh = draft.answer_so_far.is_empty();
    draft.answer_so_far.clear();
    let quiet = Events::channel().0;
    let listener = if fresh { events } else { &quiet };
    let text = stream(&Generator::Extractive, turn, listener, draft, &request).await?;
    Ok(GeneratedAnswer {
        text,
        generator: AnswerGenerator::Extractive,
    })
}

/// One generation: words go out as they come, except for what may turn out to be a citation that
/// does not exist, or the marker that there is no answer.
async fn stream(
    generator: &Generator,
    turn: &Turn,
    events: &Events,
    draft: &mut Draft,
    request: &GenerateRequest,
) -> Result<String, ModelError> {
    let call = CallFor::interaction(Purpose::Answer, turn.interaction_id);
    let mut generation = generator.generate(&call, request).await?;
    let mut citer = Citer::new(request.passages.len());
    let mut held = String::new();
    let mut may_be_marker = true;
    while let Some(generated) = generation.next().await {
        match generated? {
            Generated::Text(text) => {
                draft.note_first_token();
                let text = citer.push(&text);
                held.push_str(&text);
                let start = held.trim_start();
                if may_be_marker && (NO_ANSWER.starts_with(start) || start.starts_with(NO_ANSWER)) {
                    continue;
                }
                may_be_marker = false;
                send(events, draft, std::mem::take(&mut held));
            }
            Generated::Done { usage, cost, .. } => {
                draft.usage.add(
                    usage.input_tokens,
                    usage.cached_tokens,
                    usage.output_tokens,
                    cost,
                );
            }
        }
    }
    held.push_str(&citer.finish());
    if held.trim_start().starts_with(NO_ANSWER) {
        return Ok(held);
    }
    send(events, draft, held);
    Ok(draft.answer_so_far.clone())
}

fn send(events: &Events, draft: &mut Draft, text: String) {
    if !text.is_empty() {
        draft.answer_so_far.push_str(&text);
        events.send(Event::Delta { text });
    }
}
