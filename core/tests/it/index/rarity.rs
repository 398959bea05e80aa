//! What term frequencies and coverage promise.

use docent_core::index::lexical::term_id;
use docent_core::index::{Alternative, Question, TermFrequencies};

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
    let cover = |question, passage| {
        let question = Question::new(question, &frequencies);
        question.matched_by(passage, &frequencies).coverage
    };
    assert!((cover("trips by station", "Stations and trips.") - 1.0).abs() < 1e-6);
    assert!(cover("trips by station", "nothing of it").abs() < 1e-6);
    assert!(cover("trips station", "a station") > cover("trips station", "a trip"));
    // The same word twice in a question counts once.
    let once = cover("trips station", "a station");
    assert!((cover("trips trips trip station", "a station") - once).abs() < 1e-6);
    assert!(cover("what is it", "what is it").abs() < 1e-6);
}

#[test]
fn an_alternative_stands_for_the_term_that_was_asked_for() {
    let frequencies = frequencies();
    let mut question = Question::new("statoin trips", &frequencies);
    let alone = question.matched_by("stations and trips", &frequencies);
    question.terms[0].alternatives.push(Alternative {
        term: "station".to_owned(),
        factor: 0.8,
    });
    let matched = question.matched_by("stations and trips", &frequencies);
    assert!(matched.coverage > alone.coverage && matched.coverage < 1.0);
    assert!(matched.strength > alone.strength);
    let vector = question.sparse_vector();
    let place = vector.indices.binary_search(&term_id("station")).unwrap();
    assert!((vector.values[place] - 0.8).abs() < 1e-6);
}

#[test]
fn strength_falls_with_the_length_of_a_passage_and_rises_with_repetition() {
    let frequencies = frequencies().with_average_length(4.0);
    let question = Question::new("station capacity", &frequencies);
    let strength = |passage| question.matched_by(passage, &frequencies).strength;
    let short = strength("station capacity list docks");
    assert!(
        (short - 1.0).abs() < 1e-6,
        "each once in average length: {short}"
    );
    assert!(strength("station capacity list docks bikes trips users weather") < short);
    assert!(strength("station capacity station capacity") > short);
}
