use proptest::prelude::*;

use super::*;

fn texts(markdown: &str) -> Vec<&str> {
    sentences(markdown)
        .into_iter()
        .map(|sentence| sentence.text)
        .collect()
}

#[test]
fn full_stops_in_numbers_abbreviations_and_code_do_not_end_a_sentence() {
    assert_eq!(
        texts(
            "The share is 0.5 (e.g. Looker). Use `a. B` there! See Dr. Ada. It loads at 3.30. \
             Why? Nobody knows... but it does."
        ),
        [
            "The share is 0.5 (e.g. Looker).",
            "Use `a. B` there!",
            "See Dr. Ada.",
            "It loads at 3.30.",
            "Why?",
            "Nobody knows... but it does.",
        ]
    );
}

#[test]
fn korean_sentences_end_with_or_without_a_space() {
    assert_eq!(
        texts("표는 매일 갱신됩니다. 담당자는 누구인가요? 데이터 팀이다.그래서 물어보세요."),
        [
            "표는 매일 갱신됩니다.",
            "담당자는 누구인가요?",
            "데이터 팀이다.",
            "그래서 물어보세요."
        ]
    );
}

#[test]
fn items_rows_and_code_lines_are_quoted_one_by_one_and_headings_never() {
    let markdown = "\
# Trips

Points are given as follows:

- **1 point**: a day. Or less.
- **2 points**: two days
  of effort

| column | meaning |
| ------ | ------- |
| `id`   | key     |

```sql
SELECT 1
)
```

> A note. With two sentences.

[crc]: https://example.com
***
Title
=====
The end";
    let found: Vec<_> = sentences(markdown)
        .into_iter()
        .map(|s| (s.kind, s.text, s.heading, s.lead))
        .collect();
    assert_eq!(
        found,
        [
            (Kind::Prose, "Points are given as follows:", "Trips", ""),
            (
                Kind::Item,
                "- **1 point**: a day.",
                "Trips",
                "Points are given as follows:"
            ),
            (
                Kind::Item,
                "Or less.",
                "Trips",
                "Points are given as follows:"
            ),
            (
                Kind::Item,
                "- **2 points**: two days\n  of effort",
                "Trips",
                "Points are given as follows:"
            ),
            (
                Kind::Row,
                "| `id`   | key     |",
                "Trips",
                "| column | meaning |"
            ),
            (Kind::Code, "SELECT 1", "Trips", ""),
            (Kind::Prose, "A note.", "Trips", ""),
            (Kind::Prose, "With two sentences.", "Trips", ""),
            (Kind::Prose, "The end", "Title", ""),
        ]
    );
}

fn markdown() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "\\PC{0,60}",
        "[-*#>|`~= ]{0,6}[a-zA-Z가-힣 .?!`|]{0,40}",
        "```[a-z]{0,3}",
        "\\| [a-z]{1,5} \\| [a-z]{1,5} \\|",
        "\\|---\\|---\\|",
        Just(String::new()),
    ];
    prop::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn sentences_stand_in_the_passage_in_their_order_and_do_not_overlap(text in markdown()) {
        let mut from = 0;
        for sentence in texts(&text) {
            let at = text[from..].find(sentence);
            prop_assert!(at.is_some(), "{sentence:?} is not in the rest of {text:?}");
            from += at.unwrap() + sentence.len();
            prop_assert_eq!(sentence.trim(), sentence);
        }
    }

    #[test]
    fn no_word_of_plain_prose_is_lost(text in "([A-Za-z]{1,8}[.?!]? ){1,40}") {
        let joined = texts(&text).join(" ");
        prop_assert_eq!(
            joined.split_whitespace().collect::<Vec<_>>(),
            text.split_whitespace().collect::<Vec<_>>()
        );
    }
}
