//! Whole answers: by the same walk as everyone's, measured against what is known to be right.

use std::collections::BTreeMap;

use docent_core::app::App;
use docent_core::config::Grounding;
use docent_core::index::Payload;

use super::judge::Judge;
use super::questions::{Question, QuestionSet};
use super::report::{Asked, SetReport};
use super::retrieval::{DEPTH, scores};
use super::support::{claims, supports, without_marks};
use super::{EvalError, Progress, ProgressSender, facts, spans};
use crate::chat::probe::{Probe, ProbeRequest, ProbedPassage, probe};
use crate::chat::{self, Answer, AnswerOutcome, Chat, ChatError, Events};

/// Asks every question of a set and measures passages and answers.
pub async fn question_set(
    app: &App,
    chat: &Chat,
    judge: Option<&Judge>,
    set: &QuestionSet,
    progress: &ProgressSender,
) -> Result<SetReport, EvalError> {
    let mut report = SetReport {
        name: set.name.clone(),
        ..SetReport::default()
    };
    for (done, question) in set.questions.iter().enumerate() {
        progress.send(Progress::Questions {
            set: set.name.clone(),
            done,
            of: set.questions.len(),
        });
        report
            .asked
            .push(ask(app, chat, judge, question, progress).await?);
    }
    Ok(report)
}

/// One question. An answer that fails is counted; an index without documents ends the evaluation.
async fn ask(
    app: &App,
    chat: &Chat,
    judge: Option<&Judge>,
    question: &Question,
    progress: &ProgressSender,
) -> Result<Asked, EvalError> {
    let turn = super::conversation(app, chat, question).await?;
    let answer = match chat::answer(app, chat, &turn, &Events::channel().0).await {
        Ok(answer) => answer,
        Err(error @ (ChatError::NothingIngested | ChatError::Prompt(_))) => {
            return Err(error.into());
        }
        Err(error) => {
            progress.send(Progress::Note {
                text: format!("{}: {error}", question.id),
            });
            return Ok(failed(question, &error));
        }
    };
    let standalone = super::turn(&answer.standalone_question, &turn.caller.groups);
    let request = ProbeRequest {
        limit: app.config.retrieval.passages.max(DEPTH),
        documents: None,
        trace: false,
    };
    let found = probe(app, chat, &standalone, &request).await?;
    let mut asked = asked(app, question, &answer, &found);
    if let Some(judge) = judge
        && answer.outcome == AnswerOutcome::Answered
    {
        // An answer that could not be judged has no such figures; the count shows it.
        match judge.judge(app, question, &answer, &found.passages).await {
            Ok(verdict) => {
                let figures = [
                    ("judged_correct", verdict.correct),
                    ("judged_supported", verdict.supported),
                ];
                for (name, value) in figures {
                    if let Some(value) = value {
                        asked
                            .scores
                            .insert(name.to_owned(), f64::from(u8::from(value)));
                    }
                }
            }
            Err(error) => progress.send(Progress::Note {
                text: format!("{}: not judged: {error}", question.id),
            }),
        }
    }
    Ok(asked)
}

fn failed(question: &Question, error: &ChatError) -> Asked {
    Asked {
        id: question.id.clone(),
        question: question.question.clone(),
        kind: question.kind.clone(),
        answerable: question.is_answerable(),
        failed: Some(error.to_string()),
        ..Asked::default()
    }
}

fn asked(app: &App, question: &Question, answer: &Answer, found: &Probe) -> Asked {
    let mut scores = scores(question, &found.passages);
    if answer.outcome == AnswerOutcome::Answered {
        let passages = &found.passages[..found.passages.len().min(app.config.retrieval.passages)];
        let grounding = &app.config.grounding;
        scores.extend(answer_scores(question, answer, passages, grounding));
    }
    Asked {
        id: question.id.clone(),
        question: question.question.clone(),
        kind: question.kind.clone(),
        answerable: question.is_answerable(),
        abstained: Some(answer.outcome == AnswerOutcome::Abstained),
        answer: Some(answer.answer.clone()),
        scores,
        retrieve_ms: answer.timings.retrieve_ms as f64,
        first_token_ms: answer.timings.first_token_ms.map(|ms| ms as f64),
        total_ms: Some(answer.timings.total_ms as f64),
        input_tokens: answer.usage.input_tokens,
        output_tokens: answer.usage.output_tokens,
        cost_usd: answer.usage.cost_usd,
        ..Asked::default()
    }
}

/// The measures of an answer that was given.
fn answer_scores(
    question: &Question,
    answer: &Answer,
    passages: &[ProbedPassage],
    grounding: &Grounding,
) -> BTreeMap<String, f64> {
    let mut scores = BTreeMap::new();
    let mut set = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            scores.insert(name.to_owned(), value);
        }
    };
    let quoted = |citation: &chat::turn::Citation| {
        passages
            .get(citation.number.wrapping_sub(1))
            .is_some_and(|passage| {
                passage.payload.path == citation.path
                    && stands_in(&citation.quote, &passage.payload)
            })
    };
    set("citations_valid", share(&answer.citations, quoted));
    let claims = claims(&answer.answer);
    set(
        "citations_supported",
        share(&claims, |claim| {
            let cited = claim.cites.iter();
            let cited: Vec<&Payload> = cited
                .filter_map(|number| passages.get(number.wrapping_sub(1)))
                .map(|passage| &passage.payload)
                .collect();
            supports(&cited, &claim.text, grounding)
        }),
    );
    if !question.is_answerable() {
        return scores;
    }
    let plain = without_marks(&answer.answer);
    if let Some(expected) = &question.answer {
        set("key_facts", facts::share_present(expected, &plain));
    }
    let spans: Vec<&str> = question
        .gold
        .iter()
        .map(|gold| gold.evidence.as_str())
        .filter(|evidence| !evidence.is_empty())
        .collect();
    let found = share(&spans, |evidence| spans::contains(&plain, evidence));
    set(
        "evidence_in_answer",
        if question.needs_all() {
            found
        } else {
            // Each place answers by itself.
            found.map(|share| f64::from(u8::from(share > 0.0)))
        },
    );
    scores
}

/// The share of items that something holds for; `None` where there are none.
fn share<T>(items: &[T], holds: impl Fn(&T) -> bool) -> Option<f64> {
    let held = items.iter().filter(|item| holds(item)).count();
    (!items.is_empty()).then(|| held as f64 / items.len() as f64)
}
/// Whether a quote stands in a passage's text, or is made of the lines of its metadata.
fn stands_in(quote: &str, payload: &Payload) -> bool {
    let facts = payload.facts();
    payload.text.contains(quote)
        || quote
            .split(" · ")
            .all(|part| facts.lines().any(|line| line == part))
}
