//! Each format from a true-to-format file to the Markdown that is cut and quoted. The files are in
//! `tests/fixtures/formats`, with the script that writes them.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use std::path::{Path, PathBuf};

use docent_core::document::Outcome;
use docent_ingest::clean::clean;
use docent_ingest::extract::{Extracted, FrontMatter, extract};
use docent_ingest::source::{Form, Raw};
use insta::assert_snapshot;

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats");
    std::fs::read(folder.join(name)).unwrap()
}

pub(crate) fn raw(path: &str, bytes: impl Into<Vec<u8>>) -> Raw {
    Raw {
        path: path.to_owned(),
        bytes: bytes.into(),
        form: Form::Named,
        given: FrontMatter::default(),
        modified: None,
        included: Vec::new(),
        notes: Vec::new(),
        raw_hash: String::new(),
    }
}

fn read(path: &str, bytes: impl Into<Vec<u8>>) -> Result<Extracted, Outcome> {
    extract(&raw(path, bytes))
}

/// Title, language, what was left out, and the cleaned text; or why there is none.
fn shown(path: &str, bytes: impl Into<Vec<u8>>) -> String {
    match read(path, bytes) {
        Ok(page) => {
            let language = page.language.as_deref().unwrap_or("-");
            let note = page
                .front
                .problem
                .map_or(String::new(), |note| format!("\nnote: {note}"));
            format!(
                "{} ({language}){note}\n\n{}",
                page.title,
                clean(&page.markdown)
            )
        }
        Err(outcome) => format!("{outcome:?}"),
    }
}

fn shown_fixture(name: &str) -> String {
    shown(name, fixture(name))
}

#[test]
fn a_pdf_has_headings_tables_and_pages_and_no_furniture() {
    assert_snapshot!(shown_fixture("report.pdf"));
}

#[test]
fn columns_of_a_pdf_are_read_one_after_the_other() {
    assert_snapshot!(shown_fixture("two-columns.pdf"));
}

#[test]
fn hangul_in_a_pdf_is_read_with_and_without_its_font() {
    assert_snapshot!(shown_fixture("korean.pdf"));
}

#[test]
fn a_pdf_without_text_is_skipped_with_the_way_out() {
    assert_snapshot!(shown_fixture("scanned.pdf"), @r#"Skipped("scanned: its 2 pages are pictures of text; run text recognition over it (such as ocrmypdf)")"#);
    assert_snapshot!(shown_fixture("encrypted.pdf"), @r#"Skipped("encrypted; save it without a password")"#);
}

#[test]
fn a_docx_is_read_as_if_its_changes_were_accepted() {
    assert_snapshot!(shown_fixture("handbook.docx"));
}

#[test]
fn slides_are_sections_with_their_speaker_notes() {
    assert_snapshot!(shown_fixture("review.pptx"));
}

#[test]
fn sheets_are_described_tables_and_hidden_ones_are_left_out() {
    assert_snapshot!(shown_fixture("targets.xlsx"));
}

#[test]
fn a_notebook_keeps_code_and_printed_results_and_drops_pictures() {
    let bytes = fixture("durations.ipynb");
    let text = shown("durations.ipynb", bytes.clone());
    assert!(
        text.len() < 1_000 && bytes.len() > 20_000,
        "{} {}",
        text.len(),
        bytes.len()
    );
    assert_snapshot!(text);
}

#[test]
fn restructuredtext_becomes_markdown() {
    assert_snapshot!(shown_fixture("ingestion.rst"));
}

#[test]
fn sql_tells_its_comments_and_the_names_it_creates_writes_and_reads() {
    let head = |name: &str| {
        let text = shown_fixture(name);
        text.split("```")
            .next()
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    };
    assert_snapshot!(format!(
        "{}\n\n{}",
        head("fct_trips.sql"),
        head("warehouse.sql")
    ));
    assert!(shown_fixture("fct_trips.sql").contains("left join closed c using (trip_id)"));
}

#[test]
fn tables_in_text_are_described_by_their_columns() {
    let mut long = String::from("day,trips,note\n");
    for day in 0..100_000 {
        let note = if day % 1000 == 0 { "late" } else { "" };
        long.push_str(&format!("2026-01-{:02},{},{note}\n", day % 28 + 1, day * 3));
    }
    assert_snapshot!(format!(
        "{}\n\n{}\n\n{}",
        shown_fixture("stations.csv"),
        shown("daily.csv", long),
        shown_fixture("events.jsonl")
    ));
}

#[test]
fn json_and_yaml_are_headings_and_lists() {
    assert_snapshot!(format!(
        "{}\n\n{}\n\n{}",
        shown_fixture("contract.json"),
        shown_fixture("schema.yml"),
        shown(
            "template.yml",
            "# Rendered by a tool\n{% for x in y %}\nname: {{ x }}\n{% endfor %}\n"
        )
    ));
}

#[test]
fn the_bytes_tell_the_format_before_the_name_does() {
    let html = "<!DOCTYPE html><html><body><h1>Sign in</h1><p>Please sign in.</p></body></html>";
    let json = "{\"name\": \"Trips\", \"rows\": 3}";
    let cases: [(&str, Vec<u8>); 14] = [
        ("pdf.txt", fixture("report.pdf")),
        ("docx.pdf", fixture("handbook.docx")),
        ("xlsx.docx", fixture("targets.xlsx")),
        ("notebook.txt", fixture("durations.ipynb")),
        ("html.md", html.into()),
        ("html.json", html.into()),
        ("html.csv", html.into()),
        (
            "xhtml.txt",
            format!("<?xml version=\"1.0\"?>\n{html}").into(),
        ),
        ("json.txt", json.into()),
        (
            "junk.pdf",
            [b"\r\njunk\n".as_slice(), &fixture("report.pdf")].concat(),
        ),
        (
            "speaks-of-pdf.md",
            "# Signatures\n\nA PDF begins with %PDF-1.7.".into(),
        ),
        ("old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest".to_vec()),
        ("picture.pdf", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
        ("broken.pdf", b"%PDF-1.7\nnothing".to_vec()),
    ];
    let shown = cases.map(|(path, bytes)| {
        let result = match read(path, bytes) {
            Ok(page) => {
                let first = page
                    .markdown
                    .lines()
                    .find(|line| !line.is_empty() && !line.starts_with("<!--"));
                format!("{} | {}", page.title, first.unwrap_or_default())
            }
            Err(outcome) => format!("{outcome:?}"),
        };
        format!("{path}: {result}")
    });
    assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_sheet_of_a_million_rows_is_counted_not_kept() {
    let page = read("big.xlsx", crate::hostile::workbook(1_000_000)).unwrap();
    assert!(
        page.markdown
            .contains("1,000,000 rows, 2 columns. Types are told from the first 999."),
        "{}",
        &page.markdown[..200]
    );
    assert!(page.markdown.len() < 3_000, "{}", page.markdown.len());
}
