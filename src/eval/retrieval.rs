//! Retrieval alone: where the documents that answer a question stand among what is found.

use std::collections::BTreeMap;

use docent_core::app::App;

use super::beir::Beir;
use super::metrics::{Grades, ndcg_at, rank, recall_at, reciprocal_rank_at};
use super::questions::{Gold, Question, QuestionSet};
use super::report::{Asked, SetReport};
use super::signals::signals;
use super::spans::{holds, is_path};
use super::{EvalError, Progress, ProgressSender, turn};
use crate::chat::Chat;
use crate::chat::probe::{Probe, ProbeRequest, ProbedPassage, probe};

/// Ranks that a question set is measured to.
pub(super) const DEPTH: usize = 10;
/// Documents that a BEIR corpus is measured to.
const BEIR_DEPTH: usize = 100;
/// Passages asked for so that they are of at least [`DEPTH`] or [`BEIR_DEPTH`] documents: abstracts and
/// encyclopedia passages are one or two chunks long.
const BEIR_FIRST: usize = 30;
const BEIR_ALL: usize = 200;

/// Asks every question of a set for its passages, and with its signals where they are wanted.
pub async fn question_set(
    app: &App,
    chat: &Chat,
    set: &QuestionSet,
    with_signals: bool,
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
        let turn = super::conversation(app, chat, question).await?;
        let found = probe(app, chat, &turn, &request(app, with_signals)).await?;
        let mut asked = asked(question, &found);
        if with_signals {
            asked.signals = signals(&found);
        }
        report.asked.push(asked);
    }
    Ok(report)
}

fn request(app: &App, trace: bool) -> ProbeRequest {
    ProbeRequest {
        limit: app.config.retrieval.passages.max(DEPTH),
        documents: None,
        trace,
    }
}

/// A question's figures from its passages.
fn asked(question: &Question, found: &Probe) -> Asked {
    Asked {
        id: question.id.clone(),
        question: question.question.clone(),
        kind: question.kind.clone(),
        answerable: question.is_answerable(),
        abstained: Some(found.abstains.is_some()),
        scores: scores(question, &found.passages),
        retrieve_ms: found.retrieve_ms as f64,
        cost_usd: Some(rust_decimal::Decimal::ZERO),
        ..Asked::default()
    }
}

/// Files and spans: a file counts at its first passage. A question that the documents do not
/// answer has no such figures.
pub(super) fn scores(question: &Question, passages: &[ProbedPassage]) -> BTreeMap<String, f64> {
    let mut scores = BTreeMap::new();
    if !question.is_answerable() {
        return scores;
    }
    // Where each place answers by itself they are one thing to be found, else each is one.
    let name = |path: &str| {
        let name = if question.needs_all() { path } else { "any" };
        name.to_owned()
    };
    let paths = question.gold_paths();
    let grades: Grades = paths.iter().map(|path| (name(path), 1)).collect();
    // A passage of no gold file, or of one that stands above already, gains nothing.
    let mut ranking: Vec<String> = Vec::new();
    for passage in passages {
        let gold = paths
            .iter()
            .find(|path| is_path(&passage.payload.path, path))
            .map(|path| name(path))
            .filter(|found| !ranking.contains(found));
        ranking.push(gold.unwrap_or_default());
    }
    for k in [1, 5, DEPTH] {
        scores.insert(format!("recall_at_{k}"), recall_at(&ranking, &grades, k));
        let spans: Vec<&Gold> = question
            .gold
            .iter()
            .filter(|gold| !gold.evidence.is_empty())
            .collect();
        if !spans.is_empty() {
            let found = spans
                .iter()
                .filter(|gold| span_rank(gold, passages).is_some_and(|rank| rank <= k));
            let share = if question.needs_all() {
                found.count() as f64 / spans.len() as f64
            } else {
                f64::from(u8::from(found.count() > 0))
            };
            scores.insert(format!("span_recall_at_{k}"), share);
        }
    }
    let mrr = reciprocal_rank_at(&ranking, &grades, DEPTH);
    scores.insert("mrr_at_10".to_owned(), mrr);
    scores.insert("ndcg_at_10".to_owned(), ndcg_at(&ranking, &grades, DEPTH));
    scores
}

/// The rank, from 1, of the first passage that holds the evidence.
pub(super) fn span_rank(gold: &Gold, passages: &[ProbedPassage]) -> Option<usize> {
    let position = passages.iter().position(|passage| {
        is_path(&passage.payload.path, &gold.path) && holds(&passage.payload, &gold.evidence)
    });
    position.map(|position| position + 1)
}

/// Asks every judged question of a corpus, and measures the ranking of its documents.
pub async fn beir(
    app: &App,
    chat: &Chat,
    beir: &Beir,
    progress: &ProgressSender,
) -> Result<SetReport, EvalError> {
    let mut report = SetReport {
        name: beir.name.clone(),
        ..SetReport::default()
    };
    let files = beir.ids_by_file();
    let judged: Vec<_> = beir.judged().collect();
    let groups = [docent_core::document::EVERYONE.to_owned()];
    for (done, (query, grades)) in judged.iter().enumerate() {
        progress.send(Progress::Questions {
            set: beir.name.clone(),
            done,
            of: judged.len(),
        });
        let reached = async |limit: usize| -> Result<(Vec<String>, u64), EvalError> {
            let request = ProbeRequest {
                limit,
                documents: None,
                trace: false,
            };
            let found = probe(app, chat, &turn(&query.text, &groups), &request).await?;
            let scored: Vec<(String, f32)> = found
                .passages
                .iter()
                .filter_map(|passage| {
                    let id = files.get(passage.payload.path.as_str())?;
                    Some(((*id).to_owned(), passage.score))
                })
                .collect();
            Ok((rank(&scored), found.retrieve_ms))
        };
        // A search that reaches further has more candidates, which changes the order a little: the
        // first ten are measured as an answer finds them.
        let (first, retrieve_ms) = reached(BEIR_FIRST).await?;
        let (all, _) = reached(BEIR_ALL).await?;
        report.asked.push(Asked {
            id: query.id.clone(),
            question: query.text.clone(),
            kind: "beir".to_owned(),
            answerable: true,
            scores: beir_scores(&first, &all, grades),
            retrieve_ms: retrieve_ms as f64,
            cost_usd: Some(rust_decimal::Decimal::ZERO),
            ..Asked::default()
        });
    }
    Ok(report)
}

fn beir_scores(first: &[String], all: &[String], grades: &Grades) -> BTreeMap<String, f64> {
    [
        ("ndcg_at_10", ndcg_at(first, grades, DEPTH)),
        ("recall_at_1", recall_at(first, grades, 1)),
        ("recall_at_5", recall_at(first, grades, 5)),
        ("recall_at_10", recall_at(first, grades, DEPTH)),
        ("recall_at_100", recall_at(all, grades, BEIR_DEPTH)),
        ("mrr_at_10", reciprocal_rank_at(first, grades, DEPTH)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
