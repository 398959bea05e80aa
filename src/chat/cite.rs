//! Cite: every `[n]` of an answer is the number of a passage, with the sentence that it rests on.

use std::collections::BTreeSet;

use docent_core::index::lexical;
use docent_core::models::{Quotable, quotable};

use super::generate::GeneratedAnswer;
use super::retrieve::{Retrieval, Retrieved};
use super::turn::Citation;

/// Longest text between the brackets of a citation, as in `[12, 13]`.
const LONGEST_MARK: usize = 24;

/// An answer and its citations, in the order of their numbers.
pub(super) struct Cited {
    pub(super) answer: String,
    pub(super) citations: Vec<Citation>,
}

/// Looks up what the answer cites. `None`: nothing, so it cannot be given.
pub(super) fn cite(generated: &GeneratedAnswer, retrieval: &Retrieval) -> Option<Cited> {
    let answer = generated.text.trim().to_owned();
    let numbers = cited_numbers(&answer, retrieval.passages.len());
    if numbers.is_empty() {
        return None;
    }
    let citations = numbers
        .into_iter()
        .filter_map(|number| {
            let passage = retrieval.passages.get(number - 1)?;
            let claim = claims_of(&answer, number);
            Some(citation(passage, best_quote(passage, &claim)))
        })
        .collect();
    Some(Cited { answer, citations })
}

fn citation(passage: &Retrieved, quote: Quotable<'_>) -> Citation {
    let payload = &passage.hit.payload;
    // Small sections share a chunk: the heading above the quote says more than the chunk's own.
    let mut heading = payload.heading.clone();
    if !quote.heading.is_empty()
        && quote.heading != payload.title
        && heading.last().is_none_or(|last| last != quote.heading)
    {
        heading.push(quote.heading.to_owned());
    }
    let page = payload.page_at(payload.text.find(quote.text).unwrap_or(0));
    heading.extend(page.map(|page| format!("page {page}")));
    Citation {
        number: passage.number,
        title: payload.title.clone(),
        uri: payload.uri_at(page),
        path: payload.path.clone(),
        heading: heading.join(" > "),
        quote: quote.text.to_owned(),
        score: passage.hit.score,
        verified: None,
        updated_at: payload.updated_at,
        owner: payload.owner.clone(),
    }
}

/// The numbers that a text cites, of `passages` that exist.
pub(super) fn cited_numbers(text: &str, passages: usize) -> BTreeSet<usize> {
    let mut numbers = BTreeSet::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        rest = &rest[open + 1..];
        let Some(close) = rest.find(']').filter(|close| *close <= LONGEST_MARK) else {
            continue;
        };
        if let Some(mark) = numbers_of(&rest[..close]) {
            numbers.extend(
                mark.into_iter()
                    .filter(|number| (1..=passages).contains(number)),
            );
        }
    }
    numbers
}

/// The numbers of a mark's inside, `3` or `1, 2`; `None`: it is no citation.
fn numbers_of(inside: &str) -> Option<Vec<usize>> {
    inside
        .split([',', ';'])
        .map(|part| {
            let part = part.trim().trim_start_matches('^');
            let digits =
                !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        })
        .collect()
}

/// The text of the answer that a number stands behind: from the mark before it, or the start of its
/// line, to the mark.
fn claims_of(answer: &str, number: usize) -> String {
    let mut claims = String::new();
    for line in answer.lines() {
        let mut claim = String::new();
        let mut rest = line;
        while let Some(open) = rest.find('[') {
            let (before, after) = rest.split_at(open);
            let mark = after[1..].find(']').and_then(|close| {
                numbers_of(&after[1..=close]).map(|numbers| (numbers, close + 2))
            });
            if let Some((numbers, end)) = mark {
                if !before.trim().is_empty() {
                    before.trim().clone_into(&mut claim);
                }
                if numbers.contains(&number) {
                    claims.push_str(&claim);
                    claims.push('\n');
                }
                rest = &after[end..];
            } else {
                rest = &after[1..];
            }
        }
    }
    claims
}

/// The sentence of the passage that shares most words with the claim, word for word.
fn best_quote<'a>(passage: &'a Retrieved, claim: &str) -> Quotable<'a> {
    let text = &passage.hit.payload.text;
    let claimed: BTreeSet<String> = lexical::terms(claim).into_iter().collect();
    let mut best: Option<(f32, Quotable<'a>)> = None;
    for sentence in quotable(text) {
        let terms: BTreeSet<String> = lexical::terms(sentence.text).into_iter().collect();
        let shared = terms.intersection(&claimed).count() as f32;
        // What is quoted word for word wins; else a little is taken off for what else it says.
        let whole = if claim.contains(sentence.text) {
            terms.len() as f32
        } else {
            0.0
        };
        let score = shared + whole - 0.05 * terms.len() as f32;
        if best.is_none_or(|(best, _)| score > best) {
            best = Some((score, sentence));
        }
    }
    best.map_or(
        Quotable {
            text: text.trim(),
            heading: "",
        },
        |(_, sentence)| sentence,
    )
}

/// Takes citations that do not exist out of a stream. Holds back an open bracket until it is
/// decided what it is.
pub(super) struct Citer {
    passages: usize,
    held: String,
}

impl Citer {
    pub(super) fn new(passages: usize) -> Self {
        Self {
            passages,
            held: String::new(),
        }
    }

    /// What may be shown of the text so far.
    pub(super) fn push(&mut self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '[' => {
                    shown.push_str(&std::mem::take(&mut self.held));
                    self.held.push('[');
                }
                ']' if !self.held.is_empty() => {
                    let held = std::mem::take(&mut self.held);
                    shown.push_str(&self.checked(&held[1..]));
                }
                _ if self.held.is_empty() => shown.push(character),
                _ => {
                    self.held.push(character);
                    let inside = character.is_ascii_digit() || " ,;^".contains(character);
                    if !inside || self.held.len() > LONGEST_MARK {
                        shown.push_str(&std::mem::take(&mut self.held));
                    }
                }
            }
        }
        shown
    }

    /// What was still held back at the end: text that never became a citation.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    fn checked(&self, inside: &str) -> String {
        match numbers_of(inside) {
            None => format!("[{inside}]"),
            Some(numbers) => numbers
                .into_iter()
                .filter(|number| (1..=self.passages).contains(number))
                .map(|number| format!("[{number}]"))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn through(passages: usize, pieces: &[&str]) -> String {
        let mut citer = Citer::new(passages);
        let mut shown: String = pieces.iter().map(|piece| citer.push(piece)).collect();
        shown.push_str(&citer.finish());
        shown
    }

    #[test]
    fn a_citation_that_does_not_exist_is_taken_out() {
        assert_eq!(
            through(3, &["Yes [1][", "9] and [2,", " 3]."]),
            "Yes [1] and [2][3]."
        );
    }

    #[test]
    fn other_brackets_are_left_alone() {
        let text = "a[0] = [x] and `rows[1:2]` [not a cite] [";
        assert_eq!(through(3, &[text]), text.replace("a[0]", "a"));
        assert_eq!(through(3, &["[link](http://a)"]), "[link](http://a)");
    }

    #[test]
    fn the_claim_behind_a_number_is_found() {
        let answer = "Trips load hourly [1]. Refunds are monthly [2][3].\n- Owner: ops [2]";
        assert_eq!(claims_of(answer, 1).trim(), "Trips load hourly");
        assert_eq!(claims_of(answer, 3).trim(), ". Refunds are monthly");
        assert_eq!(claims_of(answer, 2).lines().count(), 2);
    }

    proptest! {
        #[test]
        fn only_existing_numbers_are_cited_however_the_stream_is_cut(
            text in "[a-z\\[\\]0-9, 가-힣.]{0,80}",
            cuts in proptest::collection::vec(0usize..80, 0..6),
        ) {
            let whole = through(2, &[&text]);
            prop_assert!(cited_numbers(&whole, usize::MAX).iter().all(|n| (1..=2).contains(n)));
            let characters: Vec<char> = text.chars().collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(characters.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for cut in cuts.into_iter().chain([characters.len()]) {
                pieces.push(characters[start..cut].iter().collect::<String>());
                start = cut;
            }
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(through(2, &pieces), whole);
        }
    }
}
