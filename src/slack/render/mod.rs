//! Slack's messages of an answer: pure functions. Whatever an answer holds, its messages stay below
//! Slack's limits, lose none of its words and call nobody.

pub mod actions;
mod answered;
pub mod blocks;
mod details;
mod footer;
pub mod markdown;
pub mod safe;
pub mod split;
mod text;
pub mod words;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use self::answered::answered;
pub use self::details::{DETAILS_VIEW, details};
pub use self::footer::footer;
pub use self::markdown::{Links, markdown};
pub use self::text::mrkdwn;
use crate::chat::Answer;
use crate::chat::language::Language;

/// Most of an answer's Markdown in one message. It leaves room for what stands below the answer.
pub const ANSWER: usize = 10_000;
/// Most characters of a message that is only text: `chat.update` takes 4,000.
pub const TEXT: usize = 3900;

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
    /// Whether whoever wants it is told later that a question has an answer.
    pub tells: bool,
}

/// The messages of an answer, to be posted in this order.
pub fn answer(answer: &Answer, look: &Look) -> Vec<Message> {
    answer_at(answer, look, Utc::now())
}

fn answer_at(answer: &Answer, look: &Look, now: DateTime<Utc>) -> Vec<Message> {
    let links = Links::of_citations(&answer.citations);
    let markdown = markdown(&answer.answer, &links, true);
    let mut messages: Vec<Message> = split::parts(&markdown, ANSWER)
        .iter()
        .map(|part| of_markdown(&part.text()))
        .collect();
    let below = below(answer, look, now);
    match messages.last_mut() {
        Some(last) if fits(&last.blocks, &below.blocks) => {
            last.blocks.extend(below.blocks);
            last.text.push_str(&format!("\n\n{}", below.text));
            last.text.truncate(last.text.trim_end().len());
        }
        _ => messages.push(below),
    }
    messages
}

/// What stands below an answer, where it is a message of its own.
pub fn below(answer: &Answer, look: &Look, now: DateTime<Utc>) -> Message {
    Message {
        text: footer::lines(answer, look, now).join("\n"),
        blocks: footer(answer, look, now),
    }
}

/// Whether blocks can stand below others in one message.
pub fn fits(above: &[Value], below: &[Value]) -> bool {
    above.len() + below.len() <= blocks::BLOCKS
        && blocks::size(above) + blocks::size(below) <= blocks::MESSAGE
}

/// A message of Markdown that is safe and short enough.
pub fn of_markdown(markdown: &str) -> Message {
    // Slack refuses a block without text.
    let blocks = if markdown.trim().is_empty() {
        Vec::new()
    } else {
        vec![blocks::markdown(markdown)]
    };
    Message {
        text: mrkdwn(markdown),
        blocks,
    }
}

/// What is said where there is no answer, by the error's code.
pub fn failure(code: &str, language: Language) -> Message {
    of_markdown(words::failure(code, language))
}

/// The text of a message in parts that Slack takes without blocks.
pub fn texts(message: &Message) -> Vec<String> {
    split::parts(&message.text, TEXT)
        .iter()
        .map(split::Part::text)
        .filter(|text| !text.trim().is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
