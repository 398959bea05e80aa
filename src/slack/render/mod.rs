//! Slack's messages of an answer: pure functions. Whatever an answer holds, its messages stay below
//! Slack's limits, lose none of its words and call nobody.

pub mod actions;

use serde_json::Value;

use crate::chat::Answer;
use crate::chat::language::Language;

/// One message: blocks, and the same as text, for notifications and for when the blocks are refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Slack's own markup (`mrkdwn`), whole.
    pub text: String,
    pub blocks: Vec<Value>,
}

/// What does not come from the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Of what docent itself says.
    pub language: Language,
    /// Slack's id of who asked: the answer is theirs to delete.
    pub asker: String,
    /// Whether only the asker sees it, and may share it.
    pub is_private: bool,
}

/// The messages of an answer, to be posted in this order.
pub fn answer(answer: &Answer, _look: &Look) -> Vec<Message> {
    vec![Message {
        text: answer.answer.clone(),
        blocks: Vec::new(),
    }]
}
