//! Generate: the chat model's answer as it streams, or, when it is down, too slow or cites nothing,
//! the best sentences of the passages.

use docent_core::app::App;
use docent_core::ledger::Purpose;
use docent_core::models::{
    CallFor, FinishReason, GenerateRequest, Generated, Generator, ModelError,
};

use super::cite::{Checker, Evidence, Shown, Sources, contradictions, notes};
use super::language::Language;
use super::no_answer::{self, Opening};
use super::prompt::Prompt;
use super::record::Draft;
use super::retrieve::Retrieval;
use super::safe::{Allowed, Sanitiser};
use super::turn::{AnswerGenerator, Event, Events, Mark};
use super::{ChatError, Turn};
use chrono::Utc;
use docent_core::models::marks::open_fence;

/// An answer, made safe and checked.
pub(super) struct GeneratedAnswer {
    pub(super) text: String,
    pub(super) generator: AnswerGenerator,
    /// What its citations rest on.
    pub(super) evidence: Evidence,
    pub(super) marks: Vec<Mark>,
}

/// What a generator wrote.
#[derive(Default)]
struct Written {
    text: String,
    evidence: Evidence,
    marks: Vec<Mark>,
    /// Whether it cited a passage itself.
    has_cited: bool,
    /// Whether it says, after other words, that there is no answer.
    gives_up: bool,
}

/// Streams the answer's words and marks as events and returns the whole; an empty one: the model says
/// that the passages do not answer.
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
    let answered = |written: Written, generator: AnswerGenerator| GeneratedAnswer {
        text: written.text,
        generator,
        evidence: written.evidence,
        marks: written.marks,
    };
    if app.generator.is_model() {
        draft.generator = AnswerGenerator::Model;
        let left = draft.time_left(app);
        let page = Page {
            app,
            turn,
            events,
            retrieval,
            passages: prompt.passages,
        };
        let reason = match tokio::time::timeout(left, page.write(draft, &request)).await {
            Ok(Ok(written)) if written.has_cited && !written.evidence.is_empty() => {
                return Ok(answered(written, AnswerGenerator::Model));
            }
            // Its own words that there is no answer are not shown: abstaining says more.
            Ok(Ok(written)) if written.text.is_empty() || written.gives_up => {
                return Ok(answered(Written::default(), AnswerGenerator::Model));
            }
            Ok(Ok(written)) if written.has_cited => {
                "the passages do not say what the model's answer cites them for".to_owned()
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
    let page = Page {
        app,
        turn,
        events: if fresh { events } else { &quiet },
        retrieval,
        passages: retrieval.passages.len(),
    };
    let written = page.quote(draft, &request).await?;
    Ok(answered(written, AnswerGenerator::Extractive))
}

/// What an answer is written on: for whom, from what, and who watches.
struct Page<'a> {
    app: &'a App,
    turn: &'a Turn,
    events: &'a Events,
    retrieval: &'a Retrieval,
    /// How many of the passages can be cited.
    passages: usize,
}

impl Page<'_> {
    /// The model's answer: words go out as they come, except for what may turn out to be a link or a
    /// citation, or the marker that there is no answer (then nothing does).
    async fn write(
        &self,
        draft: &mut Draft,
        request: &GenerateRequest,
    ) -> Result<Written, ModelError> {
        let call = CallFor::interaction(Purpose::Answer, self.turn.interaction_id);
        let mut generation = self.app.generator.generate(&call, request).await?;
        let mut sanitiser = self.sanitiser();
        let sources = self.sources();
        let mut checker = Checker::new(&sources, &self.turn.question, false);
        let mut held = String::new();
        let mut said = String::new();
        let mut opening = Opening::Undecided;
        let mut ended = FinishReason::Stop;
        while let Some(generated) = generation.next().await {
            match generated? {
                Generated::Text(text) => {
                    draft.note_first_token();
                    said.push_str(&text);
                    held.push_str(&sanitiser.push(&text));
                    if opening == Opening::Undecided {
                        opening = no_answer::opening(&held);
                    }
                    if opening == Opening::Answer {
                        let text = std::mem::take(&mut held);
                        self.show(draft, checker.push(&text));
                    }
                }
                Generated::Done { finish_reason, .. } => ended = finish_reason,
            }
        }
        held.push_str(&sanitiser.finish());
        if opening != Opening::Answer && no_answer::begins(&held) {
            return Ok(Written::default());
        }
        self.show(draft, checker.push(&held));
        self.show(draft, checker.finish());
        let note = cut_short(&self.turn.question, ended);
        Ok(Written {
            gives_up: no_answer::stands_alone(&said),
            ..self.written(draft, &sources, checker, note)
        })
    }

    /// The passages' best sentences. Their citations are right as they are, and their brackets their own.
    async fn quote(
        &self,
        draft: &mut Draft,
        request: &GenerateRequest,
    ) -> Result<Written, ModelError> {
        let call = CallFor::interaction(Purpose::Answer, self.turn.interaction_id);
        let mut generation = Generator::Extractive.generate(&call, request).await?;
        let mut sanitiser = self.sanitiser();
        let sources = self.sources();
        let mut checker = Checker::new(&sources, &self.turn.question, true);
        while let Some(generated) = generation.next().await {
            if let Generated::Text(text) = generated? {
                draft.note_first_token();
                self.show(draft, checker.push(&sanitiser.push(&text)));
            }
        }
        self.show(draft, checker.push(&sanitiser.finish()));
        self.show(draft, checker.finish());
        Ok(self.written(draft, &sources, checker, None))
    }

    /// The whole, with what docent itself says below it.
    fn written(
        &self,
        draft: &mut Draft,
        sources: &Sources<'_>,
        checker: Checker<'_>,
        note: Option<&str>,
    ) -> Written {
        let language = Language::of(&self.turn.question);
        let mut evidence = checker.evidence;
        let against = contradictions(sources, &evidence);
        let of_sources = notes(
            &self.app.config,
            &evidence,
            self.retrieval,
            language,
            Utc::now(),
        );
        let lines = note
            .map(|note| format!("*{note}*"))
            .into_iter()
            .chain(
                against
                    .iter()
                    .map(|against| against.line(sources, &draft.answer_so_far, language)),
            )
            .chain(of_sources)
            .collect::<Vec<_>>();
        for line in lines {
            let fence = open_fence(&draft.answer_so_far)
                .map_or_else(String::new, |fence| format!("\n{fence}"));
            self.show(draft, vec![Shown::Text(format!("{fence}\n\n{line}"))]);
        }
        for against in against {
            evidence.entry(against.number).or_insert(against.quote);
        }
        Written {
            text: draft.answer_so_far.clone(),
            evidence,
            marks: checker.marks,
            has_cited: checker.has_cited,
            gives_up: false,
        }
    }

    fn sources(&self) -> Sources<'_> {
        Sources::new(
            &self.retrieval.passages[..self.passages.min(self.retrieval.passages.len())],
            self.app.config.grounding,
        )
    }

    fn sanitiser(&self) -> Sanitiser {
        let payloads = self
            .retrieval
            .passages
            .iter()
            .map(|passage| &passage.hit.payload);
        Sanitiser::new(Allowed {
            uris: payloads
                .clone()
                .map(|payload| payload.uri.clone())
                .collect(),
            texts: payloads.map(|payload| payload.text.clone()).collect(),
        })
    }

    fn show(&self, draft: &mut Draft, shown: Vec<Shown>) {
        for shown in shown {
            match shown {
                Shown::Text(text) => {
                    draft.answer_so_far.push_str(&text);
                    self.events.send(Event::Delta { text });
                }
                Shown::Mark(mark) => self.events.send(Event::Mark(mark)),
            }
        }
    }
}

/// What an answer says of itself when it was not finished.
fn cut_short(question: &str, ended: FinishReason) -> Option<&'static str> {
    Some(match (ended, Language::of(question)) {
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
    })
}
