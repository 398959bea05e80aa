use std::collections::BTreeSet;

use super::*;

/// A collection of 1,000 chunks whose documents say these words, each of them in `holding`.
fn collection(holding: i64, words: &str) -> TermFrequencies {
    let terms: BTreeSet<String> = lexical::terms(words).into_iter().collect();
    let terms = terms.into_iter().map(|term| (term, holding));
    TermFrequencies::from_terms(terms, 1000).with_average_length(20.0)
}

fn question(glossary: &Glossary, text: &str, frequencies: &TermFrequencies) -> Question {
    let mut question = Question::new(text, frequencies);
    glossary.expand(text, frequencies, &mut question);
    question
}

fn coverage(glossary: &str, text: &str, passage: &str) -> f32 {
    let glossary = Glossary::parse(glossary).unwrap();
    let frequencies = collection(10, passage);
    question(&glossary, text, &frequencies)
        .matched_by(passage, &frequencies)
        .coverage
}

const WAU: &str = "WAU = [\"weekly active users\", \"weekly actives\"]";

#[test]
fn an_acronym_and_its_words_stand_for_each_other() {
    let words = "The number of weekly active users.";
    let acronym = "How WAU is counted.";
    for asked in ["What is WAU?", "what is wau", "Who owns our WAUs?"] {
        assert!(coverage("", asked, words) < 0.1, "{asked}");
        assert!(coverage(WAU, asked, words) > 0.4, "{asked}");
    }
    for asked in [
        "weekly active users?",
        "Weekly Active User",
        "weekly actives",
    ] {
        assert!(coverage("", asked, acronym) < 0.1, "{asked}");
        assert!(coverage(WAU, asked, acronym) > 0.9, "{asked}");
    }
    // Part of the phrase is not the phrase.
    assert!(coverage(WAU, "What is WAU?", "The users of the platform.") < 0.1);
    assert!(coverage(WAU, "How many users?", acronym) < 0.1);
}

#[test]
fn an_acronym_that_is_a_stop_word_is_met_in_capitals_only() {
    let glossary = "IT = \"information technology\"\nUS = \"United States\"";
    let passage = "The information technology department in the United States.";
    assert!(coverage(glossary, "Who leads IT?", passage) > 0.4);
    assert!(coverage(glossary, "Trips in the US", passage) > 0.4);
    assert!(coverage(glossary, "Who leads it?", passage) < 0.1);
    assert!(coverage(glossary, "Show us trips", passage) < 0.1);
}

#[test]
fn a_synonym_that_the_collection_does_not_have_changes_nothing() {
    let glossary = Glossary::parse(WAU).unwrap();
    let frequencies = collection(10, "Stations are numbered from the river.");
    let text = "Who owns WAU and the 지표 of users?";
    assert_eq!(
        question(&glossary, text, &frequencies),
        Question::new(text, &frequencies)
    );
}

#[test]
fn a_korean_word_is_met_by_its_english_counterpart_as_one_word() {
    for (asked, passage) in [
        (
            "보관 기간은 얼마인가요?",
            "Retention of the pings is two years.",
        ),
        ("보관기간", "Retention of the pings is two years."),
        (
            "대시보드의 담당자는 누구인가요?",
            "The owner of the dashboard.",
        ),
        ("활성사용자", "An active user has one trip."),
        (
            "테이블을 업데이트하는 주기",
            "Each table has an update frequency.",
        ),
        ("결제테이블", "A table of payments."),
    ] {
        let covered = coverage("", asked, passage);
        assert!(covered > 0.45, "{asked}: {covered}");
        assert!(
            coverage("", asked, "Stations at the river.") < 0.01,
            "{asked}"
        );
    }
    // It weighs what the English word does, however many pairs of syllables it has.
    let frequencies = collection(10, "dashboard");
    let question = question(&Glossary::default(), "대시보드", &frequencies);
    let english = Question::new("dashboard", &frequencies);
    assert_eq!(question.terms.len(), 3);
    assert!((question.weight() - english.weight()).abs() < 1e-4);
}

#[test]
fn an_english_question_finds_korean_words_that_count_no_more_than_its_own() {
    let frequencies = collection(10, "지표의 대시보드, metric dashboard");
    let question = question(&Glossary::default(), "metric dashboard", &frequencies);
    let matched = question.matched_by("지표의 대시보드입니다.", &frequencies);
    assert!(matched.coverage > 0.7, "{matched:?}");
    let vector = question.sparse_vector();
    let weight = |term: &str| {
        let place = vector.indices.binary_search(&term_id(term)).unwrap();
        vector.values[place]
    };
    // `대시보드` is three pairs of syllables for one word.
    let pairs = weight("대시") + weight("시보") + weight("보드");
    assert!(pairs <= weight("dashboard"), "{pairs}");
}

#[test]
fn a_word_inside_another_one_is_not_taken_for_it() {
    let frequencies = collection(10, "Enough tests, rows, tables and views.");
    // `수행` has `행` (row) in it, `개표` has `표` (table), `뷰티` begins with `뷰` (view).
    for text in ["수행", "개표", "뷰티"] {
        let question = question(&Glossary::default(), text, &frequencies);
        assert!(question.synonyms.is_empty(), "{text}: {question:?}");
    }
}

#[test]
fn a_broken_glossary_names_the_line() {
    let errors: Vec<String> = [
        "WAU = [\"weekly active users\"]\nDAU = 3\n",
        "\n\nWAU = [\"weekly active users\"\n",
        "WAU = []",
        "[terms]\nWAU = \"weekly active users\"",
        "A = \"b\"\nA = \"c\"",
        "WAU = [\"weekly active users\"]\nthis = \"that\"",
        "지표 = \"metric\"",
    ]
    .iter()
    .map(|text| Glossary::parse(text).unwrap_err())
    .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn the_built_in_list_is_well_formed() {
    let mut seen = BTreeSet::new();
    for line in KOREAN
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (korean, english) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
        for word in korean.split(',').map(str::trim) {
            assert!(hangul::is_korean(word), "{line}");
            assert!(seen.insert(word.replace(' ', "")), "{word} stands twice");
        }
        for word in english.split(',').map(str::trim) {
            assert!(
                !lexical::terms(word).is_empty() && word.is_ascii(),
                "{line}"
            );
        }
    }
    assert!(seen.len() > 250, "{}", seen.len());
}
