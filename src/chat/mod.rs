//! The walk of a question: turn → condense → retrieve → prompt → generate → cite → record.
//!
//! [`answer`] shows every step in order; widget, terminal, API and evaluation all call it.

pub mod turn;

mod condense;
mod follow_up;
mod retrieve;
mod abstain;
mod prompt;
mod generate;
mod cite;
mod record;

pub(crate) mod probe;
pub mod history;
pub mod live;
mod language;

use std::time::Instant;

use docent_core::app::App;
use docent_core::index::IndexError;
use docent_core::models::ModelError;

pub use history::Conversations;
pub use prompt::Prompts;
pub use turn::{Answer, AnswerOutcome, Caller, Event, Events, Turn};

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
    let mut draft = record::Draft::new(turn, Instant::now());
    let result = tokio::select! {
        result = walk(app, chat, turn, events, &mut draft) => result,
        () = turn.cancelled.cancelled() => Err(ChatError::Cancelled),
    };
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

async fn walk(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    events: &Events,
    draft: &mut record::Draft,
) -> Result<Answer, ChatError> {
    // Condense: a follow-up becomes a question that stands alone.
    let history = chat.conversations.history(app, turn).await;
    draft.standalone_question = condense::condense(app, chat, turn, &history, draft).await?;
    events.send(Event::Turn {
        interaction_id: turn.interaction_id,
        conversation_id: turn.conversation_id,
        question: turn.question.clone(),
        standalone_question: draft.standalone_question.clone(),
    });

    // Retrieve: the passages that the caller may read and that fit best.
    let reach = retrieve::Reach::of_answer(app);
    let retrieved = retrieve::retrieve(app, turn, draft, &reach).await?;
    let retrieved = retrieve::expand::expand(app, chat, turn, draft, &reach, retrieved).await;
    draft.retrieved(&retrieved);
    if let Some(reason) = abstain::too_weak(app, &retrieved) {
        tracing::debug!(interaction = %turn.interaction_id, %reason, "abstained");
        return Ok(abstain::abstention(turn, draft, &retrieved));
    }
    events.send(Event::Sources {
        passages: retrieved.sources(),
    });

    // Prompt, generate, cite: by the chat model, or quoted from the passages.
    let messages = prompt::messages(app, chat, draft, &history, &retrieved)?;
    let generated = generate::generate(app, turn, events, draft, &retrieved, messages).await?;
    let Some(cited) = cite::cite(&generated, &retrieved) else {
        return Ok(abstain::abstention(turn, draft, &retrieved));
    };
    events.send(Event::Citations {
        citations: cited.citations.clone(),
    });
    Ok(draft.answered(turn, &generated, cited))
}
