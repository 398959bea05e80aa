//! Retrieval alone: where the documents that answer a question stand among what is found.

use std::collections::BTreeMap;

use docent_core::app::App;

use super::beir::Beir;
use super::metrics::{Grades, ndcg_at, rank, recall_at, reciprocal_rank_at};
use super::questions::{Gold, Question, QuestionSet};
use super::report::{Asked, SetReport};
use super::spans::{holds, is_path};
use super::{EvalError, Progress, ProgressSender, turn};
use crate::chat::Chat;
use crate::chat::probe::{Probe, ProbeRequest, ProbedPassage, probe};

/// Ranks that a question set is measured to.
pub(super) const DEPTH: usize = 10;
/// Documents that a BEIR corpus is measured to.
const BEIR_DEPTH: usize = 100;
/// Passages asked for so that they are of at least [`BEIR_DEPTH`] documents: abstracts and
/// encyclopedia passages are one or two chunks long.
const BEIR_PASSAGES: usize = 250;

/// Asks every question of a set for its passages.
pub async fn question_set(
    app: &App,
    chat: &Chat,
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
        let turn = super::conversation(app, chat, question).await?;
        let found = probe(app, chat, &turn, &request(app)).await?;
        report.asked.push(asked(question, &found));
    }
    Ok(report)
}

fn request(app: &App) -> ProbeRequest {
    ProbeRequest {
        limit: app.config.retrieval.passages.max(DEPTH),
        documents: None,
        trace: false,
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
    let paths = question.gold_paths();
    let grades: Grades = paths.iter().map(|path| ((*path).to_owned(), 1)).collect();
    // A passage of no gold file, or of one that stands above already, gains nothing.
    let mut ranking: Vec<String> = Vec::new();
    for passage in passages {
        let gold = paths
            .iter()
            .find(|path| is_path(&passage.payload.path, path));
        ranking.push(match gold {
            Some(path) if !ranking.iter().any(|one| one == path) => (*path).to_owned(),
            _ => String::new(),
        });
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
            let share = found.count() as f64 / spans.len() as f64;
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
    let request = ProbeRequest {
        limit: BEIR_PASSAGES,
        documents: None,
        trace: false,
    };
    for (done, (query, grades)) in judged.iter().enumerate() {
        progress.send(Progress::Questions {
            set: beir.name.clone(),
            done,
            of: judged.len(),
        });
        let found = probe(app, chat, &turn(&query.text, &groups), &request).await?;
        let scored: Vec<(String, f32)> = found
            .passages
            .iter()
            .filter_map(|passage| {
                let id = files.get(passage.payload.path.as_str())?;
                Some(((*id).to_owned(), passage.score))
            })
            .collect();
        let ranking = rank(&scored);
        report.asked.push(Asked {
            id: query.id.clone(),
            question: query.text.clone(),
            kind: "beir".to_owned(),
            answerable: true,
            scores: beir_scores(&ranking, grades),
            retrieve_ms: found.retrieve_ms as f64,
            cost_usd: Some(rust_decimal::Decimal::ZERO),
            ..Asked::default()
        });
    }
    Ok(report)
}

fn beir_scores(ranking: &[String], grades: &Grades) -> BTreeMap<String, f64> {
    [
        ("ndcg_at_10", ndcg_at(ranking, grades, DEPTH)),
        ("recall_at_1", recall_at(ranking, grades, 1)),
        ("recall_at_5", recall_at(ranking, grades, 5)),
        ("recall_at_10", recall_at(ranking, grades, DEPTH)),
        ("recall_at_100", recall_at(ranking, grades, BEIR_DEPTH)),
        ("mrr_at_10", reciprocal_rank_at(ranking, grades, DEPTH)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
