//! What a question names, and whether its passages name it too: a passage about one warehouse does not
//! answer for another, however many other words it shares.

use docent_core::index::{Question, SparseVector, lexical};

/// More than this many missing names say no more than this many.
const MOST: usize = 2;

/// How many of the question's names none of the passages has, from 0 to [`MOST`].
pub(super) fn missing(question: &str, searched: &Question, passages: &[SparseVector]) -> f32 {
    let names = names(question);
    if names.is_empty() {
        return 0.0;
    }
    let is_present = |term: &str| {
        let id = lexical::term_id(term);
        passages.iter().any(|passage| passage.weight(id) > 0.0)
    };
    let stands = |term: &str| {
        let others = searched.terms.iter().filter(|asked| asked.term == term);
        let mut others = others.flat_map(|asked| &asked.alternatives);
        is_present(term) || others.any(|other| is_present(&other.term))
    };
    let missing = names.iter().filter(|name| {
        // Of an identifier its whole form comes first; its parts alone are another thing's.
        lexical::terms(name)
            .first()
            .is_some_and(|term| !stands(term))
    });
    missing.count().min(MOST) as f32
}

/// Words that name something: capitalised within a sentence, in capitals, identifiers, years, and any
/// Latin word in a Korean question.
pub(super) fn names(question: &str) -> Vec<&str> {
    let korean = question.chars().any(|c| matches!(c, '가'..='힣'));
    let mut names = Vec::new();
    let mut first = true;
    let mut end = 0;
    for word in question.split(|c: char| !(c.is_ascii_alphanumeric() || "_.-".contains(c))) {
        let start = word.as_ptr() as usize - question.as_ptr() as usize;
        // A sentence begins after these, where the word before was not only an abbreviation's.
        first |= question[end..start].contains(['?', '!', ':', '"', '“']);
        let ends_sentence = word.ends_with('.');
        let word = word.trim_matches(['.', '-']);
        end = start + word.len();
        if word.is_empty() {
            continue;
        }
        let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
        let capitals = word.bytes().filter(u8::is_ascii_uppercase).count();
        let year =
            word.len() == 4 && (word.starts_with("19") || word.starts_with("20")) && letters == 0;
        let identifier = letters > 0
            && (word.contains('_')
                || capitals > 0
                    && capitals < letters
                    && !word.starts_with(|c: char| c.is_ascii_uppercase()));
        let acronym = capitals >= 2;
        let capitalised =
            !first && word.len() > 1 && word.starts_with(|c: char| c.is_ascii_uppercase());
        if year || identifier || acronym || capitalised || (korean && letters > 1) {
            names.push(word);
        }
        first = ends_sentence;
    }
    names
}

/// Whether it asks for the state of a moment ("last month", "지난주", "in March 2024"): documents describe
/// data, and seldom hold its figures.
pub(super) fn asks_of_a_moment(question: &str) -> bool {
    const ENGLISH: [&str; 16] = [
        "last month",
        "last week",
        "last year",
        "last quarter",
        "last night",
        "this week",
        "this month",
        "this year",
        "this quarter",
        "this morning",
        "yesterday",
        "today",
        "tomorrow",
        "right now",
        "next week",
        "next month",
    ];
    const KOREAN: [&str; 12] = [
        "지난달",
        "지난 달",
        "지난주",
        "지난 주",
        "작년",
        "올해",
        "이번 달",
        "이번 주",
        "어제",
        "오늘",
        "내일",
        "다음 주",
    ];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let lower = question.to_lowercase();
    let of_now = ENGLISH
        .iter()
        .chain(&KOREAN)
        .any(|words| lower.contains(words));
    of_now
        || MONTHS.iter().any(|month| {
            question.match_indices(month).any(|(at, _)| {
                let after = question[at + month.len()..].trim_start();
                after.starts_with("20") || after.starts_with("19")
            })
        })
}

#[cfg(test)]
mod tests {
    use docent_core::index::TermFrequencies;

    use super::*;

    #[test]
    fn names_are_told_from_words() {
        for (question, expected) in [
            (
                "Which Snowflake warehouse holds fct_trips?",
                vec!["Snowflake", "fct_trips"],
            ),
            (
                "What was the DAU in Germany in 2024?",
                vec!["DAU", "Germany", "2024"],
            ),
            ("Thanks. Who owns netAmount?", vec!["netAmount"]),
            ("Looker의 캐시는 얼마나 유지되나요?", vec!["Looker"]),
            ("How fresh are trips?", vec![]),
        ] {
            assert_eq!(names(question), expected, "{question}");
        }
    }

    #[test]
    fn a_name_that_no_passage_has_is_missing() {
        let count = |question: &str, passages: &[&str]| {
            let searched = Question::new(question, &TermFrequencies::default());
            let passages = passages
                .iter()
                .map(|text| lexical::passage_vector(text, 8.0));
            missing(question, &searched, &passages.collect::<Vec<_>>())
        };
        let passage = ["The warehouse holds `fct_trips`, by BigQuery"];
        assert!(count("Which Snowflake warehouse holds fct_trips?", &passage) > 0.5);
        assert!(count("Which BigQuery warehouse holds fct_trips?", &passage) < 0.5);
        assert!(count("Does Kafka or Spark or Flink load trips?", &passage) < 2.5);
    }

    #[test]
    fn a_moment_is_noticed() {
        assert!(asks_of_a_moment("How high was our bill last month?"));
        assert!(asks_of_a_moment("What was the DAU in March 2024?"));
        assert!(asks_of_a_moment("지난달 클릭률은 몇 퍼센트였나요?"));
        assert!(!asks_of_a_moment("May I share the March report?"));
    }
}
