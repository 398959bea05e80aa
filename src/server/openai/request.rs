//! What a program asks, and how it wants the answer. How a model should sample (`temperature`, `max_tokens`,
//! `seed`, `stop` ...) is not its business here, and not looked at; what it could not do without is refused.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::server::chat::Asked;
use crate::server::problem::Problem;
use crate::server::told::{Speaker, conversation};

/// The request's body, as far as it is looked at.
#[derive(Debug, Deserialize)]
pub(in crate::server) struct Completion {
    model: String,
    messages: Vec<Message>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
    tools: Option<Vec<Value>>,
    functions: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    response_format: Option<Typed>,
    modalities: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "the content of a message must be text, or a list of parts with a type"
)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

/// How the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

impl Completion {
    pub(super) fn read(self) -> Result<(Asked, Form), Problem> {
        super::known(&self.model)?;
        self.check()?;
        let form = Form {
            stream: self.stream.unwrap_or_default(),
            include_usage: self
                .stream_options
                .and_then(|options| options.include_usage)
                .unwrap_or_default(),
        };
        let asked = self.messages.iter().rev().find(|m| m.role == "user");
        if asked.is_some_and(Message::has_more_than_text) {
            return Err(unsupported(
                "messages",
                "docent reads text only: no images, audio or files in a question",
            ));
        }
        let messages = self
            .messages
            .into_iter()
            .filter_map(|message| Some((Speaker::of(&message.role)?, message.text())));
        let Some((question, told)) = conversation(messages) else {
            let detail = "messages has no message with the role user, so there is no question";
            let problem = Problem::new(StatusCode::BAD_REQUEST, "question_empty", detail);
            return Err(problem.about("messages"));
        };
        let asked = Asked {
            question,
            conversation_id: None,
            message_id: None,
            told: Some(told),
        };
        Ok((asked, form))
    }

    fn check(&self) -> Result<(), Problem> {
        if self.n.is_some_and(|n| n > 1) {
            return Err(unsupported(
                "n",
                "docent gives one answer to a question: leave n out",
            ));
        }
        let is_named = |list: &Option<Vec<Value>>| list.as_ref().is_some_and(|l| !l.is_empty());
        let is_barred = self
            .tool_choice
            .as_ref()
            .is_some_and(|choice| choice == "none");
        if (is_named(&self.tools) || is_named(&self.functions)) && !is_barred {
            return Err(unsupported(
                "tools",
                "docent calls no tools: it answers from its documents; leave tools out",
            ));
        }
        if let Some(format) = self.response_format.as_ref().filter(|f| f.kind != "text") {
            let detail = format!(
                "docent answers in Markdown, not as {}: leave response_format out",
                format.kind
            );
            return Err(unsupported("response_format", detail));
        }
        if self
            .modalities
            .as_ref()
            .is_some_and(|all| all.iter().any(|one| one != "text"))
        {
            return Err(unsupported("modalities", "docent answers with text only"));
        }
        Ok(())
    }
}

impl Message {
    fn has_more_than_text(&self) -> bool {
        match &self.content {
            Some(Content::Parts(parts)) => parts.iter().any(|part| part.kind != "text"),
            _ => false,
        }
    }

    /// Its text; what else is in it is left out.
    fn text(self) -> String {
        match self.content {
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => {
                let texts = parts.into_iter().filter_map(|part| part.text);
                texts.collect::<Vec<_>>().join("\n")
            }
            None => String::new(),
        }
    }
}

fn unsupported(param: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "unsupported_parameter", detail).about(param)
}
