//! Generate: the chat model's answer as it streams, or, when it is down, too slow or cites nothing,
//! the best sentences of the passages.

use docent_core::app::App;
use docent_core::ledger::Purpose;
use docent_core::models::{
    CallFor, FinishReason, GenerateRequest, Generated, Generator, ModelError,
};

use super::cite::{Citer, cited_numbers};
use super::language::Language;
use super::no_answer::{self, Opening};
use super::prompt::Prompt;
use super::record::Draft;
use super::retrieve::Retrieval;
use super::turn::{AnswerGenerator, Event, Events};
use super::{ChatError, Turn};
use docent_core::models::marks::open_fence;

/// An answer before its citations are looked up.
pub(super) struct GeneratedAnswer {
    pub(super) text: String,
    pub(super) generator: AnswerGenerator,
}

/// Streams the answer's words as events and returns the whole; an empty one: the model says that
/// the passages do not answer.
pub(super) async fn generate(
    app: &App,
    turn: &Turn,
    events: &Events,
    draft: &mut Draft,
    retrieval: &Retrieval,
    prompt: Prompt,
) -> Result<GeneratedAnswer, ChatError> {
    let request = GenerateRequest {
        question: draft.standalone_question.clone(),
        messages: prompt.messages,
        passages: retrieval.for_generator(),
        terms: retrieval.question.clone(),
        max_output_tokens: app.config.chat.max_output_tokens,
    };
    if app.generator.is_model() {
        draft.generator = AnswerGenerator::Model;
        let left = draft.time_left(app);
        let written = write(
            &app.generator,
            turn,
            events,
            draft,
            &request,
            prompt.passages,
        );
        let reason = match tokio::time::timeout(left, written).await {
            Ok(Ok(text)) if cites(&text, prompt.passages) => {
                return Ok(GeneratedAnswer {
                    text,
                    generator: AnswerGenerator::Model,
                });
            }
            // Its own words that there is no answer are not shown: abstaining says more.
            Ok(Ok(text)) if text.is_empty() || no_answer::stands_alone(&text) => {
                return Ok(GeneratedAnswer {
                    text: String::new(),
                    generator: AnswerGenerator::Model,
                });
            }
            Ok(Ok(_)) => "the model's answer cited none of the passages".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!(
                "the model's answer took longer than {} s (server.answer_seconds)",
                app.config.server.answer_seconds
            ),
        };
        tracing::warn!(reason, interaction = %turn.interaction_id, "quoting instead of the chat model");
        draft.fallback_reason = Some(reason);
    }
    draft.generator = AnswerGenerator::Extractive;
    // After a model's broken answer the quoted one is not streamed behind it: `done` replaces it.
    let fresh = draft.answer_so_far.is_empty();
    draft.answer_so_far.clear();
    let quiet = Events::channel().0;
    let listener = if fresh { events } else { &quiet };
    let text = quote(turn, listener, draft, &request).await?;
    Ok(GeneratedAnswer {
        text,
        generator: AnswerGenerator::Extractive,
    })
}

fn cites(text: &str, passages: usize) -> bool {
    !cited_numbers(text, passages).is_empty()
}

/// The model's answer: words go out as they come, except for what may turn out to be a citation
/// that does not exist, or the marker that there is no answer (then nothing is). `passages` are in
/// its prompt.
async fn write(
    generator: &Generator,
    turn: &Turn,
    events: &Events,
    draft: &mut Draft,
    request: &GenerateRequest,
    passages: usize,
) -> Result<String, ModelError> {
    let call = CallFor::interaction(Purpose::Answer, turn.interaction_id);
    let mut generation = generator.generate(&call, request).await?;
    let mut citer = Citer::new(passages);
    let mut held = String::new();
    let mut opening = Opening::Undecided;
    let mut ended = FinishReason::Stop;
    while let Some(generated) = generation.next().await {
        match generated? {
            Generated::Text(text) => {
                draft.note_first_token();
                held.push_str(&citer.push(&text));
                if opening == Opening::Undecided {
                    opening = no_answer::opening(&held);
                }
                if opening == Opening::Answer {
                    send(events, draft, std::mem::take(&mut held));
                }
            }
            Generated::Done { finish_reason, .. } => ended = finish_reason,
        }
    }
    held.push_str(&citer.finish());
    if opening != Opening::Answer && no_answer::begins(&held) {
        return Ok(String::new());
    }
    send(events, draft, held);
    if let Some(note) = cut_short(&turn.question, &draft.answer_so_far, ended) {
        send(events, draft, note);
    }
    Ok(draft.answer_so_far.clone())
}

/// What an answer says of itself when it was not finished.
fn cut_short(question: &str, answer: &str, ended: FinishReason) -> Option<String> {
    let says = match (ended, Language::of(question)) {
        (FinishReason::Stop, _) => return None,
        (FinishReason::Length, Language::English) => {
            "The answer was cut off: it reached its longest length."
        }
        (FinishReason::Length, Language::Korean) => "답변이 최대 길이에 이르러 잘렸습니다.",
        (FinishReason::ContentFilter, Language::English) => {
            "The answer was cut off by the model provider's content filter."
        }
        (FinishReason::ContentFilter, Language::Korean) => {
            "모델 제공자의 콘텐츠 필터가 답변을 중단했습니다."
        }
    };
    let fence = open_fence(answer).map_or_else(String::new, |fence| format!("\n{fence}"));
    Some(format!("{fence}\n\n*{says}*"))
}

/// The passages' best sentences. Their citations are right as they are, and their brackets their own.
async fn quote(
    turn: &Turn,
    events: &Events,
    draft: &mut Draft,
    request: &GenerateRequest,
) -> Result<String, ModelError> {
    let call = CallFor::interaction(Purpose::Answer, turn.interaction_id);
    let mut generation = Generator::Extractive.generate(&call, request).await?;
    while let Some(generated) = generation.next().await {
        if let Generated::Text(text) = generated? {
            draft.note_first_token();
            send(events, draft, text);
        }
    }
    Ok(draft.answer_so_far.clone())
}

fn send(events: &Events, draft: &mut Draft, text: String) {
    if !text.is_empty() {
        draft.answer_so_far.push_str(&text);
        events.send(Event::Delta { text });
    }
}
