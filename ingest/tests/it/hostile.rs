//! Files that are broken, or made to break their reader: each fails alone, with a reason, within its
//! limits.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use docent_core::document::Outcome;
use docent_ingest::archive::{Archive, Limits};
use docent_ingest::extract::isolated::Isolation;
use docent_ingest::extract::{Extractor, extract, worker};
use insta::assert_snapshot;
use proptest::prelude::*;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::formats::{fixture, raw};

/// Limit of a worker that is expected to answer: these tests share their processors with others.
const PATIENT: Duration = Duration::from_secs(120);

/// The worker of these tests: this binary once more, which runs the test of this name.
fn isolation(worker: &str, limit: Duration, memory_mb: u64) -> Isolation {
    Isolation {
        program: std::env::current_exe().unwrap(),
        arguments: ["--ignored", "--exact", worker].map(Into::into).to_vec(),
        limit,
        memory_mb,
    }
}

fn extractor() -> Extractor {
    Extractor::new(isolation("hostile::the_worker_of_these_tests", PATIENT, 512))
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

/// What this thread has taken: a clock would count what other programs take.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn relations(target: &str, kind: &str) -> String {
    format!(
        "<Relationships><Relationship Id=\"rId1\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/></Relationships>"
    )
}

fn docx(body: &[u8]) -> Vec<u8> {
    let root = relations("word/document.xml", "officeDocument");
    zip(&[("_rels/.rels", root.as_bytes()), ("word/document.xml", body)])
}

/// A workbook with one sheet: a header and so many rows less it.
pub(crate) fn workbook(rows: usize) -> Vec<u8> {
    let mut sheet = String::from("<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"str\"><v>id</v></c><c r=\"B1\" t=\"str\"><v>name</v></c></row>");
    for row in 2..rows + 2 {
        write!(
            sheet,
            "<row r=\"{row}\"><c r=\"A{row}\"><v>{}</v></c><c r=\"B{row}\" t=\"str\"><v>{:x}</v></c></row>",
            row * 7919 % 100_003,
            row.wrapping_mul(0x9e37_79b9)
        )
        .unwrap();
    }
    sheet.push_str("</sheetData></worksheet>");
    let root = relations("xl/workbook.xml", "officeDocument");
    let links = relations("worksheets/sheet1.xml", "worksheet");
    zip(&[
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", b"<workbook xmlns:r=\"r\"><sheets><sheet name=\"Big\" r:id=\"rId1\"/></sheets></workbook>"),
        ("xl/_rels/workbook.xml.rels", links.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

fn outcome(path: &str, bytes: impl Into<Vec<u8>>) -> String {
    let begun = processor_time();
    let outcome = match extract(&raw(path, bytes)) {
        Ok(page) => format!("read: {} bytes", page.markdown.len()),
        Err(Outcome::Failed(reason)) => format!("failed: {reason}"),
        Err(Outcome::Skipped(reason)) => format!("skipped: {reason}"),
        Err(other) => format!("{other:?}"),
    };
    let taken = processor_time() - begun;
    assert!(taken < Duration::from_secs(20), "{path}: {taken:?}");
    format!("{path}: {outcome}")
}

fn nested(open: &str, middle: &str, close: &str, times: usize) -> String {
    format!("{}{middle}{}", open.repeat(times), close.repeat(times))
}

#[test]
fn bombs_and_traps_are_refused_with_a_reason() {
    let zeros = vec![0_u8; 300_000_000];
    let paragraphs = nested("<w:p>", "text", "</w:p>", 10_000);
    let document = |inner: &str| format!("<w:document><w:body>{inner}</w:body></w:document>");
    let mut laughs = String::from("<!DOCTYPE lolz [<!ENTITY lol \"lol\">");
    let mut yaml = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..10 {
        write!(laughs, "<!ENTITY lol{level} \"{}\">", format!("&lol{};", level - 1).repeat(10)).unwrap();
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(yaml, "a{level}: &a{level} [{inner}]").unwrap();
    }
    laughs.push_str("]>");
    laughs.push_str(&document("<w:p><w:r><w:t>&lol9;</w:t></w:r></w:p>"));
    let cells = nested("{\"cells\": [", "1", "]}", 10_000);
    let lines = [
        outcome("bomb.docx", docx(&zeros)),
        outcome("deep.docx", docx(document(&paragraphs).as_bytes())),
        outcome("laughs.docx", docx(laughs.as_bytes())),
        outcome("entity.docx", docx(document("<w:p><w:r><w:t>&other;</w:t></w:r></w:p>").as_bytes())),
        outcome("out.docx", zip(&[("../../etc/passwd", b"x")])),
        outcome("laughs.yaml", yaml),
        outcome("deep.json", nested("[", "1", "]", 10_000)),
        outcome("deep-objects.json", nested("{\"a\":", "1", "}", 10_000)),
        outcome("deep.yaml", format!("{}1", "- ".repeat(10_000))),
        outcome("deep-flow.yaml", nested("[", "a", "]", 10_000)),
        outcome("deep.ipynb", format!("{{\"nbformat\": 4, \"cells\": [{cells}]}}")),
        outcome("deep.html", nested("<div>", "text", "</div>", 10_000)),
        outcome("deep.sql", format!("select {}", nested("(", "1", ")", 10_000))),
        outcome("deep.rst", (0..2_000).map(|depth| format!("{}- item\n\n", "  ".repeat(depth))).collect::<String>()),
        outcome("plain.zip.docx", zip(&[("notes.txt", b"text")])),
        outcome("empty.docx", zip(&[])),
        outcome("half.docx", fixture("handbook.docx")[..20_000].to_vec()),
    ];
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_archive_is_bounded_in_members_sizes_and_names() {
    let limits = Limits {
        members: 3,
        member_bytes: 5_000_000,
        total_bytes: 8_000_000,
        ratio: 50,
    };
    let open = |members: &[(&str, &[u8])]| Archive::open(Cursor::new(zip(members)), limits);
    let failure = |members: &[(&str, &[u8])]| open(members).err().map(|error| error.to_string());
    assert_eq!(failure(&[("a", b""), ("b", b""), ("c", b"")]), None);
    assert_snapshot!(failure(&[("a", b""), ("b", b""), ("c", b""), ("d", b"")]).unwrap(), @"its zip archive has 4 members, more than 3");
    for name in ["../a", "a/../../b", "/etc/passwd", "C:\\a", "\\\\host\\a", "a\\..\\b"] {
        assert!(failure(&[(name, b"")]).unwrap().contains("outside of itself"), "{name}");
    }
    // Noise, which no packing makes smaller, and zeros, which any does.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as u8
    })
    .take(6_000_000)
    .collect();
    let mut archive = open(&[("noise", &noise[..4_500_000]), ("more", &noise[..4_500_000]), ("zeros", &[0; 4_900_000])]).unwrap();
    assert_eq!(archive.read("noise").unwrap().unwrap().len(), 4_500_000);
    assert_eq!(archive.read("nothing").unwrap(), None);
    assert_snapshot!(archive.read("more").unwrap_err(), @"its zip archive unpacks to more than 8000000 bytes; refused");
    let mut archive = open(&[("large", &noise), ("zeros", &[0; 4_900_000])]).unwrap();
    assert_snapshot!(archive.read("large").unwrap_err(), @"large in its zip archive unpacks to more than 5000000 bytes; refused");
    let mut archive = open(&[("zeros", &[0; 4_900_000])]).unwrap();
    assert_snapshot!(archive.read("zeros").unwrap_err(), @"zeros in its zip archive unpacks to more than 50 times its size, as a zip bomb does; refused");
}

/// Changes some bytes of a file: a few at random places, or a piece cut out, doubled or zeroed.
fn mutated(file: &[u8], mut seed: u64) -> Vec<u8> {
    let mut next = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
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
    let files = ["report.pdf", "korean.pdf", "two-columns.pdf", "scanned.pdf", "handbook.docx"];
    let files = files.map(|name| (name, fixture(name)));
    let (mut read, mut reported) = (0, 0);
    for seed in 0..200_u64 {
        let (name, file) = if seed < 100 { &files[seed as usize % 4] } else { &files[4] };
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
    assert!(read >= 20 && reported >= 20, "{read} read, {reported} reported");
}

/// The changed XML of a DOCX in a zip that is whole: what lies behind the zip is reached as well.
#[test]
fn mutated_parts_of_office_files_are_each_read_or_reported() {
    let mut extractor = extractor();
    for name in ["handbook.docx", "review.pptx", "targets.xlsx"] {
        let whole = fixture(name);
        let mut archive = Archive::open(Cursor::new(&whole[..]), Limits::OFFICE).unwrap();
        let names: Vec<String> = archive.names().map(str::to_owned).filter(|name| name.ends_with(".xml") || name.ends_with(".rels")).collect();
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
                    (name.as_str(), if is_changed { mutated(bytes, seed) } else { bytes.clone() })
                })
                .collect();
            let changed: Vec<(&str, &[u8])> = changed.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
            let result = extractor.extract(&raw(name, zip(&changed)));
            assert!(!matches!(&result, Err(Outcome::Failed(reason)) if reason.contains("panicked")), "{name} {seed}");
        }
    }
}

#[test]
fn a_worker_that_hangs_is_killed_at_its_limit_and_the_next_file_is_read() {
    let limit = Duration::from_millis(300);
    let mut hanging = Extractor::new(isolation("hostile::a_worker_that_never_answers", limit, 512));
    let begun = Instant::now();
    let result = hanging.extract(&raw("a.pdf", fixture("report.pdf")));
    assert_eq!(result, Err(Outcome::Failed("not read within 0.3 s (ingest.extract_seconds)".to_owned())));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());

    // A real file that takes too long, in the real worker; what is not risky is read all the same.
    let mut slow = Extractor::new(isolation("hostile::the_worker_of_these_tests", limit, 512));
    let result = slow.extract(&raw("big.xlsx", workbook(600_000)));
    assert_eq!(result, Err(Outcome::Failed("not read within 0.3 s (ingest.extract_seconds)".to_owned())));
    assert!(slow.extract(&raw("a.md", "# Text")).is_ok());
}

#[test]
fn a_file_that_eats_memory_is_stopped_and_the_next_one_is_read() {
    let mut text = String::from("<sst>");
    // About a hundred megabytes: an allocator reserves some before it asks for more.
    let words = "and so on ".repeat(30);
    for at in 0..330_000_u32 {
        write!(text, "<si><t>{:x} {words}</t></si>", at.wrapping_mul(0x9e37_79b9)).unwrap();
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
    let mut small = Extractor::new(isolation("hostile::the_worker_of_these_tests", PATIENT, 24));
    let result = small.extract(&raw("hungry.xlsx", hungry));
    let reason = "its parser ran out of memory or of stack (ingest.extract_memory_mb = 24)";
    assert_eq!(result, Err(Outcome::Failed(reason.to_owned())));
    assert!(small.extract(&raw("handbook.docx", fixture("handbook.docx"))).is_ok());
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
        extractor.extract(&raw("a.pdf", fixture("report.pdf"))).unwrap_err()
    };
    assert_snapshot!(format!("{:?}", outcome("/nowhere/docent")), @r#"Failed("its parser could not be started: /nowhere/docent: No such file or directory (os error 2) (ingest.extract_program)")"#);
    assert_snapshot!(format!("{:?}", outcome("/bin/true")), @r#"Failed("its parser ended without an answer: exit status: 0")"#);
}

#[test]
fn one_worker_reads_many_files_and_answers_as_the_parser_does_here() {
    let mut extractor = extractor();
    for _ in 0..3 {
        for name in ["report.pdf", "handbook.docx", "review.pptx", "targets.xlsx", "durations.ipynb", "scanned.pdf"] {
            let raw = raw(name, fixture(name));
            assert_eq!(extractor.extract(&raw), extract(&raw), "{name}");
        }
    }
}

const EXTENSIONS: [&str; 12] = [
    "rst", "sql", "csv", "json", "jsonl", "yaml", "ipynb", "html", "md", "mdx", "txt", "docx",
];

/// Text made of what these formats are made of.
fn markup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "..", ".. note::", ".. list-table::", ".. |a|", ":a:", "`", "``", "::", "\n", "\n\n", "    ", "  ", "* ",
        "- ", "1. ", "====", "----", "+---+", "| ", "|", "_", "\\", "select", "from", "(", ")", ",", "'", "\"", "--", "/*",
        "*/", "{{", "}}", "$$", "$a$", "[", "]", "{", "}", ":", "&a", "*a", "!!", "---", "#", "<", ">", "</", "<!--", "가나",
        "é", "\u{200b}", "0", "as", "with", "create table", "ref('", "\t", "\r", "\0", ";", "= =", "== ==",
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
