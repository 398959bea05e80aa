//! A question that asks two things at once is searched as a whole and by its parts: the words of the
//! one would otherwise drown those of the other.

use docent_core::index::lexical;

/// Content words that a part needs to be searched for.
const FEWEST_WORDS: usize = 2;
/// Parts of one question that are searched.
const MOST: usize = 4;

/// The parts of a question; none where it asks one thing.
pub(super) fn clauses(question: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, character) in question.char_indices() {
        if at < start {
            continue;
        }
        let rest = &question[at..];
        let ends = match character {
            '.' | '?' | '!' | ';' => rest[1..].starts_with(char::is_whitespace).then_some(1),
            ',' => joining(rest[1..].trim_start(), &["and", "or", "but", "then"])
                .map(|word| rest.len() - rest[1..].trim_start().len() + word),
            ' ' => joining(&rest[1..], &["and"])
                .filter(|word| asks(rest[1 + word..].trim_start()))
                .map(|word| 1 + word),
            _ => None,
        };
        if let Some(length) = ends {
            parts.push(&question[start..at]);
            start = at + length;
        }
    }
    parts.push(&question[start..]);
    parts.retain(|part| lexical::distinct_terms(part).len() >= FEWEST_WORDS);
    parts.truncate(MOST);
    if parts.len() > 1 { parts } else { Vec::new() }
}

/// The length of the joining word that the text begins with.
fn joining(text: &str, words: &[&str]) -> Option<usize> {
    words
        .iter()
        .find(|word| {
            text.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
                && text[word.len()..].starts_with(' ')
        })
        .map(|word| word.len())
}

/// Whether a new question begins here, and not the second half of a pair ("data and metrics").
fn asks(text: &str) -> bool {
    const WORDS: [&str; 19] = [
        "what", "which", "who", "whose", "where", "when", "how", "why", "is", "are", "does", "do",
        "did", "can", "may", "in which", "at what", "at which", "if",
    ];
    joining(text, &WORDS).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_at_once_is_taken_apart() {
        assert_eq!(
            clauses("Who owns the revenue dashboard, and how fresh is fct_trips?"),
            ["Who owns the revenue dashboard", " how fresh is fct_trips?"]
        );
        assert_eq!(
            clauses("Which table has trips and where is its loader configured?"),
            ["Which table has trips", " where is its loader configured?"]
        );
        assert_eq!(
            clauses("The nightly load of fct_trips failed. Which runbook helps me?"),
            [
                "The nightly load of fct_trips failed",
                " Which runbook helps me?"
            ]
        );
    }

    #[test]
    fn what_asks_one_thing_stays_whole() {
        for question in [
            "How fresh are trips and stations?",
            "Is orders.net_amount in EUR, or not?",
            "Thanks. How fresh is fct_trips?",
            "v1.2 of the contract",
            "",
        ] {
            assert!(clauses(question).is_empty(), "{question}");
        }
    }
}
