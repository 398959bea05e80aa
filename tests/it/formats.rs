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
    insta::assert_snapshot!(problems.join("\n"), @"");
    // Two broken ones fail, a scan and an encrypted one are left out.
    assert_eq!(source.documents.indexed, copied - 2 + 1);

    let server = world.serve().await;
    let answer = server
        .ask("when is fct_trips late: how old is its newest row?")
        .await;
    let citations = answer["citations"].as_array().unwrap();
    let of_pdf = citations
        .iter()
        .find(|citation| citation["path"] == "report.pdf")
        .unwrap();
    assert_eq!(of_pdf["heading"], "Freshness > page 2");
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
