use docent_core::config::Grounding;
use docent_core::index::{Hit, Match, Payload};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::chat::retrieve::Retrieved;

const TRIPS: &str = "The table fct_trips is loaded hourly, 20 minutes past the hour.\n\n\
It has one row for each finished trip.\n";
const REFUNDS: &str = "Refunds belong to finance. They are booked within 3 days.\n";

fn retrieved(number: usize, title: &str, text: &str) -> Retrieved {
    Retrieved {
        hit: Hit {
            id: Uuid::nil(),
            score: 1.0,
            cosine: None,
            dense_arm: None,
            sparse_arm: None,
            dense: Vec::new(),
            payload: Payload {
                document_id: Uuid::nil(),
                source: "docs".to_owned(),
                uri: format!("https://docs.example.com/{number}"),
                path: format!("{number}.md"),
                title: title.to_owned(),
                heading: Vec::new(),
                text: text.to_owned(),
                language: None,
                ordinal: 0,
                pages: Vec::new(),
                text_hash: String::new(),
                asset: None,
                owner: Some("Trips team".to_owned()),
                owner_slack: None,
                owner_email: None,
                groups: vec!["everyone".to_owned()],
                status: None,
                updated_at: None,
                fresh_at: None,
                stale_at: None,
                curated: None,
            },
        },
        number,
        cosine: None,
        matched: Match::default(),
        preferred: false,
    }
}

fn passages() -> Vec<Retrieved> {
    vec![
        retrieved(1, "fct_trips", TRIPS),
        retrieved(2, "Refunds", REFUNDS),
    ]
}

fn settings() -> Grounding {
    Grounding {
        min_words: 0.5,
        negation: true,
        stale_after_days: 0,
    }
}

struct Whole {
    text: String,
    marks: Vec<Mark>,
    numbers: Vec<usize>,
}

fn through(pieces: &[&str], is_quoted: bool) -> Whole {
    let passages = passages();
    let sources = Sources::new(&passages, settings());
    let mut checker = Checker::new(&sources, "How often is fct_trips loaded?", is_quoted);
    let mut shown: Vec<Shown> = pieces
        .iter()
        .flat_map(|piece| checker.push(piece))
        .collect();
    shown.extend(checker.finish());
    let mut text = String::new();
    let mut marks: Vec<Mark> = Vec::new();
    for shown in shown {
        match shown {
            Shown::Text(more) => text.push_str(&more),
            Shown::Mark(mark) => {
                // What it marks has been shown.
                assert!(mark.start < mark.end && mark.end <= text.chars().count());
                marks.retain(|known| known.start != mark.start);
                marks.push(mark);
            }
        }
    }
    assert_eq!(marks, checker.marks);
    Whole {
        text,
        marks,
        numbers: checker.evidence.into_keys().collect(),
    }
}

fn text(answer: &str) -> String {
    through(&[answer], false).text
}

#[test]
fn what_is_cited_rightly_stays_as_it_is() {
    for answer in [
        "fct_trips is loaded hourly [1]. Refunds are booked within three days [2].",
        "- Loaded hourly [1]\n- Refunds belong to finance [2]\n",
        "It is loaded hourly [1] and has one row for each finished trip [1].",
        "| table | loaded |\n|---|---|\n| fct_trips | hourly, 20 minutes past [1] |\n",
        "fct_trips is loaded hourly [1]:\n\n```sql\nSELECT a[0] FROM fct_trips\n```\n\nRefunds belong to finance [2].",
        "Here is what I found:\n\nThe owner is the Trips team [1].",
        "The passages do not say how often fct_trips fails. It is loaded hourly [1].",
    ] {
        let whole = through(&[answer], false);
        assert_eq!(whole.text, answer.trim_end());
        assert!(
            whole.marks.iter().all(|mark| mark.verified),
            "{:?}",
            whole.marks
        );
    }
}

#[test]
fn what_no_passage_says_is_marked_and_loses_its_citation() {
    assert_eq!(
        text("fct_trips is loaded daily [1]. It has one row for each finished trip [1]."),
        "fct_trips is loaded daily (unverified). It has one row for each finished trip [1]."
    );
    assert_eq!(
        text("Refunds are booked within 5 days [2]."),
        "Refunds are booked within 5 days (unverified)."
    );
    // Without any citation as well.
    assert_eq!(
        text("It is loaded hourly [1]. The table is copied to another cloud by a vendor."),
        "It is loaded hourly [1]. The table is copied to another cloud by a vendor. (unverified)"
    );
    let whole = through(&["Refunds are booked within 5 days [2]."], false);
    assert_eq!(whole.numbers, Vec::<usize>::new());
    assert_eq!(
        whole.marks[0].reason.as_deref(),
        Some("“5 days” does not stand in the cited passage")
    );
}

#[test]
fn a_wrong_citation_is_replaced_by_the_passage_that_says_it() {
    assert_eq!(
        text("fct_trips is loaded hourly [2]."),
        "fct_trips is loaded hourly [1]."
    );
    assert_eq!(
        text("fct_trips is loaded hourly [1][2]."),
        "fct_trips is loaded hourly [1]."
    );
    assert_eq!(
        text("It is loaded hourly [1]. Refunds belong to finance."),
        "It is loaded hourly [1]. Refunds belong to finance. [2]"
    );
}

#[test]
fn a_citation_that_does_not_exist_is_taken_out() {
    assert_eq!(
        text("Loaded hourly [1][9]. Ask them [7]."),
        "Loaded hourly [1]. Ask them."
    );
    assert_eq!(text("Loaded hourly [9]."), "Loaded hourly [1].");
}

#[test]
fn a_citation_behind_the_full_stop_belongs_to_the_sentence_before() {
    assert_eq!(
        text("It is loaded hourly. [1] Refunds belong to finance. [2]"),
        "It is loaded hourly. [1] Refunds belong to finance. [2]"
    );
    assert_eq!(
        text("It is loaded daily. [1]\n\nRefunds belong to finance. [2]"),
        "It is loaded daily. (unverified)\n\nRefunds belong to finance. [2]"
    );
}

#[test]
fn what_follows_a_citation_in_its_sentence_is_checked_as_well() {
    assert_eq!(
        text("It is loaded hourly [1], 25 minutes past the hour."),
        "It is loaded hourly [1], 25 minutes past the hour. (unverified)"
    );
    assert_eq!(
        text("It is loaded hourly [1], 20 minutes past the hour."),
        "It is loaded hourly [1], 20 minutes past the hour."
    );
}

#[test]
fn marks_say_where_their_sentences_stand() {
    let whole = through(
        &["가나다라. The table fct_trips is loaded hourly [1]. Refunds cost 5 won [2]."],
        false,
    );
    let characters: Vec<char> = whole.text.chars().collect();
    let said: Vec<(String, bool)> = whole
        .marks
        .iter()
        .map(|mark| {
            (
                characters[mark.start..mark.end].iter().collect(),
                mark.verified,
            )
        })
        .collect();
    assert!(
        said.contains(&("The table fct_trips is loaded hourly".to_owned(), true)),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|(text, verified)| text.ends_with("Refunds cost 5 won") && !verified),
        "{said:?}"
    );
}

#[test]
fn quotes_are_right_as_they_are() {
    let answer =
        "The table fct_trips is loaded hourly, 20 minutes past the hour. [1]\n\n`SELECT x` [2]";
    let whole = through(&[answer], true);
    assert_eq!(whole.text, answer);
    assert!(whole.marks.len() == 2 && whole.marks.iter().all(|mark| mark.verified));
    assert_eq!(whole.numbers, [1, 2]);
}

#[test]
fn words_pass_at_once_and_a_citation_waits_for_its_check() {
    let passages = passages();
    let sources = Sources::new(&passages, settings());
    let mut checker = Checker::new(&sources, "How?", false);
    let mut seen = |text: &str| -> String {
        let shown = checker.push(text).into_iter();
        let texts = shown.filter_map(|shown| match shown {
            Shown::Text(text) => Some(text),
            Shown::Mark(_) => None,
        });
        texts.collect()
    };
    assert_eq!(seen("It is"), "It is");
    assert_eq!(seen(" loaded hourly"), " loaded hourly");
    assert_eq!(seen(" ["), "");
    assert_eq!(seen("1]"), "");
    assert_eq!(seen(". "), " [1].");
}

#[test]
fn a_citation_that_goes_makes_nothing_else_of_what_stands_around_it() {
    // A code block that was none, another citation, an escape that was none.
    for (said, shown) in [
        (" [1]```\n```\n [1]", "…```\n```\n [1]"),
        ("\n [1]```\n```\n [1]", "…```\n```\n [1]"),
        (" [1]1. ```\n```\n [1]", "…1. ```\n```\n [1]"),
        ("[ [1]1]", "[ 1] (unverified)"),
        ("\\ [1]`a[1]`", "\\ `a[1]` (unverified)"),
    ] {
        let whole = through(&[said], false);
        assert_eq!(whole.text, shown);
        assert!(whole.numbers.is_empty(), "{said:?}");
    }
}

#[test]
fn the_mark_of_a_list_item_is_no_claim() {
    assert_eq!(text("1. ~~~\n [1]"), "1. ~~~\n [1]");
}

proptest! {
    #[test]
    fn only_passages_that_exist_are_cited_however_the_stream_is_cut(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("Loaded hourly"), Just(" [1]"), Just("[2]"), Just("[9]"), Just(". "), Just("\n"), Just("\n\n"),
                Just("- "), Just("| "), Just("`a[1]`"), Just("```\n"), Just("Refunds "), Just("5 days"), Just("가나다"),
                Just(" "), Just("["), Just("]"), Just("\\"), Just("[1, 2]"), Just("`"), Just("a"), Just("# "),
                Just("1. "), Just("> "), Just("~~~\n"),
            ],
            0..14,
        ),
        cuts in proptest::collection::vec(0usize..120, 0..10),
    ) {
        let text = parts.concat();
        let whole = through(&[&text], false);
        let cited = docent_core::models::marks::marks(&whole.text).into_iter().flat_map(|mark| mark.numbers);
        for number in cited {
            prop_assert!(whole.numbers.contains(&number), "{number} in {:?} of {text:?}", whole.text);
        }
        let characters: Vec<char> = text.chars().collect();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(characters.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([characters.len()]) {
            pieces.push(characters[start..cut].iter().collect::<String>());
            start = cut;
        }
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        prop_assert_eq!(through(&pieces, false).text, whole.text);
    }
}

#[test]
fn of_a_passage_that_is_quoted_twice_all_between_is_its_quote() {
    let passages = passages();
    let sources = Sources::new(&passages, settings());
    // The order of the answer is not that of the passage.
    let answer = "It has one row for each finished trip. [1]\n\n\
                  The table fct_trips is loaded hourly, 20 minutes past the hour. [1]\n\n\
                  Refunds belong to finance. [2]";
    let mut checker = Checker::new(&sources, "How often is fct_trips loaded?", true);
    checker.push(answer);
    checker.finish();
    let quote = |number: usize| &checker.evidence[&number];
    assert_eq!(quote(1).text, TRIPS.trim_end());
    assert_eq!(quote(1).span, Some(0..TRIPS.trim_end().len()));
    assert_eq!(quote(2).text, "Refunds belong to finance.");
}
