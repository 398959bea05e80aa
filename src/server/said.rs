//! What has been said of an answer on a stream that cannot take words back.

use docent_core::models::marks::open_fence;

use crate::chat::Answer;
use crate::chat::language::Language;

/// The words that went out so far.
#[derive(Debug, Default)]
pub(super) struct Said(String);

/// What is left to say of an answer when it is done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending<'a> {
    /// It goes on where the words stopped; often there is nothing more.
    Rest(&'a str),
    /// Another answer stands in place of the words: the model broke off, or nothing holds what it said.
    Instead(&'a str),
}

impl Said {
    pub(super) fn push(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// What ends a code block in which the words stopped.
    pub(super) fn fence(&self) -> String {
        open_fence(&self.0).map_or_else(String::new, |fence| format!("\n{fence}"))
    }

    pub(super) fn ending<'a>(&self, answer: &'a Answer) -> Ending<'a> {
        let whole = answer.answer.as_str();
        match whole.strip_prefix(self.0.trim_end()) {
            Some(rest) if rest.trim().is_empty() => Ending::Rest(""),
            // Space at the end of the words may be the answer's own.
            Some(rest) => Ending::Rest(whole.strip_prefix(self.0.as_str()).unwrap_or(rest)),
            None => Ending::Instead(whole),
        }
    }
}

/// Says that the words above do not count, in the language of the question.
pub(super) fn withdrawal(question: &str) -> &'static str {
    match Language::of(question) {
        Language::English => "*Please disregard what stands above. This is the answer instead:*",
        Language::Korean => "*위의 내용은 무시해 주세요. 다음이 이를 대신하는 답변입니다.*",
    }
}
