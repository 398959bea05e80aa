//! Expansion: a question that finds little is asked again in the chat model's words, and what those
//! find joins what the question found itself.

use std::collections::HashMap;
use std::time::Duration;

use docent_core::app::App;
use docent_core::config::Expand;
use docent_core::index::{TermFrequencies, fusion};
use docent_core::ledger::Purpose;
use docent_core::models::CallFor;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::super::record::Draft;
use super::super::{Chat, Turn, abstain};
use super::{Reach, Retrieval, Retrieved, found_by};

/// Output tokens of the call, lines of it that are searched, and characters of a line.
const MAX_TOKENS: u32 = 200;
const LINES: usize = 3;
const LONGEST: usize = 300;
/// What a passage's rank in the list of another wording is worth beside its rank in the question's own.
const WORDING: f32 = 0.5;
/// What a wording's words are worth as evidence beside the question's own.
const EVIDENCE: f32 = 0.9;

/// Another text to search with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expansion {
    /// The question in other words.
    Wording(String),
    /// A sentence that might answer it (Gao et al. 2022, <https://arxiv.org/abs/2212.10496>). It finds
    /// passages, but its words are made up: they are no evidence that the answer is there.
    Passage(String),
}

/// Whether a question is worth another call: its evidence would not do for an answer.
fn is_hard(app: &App, retrieval: &Retrieval) -> bool {
    abstain::too_weak(app, retrieval).is_some()
}

/// What a hard question finds with other wordings besides; without a chat model, or when it fails or is
/// late, what it found itself.
pub(in super::super) async fn expand(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    draft: &mut Draft,
    reach: &Reach,
    retrieval: Retrieval,
) -> Retrieval {
    let settings = &app.config.retrieval;
    if settings.expand == Expand::Never || !app.generator.is_model() || !is_hard(app, &retrieval) {
        return retrieval;
    }
    let deadline = Instant::now() + Duration::from_millis(settings.expand_ms);
    let mut lists = Vec::new();
    let embedding = draft.question_embedding.clone();
    for expansion in expansions(app, chat, turn, draft, deadline).await {
        let (text, worth) = match expansion {
            Expansion::Wording(text) => (text, EVIDENCE),
            Expansion::Passage(text) => (text, 0.0),
        };
        match timeout_at(deadline, found_by(app, turn, draft, reach, text)).await {
            Ok(Ok(found)) => lists.push((worth, found)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "another wording of a question could not be searched");
                break;
            }
            Err(_) => break,
        }
    }
    draft.question_embedding = embedding;
    joined(retrieval, lists, reach.limit, &app.terms())
}

/// What the chat model writes; nothing where it fails or is late.
async fn expansions(
    app: &App,
    chat: &Chat,
    turn: &Turn,
    draft: &mut Draft,
    deadline: Instant,
) -> Vec<Expansion> {
    let question = draft.standalone_question.clone();
    let messages = match chat.prompts.expand(&question) {
        Ok(messages) => messages,
        Err(error) => {
            tracing::warn!(%error, "a question is not asked in other words");
            return Vec::new();
        }
    };
    let call = CallFor::interaction(Purpose::Expand, turn.interaction_id);
    let asked = app.generator.complete(&call, &messages, MAX_TOKENS);
    match timeout_at(deadline, asked).await {
        Ok(Ok(completed)) => read(&completed.text, &question),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a question is not asked in other words");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!("other wordings of a question came too late; see retrieval.expand_ms");
            Vec::new()
        }
    }
}

/// The lines of the model's text, of whatever shape it gave them.
fn read(text: &str, question: &str) -> Vec<Expansion> {
    let mut found: Vec<Expansion> = Vec::new();
    for line in text.lines() {
        let line = without_bullet(line);
        let (is_passage, rest) = match line.split_once(':') {
            Some((label, rest)) if label.eq_ignore_ascii_case("passage") => (true, rest),
            Some((label, rest)) if label.eq_ignore_ascii_case("wording") => (false, rest),
            _ => (false, line),
        };
        let rest = rest.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '*');
        if rest.is_empty() || rest.chars().count() > LONGEST || rest == question.trim() {
            continue;
        }
        let expansion = if is_passage {
            Expansion::Passage(rest.to_owned())
        } else {
            Expansion::Wording(rest.to_owned())
        };
        if !found.contains(&expansion) {
            found.push(expansion);
        }
    }
    found.truncate(LINES);
    found
}

/// A line without `-`, `*` or `2.` before it.
fn without_bullet(line: &str) -> &str {
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "-*•".contains(c));
    match line.split_once(['.', ')']) {
        Some((number, rest))
            if rest.starts_with(' ')
                && (1..=2).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            rest.trim_start()
        }
        _ => line,
    }
}

/// Fuses what the question found with what its wordings did, by reciprocal ranks. A passage's words are
/// evidence as far as they meet the question, or a wording of it.
fn joined(
    own: Retrieval,
    others: Vec<(f32, Retrieval)>,
    limit: usize,
    frequencies: &TermFrequencies,
) -> Retrieval {
    if others.iter().all(|(_, found)| found.passages.is_empty()) {
        return own;
    }
    let Retrieval {
        passages, question, ..
    } = own;
    let asked = question.weight();
    let ids = |passages: &[Retrieved]| passages.iter().map(|passage| passage.hit.id).collect();
    let mut lists = vec![(1.0, ids(&passages))];
    let mut all: HashMap<Uuid, Retrieved> = passages
        .into_iter()
        .map(|passage| (passage.hit.id, passage))
        .collect();
    let mut unknown = own.unknown;
    for (worth, found) in others {
        if worth > 0.0 {
            // The words of a wording are known, where those of the question are not.
            unknown = unknown.min(found.unknown);
        }
        // A wording that asks for less than the question does is less evidence.
        let asks = found.question.weight();
        let worth = if asks < asked {
            worth * asks / asked
        } else {
            worth
        };
        lists.push((WORDING, ids(&found.passages)));
        for mut passage in found.passages {
            let of_wording = passage.matched;
            let kept = all.entry(passage.hit.id).or_insert_with(|| {
                let text = passage.hit.payload.lexical_text();
                passage.matched = question.matched_by(&text, frequencies);
                passage
            });
            let matched = &mut kept.matched;
            matched.coverage = matched.coverage.max(of_wording.coverage * worth);
            matched.strength = matched.strength.max(of_wording.strength * worth);
        }
    }
    let fused = fusion::by_ranks(lists).into_iter().take(limit);
    let passages = fused.enumerate().filter_map(|(position, (id, score))| {
        let mut passage = all.remove(&id)?;
        passage.number = position + 1;
        passage.hit.score = score;
        Some(passage)
    });
    Retrieval {
        passages: passages.collect(),
        question,
        unknown,
        ..own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whatever_shape_the_model_gives_them() {
        let text = "wording: who looks after fct_trips?\n\n2. Wording: \"owner of fct_trips\"\n\
                    - passage: The owner of fct_trips is a team.\nwording: a fourth one";
        let wording = |text: &str| Expansion::Wording(text.to_owned());
        assert_eq!(
            read(text, "Who is it?"),
            [
                wording("who looks after fct_trips?"),
                wording("owner of fct_trips"),
                Expansion::Passage("The owner of fct_trips is a team.".to_owned()),
            ]
        );
        assert_eq!(read("a plain line", "q"), [wording("a plain line")]);
        assert!(read("Who is it?\n\n", "Who is it?").is_empty());
        assert!(read(&"word ".repeat(100), "q").is_empty());
    }
}
