//! What term frequencies and coverage promise.

use docent_core::index::lexical::{distinct_terms, term_id};
use docent_core::index::{TermFrequencies, coverage};

fn frequencies() -> TermFrequencies {
    let terms = [("trip", 90), ("station", 10), ("sample_id", 1)];
    let terms = terms.map(|(term, chunks)| (term.to_owned(), chunks));
    TermFrequencies::from_terms(terms, 100)
}

#[test]
fn rarer_terms_weigh_more_and_unknown_ones_most() {
    let frequencies = frequencies();
    let idf = |term| frequencies.idf(term_id(term));
    assert!(idf("nowhere") > idf("sample_id"));
    assert!(idf("sample_id") > idf("station"));
    assert!(idf("station") > idf("trip") && idf("trip") > 0.0);
    // A collection of 100 chunks is weighed as one of 200.
    assert!((idf("station") - (1.0_f32 + 190.5 / 10.5).ln()).abs() < 1e-6);
    assert!(TermFrequencies::default().idf(term_id("any")).is_finite());
}

#[test]
fn a_run_adds_and_takes_away() {
    let mut frequencies = frequencies();
    frequencies.apply(
        [("trip", -90), ("station", 5), ("dock", 2), ("gone", -3)]
            .map(|(term, delta)| (term.to_owned(), delta)),
        -20,
    );
    let frequency = |term| frequencies.frequency(term_id(term));
    assert_eq!(frequencies.chunks(), 80);
    assert_eq!([frequency("trip"), frequency("station")], [0, 15]);
    assert_eq!([frequency("dock"), frequency("gone")], [2, 0]);
}

#[test]
fn coverage_is_the_share_of_the_questions_rare_terms() {
    let frequencies = frequencies();
    let cover = |question, passage| coverage(&distinct_terms(question), passage, &frequencies);
    assert!((cover("trips by station", "Stations and trips.") - 1.0).abs() < 1e-6);
    assert!(cover("trips by station", "nothing of it").abs() < 1e-6);
    assert!(cover("trips station", "a station") > cover("trips station", "a trip"));
    // The same word twice in a question counts once.
    let once = cover("trips station", "a station");
    assert!((cover("trips trips trip station", "a station") - once).abs() < 1e-6);
    assert!(cover("what is it", "what is it").abs() < 1e-6);
}
