//! Prompt: the messages for the chat model, from the templates and what fits its window.

use std::path::Path;

use chrono::Utc;
use docent_core::app::App;
use docent_core::document::Status;
use docent_core::models::{Message, Role, TokenCounter};
use minijinja::{Environment, Value, context};

use super::history::PastTurn;
use super::language::Language;
use super::record::Draft;
use super::retrieve::{Retrieval, Retrieved};
use super::{Chat, ChatError};

/// The templates: built in, or from a folder that has files of the same names.
pub struct Prompts {
    environment: Environment<'static>,
    counter: TokenCounter,
}

const ANSWER: &str = include_str!("../../prompts/answer.md");
const CONDENSE: &str = include_str!("../../prompts/condense.md");
const EXPAND: &str = include_str!("../../prompts/expand.md");

impl Prompts {
    /// Reads the templates of `folder`, where there are any, and checks that they can be rendered.
    pub fn load(folder: &Path, counter: TokenCounter) -> Result<Self, ChatError> {
        let mut environment = Environment::new();
        for (name, built_in) in [
            ("answer.md", ANSWER),
            ("condense.md", CONDENSE),
            ("expand.md", EXPAND),
        ] {
            let path = folder.join(name);
            let template = if !folder.as_os_str().is_empty() && path.is_file() {
                std::fs::read_to_string(&path).map_err(|error| {
                    ChatError::Prompt(format!(
                        "chat.prompts: cannot read {}: {error}",
                        path.display()
                    ))
                })?
            } else {
                built_in.to_owned()
            };
            environment
                .add_template_owned(name, template)
                .map_err(|error| broken(name, &error))?;
        }
        let prompts = Self {
            environment,
            counter,
        };
        prompts.render("answer.md", &context! { passages => Vec::<Value>::new() })?;
        prompts.render("condense.md", &context! { history => Vec::<Value>::new() })?;
        prompts.render("expand.md", &context! {})?;
        Ok(prompts)
    }

    /// The one message that asks for a standalone question.
    pub(super) fn condense(
        &self,
        question: &str,
        history: &[PastTurn],
    ) -> Result<Vec<Message>, ChatError> {
        let history: Vec<Value> = history
            .iter()
            .map(|turn| context! { question => &turn.question, answer => &turn.answer })
            .collect();
        let content = self.render("condense.md", &context! { history, question })?;
        Ok(vec![Message {
            role: Role::User,
            content,
        }])
    }

    /// The one message that asks for other wordings of a question.
    pub(super) fn expand(&self, question: &str) -> Result<Vec<Message>, ChatError> {
        let content = self.render("expand.md", &context! { question })?;
        Ok(vec![Message {
            role: Role::User,
            content,
        }])
    }

    fn render(&self, name: &str, values: &Value) -> Result<String, ChatError> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render(values))
            .map_err(|error| broken(name, &error))
    }
}

fn broken(name: &str, error: &minijinja::Error) -> ChatError {
    ChatError::Prompt(format!(
        "the prompt template {name} cannot be used: {error:#}"
    ))
}

/// What a chat model is sent.
pub(super) struct Prompt {
    pub(super) messages: Vec<Message>,
    /// How many passages stand in it: only these can be cited.
    pub(super) passages: usize,
}

/// System message with the passages, the conversation so far, and the question. What does not fit
/// the model's window is left out: old turns first, then the passages at the end of the list.
pub(super) fn prompt(
    app: &App,
    chat: &Chat,
    draft: &Draft,
    history: &[PastTurn],
    retrieval: &Retrieval,
) -> Result<Prompt, ChatError> {
    if !app.generator.is_model() {
        return Ok(Prompt {
            messages: Vec::new(),
            passages: retrieval.passages.len(),
        });
    }
    let settings = &app.config.chat;
    let counter = &chat.prompts.counter;
    let budget = settings
        .window_tokens
        .saturating_sub(settings.max_output_tokens as usize);
    let question = &draft.standalone_question;
    let fence = fence();
    let mut passages = retrieval.passages.as_slice();
    let system = loop {
        let values = context! {
            language => Language::of(question).name(),
            today => Utc::now().format("%Y-%m-%d").to_string(),
            passages => passages.iter().map(|passage| passage_value(passage, &fence)).collect::<Vec<_>>(),
        };
        let system = chat.prompts.render("answer.md", &values)?;
        if passages.len() <= 1 || fits(counter, [&system, question], budget) {
            break system;
        }
        passages = &passages[..passages.len() - 1];
    };
    let mut past = Vec::new();
    let mut left = if history.is_empty() {
        0
    } else {
        budget.saturating_sub(counter.count(&system) + counter.count(question))
    };
    for turn in history.iter().rev() {
        let cost = counter.count(&turn.question) + counter.count(&turn.answer);
        if cost > left {
            break;
        }
        left -= cost;
        past.push(turn);
    }
    let mut messages = vec![Message {
        role: Role::System,
        content: system,
    }];
    for turn in past.into_iter().rev() {
        messages.push(Message {
            role: Role::User,
            content: turn.question.clone(),
        });
        messages.push(Message {
            role: Role::Assistant,
            content: turn.answer.clone(),
        });
    }
    messages.push(Message {
        role: Role::User,
        content: question.clone(),
    });
    Ok(Prompt {
        messages,
        passages: passages.len(),
    })
}

/// Whether texts have at most `budget` tokens together. A token has at least one byte: where the
/// bytes fit, nothing is counted, which would take longer than everything else about the prompt.
fn fits(counter: &TokenCounter, texts: [&str; 2], budget: usize) -> bool {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    bytes <= budget || texts.iter().map(|text| counter.count(text)).sum::<usize>() <= budget
}

/// A word that no document can know, so that none can close the fence around itself.
fn fence() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("passage-{}", &random[..12])
}

fn passage_value(passage: &Retrieved, fence: &str) -> Value {
    let payload = &passage.hit.payload;
    let facts = payload.facts();
    context! {
        number => passage.number,
        title => &payload.title,
        heading => payload.heading.join(" > "),
        updated => payload.updated_at.map(|at| at.format("%Y-%m-%d").to_string()),
        owner => &payload.owner,
        status => payload.status.map(Status::name),
        uri => &payload.uri,
        facts => facts.lines().map(str::to_owned).collect::<Vec<String>>(),
        text => &payload.text,
        fence => fence,
    }
}
