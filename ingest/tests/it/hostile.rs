//! Files that are made to break their reader: each is refused with a reason.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::time::Duration;

use docent_core::document::Outcome;
use docent_ingest::archive::{Archive, Limits};
use docent_ingest::extract::extract;
use insta::assert_snapshot;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::formats::{fixture, raw};

/// What this thread has taken: a clock would count what other programs take.
pub(crate) fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

pub(crate) fn relations(target: &str, kind: &str) -> String {
    format!(
        "<Relationships><Relationship Id=\"rId1\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/></Relationships>"
    )
}

fn docx(body: &[u8]) -> Vec<u8> {
    let root = relations("word/document.xml", "officeDocument");
    zip(&[
        ("_rels/.rels", root.as_bytes()),
        ("word/document.xml", body),
    ])
}

/// A workbook with one sheet: a header and so many rows less it.
pub(crate) fn workbook(rows: usize) -> Vec<u8> {
    let mut sheet = String::from(
        "<worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"str\"><v>id</v></c><c r=\"B1\" t=\"str\"><v>name</v></c></row>",
    );
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
        write!(
            laughs,
            "<!ENTITY lol{level} \"{}\">",
            format!("&lol{};", level - 1).repeat(10)
        )
        .unwrap();
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
        outcome(
            "entity.docx",
            docx(document("<w:p><w:r><w:t>&other;</w:t></w:r></w:p>").as_bytes()),
        ),
        outcome("out.docx", zip(&[("../../etc/passwd", b"x")])),
        outcome("laughs.yaml", yaml),
        outcome("deep.json", nested("[", "1", "]", 10_000)),
        outcome("deep-objects.json", nested("{\"a\":", "1", "}", 10_000)),
        outcome("deep.yaml", format!("{}1", "- ".repeat(10_000))),
        outcome("deep-flow.yaml", nested("[", "a", "]", 10_000)),
        outcome(
            "deep.ipynb",
            format!("{{\"nbformat\": 4, \"cells\": [{cells}]}}"),
        ),
        outcome("deep.html", nested("<div>", "text", "</div>", 10_000)),
        outcome(
            "deep.sql",
            format!("select {}", nested("(", "1", ")", 10_000)),
        ),
        outcome(
            "deep.rst",
            (0..2_000)
                .map(|depth| format!("{}- item\n\n", "  ".repeat(depth)))
                .collect::<String>(),
        ),
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
    for name in [
        "../a",
        "a/../../b",
        "/etc/passwd",
        "C:\\a",
        "\\\\host\\a",
        "a\\..\\b",
    ] {
        assert!(
            failure(&[(name, b"")])
                .unwrap()
                .contains("outside of itself"),
            "{name}"
        );
    }
    // Noise, which no packing makes smaller, and zeros, which any does.
    let blank = vec![0; 4_900_000];
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as u8
    })
    .take(6_000_000)
    .collect();
    let mut archive = open(&[
        ("noise", &noise[..4_500_000]),
        ("more", &noise[..4_500_000]),
        ("zeros", &blank),
    ])
    .unwrap();
    assert_eq!(archive.read("noise").unwrap().unwrap().len(), 4_500_000);
    assert_eq!(archive.read("nothing").unwrap(), None);
    assert_snapshot!(archive.read("more").unwrap_err(), @"its zip archive unpacks to more than 8000000 bytes; refused");
    let mut archive = open(&[("large", &noise), ("zeros", &blank)]).unwrap();
    assert_snapshot!(archive.read("large").unwrap_err(), @"large in its zip archive unpacks to more than 5000000 bytes; refused");
    let mut archive = open(&[("zeros", &blank)]).unwrap();
    assert_snapshot!(archive.read("zeros").unwrap_err(), @"zeros in its zip archive unpacks to more than 50 times its size, as a zip bomb does; refused");
}
