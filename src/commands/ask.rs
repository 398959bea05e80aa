//! `docent ask`: a question in the terminal, its answer as it streams, citations as footnotes.

use std::convert::Infallible;

use anyhow::bail;
use chrono::{DateTime, Utc};
use docent_core::config::Config;
use uuid::Uuid;

use super::serve::stop_signal;
use super::terminal::{dollars, one_line, safe, say, write};
use super::{Access, Ended, open};
use crate::chat::{
    self, Answer, AnswerOutcome, Chat, ChatError, Conversations, Event, Events, Prompts,
};
use crate::owner::AskRequest;
use crate::owner::socket::terminal_turn;

/// `docent ask QUESTION`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The question
    question: String,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// Go on with an earlier conversation (`conversation_id` of its JSON)
    #[arg(long, value_name = "ID")]
    conversation: Option<Uuid>,
}

pub(super) async fn command(config: Config, arguments: Arguments) -> anyhow::Result<Ended> {
    let question = arguments.question.trim().to_owned();
    anyhow::ensure!(!question.is_empty(), "the question is empty");
    let longest = config.server.max_question_chars;
    anyhow::ensure!(
        question.chars().count() <= longest,
        "the question is longer than {longest} characters (server.max_question_chars)"
    );
    let request = AskRequest {
        question,
        conversation_id: arguments.conversation,
    };
    let mut streamed = String::new();
    let mut show = |event: &Event| {
        if let Event::Delta { text } = event
            && !arguments.json
        {
            streamed.push_str(text);
            write(&safe(text));
        }
    };
    let answer = match open(config, "ask").await? {
        Access::Owner(owner) => owner.ask(&request, &mut show).await?,
        Access::Own(app) => {
            let answer = ask_here(&app, request, &mut show).await;
            app.close().await;
            answer?
        }
    };
    if arguments.json {
        say(serde_json::to_string_pretty(&answer)?);
    } else {
        if !streamed.is_empty() {
            say("");
        }
        print(&answer, streamed.trim() == answer.answer.trim());
    }
    Ok(Ended::Done)
}

async fn ask_here(
    app: &docent_core::app::App,
    request: AskRequest,
    show: &mut impl FnMut(&Event),
) -> anyhow::Result<Answer> {
    let counter = docent_core::models::TokenCounter::named(&app.config.chat.tokenizer)
        .map_err(anyhow::Error::msg)?;
    let chat = Chat {
        prompts: Prompts::load(&app.config.chat.prompts, counter)?,
        conversations: Conversations::default(),
    };
    app.load_terms().await?;
    let turn = terminal_turn(app, request);
    let (events, mut arriving) = Events::channel();
    let answering = async {
        let answer = chat::answer(app, &chat, &turn, &events).await;
        drop(events);
        answer
    };
    let showing = async {
        while let Some(event) = arriving.recv().await {
            show(&event);
        }
    };
    let interrupt = async {
        stop_signal().await;
        turn.cancelled.cancel();
        std::future::pending::<Infallible>().await
    };
    let answer = tokio::select! {
        (answer, ()) = futures::future::join(answering, showing) => answer,
        never = interrupt => match never {},
    };
    match answer {
        Err(ChatError::Cancelled) => bail!("stopped; what was asked and used is in the ledger"),
        answer => Ok(answer?),
    }
}

/// The rest of the answer below what was streamed.
fn print(answer: &Answer, streamed: bool) {
    if let Some(reason) = &answer.fallback_reason {
        say(format!(
            "\n(quoted from the documents: {})",
            one_line(reason)
        ));
    }
    if !streamed {
        say(safe(&answer.answer));
    }
    if answer.outcome == AnswerOutcome::Answered {
        say("");
    }
    print_unverified(answer);
    for citation in &answer.citations {
        let place = if citation.heading.is_empty() {
            one_line(&citation.title)
        } else {
            one_line(&format!("{} > {}", citation.title, citation.heading))
        };
        let age = citation.updated_at.map(age);
        let owner = citation
            .owner
            .as_ref()
            .map(|owner| format!("owner {owner}"));
        let fresh = citation
            .fresh_at
            .map(|at| format!("data as of {}", at.format("%Y-%m-%d %H:%M UTC")));
        let deprecated = citation
            .status
            .clone()
            .filter(|status| status == "deprecated");
        let about: Vec<String> = [deprecated, fresh, age, owner]
            .into_iter()
            .flatten()
            .collect();
        let about = if about.is_empty() {
            String::new()
        } else {
            format!(" ({})", one_line(&about.join(", ")))
        };
        say(format!("[{}] {place}{about}", citation.number));
        say(format!("    {}", one_line(&citation.uri)));
        say(format!("    \u{201c}{}\u{201d}", one_line(&citation.quote)));
    }
    let usage = &answer.usage;
    let tokens = usage.input_tokens + usage.output_tokens;
    say(format!(
        "\n{} ms · {tokens} tokens · {} · conversation {}",
        answer.timings.total_ms,
        dollars(usage.cost_usd),
        answer.conversation_id
    ));
}

/// The sentences that no passage says, with the reasons.
fn print_unverified(answer: &Answer) {
    let unverified = answer.marks.iter().filter(|mark| !mark.verified);
    for mark in unverified {
        let said: String = answer
            .answer
            .chars()
            .skip(mark.start)
            .take(mark.end - mark.start)
            .collect();
        let reason = mark.reason.as_deref().unwrap_or_default();
        say(format!(
            "unverified: \u{201c}{}\u{201d}: {}",
            one_line(said.trim()),
            one_line(reason)
        ));
    }
}

fn age(at: DateTime<Utc>) -> String {
    match (Utc::now() - at).num_days() {
        days if days <= 0 => "updated today".to_owned(),
        1 => "updated yesterday".to_owned(),
        days if days < 60 => format!("updated {days} days ago"),
        days if days < 730 => format!("updated {} months ago", days / 30),
        days => format!("updated {} years ago", days / 365),
    }
}
