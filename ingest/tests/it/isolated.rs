//! Reading in a process of its own: whatever a file does to its parser ends that process and fails
//! that file, and the next one is read.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use docent_core::document::Outcome;
use docent_ingest::extract::isolated::Isolation;
use docent_ingest::extract::{Extractor, extract, worker};
use insta::assert_snapshot;

use crate::formats::{fixture, raw};
use crate::hostile::{relations, workbook, zip};

/// Limit of a worker that is expected to answer: these tests share their processors with others.
pub(crate) const PATIENT: Duration = Duration::from_secs(120);

/// The worker of these tests: this binary once more, which runs the test of this name.
fn isolation(worker: &str, limit: Duration, memory_mb: u64) -> Isolation {
    Isolation {
        program: std::env::current_exe().unwrap(),
        arguments: ["--ignored", "--exact", worker].map(Into::into).to_vec(),
        limit,
        memory_mb,
    }
}

pub(crate) fn extractor() -> Extractor {
    Extractor::new(isolation(
        "isolated::the_worker_of_these_tests",
        PATIENT,
        512,
    ))
}

#[test]
#[ignore = "started by other tests as a process of its own"]
fn the_worker_of_these_tests() {
    worker::serve().unwrap();
}

#[test]
#[ignore = "started by other tests as a process of its own"]
fn a_worker_that_never_answers() {
    loop {
        std::hint::spin_loop();
    }
}

#[test]
fn a_worker_that_hangs_is_killed_at_its_limit_and_the_next_file_is_read() {
    let limit = Duration::from_millis(300);
    let mut hanging = Extractor::new(isolation(
        "isolated::a_worker_that_never_answers",
        limit,
        512,
    ));
    let begun = Instant::now();
    let result = hanging.extract(&raw("a.pdf", fixture("report.pdf")));
    assert_eq!(
        result,
        Err(Outcome::Failed(
            "not read within 0.3 s (ingest.extract_seconds)".to_owned()
        ))
    );
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "{:?}",
        begun.elapsed()
    );

    // A real file that takes too long, in the real worker; what is not risky is read all the same.
    let mut slow = Extractor::new(isolation("isolated::the_worker_of_these_tests", limit, 512));
    let result = slow.extract(&raw("big.xlsx", workbook(600_000)));
    assert_eq!(
        result,
        Err(Outcome::Failed(
            "not read within 0.3 s (ingest.extract_seconds)".to_owned()
        ))
    );
    assert!(slow.extract(&raw("a.md", "# Text")).is_ok());
}

#[test]
fn a_file_that_eats_memory_is_stopped_and_the_next_one_is_read() {
    let mut text = String::from("<sst>");
    // About a hundred megabytes: an allocator reserves some before it asks for more.
    let words = "and so on ".repeat(30);
    for at in 0..330_000_u32 {
        write!(
            text,
            "<si><t>{:x} {words}</t></si>",
            at.wrapping_mul(0x9e37_79b9)
        )
        .unwrap();
    }
    text.push_str("</sst>");
    let root = relations("xl/workbook.xml", "officeDocument");
    let links = relations("sharedStrings.xml", "sharedStrings");
    let hungry = zip(&[
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", b"<workbook/>"),
        ("xl/_rels/workbook.xml.rels", links.as_bytes()),
        ("xl/sharedStrings.xml", text.as_bytes()),
    ]);
    let mut small = Extractor::new(isolation(
        "isolated::the_worker_of_these_tests",
        PATIENT,
        24,
    ));
    let result = small.extract(&raw("hungry.xlsx", hungry));
    let reason = "its parser ran out of memory or of stack (ingest.extract_memory_mb = 24)";
    assert_eq!(result, Err(Outcome::Failed(reason.to_owned())));
    assert!(
        small
            .extract(&raw("handbook.docx", fixture("handbook.docx")))
            .is_ok()
    );
}

#[test]
fn a_program_that_is_no_worker_is_named() {
    let program = |path: &str| Isolation {
        program: PathBuf::from(path),
        arguments: Vec::new(),
        limit: Duration::from_secs(5),
        memory_mb: 512,
    };
    let outcome = |path: &str| {
        let mut extractor = Extractor::new(program(path));
        extractor
            .extract(&raw("a.pdf", fixture("report.pdf")))
            .unwrap_err()
    };
    assert_snapshot!(format!("{:?}", outcome("/nowhere/docent")), @r#"Failed("its parser could not be started: /nowhere/docent: No such file or directory (os error 2) (ingest.extract_program)")"#);
    assert_snapshot!(format!("{:?}", outcome("/bin/true")), @r#"Failed("its parser ended without an answer: exit status: 0")"#);
}

#[test]
fn one_worker_reads_many_files_and_answers_as_the_parser_does_here() {
    let mut extractor = extractor();
    for _ in 0..3 {
        for name in [
            "report.pdf",
            "handbook.docx",
            "review.pptx",
            "targets.xlsx",
            "durations.ipynb",
            "scanned.pdf",
        ] {
            let raw = raw(name, fixture(name));
            assert_eq!(extractor.extract(&raw), extract(&raw), "{name}");
        }
    }
}
