//! Record: what a turn came to, for the ledger and for the follow-up.

use std::time::{Duration, Instant};

use chrono::Utc;
use docent_core::app::App;
use docent_core::ledger::{
    GeneratorKind, Interaction, InteractionOutcome, Record, RetrievedPassage,
};
use docent_core::models::Meter;

use super::cite::Cited;
use super::history::PastTurn;
use super::language::Language;
use super::retrieve::Retrieval;
use super::turn::{Answer, AnswerGenerator, AnswerOutcome, Timings};
use super::{Chat, ChatError, Turn};

/// What is known of a turn while it goes on: enough to record it wherever it ends.
pub(super) struct Draft {
    started: Instant,
    pub(super) standalone_question: String,
    pub(super) question_embedding: Option<Vec<f32>>,
    /// Adds up every call for the turn, failed attempts too.
    meter: Meter,
    pub(super) generator: AnswerGenerator,
    pub(super) fallback_reason: Option<String>,
    pub(super) answer_so_far: String,
    retrieve_ms: u64,
    first_token_ms: Option<u64>,
    passages: Vec<RetrievedPassage>,
}

impl Draft {
    pub(super) fn new(app: &App, turn: &Turn, started: Instant) -> Self {
        Self {
            started,
            standalone_question: turn.question.clone(),
            question_embedding: None,
            meter: app.book.meter(turn.interaction_id),
            generator: AnswerGenerator::Extractive,
            fallback_reason: None,
            answer_so_far: String::new(),
            retrieve_ms: 0,
            first_token_ms: None,
            passages: Vec::new(),
        }
    }

    /// Notes what retrieval found, and when.
    pub(super) fn retrieved(&mut self, retrieval: &Retrieval) {
        self.retrieve_ms = self.elapsed_ms();
        self.passages = retrieval
            .passages
            .iter()
            .map(|passage| RetrievedPassage {
                rank: passage.number as i32,
                point_id: passage.hit.id,
                document_id: passage.hit.payload.document_id,
                source: passage.hit.payload.source.clone(),
                path: passage.hit.payload.path.clone(),
                title: passage.hit.payload.title.clone(),
                score: passage.hit.score,
                cosine: passage.cosine,
                coverage: Some(passage.matched.coverage),
                cited_as: None,
                quote: None,
                asset: passage.hit.payload.asset.clone(),
                owner: passage.hit.payload.owner.clone(),
                updated_at: passage.hit.payload.updated_at,
                fresh_at: passage.hit.payload.fresh_at,
            })
            .collect();
    }

    pub(super) fn note_first_token(&mut self) {
        if self.first_token_ms.is_none() {
            self.first_token_ms = Some(self.elapsed_ms());
        }
    }

    /// What is left of the time for one answer: models that take longer are gone on without.
    pub(super) fn time_left(&self, app: &App) -> Duration {
        Duration::from_secs(app.config.server.answer_seconds).saturating_sub(self.started.elapsed())
    }

    fn elapsed_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// An answer with everything but its text.
    pub(super) fn answer(&self, turn: &Turn, outcome: AnswerOutcome) -> Answer {
        Answer {
            interaction_id: turn.interaction_id,
            conversation_id: turn.conversation_id,
            question: turn.question.clone(),
            standalone_question: self.standalone_question.clone(),
            answer: String::new(),
            outcome,
            generator: self.generator,
            fallback_reason: self.fallback_reason.clone(),
            citations: Vec::new(),
            marks: Vec::new(),
            contact: None,
            usage: self.meter.read().into(),
            timings: Timings {
                retrieve_ms: self.retrieve_ms,
                first_token_ms: self.first_token_ms,
                total_ms: self.elapsed_ms(),
            },
        }
    }

    /// The answer that was generated and cited.
    pub(super) fn answered(
        &mut self,
        turn: &Turn,
        generator: AnswerGenerator,
        cited: Cited,
    ) -> Answer {
        for citation in &cited.citations {
            if let Some(passage) = self.passages.get_mut(citation.number - 1) {
                passage.cited_as = Some(citation.number as i32);
                passage.quote = Some(citation.quote.clone());
            }
        }
        self.generator = generator;
        let mut answer = self.answer(turn, AnswerOutcome::Answered);
        answer.answer = cited.answer;
        answer.citations = cited.citations;
        answer.marks = cited.marks;
        answer
    }
}

/// Hands the turn to the ledger's writer, which makes nobody wait.
pub(super) fn record(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    draft: Draft,
    result: &Result<Answer, ChatError>,
) {
    let (answer, outcome) = match result {
        Ok(answer) => {
            let outcome = match answer.outcome {
                AnswerOutcome::Answered => InteractionOutcome::Answered,
                AnswerOutcome::Abstained => InteractionOutcome::Abstained,
                AnswerOutcome::Failed => InteractionOutcome::Failed,
            };
            (answer.answer.clone(), outcome)
        }
        Err(ChatError::Cancelled) => (draft.answer_so_far.clone(), InteractionOutcome::Cancelled),
        Err(error) => {
            tracing::warn!(%error, interaction = %turn.interaction_id, "a question could not be answered");
            (String::new(), InteractionOutcome::Failed)
        }
    };
    if result.is_ok() {
        let is_answered = matches!(outcome, InteractionOutcome::Answered);
        let shown = draft
            .passages
            .iter()
            .filter(|passage| passage.cited_as.is_some() || !is_answered);
        let past = PastTurn {
            id: turn.interaction_id,
            documents: shown.map(|passage| passage.document_id).collect(),
            question: draft.standalone_question.clone(),
            answer: answer.clone(),
        };
        chat.conversations.remember(turn, past);
    }
    let total_ms = draft.elapsed_ms() as i64;
    let marks = result
        .as_ref()
        .ok()
        .map(|answer| &answer.marks)
        .filter(|marks| !marks.is_empty());
    let checked = marks.map(|marks| marks.len() as i32);
    let unverified = marks.map(|marks| marks.iter().filter(|mark| !mark.verified).count() as i32);
    let generator =
        matches!(outcome, InteractionOutcome::Answered).then_some(match draft.generator {
            AnswerGenerator::Model => GeneratorKind::Model,
            AnswerGenerator::Extractive => GeneratorKind::Extractive,
        });
    app.ledger
        .writer()
        .write(Record::Interaction(Box::new(Interaction {
            id: turn.interaction_id,
            at: Utc::now(),
            conversation_id: turn.conversation_id,
            message_id: turn.message_id.clone(),
            channel: turn.channel,
            caller: turn.caller.name.clone(),
            origin: turn.origin,
            question: turn.question.clone(),
            question_embedding: draft.question_embedding,
            standalone_question: draft.standalone_question,
            answer,
            outcome,
            generator,
            fallback_reason: draft.fallback_reason,
            retrieve_ms: draft.retrieve_ms as i64,
            first_token_ms: draft.first_token_ms.map(|ms| ms as i64),
            total_ms,
            checked,
            unverified,
            language: Some(Language::of(&turn.question).code().to_owned()),
            team: app.config.insights.team_of(&turn.caller.groups),
            passages: draft.passages,
        })));
}
