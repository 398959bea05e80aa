//! `POST /v1/chat/completions` as it stands on the wire, with what compatible servers leave out, add
//! or call by another name.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FinishReason, Message, Role};
use crate::ledger::UsageSource;
use crate::models;

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<RequestMessage<'a>>,
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f32>,
}

#[derive(Serialize)]
pub(super) struct RequestMessage<'a> {
    role: &'static str,
    content: &'a str,
}

impl<'a> From<&'a Message> for RequestMessage<'a> {
    fn from(message: &'a Message) -> Self {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        Self {
            role,
            content: &message.content,
        }
    }
}

#[derive(Serialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
}

/// A chunk of a stream, or a whole answer: they differ in `delta` and `message` alone.
#[derive(Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    pub(super) choices: Option<Vec<Choice>>,
    #[serde(default)]
    pub(super) usage: Option<Usage>,
    /// Some servers report a failure in the middle of a stream of status 200.
    #[serde(default)]
    pub(super) error: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    #[serde(default, alias = "message")]
    pub(super) delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

/// Tool calls are left unread. Thinking has two names, and some servers send both.
#[derive(Deserialize)]
pub(super) struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Clone, Copy, Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl Chunk {
    /// The words in it; empty for role-only, reasoning and usage chunks.
    pub(super) fn text(&mut self) -> String {
        let delta = self.first().and_then(|choice| choice.delta.as_mut());
        delta
            .and_then(|delta| delta.content.take())
            .unwrap_or_default()
    }

    /// Whether the model thinks aloud in it.
    pub(super) fn is_thinking(&mut self) -> bool {
        let delta = self.first().and_then(|choice| choice.delta.as_ref());
        delta.is_some_and(|delta| {
            let thoughts = [&delta.reasoning_content, &delta.reasoning];
            thoughts.into_iter().flatten().any(|text| !text.is_empty())
        })
    }

    pub(super) fn finish_reason(&mut self) -> Option<FinishReason> {
        match self.first()?.finish_reason.as_deref()? {
            "" => None,
            "length" | "max_tokens" => Some(FinishReason::Length),
            "content_filter" => Some(FinishReason::ContentFilter),
            _ => Some(FinishReason::Stop),
        }
    }

    fn first(&mut self) -> Option<&mut Choice> {
        self.choices.as_mut()?.first_mut()
    }
}

impl Usage {
    /// As the cost book takes it; `None` where the server says nothing of use.
    pub(super) fn reported(self) -> Option<models::Usage> {
        Some(models::Usage {
            input_tokens: self.prompt_tokens.filter(|tokens| *tokens > 0)?,
            cached_tokens: self
                .prompt_tokens_details
                .and_then(|details| details.cached_tokens)
                .unwrap_or(0),
            output_tokens: self.completion_tokens?,
            source: UsageSource::Reported,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct ModelList {
    pub(super) data: Vec<ListedModel>,
}

#[derive(Deserialize)]
pub(super) struct ListedModel {
    pub(super) id: String,
}
