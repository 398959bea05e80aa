//! An answer as a `chat.completion`, and the events of a turn as its chunks.

use serde_json::{Value, json};
use uuid::Uuid;

use super::MODEL;
use super::footnotes::{Footnotes, definitions, of_text};
use crate::chat::{Answer, Event};
use crate::server::problem::Problem;
use crate::server::said::{Ending, Said, withdrawal};

const DONE: &str = "[DONE]";

/// The whole answer.
pub(super) fn whole(answer: &Answer, created: i64) -> Value {
    json!({
        "id": id(answer.interaction_id),
        "object": "chat.completion",
        "created": created,
        "model": MODEL,
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant",
                "content": of_text(&answer.answer) + &definitions(answer),
                "refusal": null,
                "citations": answer.citations,
            },
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": usage(answer),
        "docent": about(answer),
    })
}

fn id(interaction_id: Uuid) -> String {
    format!("chatcmpl-{interaction_id}")
}

/// All calls that were made for the answer: to find as well as to write.
fn usage(answer: &Answer) -> Value {
    let usage = &answer.usage;
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": { "cached_tokens": usage.cached_tokens },
    })
}

fn about(answer: &Answer) -> Value {
    json!({
        "interaction_id": answer.interaction_id,
        "conversation_id": answer.conversation_id,
        "outcome": answer.outcome,
    })
}

/// Makes chunks of the events of a turn.
pub(super) struct Chunks {
    created: i64,
    include_usage: bool,
    interaction_id: Uuid,
    said: Said,
    footnotes: Footnotes,
}

impl Chunks {
    pub(super) fn new(created: i64, include_usage: bool) -> Self {
        Self {
            created,
            include_usage,
            interaction_id: Uuid::nil(),
            said: Said::default(),
            footnotes: Footnotes::default(),
        }
    }

    pub(super) fn of(&mut self, event: Event) -> Vec<String> {
        match event {
            Event::Turn { interaction_id, .. } => {
                self.interaction_id = interaction_id;
                let opening = json!({ "role": "assistant", "content": "", "refusal": null });
                vec![self.chunk(&opening, None)]
            }
            Event::Delta { text } => {
                self.said.push(&text);
                let text = self.footnotes.push(&text);
                self.text(&text).into_iter().collect()
            }
            Event::Done(answer) => self.end(&answer),
            Event::Error { code, message } => {
                // The status has been sent. OpenAI's clients raise this.
                vec![Problem::of_event(&code, message).as_openai().to_string()]
            }
            Event::Sources { .. } | Event::Mark(_) | Event::Citations { .. } => Vec::new(),
        }
    }

    fn end(&mut self, answer: &Answer) -> Vec<String> {
        let mut text = String::new();
        match self.said.ending(answer) {
            Ending::Rest(rest) => {
                text.push_str(&self.footnotes.push(rest));
                text.push_str(&self.footnotes.finish());
            }
            Ending::Instead(whole) => {
                text.push_str(&self.footnotes.finish());
                text.push_str(&self.said.fence());
                text.push_str("\n\n");
                text.push_str(withdrawal(&answer.question));
                text.push_str("\n\n");
                text.push_str(&of_text(whole));
            }
        }
        text.push_str(&definitions(answer));
        let mut chunks: Vec<String> = self.text(&text).into_iter().collect();
        chunks.push(self.chunk(&json!({}), Some(answer)));
        if self.include_usage {
            let mut last = self.frame();
            last["choices"] = json!([]);
            last["usage"] = usage(answer);
            chunks.push(last.to_string());
        }
        chunks.push(DONE.to_owned());
        chunks
    }

    fn text(&self, text: &str) -> Option<String> {
        (!text.is_empty()).then(|| self.chunk(&json!({ "content": text }), None))
    }

    /// A chunk; the last one has what belongs to the `done` answer.
    fn chunk(&self, delta: &Value, done: Option<&Answer>) -> String {
        let mut chunk = self.frame();
        chunk["choices"] = json!([{
            "index": 0,
            "delta": delta,
            "logprobs": null,
            "finish_reason": done.map(|_| "stop"),
        }]);
        if let Some(answer) = done {
            chunk["citations"] = json!(answer.citations);
            chunk["docent"] = about(answer);
        }
        chunk.to_string()
    }

    fn frame(&self) -> Value {
        let mut frame = json!({
            "id": id(self.interaction_id),
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": MODEL,
        });
        if self.include_usage {
            frame["usage"] = Value::Null;
        }
        frame
    }
}
