//! What a chunk promises.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use docent_core::config;
use docent_core::document::Chunk;
use docent_core::models::TokenCounter;
use docent_ingest::chunk::{Place, chunks};
use docent_ingest::clean::clean;
use insta::assert_snapshot;
use proptest::prelude::*;

/// Markdown as people write it, and some that they don't: headings of both kinds, tables, fences,
/// lists, Korean, links by reference, loose marks.
pub(crate) fn markdown_documents() -> impl Strategy<Value = String> {
    let words = "([a-z_]{1,9}|대여|정거장에서|fct_trips|`a b`|\\*\\*x\\*\\*|\\[l\\]\\[r\\]|<b>|é|e\u{301}|\u{200b}|\\||#){1,14}";
    let line = proptest::collection::vec("[a-z_]{1,9}|대여|정거장에서|fct\\.net_amount|`a b`|\\*\\*x\\*\\*|\\[l\\]\\[r\\]|\\[a\\]\\(#b\\)|é|e\u{301}|2026-01-02", 1..30)
        .prop_map(|words| words.join(" "));
    let block = prop_oneof![
        4 => line.clone(),
        2 => (1..5_usize, "[a-z가나다]{1,8}( [a-z`]{1,5})?").prop_map(|(level, words)| format!("{} {words}", "#".repeat(level))),
        1 => "[a-z]{2,9}\n(===|---)",
        1 => proptest::collection::vec(line.clone(), 1..8).prop_map(|lines| format!("- {}", lines.join("\n- "))),
        1 => proptest::collection::vec(line.clone(), 1..20).prop_map(|lines| format!("```sql\n# no heading\n{}\n```", lines.join("\n"))),
        1 => proptest::collection::vec(("[a-z대여_]{1,12}", "[a-z0-9 ]{0,40}"), 1..30).prop_map(|rows| {
            let rows: Vec<String> = rows.iter().map(|(a, b)| format!("| {a} | {b} |")).collect();
            format!("| name | text |\n|---|---|\n{}", rows.join("\n"))
        }),
        1 => Just("[r]: https://example.com/r".to_owned()),
        1 => words,
        1 => "[ -~\n]{0,40}",
    ];
    proptest::collection::vec(block, 0..14).prop_map(|blocks| blocks.join("\n\n"))
}

fn settings(max_tokens: usize, overlap_tokens: usize) -> config::Chunk {
    config::Chunk {
        max_tokens,
        overlap_tokens,
    }
}

fn bytes() -> TokenCounter {
    TokenCounter::named("bytes").unwrap()
}

/// The parts of the document that a chunk stands for: all of its text, or what follows the copied
/// header row of a table.
fn in_document<'a>(chunk: &'a Chunk, document: &str) -> &'a str {
    if document.contains(&chunk.text) {
        return &chunk.text;
    }
    let header = chunk.text.match_indices('\n').nth(1).unwrap().0 + 1;
    assert!(
        document.contains(chunk.text[..header].trim_end()),
        "{}",
        chunk.text
    );
    &chunk.text[header..]
}

/// Fails where a chunk is no part of the document, is out of order, is too large, or where visible
/// text is in none of them.
fn check(
    title: &str,
    document: &str,
    counter: &TokenCounter,
    settings: &config::Chunk,
) -> Vec<Chunk> {
    let chunks = chunks(Place::titled(title), document, counter, settings);
    if document.trim().is_empty() {
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].text, title);
        return chunks;
    }
    let mut covered = 0;
    for (position, chunk) in chunks.iter().enumerate() {
        assert_eq!(chunk.ordinal as usize, position);
        assert!(!chunk.text.trim().is_empty());
        let text = in_document(chunk, document);
        // The next chunk begins at or before the first visible character not covered yet.
        let gap = document[covered..].len() - document[covered..].trim_start().len();
        let needed = covered + gap;
        let at = (0..=needed)
            .rev()
            .filter(|at| document.is_char_boundary(*at) && at + text.len() > covered)
            .find(|at| document[*at..].starts_with(text))
            .unwrap_or_else(|| panic!("{text:?} does not follow {needed} in {document:?}"));
        covered = at + text.len();
        // Rarely, a byte-pair tokenizer gives a whole a token more than its pieces.
        let slack = 1 + settings.max_tokens / 50;
        let tokens = counter.count(&chunk.embedded_text(title));
        let prefix = counter.count(&chunk.embedded_text(title)) - counter.count(&chunk.text);
        assert!(
            tokens <= settings.max_tokens + slack || prefix * 2 > settings.max_tokens,
            "{tokens} tokens of {}: {chunk:?}",
            settings.max_tokens
        );
    }
    assert!(
        document[covered..].trim().is_empty(),
        "not covered: {:?}",
        &document[covered..]
    );
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_visible_character_is_in_a_chunk_of_the_right_size(
        document in markdown_documents(), max_tokens in 32..200_usize, overlap in 0..16_usize, which in 0..3_usize
    ) {
        let counter = match which {
            0 => bytes(),
            1 => TokenCounter::builtin(),
            _ => TokenCounter::named("cl100k_base").unwrap(),
        };
        check("A title", &document, &counter, &settings(max_tokens, overlap));
        let cleaned = clean(&document);
        let all = check("A title", &cleaned, &counter, &settings(max_tokens, 0));
        prop_assert!(!all.is_empty());
    }

    #[test]
    fn a_fence_or_table_that_fits_is_never_cut(document in markdown_documents()) {
        let cleaned = clean(&document);
        let all = check("T", &cleaned, &bytes(), &settings(2_000, 0));
        for chunk in all {
            prop_assert_eq!(chunk.text.matches("```sql").count() <= chunk.text.matches("```").count(), true);
        }
    }
}

fn shown(chunks: &[Chunk]) -> String {
    chunks
        .iter()
        .map(|chunk| {
            format!(
                "[{}] {}\n{}\n",
                chunk.ordinal,
                chunk.heading.join(" > "),
                chunk.text
            )
        })
        .collect::<Vec<_>>()
        .join("-----\n")
}

#[test]
fn a_section_is_a_chunk_and_carries_its_headings() {
    let prose =
        "Every trip that ended is counted once, on the day it ended, in the city of its dock. "
            .repeat(4);
    let text = format!(
        "# Trips\n\n## Definition\n\n{prose}\n\n### `late` *docks*\n\n{prose}\n\nCaveats\n-------\n\n{prose}\n\n```\n# no heading\n```"
    );
    let chunks = check("Trips", &text, &bytes(), &settings(320, 0));
    let paths: Vec<String> = chunks
        .iter()
        .map(|chunk| chunk.heading.join(" > "))
        .collect();
    assert_eq!(paths, ["Definition", "Definition > late docks", "Caveats"]);
    assert!(chunks[0].text.starts_with("# Trips\n\n## Definition"));
}

#[test]
fn sections_of_a_few_words_are_joined_under_their_parent() {
    let prose =
        "Every trip that ended is counted once, on the day it ended, in the city of its dock. "
            .repeat(4);
    let text = format!(
        "# Trips\n\n## Facts\n\n### Owner\n\nThe rides team.\n\n### Freshness\n\nHourly.\n\n### Rows\n\nOne a trip.\n\n## Definition\n\n{prose}\n\n### See also\n\nStations.\n\n## End\n"
    );
    assert_snapshot!(shown(&check("Trips", &text, &bytes(), &settings(320, 0))));
}

#[test]
fn a_table_too_large_is_cut_between_rows_and_keeps_its_header() {
    let rows: Vec<String> = (0..40)
        .map(|row| format!("| column_{row} | what column {row} holds |\n"))
        .collect();
    let text = format!(
        "# Columns\n\nThe columns are:\n\n| name | meaning |\n|---|---|\n{}\nThat is all.",
        rows.concat()
    );
    let chunks = check("fct_trips", &text, &bytes(), &settings(120, 0));
    let tables: Vec<&Chunk> = chunks
        .iter()
        .filter(|chunk| chunk.text.contains("column_"))
        .collect();
    assert!(tables.len() > 2);
    for table in tables {
        assert!(
            table
                .text
                .contains("| name | meaning |\n|---|---|\n| column_"),
            "{}",
            table.text
        );
    }
}

#[test]
fn a_heading_is_never_a_chunk_of_its_own_when_text_follows() {
    let code = "SELECT city_id, COUNT(*) FROM fct_trips GROUP BY city_id;\n".repeat(20);
    let text = format!(
        "## Query\n\n```sql\n{code}```\n\n## Rows\n\n| a | b |\n|---|---|\n{}",
        (0..80)
            .map(|row| format!("| one | {row} |\n"))
            .collect::<Vec<_>>()
            .concat()
    );
    for chunk in check("Trips", &text, &bytes(), &settings(100, 0)) {
        assert!(chunk.text.lines().count() > 1, "{}", chunk.text);
    }
}

#[test]
fn overlap_repeats_the_end_of_the_part_before() {
    let text: Vec<String> = (0..80)
        .map(|number| format!("Sentence number {number} is here. "))
        .collect();
    let apart = check("T", &text.concat(), &bytes(), &settings(80, 0));
    let overlapping = check("T", &text.concat(), &bytes(), &settings(80, 20));
    assert!(overlapping.len() > apart.len());
    let last_words = &overlapping[0].text[overlapping[0].text.len() - 20..];
    assert!(overlapping[1].text.contains(last_words));
}

#[test]
fn a_title_alone_is_one_chunk() {
    assert_eq!(
        check("Real-time", "# Real-time", &bytes(), &settings(320, 0)).len(),
        1
    );
    let chunks = chunks(
        Place::titled("Real-time"),
        "\n",
        &bytes(),
        &settings(320, 0),
    );
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].text, "Real-time");
}

#[test]
fn long_headings_leave_room_for_the_text() {
    let long = "a very long heading of many words ".repeat(6);
    let text = format!(
        "# {long}\n\n## {long}\n\n### Short\n\n{}",
        "Some words of text. ".repeat(60)
    );
    let chunks = check("T", &text, &bytes(), &settings(64, 0));
    assert!(chunks.iter().any(|chunk| chunk.heading == ["Short"]));
}

#[test]
fn a_large_text_without_structure_takes_linear_time() {
    let begun = std::time::Instant::now();
    let text = "wordsandwords ".repeat(150_000);
    assert!(check_count(&text) > 1_000);
    assert!(check_count(&"x".repeat(1_000_000)) > 500);
    assert!(check_count(&"- item of a list\n".repeat(60_000)) > 500);
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

fn check_count(text: &str) -> usize {
    chunks(Place::titled("T"), text, &bytes(), &settings(320, 0)).len()
}
