//! Words that the index does not know may be misspelled: the nearest words that it does know, and
//! that the caller may read, are searched beside them.

use docent_core::app::App;
use docent_core::index::lexical::term_id;
use docent_core::index::{Alternative, Question, QuestionTerm, TermFrequencies};

use super::super::Turn;

/// Shorter terms have too many neighbours to tell which one was meant.
const SHORTEST: usize = 5;
/// From this length on, two errors are still told.
const LONG: usize = 8;
/// What a correction is worth beside the word that was written, by the number of errors.
const WORTH: [f32; 3] = [1.0, 0.85, 0.7];
/// Separators of an identifier that may be left out (`clientid` for `client_id`).
const SEPARATORS: usize = 3;
/// Corrections of one word: equally near ones, the most frequent first.
const MOST: usize = 3;

/// Words of one question that are corrected; what has more is hardly a question.
const MOST_WORDS: usize = 8;

/// Adds the nearest known terms to those that no chunk holds. A ledger that is away corrects nothing.
pub(super) async fn correct(
    app: &App,
    turn: &Turn,
    live: &str,
    frequencies: &TermFrequencies,
    question: &mut Question,
) {
    if frequencies.chunks() == 0 {
        return;
    }
    let unknown: Vec<&mut QuestionTerm> = question
        .terms
        .iter_mut()
        .filter(|term| may_be_misspelled(&term.term))
        .filter(|term| frequencies.frequency(term_id(&term.term)) == 0)
        .take(MOST_WORDS)
        .collect();
    let lengths = unknown.iter().map(|term| {
        let errors = allowed_errors(&term.term);
        (
            term.term.len() - errors,
            term.term.len() + errors + SEPARATORS,
        )
    });
    let Some((shortest, longest)) = lengths.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else {
        return;
    };
    // The first letter may be the wrong one, or missing: then the word begins with the second.
    let first: Vec<String> = unknown
        .iter()
        .flat_map(|term| term.term.chars().take(2))
        .map(String::from)
        .collect();
    let range = shortest as i32..=longest as i32;
    let groups = &turn.caller.groups;
    match app.ledger.terms_like(live, groups, &first, range).await {
        Ok(known) => {
            for term in unknown {
                let near = nearest(&term.term, &known);
                term.alternatives.extend(near);
            }
        }
        Err(error) => {
            tracing::debug!(%error, "spelling cannot be corrected while the ledger is away");
        }
    }
}

/// Numbers and pairs of characters are not words.
fn may_be_misspelled(term: &str) -> bool {
    term.len() >= SHORTEST
        && term.is_ascii()
        && term.bytes().filter(u8::is_ascii_alphabetic).count() * 2 > term.len()
}

fn allowed_errors(term: &str) -> usize {
    if term.len() >= LONG { 2 } else { 1 }
}

/// The nearest of the known terms, by the errors between them (a letter added, left out, exchanged, or
/// two neighbours swapped: Damerau 1964), then the most frequent. An identifier may also be written
/// together: the separators that are left out are no errors then.
fn nearest(written: &str, known: &[(String, i64)]) -> Vec<Alternative> {
    let errors = allowed_errors(written);
    let mut near: Vec<(usize, i64, &String)> = known
        .iter()
        .filter(|(term, _)| term != written)
        .map(|(term, frequency)| (distance(written, term, errors), *frequency, term))
        .filter(|(distance, _, _)| *distance <= errors)
        .collect();
    near.sort_unstable_by(|a, b| (a.0, -a.1, a.2).cmp(&(b.0, -b.1, b.2)));
    let best = near.first().map_or(0, |(distance, _, _)| *distance);
    near.into_iter()
        .take_while(|(distance, _, _)| *distance == best)
        .take(MOST)
        .map(|(distance, _, term)| Alternative {
            term: term.clone(),
            factor: WORTH[distance],
        })
        .collect()
}

/// Errors between a word and a term; more than `errors` where it is more.
fn distance(written: &str, term: &str, errors: usize) -> usize {
    let between = |term: &str| {
        if term.len().abs_diff(written.len()) > errors {
            errors + 1
        } else {
            strsim::osa_distance(written, term)
        }
    };
    let together: String = term.chars().filter(|c| !"_.-".contains(*c)).collect();
    between(term).min(between(&together))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corrected(written: &str, known: &[(&str, i64)]) -> Vec<String> {
        let known: Vec<(String, i64)> = known
            .iter()
            .map(|(term, frequency)| ((*term).to_owned(), *frequency))
            .collect();
        nearest(written, &known)
            .into_iter()
            .map(|alternative| alternative.term)
            .collect()
    }

    #[test]
    fn the_nearest_term_is_found_and_of_equals_the_most_frequent_first() {
        let known = [("import", 5), ("improv", 9), ("improvis", 2)];
        assert_eq!(corrected("improt", &known), ["improv", "import"]);
        assert_eq!(
            corrected("retens", &[("retent", 3), ("intens", 9)]),
            ["retent"]
        );
        assert_eq!(
            corrected("clients_dialy", &[("clients_daily", 3), ("client", 9)]),
            ["clients_daily"]
        );
    }

    #[test]
    fn an_identifier_may_be_written_together() {
        let known = [("client_id", 5), ("clients", 9), ("sample_id", 3)];
        assert_eq!(corrected("clientid", &known), ["client_id"]);
        assert_eq!(corrected("samplid", &known), ["sample_id"]);
        assert_eq!(
            corrected("clientsdaily", &[("clients_daily", 3), ("client_daily", 1)]),
            ["clients_daily"]
        );
    }

    #[test]
    fn what_is_too_far_or_too_short_is_left_alone() {
        assert!(corrected("salari", &[("summari", 9)]).is_empty());
        assert!(!may_be_misspelled("part") && !may_be_misspelled("20261102"));
        assert!(!may_be_misspelled("테이") && may_be_misspelled("crsah"));
    }
}
