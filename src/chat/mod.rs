//! The walk of a question: turn → condense → retrieve → prompt → generate → cite → record.
//!
//! [`answer`] shows every step in order; widget, terminal, API and evaluation all call it. While the
//! answer is generated it is made safe and its citations are checked, sentence by sentence.

pub mod turn;

mod condense;
mod follow_up;
mod retrieve;
mod abstain;
mod prompt;
mod generate;
mod safe;
mod cite;
pub mod ground;
mod no_answer;
mod record;

pub(crate) mod probe;
pub mod history;
pub mod live;
pub mod language;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use docent_core::app::App;
use docent_core::index::IndexError;
use docent_core::models::ModelError;
use docent_core::traces::step;
use futures::FutureExt;
use tracing::Instrument;

use crate::traces::question;

pub(crate) use cite::plain;
pub use history::{Conversations, PastTurn};
pub use prompt::Prompts;
pub(crate) use safe::is_unseen;
pub use turn::{Answer, AnswerOutcome, Caller, CallerKind, Event, Events, Mark, Turn};

/// What an answer needs besides the parts that ingest shares.
pub struct Chat {
    pub prompts: Prompts,
    pub conversations: Conversations,
}

/// Why there is no answer at all, not even an abstention.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Nothing was ingested.
    #[error("there is nothing to search yet; run `docent ingest` first")]
    NothingIngested,
    /// A prompt template of the configured folder is broken.
    #[error("{0}")]
    Prompt(String),
    /// The reader went away.
    #[error("the reader went away")]
    Cancelled,
    /// docent itself broke; the panic is on standard error.
    #[error("a defect in docent kept it from answering; its log says where")]
    Defect,
}

impl ChatError {
    /// The stable code of the error, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Index(_) => "index_unavailable",
            Self::Model(_) => "model_unavailable",
            Self::NothingIngested => "nothing_ingested",
            Self::Prompt(_) => "prompt_invalid",
            Self::Cancelled => "cancelled",
            Self::Defect => "internal",
        }
    }
}

/// Answers a question. Whatever happens, the turn is recorded, with what it used.
pub async fn answer(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    events: &Events,
) -> Result<Answer, ChatError> {
    let mut draft = record::Draft::new(app, turn, Instant::now());
    let span = question::begin(turn);
    let walking = walk(app, chat, turn, events, &mut draft).instrument(span.clone());
    let result = tokio::select! {
        result = unbroken(walking) => result,
        () = turn.cancelled.cancelled() => Err(ChatError::Cancelled),
    };
    question::end(&span, &result);
    record::record(app, chat, turn, draft, &result);
    match &result {
        Ok(answer) => events.send(Event::Done(Box::new(answer.clone()))),
        Err(error) => events.send(Event::Error {
            code: error.code().to_owned(),
            message: error.to_string(),
        }),
    }
    result
}

/// A walk that panics is one that failed: its reader is told, and the turn is recorded.
async fn unbroken(
    walking: impl Future<Output = Result<Answer, ChatError>>,
) -> Result<Answer, ChatError> {
    AssertUnwindSafe(walking)
        .catch_unwind()
        .await
        .unwrap_or(Err(ChatError::Defect))
}

async fn walk(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    events: &Events,
    draft: &mut record::Draft,
) -> Result<Answer, ChatError> {
    app.know_terms().await;
    // Condense: a follow-up becomes a question that stands alone.
    let history = chat.conversations.history(app, turn).await;
    draft.standalone_question = condense::condense(app, chat, turn, &history, draft)
        .instrument(step("condense"))
        .await?;
    events.send(Event::Turn {
        interaction_id: turn.interaction_id,
        conversation_id: turn.conversation_id,
        question: turn.question.clone(),
        standalone_question: draft.standalone_question.clone(),
    });

    // Retrieve: the passages that the caller may read and that fit best.
    let reach = retrieve::Reach::of_answer(app);
    let retrieving = step("retrieve");
    let retrieved = Box::pin(retrieve::retrieve(app, turn, draft, &reach))
        .instrument(retrieving.clone())
        .await?;
    let expanded = retrieve::expand::expand(app, chat, turn, draft, &reach, retrieved);
    let retrieved = Box::pin(expanded).instrument(retrieving).await;
    draft.retrieved(&retrieved);
    if let Some(reason) = abstain::too_weak(app, &retrieved) {
        tracing::debug!(interaction = %turn.interaction_id, %reason, "abstained");
        return Ok(abstain::abstention(app, turn, draft, &retrieved));
    }
    events.send(Event::Sources {
        passages: retrieved.sources(),
    });

    // Prompt, generate, cite: by the chat model, or quoted from the passages; checked as it streams.
    let prompt = prompt::prompt(app, chat, draft, &history, &retrieved)?;
    let generated = generate::generate(app, turn, events, draft, &retrieved, prompt)
        .instrument(step("generate"))
        .await?;
    let generator = generated.generator;
    let cited = step("check").in_scope(|| cite::cite(generated, &retrieved));
    let Some(cited) = cited else {
        return Ok(abstain::abstention(app, turn, draft, &retrieved));
    };
    events.send(Event::Citations {
        citations: cited.citations.clone(),
    });
    Ok(draft.answered(turn, generator, cited))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_the_walk_is_a_failure_of_the_turn() {
        let broken = async {
            tokio::task::yield_now().await;
            panic!("a defect");
        };
        assert!(matches!(unbroken(broken).await, Err(ChatError::Defect)));
    }
}
