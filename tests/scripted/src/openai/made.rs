//! What the server has really produced, which is what a provider bills.

use std::sync::Arc;

use serde_json::Value;

use super::Shared;
use super::fault::Route;
use super::script::Script;

/// What a chat or embedding request cost the provider: what it bills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Made {
    pub prompt: usize,
    pub output: usize,
    /// Whether its client was told.
    pub reported: bool,
}

/// OpenAI's templates put four tokens around each message and three before the answer.
const OF_A_MESSAGE: usize = 4;
const OF_AN_ANSWER: usize = 3;

/// Work on a request that was accepted. It is billed when this is dropped, also where its client went away
/// meanwhile.
pub(super) struct Work {
    shared: Arc<Shared>,
    route: Route,
    pub(super) made: Made,
    billed: bool,
}

impl Work {
    pub(super) fn on(shared: &Arc<Shared>, route: Route, prompt: usize) -> Self {
        let made = Made {
            prompt,
            ..Made::default()
        };
        Self {
            shared: Arc::clone(shared),
            route,
            made,
            billed: true,
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The request is refused after all, which costs nothing.
    pub(super) fn refuse(mut self) {
        self.billed = false;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.billed {
            return;
        }
        let list = match self.route {
            Route::Embeddings => &self.shared.embedded,
            Route::Chat | Route::Models | Route::Rerank => &self.shared.made,
        };
        list.lock().push(self.made);
    }
}

/// Tokens of an answer; without a tokenizer, the pieces that it is streamed in.
pub(super) fn answer_tokens(script: &Script, text: &str) -> usize {
    match &script.tokenizer {
        Some(tokenizer) => tokenizer.count(text),
        None => text.split_inclusive(' ').count(),
    }
}

/// Tokens of texts that are to be embedded; without a tokenizer, their words.
pub(super) fn text_tokens(script: &Script, texts: &[String]) -> usize {
    let each = texts.iter().map(|text| match &script.tokenizer {
        Some(tokenizer) => tokenizer.count(text),
        None => text.split_whitespace().count(),
    });
    each.sum()
}

/// Tokens of what a chat request sends.
pub(super) fn prompt_tokens(request: &Value, script: &Script) -> usize {
    let messages = request["messages"].as_array().into_iter().flatten();
    let texts = messages.filter_map(|message| message["content"].as_str());
    match &script.tokenizer {
        Some(tokenizer) => {
            let each = texts.map(|text| tokenizer.count(text) + OF_A_MESSAGE);
            each.sum::<usize>() + OF_AN_ANSWER
        }
        None => texts.map(|text| text.split_whitespace().count()).sum(),
    }
}
