//! The best hits in the order in which a reranker puts them, where one is configured.

use docent_core::app::App;
use docent_core::index::Hit;
use docent_core::ledger::Purpose;
use docent_core::models::CallFor;

use super::super::Turn;
use super::super::record::Draft;

/// How many hits the search has to give, where ranking wants `limit` of them.
pub(super) fn wanted(app: &App, limit: usize) -> usize {
    match &app.reranker {
        Some(_) => limit.max(app.config.rerank.candidates),
        None => limit,
    }
}

/// The hits in the reranker's order and with its scores; hits that it did not judge follow in theirs.
/// Where it is down the hits are left as they are.
pub(super) async fn rerank(app: &App, turn: &Turn, draft: &mut Draft, hits: Vec<Hit>) -> Vec<Hit> {
    let Some(reranker) = app.reranker.as_ref().filter(|_| hits.len() > 1) else {
        return hits;
    };
    let judged = hits.iter().take(app.config.rerank.candidates);
    let texts = judged.map(text).collect();
    let call = CallFor::interaction(Purpose::Rerank, turn.interaction_id);
    let question = draft.standalone_question.clone();
    let Some(reranked) = reranker.try_rerank(&call, &question, texts).await else {
        return hits;
    };
    reordered(hits, &reranked.scores)
}

/// A hit as the reranker reads it.
fn text(hit: &Hit) -> String {
    let mut text = hit.payload.title.clone();
    for part in &hit.payload.heading {
        text.push_str(" > ");
        text.push_str(part);
    }
    text.push_str("\n\n");
    text.push_str(&hit.payload.text);
    text
}

fn reordered(hits: Vec<Hit>, scores: &[Option<f32>]) -> Vec<Hit> {
    let scores = scores.iter().copied().chain(std::iter::repeat(None));
    let (mut judged, mut rest) = (Vec::new(), Vec::new());
    for (mut hit, score) in hits.into_iter().zip(scores) {
        match score {
            Some(score) => {
                hit.score = score;
                judged.push(hit);
            }
            None => rest.push(hit),
        }
    }
    // Stable: hits that are judged alike stay in the order of the search.
    judged.sort_by(|a, b| b.score.total_cmp(&a.score));
    // The others keep their distances among themselves, below the last that was judged.
    let lowest = judged.last().map_or(1.0, |hit| hit.score);
    let highest = rest.iter().map(|hit| hit.score).fold(0.0, f32::max);
    for hit in &mut rest {
        hit.score = if highest > 0.0 {
            lowest * (hit.score / highest).max(0.0)
        } else {
            0.0
        };
    }
    judged.append(&mut rest);
    judged
}
