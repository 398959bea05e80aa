//! Whether a citation supports what it stands behind, checked without a model.

use std::collections::BTreeSet;

use docent_core::index::lexical;

/// The share of a sentence's terms that must stand in what it cites.
const MOST_WORDS: f64 = 0.6;

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
    for line in answer.lines() {
        let mut text = String::new();
        let mut cites: Vec<usize> = Vec::new();
        let mut rest = line;
        while let Some(open) = rest.find('[') {
            let mark = rest[open + 1..].find(']').and_then(|close| {
                let number = rest[open + 1..open + 1 + close].parse::<usize>().ok()?;
                Some((number, open + close + 2))
            });
            let between = &rest[..open];
            if !cites.is_empty() && between.chars().any(char::is_alphanumeric) {
                claims.push(Claim {
                    text: std::mem::take(&mut text),
                    cites: std::mem::take(&mut cites),
                });
            }
            if let Some((number, end)) = mark {
                text.push_str(between);
                cites.push(number);
                rest = &rest[end..];
            } else {
                text.push_str(&rest[..=open]);
                rest = &rest[open + 1..];
            }
        }
        if !cites.is_empty() {
            claims.push(Claim { text, cites });
        }
    }
    claims.retain(|claim| claim.text.chars().any(char::is_alphanumeric));
    claims
}

/// An answer without its citation marks.
pub(super) fn without_marks(answer: &str) -> String {
    let mut text = String::with_capacity(answer.len());
    let mut rest = answer;
    while let Some(open) = rest.find('[') {
        text.push_str(&rest[..open]);
        let close = rest[open + 1..].find(']');
        let inside = close.map(|close| &rest[open + 1..open + 1 + close]);
        match inside {
            Some(inside) if !inside.is_empty() && inside.bytes().all(|b| b.is_ascii_digit()) => {
                rest = &rest[open + inside.len() + 2..];
            }
            _ => {
                text.push('[');
                rest = &rest[open + 1..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// Whether a passage supports a claim: every number and identifier of the claim stands in it, and
/// most of its other terms do.
pub(super) fn supports(passage: &str, claim: &str) -> bool {
    let present: BTreeSet<String> = lexical::terms(passage).into_iter().collect();
    let claimed: BTreeSet<String> = lexical::terms(claim).into_iter().collect();
    if claimed.is_empty() {
        return true;
    }
    let exact = |term: &String| term.contains(|c: char| c.is_ascii_digit() || c == '_');
    if claimed
        .iter()
        .any(|term| exact(term) && !present.contains(term))
    {
        return false;
    }
    let held = claimed.intersection(&present).count();
    held as f64 >= MOST_WORDS * claimed.len() as f64
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
    fn a_changed_number_or_name_is_not_supported() {
        let passage = "The table fct_trips is loaded hourly, 20 minutes past the hour.";
        assert!(supports(
            passage,
            "fct_trips is loaded hourly, at minute 20"
        ));
        assert!(!supports(
            passage,
            "fct_trips is loaded hourly, at minute 25"
        ));
        assert!(!supports(passage, "fct_trips_daily is loaded hourly"));
        assert!(!supports(passage, "Refunds belong to finance and ops"));
    }

    #[test]
    fn marks_are_taken_out_and_other_brackets_stay() {
        assert_eq!(without_marks("a [1][2] b [x] c[3]"), "a  b [x] c");
    }
}
