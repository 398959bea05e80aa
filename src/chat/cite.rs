//! Cite: every `[n]` of an answer is the number of a passage, with the sentence that it rests on.

use std::collections::BTreeSet;

use docent_core::index::{Facts, lexical};
use docent_core::models::{Quotable, quotable};

use super::generate::GeneratedAnswer;
use super::retrieve::{Retrieval, Retrieved};
use super::turn::Citation;
use docent_core::models::marks::{Mark, Piece, Reader, marks};

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
            let claim = claims_of(&answer, number).replace("\\[", "[");
            let facts = passage.hit.payload.facts();
            // A line of the metadata that was stated is what the answer rests on.
            if let Some(stated) = lines(&facts).find(|line| claim.contains(line.text)) {
                return Some(citation(passage, stated));
            }
            let mut sentences = quotable(&passage.hit.payload.text).chain(lines(&facts));
            Some(citation(
                passage,
                best_quote(&mut sentences, passage, &claim),
            ))
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
    let numbers = marks(text).into_iter().flat_map(|mark| mark.numbers);
    numbers
        .filter(|number| (1..=passages).contains(number))
        .collect()
}

/// The text of the answer that a number stands behind: from the mark before it, or the start of its
/// line, to the mark.
fn claims_of(answer: &str, number: usize) -> String {
    let mut claims = String::new();
    let mut claim = "";
    let mut end = 0;
    for Mark { place, numbers } in marks(answer) {
        let before = &answer[end..place.start];
        let line = before.rsplit('\n').next().unwrap_or(before).trim();
        // Directly behind another mark, it stands behind the same words.
        if !line.is_empty() || before.contains('\n') {
            claim = line;
        }
        if numbers.contains(&number) {
            claims.push_str(claim);
            claims.push('\n');
        }
        end = place.end;
    }
    claims
}

/// What the metadata say can be quoted as the text can.
fn lines(facts: &Facts) -> impl Iterator<Item = Quotable<'_>> {
    facts.lines().map(|text| Quotable { text, heading: "" })
}

/// Of what can be quoted of the passage, what shares most words with the claim, word for word.
fn best_quote<'a>(
    sentences: &mut dyn Iterator<Item = Quotable<'a>>,
    passage: &'a Retrieved,
    claim: &str,
) -> Quotable<'a> {
    let claimed: BTreeSet<String> = lexical::terms(claim).into_iter().collect();
    let mut best: Option<(f32, Quotable<'a>)> = None;
    for sentence in sentences {
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
            text: passage.hit.payload.text.trim(),
            heading: "",
        },
        |(_, sentence)| sentence,
    )
}

/// Takes citations that do not exist out of a stream. Holds back what may become one until it is
/// decided what it is.
pub(super) struct Citer {
    passages: usize,
    reader: Reader,
    held: String,
    /// What was shown last.
    last: Option<char>,
}

impl Citer {
    pub(super) fn new(passages: usize) -> Self {
        Self {
            passages,
            reader: Reader::default(),
            held: String::new(),
            last: None,
        }
    }

    /// What may be shown of the text so far.
    pub(super) fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        self.decided(false)
    }

    /// What was still held back at the end.
    pub(super) fn finish(&mut self) -> String {
        self.decided(true)
    }

    fn decided(&mut self, is_all: bool) -> String {
        let mut shown = String::with_capacity(self.held.len());
        let mut at = 0;
        while let Some((length, piece)) = self.reader.piece(&self.held[at..], is_all) {
            match piece {
                Piece::Verbatim => shown.push_str(&self.held[at..at + length]),
                Piece::Mark(numbers) => self.cite(&numbers, &mut shown),
            }
            at += length;
        }
        self.held.drain(..at);
        self.last = shown.chars().next_back().or(self.last);
        shown
    }

    fn cite(&self, numbers: &[usize], shown: &mut String) {
        let known = |number: &&usize| (1..=self.passages).contains(*number);
        let last = shown.chars().next_back().or(self.last);
        if numbers.iter().any(|number| known(&number)) {
            for number in numbers.iter().filter(known) {
                shown.push_str(&format!("[{number}]"));
            }
        } else if last.is_some_and(|last| "[`~".contains(last)) {
            // Without anything in its place, what is around it would become another mark.
            shown.push_str("[?]");
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
        let text = "[x] and `rows[1:2]` [not a cite] [";
        assert_eq!(through(3, &[text]), text);
        assert_eq!(through(3, &["[link](http://a)"]), "[link](http://a)");
    }

    #[test]
    fn code_keeps_its_brackets() {
        let text = "`rows[0]` [1]\n\n```sql\nSELECT a[9]\n```\n";
        assert_eq!(
            through(
                3,
                &["`rows", "[0]` [1][7]\n\n```sql\nSELECT a[", "9]\n```\n"]
            ),
            text
        );
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
            text in "[a-z\\[\\]0-9, 가-힣.`~\\\\\n]{0,80}",
            cuts in proptest::collection::vec(0usize..80, 0..12),
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
