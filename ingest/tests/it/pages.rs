//! Pages of a PDF on their way into a citation.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use docent_core::config;
use docent_core::document::{Chunk, PageMark};
use docent_core::models::TokenCounter;
use docent_ingest::chunk::{Place, chunks};
use docent_ingest::clean::clean;
use docent_ingest::extract::extract;
use proptest::prelude::*;

use crate::formats::{fixture, raw};

fn cut(title: &str, markdown: &str, max_tokens: usize, overlap_tokens: usize) -> Vec<Chunk> {
    let settings = config::Chunk {
        max_tokens,
        overlap_tokens,
    };
    chunks(
        Place::titled(title),
        &clean(markdown),
        &TokenCounter::named("bytes").unwrap(),
        &settings,
    )
}

/// The page on which a text stands, by the chunk that holds it first.
fn page_of(chunks: &[Chunk], text: &str) -> Option<u32> {
    chunks.iter().find_map(|chunk| {
        let at = chunk.text.find(text)? as u32;
        chunk
            .pages
            .iter()
            .rev()
            .find(|mark| mark.at <= at)
            .map(|mark| mark.page)
    })
}

#[test]
fn chunks_of_a_pdf_know_their_pages_and_embed_none_of_it() {
    let page = extract(&raw("report.pdf", fixture("report.pdf"))).unwrap();
    let chunks = cut(&page.title, &page.markdown, 120, 20);
    assert!(chunks.len() > 4);
    assert!(
        chunks
            .iter()
            .all(|chunk| !chunk.text.contains("docent:page") && !chunk.pages.is_empty())
    );
    assert_eq!(page_of(&chunks, "three tables below"), Some(1));
    assert_eq!(page_of(&chunks, "older than 90 minutes"), Some(2));
    assert_eq!(page_of(&chunks, "Ask #rides-data"), Some(2));
    let chunks = cut("a.md", "# Heading\n\nText.", 120, 20);
    assert_eq!(chunks[0].pages, []);
}

#[test]
fn a_page_inserted_before_a_text_changes_nothing_that_is_embedded() {
    let mark = |page: u32| format!("<!-- docent:page {page} -->\n\n");
    let text = "A sentence that stands on a page of its own, and another one behind it.\n\n";
    let before = cut("Book", &format!("{}{text}", mark(1)), 100, 0);
    let after = cut("Book", &format!("{}{text}", mark(7)), 100, 0);
    assert_eq!(
        before[0].embedded_text("Book"),
        after[0].embedded_text("Book")
    );
    assert_eq!(after[0].pages, [PageMark { at: 0, page: 7 }]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// However pages are cut and chunks overlap: the page that a word is said to be on is its page.
    #[test]
    fn every_word_is_on_its_page(
        pages in prop::collection::vec(prop::collection::vec(1..30_usize, 0..6), 1..8),
        max_tokens in 20..200_usize,
        overlap in 0..10_usize,
    ) {
        let mut markdown = String::new();
        for (page, paragraphs) in pages.iter().enumerate() {
            markdown.push_str(&format!("<!-- docent:page {} -->\n\n", page + 1));
            for (at, words) in paragraphs.iter().enumerate() {
                let words: Vec<String> = (0..*words).map(|word| format!("p{page}a{at}w{word}x")).collect();
                markdown.push_str(&format!("{}\n\n", words.join(" ")));
            }
        }
        for chunk in cut("Title", &markdown, max_tokens, overlap) {
            for (at, word) in chunk.text.match_indices('p') {
                let page: u32 = chunk.text[at + word.len()..].split('a').next().unwrap().parse().unwrap_or(u32::MAX);
                if page == u32::MAX {
                    continue; // A title without text: `Title` has no `p`, but chunks may be cut in words.
                }
                let told = chunk.pages.iter().rev().find(|mark| mark.at as usize <= at).map(|mark| mark.page);
                prop_assert_eq!(told, Some(page + 1), "{:?}", chunk);
            }
        }
    }
}
