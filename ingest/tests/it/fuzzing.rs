//! Arbitrary bytes, text and mutated files through every extractor: each is read or reported, in
//! bounded time.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use std::io::Cursor;
use std::time::{Duration, Instant};

use docent_core::document::Outcome;
use docent_ingest::archive::{Archive, Limits};
use docent_ingest::extract::extract;
use proptest::prelude::*;

use crate::formats::{fixture, raw};
use crate::hostile::{processor_time, zip};
use crate::isolated::{PATIENT, extractor};

/// Changes some bytes of a file: a few at random places, or a piece cut out, doubled or zeroed.
fn mutated(file: &[u8], mut seed: u64) -> Vec<u8> {
    let mut next = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    let mut bytes = file.to_vec();
    for _ in 0..=next(8) {
        let at = next(bytes.len());
        let length = next(64).min(bytes.len() - at);
        match next(5) {
            0 => bytes[at] = next(256) as u8,
            1 => drop(bytes.drain(at..at + length)),
            2 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => bytes[at..at + length].fill(0),
            _ => bytes[at] = b'0' + next(10) as u8,
        }
    }
    bytes
}

#[test]
fn a_hundred_mutated_pdfs_and_docx_are_each_read_or_reported() {
    let mut extractor = extractor();
    let files = [
        "report.pdf",
        "korean.pdf",
        "two-columns.pdf",
        "scanned.pdf",
        "handbook.docx",
    ];
    let files = files.map(|name| (name, fixture(name)));
    let (mut read, mut reported) = (0, 0);
    for seed in 0..200_u64 {
        let (name, file) = if seed < 100 {
            &files[seed as usize % 4]
        } else {
            &files[4]
        };
        let begun = Instant::now();
        match extractor.extract(&raw(name, mutated(file, seed))) {
            Ok(page) => {
                assert!(!page.title.is_empty());
                read += 1;
            }
            Err(Outcome::Skipped(reason) | Outcome::Failed(reason)) => {
                assert!(!reason.is_empty());
                reported += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < 2 * PATIENT, "{name} {seed}");
    }
    assert_eq!(read + reported, 200);
    assert!(
        read >= 20 && reported >= 20,
        "{read} read, {reported} reported"
    );
}

/// The changed XML of a DOCX in a zip that is whole: what lies behind the zip is reached as well.
#[test]
fn mutated_parts_of_office_files_are_each_read_or_reported() {
    let mut extractor = extractor();
    for name in ["handbook.docx", "review.pptx", "targets.xlsx"] {
        let whole = fixture(name);
        let mut archive = Archive::open(Cursor::new(&whole[..]), Limits::OFFICE).unwrap();
        let names: Vec<String> = archive
            .names()
            .map(str::to_owned)
            .filter(|name| matches!(name.rsplit_once('.'), Some((_, "xml" | "rels"))))
            .collect();
        let parts: Vec<(String, Vec<u8>)> = names
            .into_iter()
            .map(|name| (name.clone(), archive.read(&name).unwrap().unwrap()))
            .collect();
        for seed in 0..40_u64 {
            let changed: Vec<(&str, Vec<u8>)> = parts
                .iter()
                .enumerate()
                .map(|(at, (name, bytes))| {
                    let is_changed = (seed as usize + at).is_multiple_of(3);
                    (
                        name.as_str(),
                        if is_changed {
                            mutated(bytes, seed)
                        } else {
                            bytes.clone()
                        },
                    )
                })
                .collect();
            let changed: Vec<(&str, &[u8])> = changed
                .iter()
                .map(|(name, bytes)| (*name, &bytes[..]))
                .collect();
            let result = extractor.extract(&raw(name, zip(&changed)));
            assert!(
                !matches!(&result, Err(Outcome::Failed(reason)) if reason.contains("panicked")),
                "{name} {seed}"
            );
        }
    }
}

const EXTENSIONS: [&str; 12] = [
    "rst", "sql", "csv", "json", "jsonl", "yaml", "ipynb", "html", "md", "mdx", "txt", "docx",
];

/// Text made of what these formats are made of.
fn markup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "..",
        ".. note::",
        ".. list-table::",
        ".. |a|",
        ":a:",
        "`",
        "``",
        "::",
        "\n",
        "\n\n",
        "    ",
        "  ",
        "* ",
        "- ",
        "1. ",
        "====",
        "----",
        "+---+",
        "| ",
        "|",
        "_",
        "\\",
        "select",
        "from",
        "(",
        ")",
        ",",
        "'",
        "\"",
        "--",
        "/*",
        "*/",
        "{{",
        "}}",
        "$$",
        "$a$",
        "[",
        "]",
        "{",
        "}",
        ":",
        "&a",
        "*a",
        "!!",
        "---",
        "#",
        "<",
        ">",
        "</",
        "<!--",
        "가나",
        "é",
        "\u{200b}",
        "0",
        "as",
        "with",
        "create table",
        "ref('",
        "\t",
        "\r",
        "\0",
        ";",
        "= =",
        "== ==",
    ]);
    prop::collection::vec(pieces, 0..120).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_parser_panic(text in markup(), extension in prop::sample::select(EXTENSIONS.to_vec())) {
        check(&format!("a.{extension}"), text.into_bytes());
    }

    #[test]
    fn no_bytes_make_a_parser_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        start in prop::sample::select(vec![&b""[..], b"%PDF-1.7\n", b"PK\x03\x04", b"{\"cells\": [", b"\xff\xfe", b"\xef\xbb\xbf"]),
        extension in prop::sample::select(EXTENSIONS.to_vec()),
    ) {
        check(&format!("a.{extension}"), [start, &bytes].concat());
    }
}

fn check(path: &str, bytes: Vec<u8>) {
    let begun = processor_time();
    let result = extract(&raw(path, bytes));
    let taken = processor_time() - begun;
    assert!(taken < Duration::from_secs(5), "{taken:?}");
    match result {
        Ok(page) => assert!(!page.title.is_empty()),
        Err(Outcome::Failed(reason) | Outcome::Skipped(reason)) => {
            assert!(!reason.contains("panicked"), "{reason}");
        }
        Err(other) => panic!("{other:?}"),
    }
}
