//! Evaluation: what docent finds and answers, against what is known to be right.
//!
//! [`questions`] and [`beir`] read the sets, [`retrieval`] and [`answers`] ask, by the same
//! functions as everyone else, [`metrics`] and [`statistics`] measure, [`report`] sums up and
//! [`table`] shows. Nothing here ingests: the commands bring the corpus.

pub mod questions;
pub mod beir;
pub mod metrics;
pub mod statistics;
mod spans;
mod facts;
mod support;
pub mod retrieval;
pub mod answers;
pub mod judge;
mod signals;
pub mod decision;
mod calibrate;
pub mod calibration;
pub mod explain;
pub mod report;
pub mod table;
pub mod compare;
pub mod gate;

use std::path::Path;

use docent_core::app::App;
use docent_core::ledger::{Channel, Origin};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::questions::Question;
use crate::chat::{self, Caller, CallerKind, Chat, ChatError, Events, Turn};

/// Who asks in an evaluation, as the ledger shows it.
const CALLER: &str = "evaluation";

/// Why an evaluation could not be run.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A file that is not there or cannot be opened.
    #[error("cannot read {file}: {reason}")]
    Unreadable { file: String, reason: String },
    /// A line that is not what it should be.
    #[error("{file}, line {line}: {reason}")]
    Line {
        file: String,
        line: usize,
        reason: String,
    },
    #[error("{0} holds no questions")]
    Empty(String),
    /// A corpus could not be laid out as files.
    #[error("cannot write the corpus to {folder}: {reason}")]
    Corpus { folder: String, reason: String },
    #[error(transparent)]
    Chat(#[from] ChatError),
}

/// What an evaluation tells while it goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Progress {
    /// So many documents of a corpus are indexed.
    Documents { set: String, done: u64, of: u64 },
    /// So many questions of a set were asked.
    Questions { set: String, done: usize, of: usize },
    /// Something a person should know.
    Note { text: String },
}

/// Where progress is sent. Nobody has to listen.
#[derive(Debug, Clone, Default)]
pub struct ProgressSender(Option<mpsc::UnboundedSender<Progress>>);

impl ProgressSender {
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Progress>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(Some(sender)), receiver)
    }

    /// Sends where somebody listens.
    pub fn send(&self, progress: Progress) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(progress);
        }
    }
}

/// A question as evaluation asks it.
fn turn(question: &str, groups: &[String]) -> Turn {
    Turn {
        interaction_id: Uuid::now_v7(),
        conversation_id: Uuid::new_v4(),
        new_conversation: true,
        message_id: None,
        told: None,
        question: question.to_owned(),
        caller: Caller::named(CALLER, CallerKind::Terminal, groups.to_vec()),
        channel: Channel::Terminal,
        origin: Origin::Evaluation,
        cancelled: CancellationToken::new(),
    }
}

/// The turn of a question, after the earlier questions of its conversation were asked.
async fn conversation(app: &App, chat: &Chat, question: &Question) -> Result<Turn, EvalError> {
    let mut next = turn(&question.question, &app.config.access.anonymous_groups);
    for before in question.before() {
        let mut earlier = turn(before, &next.caller.groups);
        earlier.conversation_id = next.conversation_id;
        earlier.new_conversation = next.new_conversation;
        chat::answer(app, chat, &earlier, &Events::channel().0).await?;
        next.new_conversation = false;
    }
    Ok(next)
}

fn read_text(path: &Path) -> Result<String, EvalError> {
    std::fs::read_to_string(path).map_err(|error| EvalError::Unreadable {
        file: path.display().to_string(),
        reason: error.to_string(),
    })
}
