//! A folder of every format, and of files made to break their reader.

use docent_scripted::openai::{Script, ScriptedOpenAi};

use crate::support::World;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ingest/tests/fixtures/formats");

/// The first bytes of a PDF, as an interrupted copy leaves them.
fn half_a_pdf() -> Vec<u8> {
    let mut pdf = std::fs::read(format!("{FIXTURES}/report.pdf")).unwrap();
    pdf.truncate(20);
    pdf
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_indexed_and_cited_and_a_broken_file_fails_alone() {
    let model = ScriptedOpenAi::start(Script::default()).await;
    let mut world = World::new().await;
    world.embed_with(&model);
    let mut copied = 0;
    for file in std::fs::read_dir(FIXTURES).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if !["make.py", "README.md"].contains(&name.as_str()) {
            std::fs::copy(file.path(), world.docs().join(&name)).unwrap();
            copied += 1;
        }
    }
    std::fs::write(world.docs().join("broken.pdf"), half_a_pdf()).unwrap();
    std::fs::write(world.docs().join("broken.docx"), b"PK\x03\x04 and no more").unwrap();
    world.write("plain.md", "# Plain\n\nA plain page among them.\n");

    let report = world.ingest().await;
    let source = &report.sources[0];
    let mut problems: Vec<String> = source
        .problems
        .iter()
        .map(|problem| format!("{} {}: {}", problem.outcome, problem.path, problem.reason))
        .collect();
    problems.sort();
    insta::assert_snapshot!(problems.join("\n"), @r"
    failed broken.docx: not a readable zip archive: invalid Zip archive: Could not find EOCD
    failed broken.pdf: not readable as PDF: PDF parsing error: startxref not found
    skipped encrypted.pdf: encrypted; save it without a password
    skipped scanned.pdf: scanned: its 2 pages are pictures of text; run text recognition over it (such as ocrmypdf)
    ");
    assert_eq!(source.documents.indexed, copied - 2 + 1);

    let server = world.serve().await;
    let answer = server
        .ask("who is written to at rides-data@example.com, and asked on Slack in #rides-data?")
        .await;
    let citations = answer["citations"].as_array().unwrap();
    let of_pdf = citations
        .iter()
        .find(|citation| citation["path"] == "report.pdf")
        .unwrap();
    let heading = of_pdf["heading"].as_str().unwrap();
    assert!(heading.ends_with("> page 2"), "{heading}");
    assert!(
        of_pdf["uri"]
            .as_str()
            .unwrap()
            .ends_with("/report.pdf#page=2"),
        "{of_pdf}"
    );
    server.stop().await;

    let again = world.ingest().await;
    assert_eq!(
        again.sources[0].documents.unchanged,
        source.documents.indexed
    );
}
