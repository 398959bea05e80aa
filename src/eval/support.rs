//! The claims of an answer, and whether what they cite supports them: the check that answers go through
//! themselves, over again from the outside.

use docent_core::config::Grounding;
use docent_core::index::Payload;
use docent_core::models::marks::marks;

use crate::chat::ground::{Claim as Said, Passage, check};

/// A part of an answer with the numbers of the passages that it cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) text: String,
    pub(super) cites: Vec<usize>,
}

/// The claims of an answer: the text before each group of citations, from the group before it or
/// the start of its line. What cites nothing is no claim here.
pub(super) fn claims(answer: &str) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    let mut end = 0;
    for mark in marks(answer) {
        let before = &answer[end..mark.place.start];
        end = mark.place.end;
        let text = before.rsplit('\n').next().unwrap_or(before);
        // Directly behind another mark, it stands behind the same words.
        match claims.last_mut() {
            Some(last) if !before.contains(char::is_alphanumeric) => {
                last.cites.extend(mark.numbers);
            }
            _ => claims.push(Claim {
                text: text.to_owned(),
                cites: mark.numbers,
            }),
        }
    }
    claims.retain(|claim| claim.text.contains(char::is_alphanumeric));
    claims
}

/// An answer without its citation marks.
pub(super) fn without_marks(answer: &str) -> String {
    let mut text = String::with_capacity(answer.len());
    let mut end = 0;
    for mark in marks(answer) {
        text.push_str(&answer[end..mark.place.start]);
        end = mark.place.end;
    }
    text.push_str(&answer[end..]);
    text
}

/// Whether passages, taken together, support a claim.
pub(super) fn supports(payloads: &[&Payload], claim: &str, settings: &Grounding) -> bool {
    let passages: Vec<Passage> = payloads
        .iter()
        .map(|payload| Passage::of(payload))
        .collect();
    let passages: Vec<&Passage> = passages.iter().collect();
    check(&Said::new(claim), &passages, settings).is_supported()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(text: &str, cites: &[usize]) -> Claim {
        Claim {
            text: text.to_owned(),
            cites: cites.to_vec(),
        }
    }

    #[test]
    fn a_claim_ends_at_its_citations() {
        assert_eq!(
            claims("Trips load hourly [1][3]. Refunds [x] monthly [2].\nNo citation here."),
            [
                claim("Trips load hourly ", &[1, 3]),
                claim(". Refunds [x] monthly ", &[2]),
            ]
        );
    }

    #[test]
    fn marks_are_taken_out_and_other_brackets_stay() {
        assert_eq!(without_marks("a [1][2] b [x] `c[3]`"), "a  b [x] `c[3]`");
    }
}
