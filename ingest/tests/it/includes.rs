//! Files that a page of mdBook includes.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use std::path::Path;

use docent_core::config::{Folder, Source, SourceKind};
use docent_ingest::extract::extract;
use docent_ingest::source::{self, Raw};
use insta::assert_snapshot;

use crate::extraction::shown;

fn read_from(folder: &Path, path: &str) -> Raw {
    let settings = Folder::new(folder.to_path_buf());
    let source = Source::new("docs".to_owned(), SourceKind::Folder(settings.clone()));
    let listing = source::list_folder(&source, &settings, 1_000_000).unwrap();
    let found = listing
        .found
        .iter()
        .find(|found| found.path == path)
        .unwrap();
    source::read(found, &listing.root, 1_000_000).unwrap()
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn mdbook_includes_are_put_in() {
    let folder = tempfile::tempdir().unwrap();
    let docs = folder.path();
    write(
        docs,
        "clients/reference.md",
        "# Clients daily\n\n{{#include ./intro.md}}\n\n```sql\n{{#include q.sql:2:3}}\n```\n\n\
         ```python\n{{#include job.py:body}}\n```\n\n\\{{#include shown.md}} {{#unknown thing}}\n",
    );
    write(
        docs,
        "clients/intro.md",
        "One row a client. {{#include ../parts/note.md}}\n",
    );
    write(docs, "parts/note.md", "Loaded {{#include when.txt}} UTC.\n");
    write(docs, "parts/when.txt", "at 04:00\n");
    write(
        docs,
        "clients/q.sql",
        "-- hidden\nSELECT client_id\nFROM t\n-- hidden too\n",
    );
    write(
        docs,
        "clients/job.py",
        "import os\n# ANCHOR: body\nrun()\n# ANCHOR_END: body\nexit()\n",
    );
    let raw = read_from(docs, "clients/reference.md");
    assert_eq!(raw.notes, Vec::<String>::new());
    assert_eq!(
        raw.included,
        [
            "clients/intro.md",
            "parts/note.md",
            "parts/when.txt",
            "clients/q.sql",
            "clients/job.py"
        ]
    );
    assert_snapshot!(shown(&extract(&raw).unwrap()));
}

#[test]
fn an_include_that_fails_is_left_out_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "secret.md", "outside");
    let docs = folder.path().join("docs");
    write(
        &docs,
        "a.md",
        "# A\n\nText. {{#include b.md}}\n\n{{#include ../secret.md}}{{#include gone.md}}",
    );
    write(&docs, "b.md", "B and {{#include a.md}}again.");
    std::os::unix::fs::symlink("../secret.md", docs.join("link.md")).unwrap();
    write(
        &docs,
        "c.md",
        "C {{#include link.md}}{{#include a.md:nowhere}}",
    );
    let a = read_from(&docs, "a.md");
    assert_snapshot!(a.notes.join("\n"), @r"
    {{#include a.md}} was left out: a.md includes itself
    {{#include ../secret.md}} was left out: ../secret.md lies outside of the source
    {{#include gone.md}} was left out: gone.md: No such file or directory (os error 2)
    ");
    assert_eq!(
        String::from_utf8(a.bytes).unwrap(),
        "# A\n\nText. B and again.\n\n"
    );
    let c = read_from(&docs, "c.md");
    assert_snapshot!(c.notes.join("\n"), @r"
    {{#include link.md}} was left out: link.md lies outside of the source
    {{#include a.md:nowhere}} was left out: a.md has no such part
    ");
    assert_eq!(c.bytes, b"C ");
}

#[test]
fn an_include_cannot_widen_who_reads_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let page = "# Page\n\n{{#include secret.md}}{{#include secret.md:4}}{{#include broken.md}}{{#include part.md}}";
    write(folder.path(), "page.md", page);
    write(
        folder.path(),
        "secret.md",
        "---\ngroups: [finance]\n---\nSalaries\n",
    );
    write(
        folder.path(),
        "broken.md",
        "---\ngroups: [finance\n---\nSalaries\n",
    );
    write(folder.path(), "part.md", "---\ntitle: Part\n---\nPublic\n");
    let raw = read_from(folder.path(), "page.md");
    assert_eq!(raw.bytes, b"# Page\n\nPublic");
    assert_eq!(raw.notes.len(), 3);
}

#[test]
fn the_hash_changes_when_an_included_file_does() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "page.md", "# Page\n\n{{#include part.md}}");
    write(folder.path(), "part.md", "one");
    let before = read_from(folder.path(), "page.md");
    assert_eq!(
        before.raw_hash,
        read_from(folder.path(), "page.md").raw_hash
    );
    write(folder.path(), "part.md", "two");
    assert_ne!(
        before.raw_hash,
        read_from(folder.path(), "page.md").raw_hash
    );
}

#[test]
fn includes_that_multiply_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    for level in 0..9 {
        let include = format!("{{{{#include {}.md}}}}\n", level + 1);
        write(folder.path(), &format!("{level}.md"), &include.repeat(10));
    }
    write(folder.path(), "9.md", "boom");
    let raw = read_from(folder.path(), "0.md");
    assert!(raw.bytes.len() < 100_000, "{}", raw.bytes.len());
    assert!(
        raw.notes
            .iter()
            .any(|note| note.contains("more than 1000 includes"))
    );
}
