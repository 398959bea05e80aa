use super::super::{Passage, marks};
use super::*;
use crate::index::{Question, TermFrequencies};

fn passage(number: usize, text: &str) -> Passage {
    Passage {
        number,
        text: text.to_owned(),
        title: "Trips".to_owned(),
        heading: vec![],
        cosine: Some(0.5),
        score: 1.0,
        ..Passage::default()
    }
}

fn request(question: &str, passages: Vec<Passage>) -> GenerateRequest {
    // The rarer, the longer the word: enough for a test.
    let mut terms = Question::new(question, &TermFrequencies::default());
    for term in &mut terms.terms {
        term.weight = term.term.len() as f32;
    }
    GenerateRequest {
        question: question.to_owned(),
        passages,
        terms,
        ..GenerateRequest::default()
    }
}

#[test]
fn quotes_stand_word_for_word_with_their_citation_in_reading_order() {
    let request = request(
        "How is the surcharge of fct_trips computed, and in which currency?",
        vec![
            passage(
                1,
                "The table `fct_trips` holds a row a trip. It is loaded at 5.\n\n```sql\nsurcharge = distance * 0.5\n```",
            ),
            passage(2, "Weather is nice.\n\n- The *currency* is EUR"),
        ],
    );
    insta::assert_snapshot!(quotes(&request).concat(), @r"
    The table `fct_trips` holds a row a trip. [1]

    `surcharge = distance * 0.5` [1]

    - The *currency* is EUR [2]
    ");
}

#[test]
fn no_more_than_five_sentences_and_none_twice() {
    let text: Vec<String> = (0..20)
        .map(|n| format!("Trip number {n} has a surcharge."))
        .collect();
    let text = text.join(" ");
    let request = request(
        "surcharge of a trip",
        vec![passage(1, &text), passage(2, &text)],
    );
    let quotes = quotes(&request);
    assert_eq!(quotes.len(), 5);
    assert!(
        quotes.iter().all(|quote| quote.ends_with("[1]")),
        "{quotes:?}"
    );
}

#[test]
fn five_sentences_do_not_say_the_same() {
    let same = "A surcharge of trips exists. This surcharge of trips. That surcharge of trips. \
        Surcharges of trips are there. No surcharge of trips. Refunds are paid by finance.";
    let question = "Who pays the surcharge of trips and refunds?";
    let request = request(question, vec![passage(1, same)]);
    assert!(
        quotes(&request)
            .concat()
            .contains("Refunds are paid by finance.")
    );
}

#[test]
fn words_in_the_address_of_a_link_count_for_nothing() {
    let text =
        "See [here](https://example.com/surcharge/of/trips). The surcharge of trips is 2 EUR.";
    let request = request("surcharge of trips", vec![passage(1, text)]);
    assert_eq!(quotes(&request), ["The surcharge of trips is 2 EUR. [1]"]);
}

#[test]
fn passages_without_a_word_of_the_question_are_not_quoted() {
    let request = request("surcharge", vec![passage(1, "Bicycles are red.")]);
    assert!(quotes(&request).is_empty());
}

#[test]
fn a_question_for_a_number_prefers_sentences_with_one() {
    let request = request(
        "How long are trips kept?",
        vec![passage(
            1,
            "Trips are kept safe. Kept trips are fine. Trips are kept for 90 days.",
        )],
    );
    let quotes = quotes(&request);
    assert!(quotes.concat().contains("90 days"), "{quotes:?}");
}

#[test]
fn brackets_of_the_text_are_not_taken_for_citations() {
    let text = "The surcharge of trips follows rule [3], see `rules[0]`.";
    let request = request("surcharge of trips", vec![passage(1, text)]);
    let quote = quotes(&request).concat();
    assert_eq!(
        quote,
        r"The surcharge of trips follows rule \[3], see `rules[0]`. [1]"
    );
    assert_eq!(marks::marks(&quote).len(), 1);
}
