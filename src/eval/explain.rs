//! Why a question found what it found: the question as it was searched, what each arm ranked, what
//! came of it, and where the passages that answer it fell.

use std::collections::HashSet;

use docent_core::app::App;
use docent_core::index::{Hit, Payload, QuestionTerm, StoredPoint, lexical};

use super::questions::{Gold, Question};
use super::retrieval::DEPTH;
use super::spans::{holds, is_path};
use super::table::lines;
use super::{EvalError, conversation};
use crate::chat::probe::{Probe, ProbeRequest, ProbedPassage, Trace, probe};
use crate::chat::{Chat, ChatError};

/// Passages of each arm that are shown.
const SHOWN: usize = 10;
/// Points read at a time in search of the passages that should have been found.
const PAGE: usize = 1000;

/// Explains one question, in text for a terminal.
pub async fn explain(app: &App, chat: &Chat, question: &Question) -> Result<String, EvalError> {
    let turn = conversation(app, chat, question).await?;
    let request = ProbeRequest {
        limit: app.config.retrieval.passages.max(DEPTH),
        documents: None,
        trace: true,
    };
    let found = probe(app, chat, &turn, &request).await?;
    let mut text = format!("{} ({})\n", question.id, question.kind);
    text.push_str(&format!("question:  {}\n", question.question));
    let Some(trace) = &found.trace else {
        return Ok(text);
    };
    text.push_str(&format!("searched:  {}\n", trace.question));
    text.push_str(&format!("terms:     {}\n", rare_first(app, trace)));
    let settings = &app.config.retrieval;
    text.push_str(&format!(
        "arms:      dense {} hits × {}, sparse {} hits × {}\n",
        trace.dense.len(),
        settings.dense_weight,
        trace.sparse.len(),
        settings.sparse_weight
    ));
    let decision = match &found.abstains {
        Some(reason) => format!("declines: {reason}"),
        None => format!("answers: an answer is {:.2} likely", found.probability),
    };
    text.push_str(&format!("decision:  {decision}\n\n"));
    text.push_str(&ranking(question, &found, trace));
    for (name, arm) in [("dense", &trace.dense), ("sparse", &trace.sparse)] {
        text.push('\n');
        text.push_str(&arm_table(name, question, arm));
    }
    for gold in &question.gold {
        text.push('\n');
        text.push_str(&fell(app, gold, &found, trace).await?);
    }
    Ok(text)
}

/// The question's terms, each with its weight, rarest first, and what may stand for it.
fn rare_first(app: &App, trace: &Trace) -> String {
    let frequencies = app.terms();
    let mut terms: Vec<&QuestionTerm> = trace.terms.terms.iter().collect();
    terms.sort_by(|left, right| right.weight.total_cmp(&left.weight));
    let terms = terms.into_iter().map(|term| {
        let known = frequencies.frequency(lexical::term_id(&term.term)) > 0;
        let unknown = if known { "" } else { " unknown" };
        let mut text = format!("{} ({:.1}{unknown})", term.term, term.weight);
        for other in &term.alternatives {
            text.push_str(&format!(" or {} (× {:.2})", other.term, other.factor));
        }
        text
    });
    let synonyms = trace.terms.synonyms.iter().map(|synonym| {
        let terms = synonym.terms.join(" ");
        format!("glossary: {terms} (× {:.2})", synonym.factor)
    });
    terms.chain(synonyms).collect::<Vec<_>>().join(", ")
}

/// What came out, with each passage's rank before that.
fn ranking(question: &Question, found: &Probe, trace: &Trace) -> String {
    let headings = [
        "rank", "fused", "dense", "sparse", "score", "cosine", "coverage", "passage",
    ];
    let mut rows = vec![headings.map(str::to_owned).to_vec()];
    for (position, passage) in found.passages.iter().enumerate() {
        let place = |arm: &[Hit]| rank_text(rank_of(arm, passage));
        rows.push(vec![
            format!("{}{}", position + 1, mark(question, &passage.payload)),
            place(&trace.fused),
            place(&trace.dense),
            place(&trace.sparse),
            format!("{:.3}", passage.score),
            passage
                .cosine
                .map_or_else(|| "–".to_owned(), |cosine| format!("{cosine:.2}")),
            format!("{:.2}", passage.matched.coverage),
            name(&passage.payload),
        ]);
    }
    let legend = "* a passage of a file that answers it, ** one that holds the evidence\n";
    left_last(&rows) + legend
}

fn arm_table(arm: &str, question: &Question, hits: &[Hit]) -> String {
    let mut rows = vec![vec![
        arm.to_owned(),
        "score".to_owned(),
        "passage".to_owned(),
    ]];
    for (position, hit) in hits.iter().take(SHOWN).enumerate() {
        rows.push(vec![
            format!("{}{}", position + 1, mark(question, &hit.payload)),
            format!("{:.3}", hit.score),
            name(&hit.payload),
        ]);
    }
    left_last(&rows)
}

/// Where a gold passage fell in each stage, and which of the question's terms it lacks.
async fn fell(app: &App, gold: &Gold, found: &Probe, trace: &Trace) -> Result<String, EvalError> {
    let mut text = format!("gold {}: {}\n", gold.path, short(&gold.evidence));
    let chunks = gold_chunks(app, gold).await?;
    if chunks.is_empty() {
        text.push_str("  no passage of this file is in the index\n");
        return Ok(text);
    }
    let holding: Vec<&StoredPoint> = chunks
        .iter()
        .filter(|chunk| gold.evidence.is_empty() || holds(&chunk.payload, &gold.evidence))
        .collect();
    if holding.is_empty() {
        text.push_str(&format!(
            "  none of its {} passages holds the evidence in one piece\n",
            chunks.len()
        ));
    }
    for chunk in holding {
        let place = |arm: &[Hit]| rank_text(arm.iter().position(|hit| hit.id == chunk.id));
        let last = found
            .passages
            .iter()
            .position(|passage| passage.point_id == chunk.id);
        text.push_str(&format!(
            "  {}: dense {}, sparse {}, fused {}, in the end {}\n",
            name(&chunk.payload),
            place(&trace.dense),
            place(&trace.sparse),
            place(&trace.fused),
            rank_text(last),
        ));
        let present: HashSet<String> = lexical::terms(&chunk.payload.lexical_text())
            .into_iter()
            .collect();
        let lacks: Vec<String> = lexical::distinct_terms(&trace.question)
            .into_iter()
            .filter(|term| !present.contains(term))
            .collect();
        if !lacks.is_empty() {
            text.push_str(&format!("    it lacks: {}\n", lacks.join(", ")));
        }
    }
    Ok(text)
}

async fn gold_chunks(app: &App, gold: &Gold) -> Result<Vec<StoredPoint>, EvalError> {
    let live = app.index.live().await.map_err(ChatError::from)?;
    let live = live.ok_or(ChatError::NothingIngested)?;
    let mut chunks = Vec::new();
    let mut offset = None;
    loop {
        let page = app.index.scroll(&live, offset, PAGE, false).await;
        let page = page.map_err(ChatError::from)?;
        let of_gold = |point: &StoredPoint| is_path(&point.payload.path, &gold.path);
        chunks.extend(page.points.into_iter().filter(of_gold));
        offset = page.next;
        if offset.is_none() {
            chunks.sort_by_key(|chunk| chunk.payload.ordinal);
            return Ok(chunks);
        }
    }
}

fn rank_of(arm: &[Hit], passage: &ProbedPassage) -> Option<usize> {
    arm.iter().position(|hit| hit.id == passage.point_id)
}

fn rank_text(position: Option<usize>) -> String {
    position.map_or_else(|| "–".to_owned(), |position| (position + 1).to_string())
}

fn mark(question: &Question, payload: &Payload) -> &'static str {
    let mut of_file = question
        .gold
        .iter()
        .filter(|gold| is_path(&payload.path, &gold.path))
        .peekable();
    if of_file.peek().is_none() {
        ""
    } else if of_file.any(|gold| holds(payload, &gold.evidence)) {
        "**"
    } else {
        "*"
    }
}

fn name(payload: &Payload) -> String {
    let mut name = format!("{}#{}", payload.path, payload.ordinal);
    for heading in &payload.heading {
        name.push_str(" > ");
        name.push_str(heading);
    }
    name
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(100).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Columns with the last one, which is text, aligned left.
fn left_last(rows: &[Vec<String>]) -> String {
    let widest = rows.iter().filter_map(|row| row.last());
    let widest = widest.map(|cell| cell.chars().count()).max().unwrap_or(0);
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let mut row = row.clone();
            if let Some(last) = row.last_mut() {
                let fill = widest - last.chars().count();
                last.push_str(&" ".repeat(fill));
            }
            row
        })
        .collect();
    lines(&rows)
}
