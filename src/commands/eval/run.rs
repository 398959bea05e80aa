//! The evaluation itself, over opened parts: in this process, or in the one that owns the data
//! folder.

use std::sync::Arc;

use docent_core::app::App;
use docent_core::models::TokenCounter;
use serde::{Deserialize, Serialize};

use super::{EvalRequest, SetRequest, corpus};
use crate::chat::{Chat, Conversations, Prompts};
use crate::eval::beir::Beir;
use crate::eval::judge::Judge;
use crate::eval::questions::{Question, QuestionSet};
use crate::eval::report::Report;
use crate::eval::{ProgressSender, answers, decision, explain, retrieval};

/// What came of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Measured(Report),
    /// Of the one question that was asked about.
    Explained(String),
}

/// Evaluates every set of a request, one after the other.
pub async fn evaluate(
    app: &Arc<App>,
    request: &EvalRequest,
    progress: &ProgressSender,
) -> anyhow::Result<Outcome> {
    let counter = TokenCounter::named(&app.config.chat.tokenizer).map_err(anyhow::Error::msg)?;
    let chat = Chat {
        prompts: Prompts::load(&app.config.chat.prompts, counter)?,
        conversations: Conversations::default(),
    };
    // A set that cannot be read is said before the work and not after it.
    let mut sets = Vec::new();
    for set in &request.sets {
        sets.push((set, QuestionSet::read(&set.file, set.corpus.as_deref())?));
    }
    let mut corpora = Vec::new();
    for folder in &request.beir {
        corpora.push(Beir::read(folder)?);
    }
    if let Some(id) = &request.explain {
        return one(app, &chat, &sets, &corpora, id, progress).await;
    }
    let judge = request.judge.then(|| judge(app)).transpose()?;
    let mut report = Report::default();
    for (set, questions) in &sets {
        let app = over(app, set, questions, progress).await?;
        report.sets.push(if request.retrieval_only {
            retrieval::question_set(&app, &chat, questions, request.signals, progress).await?
        } else {
            answers::question_set(&app, &chat, judge.as_ref(), questions, progress).await?
        });
    }
    for beir in &corpora {
        let app = corpus::of_beir(app, beir, progress).await?;
        if beir.judged().next().is_some() {
            let set = retrieval::beir(&app, &chat, beir, progress).await?;
            report.sets.push(set);
        }
        if beir.has_candidates() {
            let with_model = app.generator.is_model() && !request.retrieval_only;
            let sets = decision::decisions(&app, &chat, beir, with_model, progress).await?;
            report.sets.extend(sets);
        }
    }
    Ok(Outcome::Measured(report))
}

fn judge(app: &App) -> anyhow::Result<Judge> {
    anyhow::ensure!(
        app.generator.is_model(),
        "--judge needs a chat model: set chat.base_url or chat.api_key"
    );
    Ok(Judge::load(&app.config.chat.prompts)?)
}

/// The parts whose collection a set is asked over.
async fn over(
    app: &Arc<App>,
    set: &SetRequest,
    questions: &QuestionSet,
    progress: &ProgressSender,
) -> anyhow::Result<Arc<App>> {
    if let Some(folder) = &set.over {
        return corpus::of_folder(app, &questions.name, folder, progress).await;
    }
    app.load_terms().await?;
    Ok(Arc::clone(app))
}

/// Explains the question of that id.
async fn one(
    app: &Arc<App>,
    chat: &Chat,
    sets: &[(&SetRequest, QuestionSet)],
    corpora: &[Beir],
    id: &str,
    progress: &ProgressSender,
) -> anyhow::Result<Outcome> {
    let of_id = |question: &&Question| question.id == id;
    for (set, questions) in sets {
        if let Some(question) = questions.questions.iter().find(of_id) {
            let app = over(app, set, questions, progress).await?;
            let text = explain::explain(&app, chat, question).await?;
            return Ok(Outcome::Explained(text));
        }
    }
    for beir in corpora {
        if let Some(question) = beir.question(id) {
            let app = corpus::of_beir(app, beir, progress).await?;
            let text = explain::explain(&app, chat, &question).await?;
            return Ok(Outcome::Explained(text));
        }
    }
    anyhow::bail!("no question here has the id `{id}`")
}
