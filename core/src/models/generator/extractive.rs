//! Answers without a model: the best sentences of the passages, quoted word for word.
//!
//! A sentence is worth the rarity of the question's terms that it covers. The choice is greedy, as in
//! maximal marginal relevance (Carbonell and Goldstein, 1998): a term that an earlier choice covers
//! counts little again, so that five sentences do not say the same.

use std::collections::{HashMap, HashSet};

use super::marks::escaped;
use super::sentences::{Kind, Sentence, sentences};
use super::statements::statements;
use super::{GenerateRequest, Passage};
use crate::index::lexical;

/// Most sentences of an answer.
const MOST: usize = 5;
/// Most sentences of an answer that somebody gave to the question.
const MOST_OF_ANSWER: usize = 12;
/// A sentence worth less than this share of the best one is left out.
const WORTH_SAYING: f32 = 0.2;
/// What a term counts that stands only in the heading or lead above a sentence.
const ABOVE: f32 = 0.35;
/// What a term counts that an earlier choice covers.
const COVERED: f32 = 0.45;
/// What the last passage is worth, compared with the first.
const LAST_PASSAGE: f32 = 0.6;
/// What a number adds, as a share of the question's whole weight, where the question asks for one.
const NUMBER: f32 = 0.12;
/// Sentences with fewer distinct terms are seldom answers; rows and lines of code are terse.
const FEW_TERMS: usize = 4;

/// A sentence that may be chosen.
struct Candidate<'a> {
    passage: usize,
    sentence: Sentence<'a>,
    /// What each of the question's terms counts in it, from 0 to 1.
    strength: Vec<f32>,
    /// What belongs to the sentence whatever was chosen before.
    own: f32,
    /// What its passage's rank and its length make of it.
    factor: f32,
}

/// The quotes, each with its citation, in reading order.
pub(super) fn quotes(request: &GenerateRequest) -> Vec<String> {
    if let Some(answer) = request.passages.first().filter(|first| first.preferred) {
        return answered(answer);
    }
    let terms = &request.terms.terms;
    let weights: Vec<f32> = terms.iter().map(|term| term.weight).collect();
    let candidates = candidates(request, &weights);
    let stated = statements(request);
    let mut chosen = chosen(&candidates, &weights);
    if stated.suffice {
        chosen.clear();
    }
    chosen.truncate(MOST - stated.lines.len());
    chosen.sort_unstable();
    let mut quotes: Vec<String> = Vec::with_capacity(MOST);
    for line in stated.lines {
        let gap = if quotes.is_empty() { "" } else { "\n\n" };
        quotes.push(format!("{gap}{line}"));
    }
    let mut before: Option<Kind> = None;
    for index in chosen {
        let candidate = &candidates[index];
        let number = request.passages[candidate.passage].number;
        add(&mut quotes, &mut before, &candidate.sentence, number);
    }
    quotes
}

/// What somebody answered to the question, as it stands.
fn answered(passage: &Passage) -> Vec<String> {
    let (mut quotes, mut before) = (Vec::new(), None);
    for sentence in sentences(&passage.text).into_iter().take(MOST_OF_ANSWER) {
        add(&mut quotes, &mut before, &sentence, passage.number);
    }
    quotes
}

fn add(
    quotes: &mut Vec<String>,
    before: &mut Option<Kind>,
    sentence: &Sentence<'_>,
    number: usize,
) {
    let gap = match before {
        None if quotes.is_empty() => "",
        Some(Kind::Item) if sentence.kind == Kind::Item => "\n",
        _ => "\n\n",
    };
    *before = Some(sentence.kind);
    let quote = written(sentence);
    quotes.push(format!("{gap}{quote} [{number}]"));
}

/// A sentence as it stands, but for the backslash before what would be a citation; a line of code in backticks, or else it would be read as Markdown.
fn written(sentence: &Sentence<'_>) -> String {
    match sentence.kind {
        Kind::Code if sentence.text.contains('`') => format!("`` {} ``", sentence.text),
        Kind::Code => format!("`{}`", sentence.text),
        // A bracket of its own is no citation.
        Kind::Prose | Kind::Item | Kind::Row => escaped(sentence.text).into_owned(),
    }
}

fn candidates<'a>(request: &'a GenerateRequest, weights: &[f32]) -> Vec<Candidate<'a>> {
    let total: f32 = weights.iter().sum();
    let wants_number = asks_for_a_number(&request.question);
    let best_score = request
        .passages
        .iter()
        .map(|passage| passage.score)
        .fold(0.0, f32::max);
    let mut seen = HashSet::new();
    let mut candidates = Vec::new();
    for (rank, passage) in request.passages.iter().enumerate() {
        let above = format!("{} {}", passage.title, passage.heading.join(" "));
        let above = term_set(&above);
        let last = request.passages.len().saturating_sub(1).max(1) as f32;
        let by_rank = 1.0 - (1.0 - LAST_PASSAGE) * rank as f32 / last;
        let by_score = if best_score > 0.0 {
            passage.score.max(0.0) / best_score
        } else {
            1.0
        };
        // Rank, fused score and similarity of the passage, as one number near 1.
        let prior = by_rank
            * (0.8 + 0.1 * by_score + 0.1 * passage.cosine.unwrap_or_default().clamp(0.0, 1.0));
        let mut terms_above: HashMap<&str, HashSet<String>> = HashMap::new();
        for sentence in sentences(&passage.text) {
            // Neighbours may overlap.
            if !seen.insert(sentence.text) {
                continue;
            }
            for text in [sentence.heading, sentence.lead] {
                terms_above.entry(text).or_insert_with(|| term_set(text));
            }
            let own_terms = term_set(&without_addresses(sentence.text));
            let of_word = |term: &str| {
                if own_terms.contains(term) {
                    1.0
                } else if above.contains(term)
                    || terms_above[sentence.heading].contains(term)
                    || terms_above[sentence.lead].contains(term)
                {
                    ABOVE
                } else {
                    0.0
                }
            };
            let strength = request.terms.met(of_word);
            // What only stands above is shared by all neighbours: it says nothing for this one.
            if !strength.iter().any(|strength| *strength > ABOVE) {
                continue;
            }
            let number = wants_number && has_number(sentence.text);
            let in_words = matches!(sentence.kind, Kind::Prose | Kind::Item);
            let length = if in_words && own_terms.len() < FEW_TERMS {
                0.75
            } else {
                1.0
            };
            candidates.push(Candidate {
                passage: rank,
                strength,
                own: if number { NUMBER * total } else { 0.0 },
                factor: prior * length * kind_factor(sentence.kind),
                sentence,
            });
        }
    }
    candidates
}

/// Questions are asked in words, and more often answered in words than in code.
fn kind_factor(kind: Kind) -> f32 {
    match kind {
        Kind::Prose | Kind::Item => 1.0,
        Kind::Row => 0.9,
        Kind::Code => 0.8,
    }
}

fn chosen(candidates: &[Candidate<'_>], weights: &[f32]) -> Vec<usize> {
    let mut left = weights.to_vec();
    let mut chosen: Vec<usize> = Vec::with_capacity(MOST);
    let mut best = 0.0;
    while chosen.len() < MOST {
        let worth = |candidate: &Candidate<'_>| {
            let terms = candidate.strength.iter().zip(&left);
            let terms: f32 = terms.map(|(strength, weight)| strength * weight).sum();
            (terms + candidate.own) * candidate.factor
        };
        let open = candidates
            .iter()
            .enumerate()
            .filter(|(index, _)| !chosen.contains(index));
        let next = open.map(|(index, candidate)| (index, worth(candidate)));
        // Of equals the first is taken.
        let Some((index, value)) = next.rev().max_by(|a, b| a.1.total_cmp(&b.1)) else {
            break;
        };
        if value <= 0.0 || value < best * WORTH_SAYING {
            break;
        }
        best = f32::max(best, value);
        for (place, strength) in candidates[index].strength.iter().enumerate() {
            let covered = weights[place] * COVERED;
            if *strength > ABOVE {
                left[place] = left[place].min(covered);
            }
        }
        chosen.push(index);
    }
    chosen
}

/// A text without the addresses of its links: they hold many words and say little.
fn without_addresses(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = [
        rest.find("](http"),
        rest.find("http://"),
        rest.find("https://"),
    ]
    .into_iter()
    .flatten()
    .min()
    {
        kept.push_str(&rest[..at]);
        kept.push(' ');
        let address = &rest[at + 1..];
        let end = address
            .find([')', '>', ' ', '\n', '"'])
            .unwrap_or(address.len());
        rest = &address[end..];
    }
    kept.push_str(rest);
    kept
}

fn term_set(text: &str) -> HashSet<String> {
    lexical::terms(text).into_iter().collect()
}

fn asks_for_a_number(question: &str) -> bool {
    let question = question.to_lowercase();
    [
        "how many",
        "how much",
        "how long",
        "how often",
        "how old",
        "how big",
        "how large",
        "number of",
        "when ",
        "what time",
        "how far",
        "몇",
        "얼마",
        "언제",
    ]
    .iter()
    .any(|words| question.contains(words))
}

fn has_number(sentence: &str) -> bool {
    const WORDS: [&str; 14] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "once",
        "twice", "half", "every",
    ];
    // The number of an ordered list's item is not one.
    let sentence = sentence.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    sentence.contains(|c: char| c.is_ascii_digit())
        || sentence
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| WORDS.iter().any(|number| word.eq_ignore_ascii_case(number)))
}

#[cfg(test)]
#[path = "extractive_tests.rs"]
mod tests;
