//! A conversation as its client tells it, for the APIs whose clients send all of it with each question.

use docent_core::models::marks::marks;
use uuid::Uuid;

use crate::chat::PastTurn;

/// Who says something. What a client says for the system, the developer or a tool is not heard: docent takes
/// its instructions from nobody but its operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    User,
    Assistant,
}

impl Speaker {
    pub(super) fn of(role: &str) -> Option<Self> {
        match role {
            "user" => Some(Self::User),
            "assistant" => Some(Self::Assistant),
            _ => None,
        }
    }
}

/// The last question of a conversation and the turns before it. `None`: nobody asks anything.
pub(super) fn conversation(
    messages: impl IntoIterator<Item = (Speaker, String)>,
) -> Option<(String, Vec<PastTurn>)> {
    let mut turns: Vec<PastTurn> = Vec::new();
    for (speaker, text) in messages {
        match (speaker, turns.last_mut()) {
            (Speaker::User, _) => turns.push(PastTurn {
                id: Uuid::nil(),
                question: text,
                answer: String::new(),
                documents: Vec::new(),
            }),
            (Speaker::Assistant, Some(turn)) => turn.answer.push_str(&as_answered(&text)),
            // A greeting is no answer.
            (Speaker::Assistant, None) => {}
        }
    }
    let asked = turns.pop()?;
    // What was never answered is no turn.
    turns.retain(|turn| !turn.answer.is_empty());
    Some((asked.question, turns))
}

/// An answer of docent's as the walk has it: `[1]` for a footnote, without the footnotes' definitions.
fn as_answered(text: &str) -> String {
    let lines = text.lines().filter(|line| !is_definition(line));
    let mut answer = lines.collect::<Vec<_>>().join("\n").trim_end().to_owned();
    for mark in marks(&answer).into_iter().rev() {
        let numbers = mark.numbers.iter().map(|number| format!("[{number}]"));
        answer.replace_range(mark.place, &numbers.collect::<String>());
    }
    answer
}

fn is_definition(line: &str) -> bool {
    let number = line
        .strip_prefix("[^")
        .and_then(|rest| rest.split_once("]:"));
    number.is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(messages: &[(Speaker, &str)]) -> Option<(String, Vec<(String, String)>)> {
        let messages = messages
            .iter()
            .map(|(speaker, text)| (*speaker, (*text).to_owned()));
        let (question, turns) = conversation(messages)?;
        let pair = |turn: PastTurn| (turn.question, turn.answer);
        Some((question, turns.into_iter().map(pair).collect()))
    }

    #[test]
    fn the_last_user_message_is_the_question_and_answered_ones_are_turns() {
        use Speaker::{Assistant, User};
        let pair = |question: &str, answer: &str| (question.to_owned(), answer.to_owned());
        assert_eq!(
            said(&[
                (Assistant, "Hello!"),
                (User, "How fresh is it?"),
                (
                    Assistant,
                    "Hourly [^1].\n\n[^1]: [trips](https://x) — Freshness\n"
                ),
                (User, "Lost on its way"),
                (User, "And who owns it?"),
            ]),
            Some((
                "And who owns it?".to_owned(),
                vec![pair("How fresh is it?", "Hourly [1].")]
            ))
        );
        assert_eq!(said(&[(Assistant, "Hello!")]), None);
    }
}
