//! A folder with everything in it that is no document: each is reported with its reason, and the
//! rest is read.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use docent_core::config::{Folder, Source, SourceKind};
use docent_core::document::Outcome;
use docent_ingest::extract::extract;
use docent_ingest::source::{self, Listing, SourceError, list_folder};
use insta::assert_snapshot;

const MAX_BYTES: u64 = 1_000_000;

fn folder(path: &Path) -> Folder {
    Folder::new(path.to_path_buf())
}

fn list(folder: &Folder, max_bytes: u64) -> Result<Listing, SourceError> {
    let source = Source::new("docs".to_owned(), SourceKind::Folder(folder.clone()));
    list_folder(&source, folder, max_bytes)
}

fn listed(path: &Path) -> Listing {
    list(&folder(path), MAX_BYTES).unwrap()
}

fn write(folder: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn pipe(path: PathBuf) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
}

fn paths(listing: &Listing) -> Vec<&str> {
    listing
        .found
        .iter()
        .map(|found| found.path.as_str())
        .collect()
}

/// Every path of a folder with what became of it.
fn outcomes(listing: &Listing) -> String {
    let mut lines: Vec<String> = listing
        .problems
        .iter()
        .map(|problem| format!("{:?}: {}", problem.path, shown(&problem.outcome)))
        .collect();
    for found in &listing.found {
        let outcome = source::read(found, &listing.root, MAX_BYTES).and_then(|raw| extract(&raw));
        let outcome = outcome.map_or_else(
            |outcome| shown(&outcome),
            |page| format!("read: {}", page.title),
        );
        lines.push(format!("{:?}: {outcome}", found.path));
    }
    lines.sort();
    lines.join("\n")
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Skipped(reason) => format!("skipped: {reason}"),
        Outcome::Failed(reason) => format!("failed: {reason}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn each_bad_file_is_reported_with_its_reason_and_the_rest_is_read() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "outside/secret.md", "# Secret");
    let docs = home.path().join("docs");
    write(&docs, "good.md", "# Good\n\nText.");
    write(&docs, "binary.md", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    write(
        &docs,
        "controls.txt",
        [1_u8, 2, 3, 4, 5, 6, 7, 8].repeat(20),
    );
    write(&docs, "latin1.md", b"# Caf\xe9\n");
    write(&docs, "half-utf16.md", b"\xff\xfea\0b");
    write(&docs, "empty.md", "");
    write(&docs, "blank.md", " \n\n\t\n");
    write(&docs, "comment.md", "<!-- nothing but a comment -->\n");
    write(&docs, "no-permission.md", "---\ngroups: []\n---\nText");
    write(&docs, "deep.html", "<div>".repeat(100_000));
    write(
        &docs,
        "name with \"quotes\"\nand a newline.md",
        "# Quotes\n\nText.",
    );
    write(
        &docs,
        "folder.md/inside.md",
        "# Inside a folder named like a file",
    );
    File::create(docs.join("large.md"))
        .unwrap()
        .set_len(200_000_000)
        .unwrap();
    fs::write(docs.join(OsStr::from_bytes(b"not-utf8-\xff.md")), "# Text").unwrap();
    pipe(docs.join("pipe.md"));
    let _socket = UnixListener::bind(docs.join("socket")).unwrap();
    symlink("nowhere.md", docs.join("dangling.md")).unwrap();
    symlink("../outside/secret.md", docs.join("out.md")).unwrap();
    symlink("../outside", docs.join("out")).unwrap();
    symlink("/dev/zero", docs.join("endless.md")).unwrap();
    symlink("good.md", docs.join("alias.md")).unwrap();
    symlink("pipe.md", docs.join("pipe-link.md")).unwrap();
    symlink("self.md", docs.join("self.md")).unwrap();
    symlink(".", docs.join("loop")).unwrap();
    fs::create_dir(docs.join("a")).unwrap();
    fs::create_dir(docs.join("b")).unwrap();
    symlink("../b", docs.join("a/b")).unwrap();
    symlink("../a", docs.join("b/a")).unwrap();

    assert_snapshot!(outcomes(&listed(&docs)));
}

#[test]
fn a_file_that_changes_between_listing_and_reading_is_reported() {
    let home = tempfile::tempdir().unwrap();
    let docs = home.path();
    for name in ["gone.md", "grown.md", "linked.md", "piped.md", "swapped.md"] {
        write(docs, name, "# Text");
    }
    let listing = listed(docs);
    assert_eq!(listing.found.len(), 5);
    for name in ["gone.md", "linked.md", "piped.md", "swapped.md"] {
        fs::remove_file(docs.join(name)).unwrap();
    }
    File::options()
        .write(true)
        .open(docs.join("grown.md"))
        .unwrap()
        .set_len(2_000_000)
        .unwrap();
    symlink("/etc/passwd", docs.join("linked.md")).unwrap();
    pipe(docs.join("piped.md"));
    fs::create_dir(docs.join("swapped.md")).unwrap();
    assert_snapshot!(outcomes(&listing));
}

#[test]
fn links_between_folders_are_walked_once() {
    let home = tempfile::tempdir().unwrap();
    for from in 0..8 {
        write(home.path(), &format!("{from}/page.md"), "# Page");
        for to in 0..8 {
            symlink(
                format!("../{to}"),
                home.path().join(format!("{from}/to{to}")),
            )
            .unwrap();
        }
    }
    let listing = listed(home.path());
    assert!(listing.found.len() <= 16, "{}", listing.found.len());
    assert!(paths(&listing).contains(&"7/page.md"));
}

#[test]
fn only_documents_are_found_and_other_kinds_are_counted() {
    let home = tempfile::tempdir().unwrap();
    let docs = home.path();
    for name in [
        "a.md",
        "b.HTML",
        "c.txt",
        "d.mdx",
        "README",
        "e.png",
        "f.PNG",
        "LICENSE",
        ".hidden.md",
        ".git/x.md",
    ] {
        write(docs, name, "text");
    }
    symlink("nowhere", docs.join(".#a.md")).unwrap();
    let listing = listed(docs);
    assert_eq!(
        paths(&listing),
        ["README", "a.md", "b.HTML", "c.txt", "d.mdx"]
    );
    let counted: Vec<_> = listing.ignored.into_iter().collect();
    assert_eq!(
        counted,
        [("no extension".to_owned(), 1), ("png".to_owned(), 2)]
    );
    assert_eq!(listing.problems, []);
}

#[test]
fn globs_and_gitignore_choose_files() {
    let home = tempfile::tempdir().unwrap();
    let docs = home.path();
    for name in [
        "a.md",
        "drafts/b.md",
        "guides/c.md",
        "guides/deep/d.md",
        "guides/e.txt",
        "build/f.md",
    ] {
        write(docs, name, "text");
    }
    write(docs, ".gitignore", "build/\n");
    let with = |include: &[&str], exclude: &[&str], gitignore| {
        let mut source = folder(docs);
        source.include = include.iter().map(ToString::to_string).collect();
        source.exclude = exclude.iter().map(ToString::to_string).collect();
        source.gitignore = gitignore;
        paths(&list(&source, MAX_BYTES).unwrap()).join(" ")
    };
    assert_eq!(
        with(&[], &["drafts/**"], true),
        "a.md guides/c.md guides/deep/d.md guides/e.txt"
    );
    assert_eq!(
        with(&["**/*.md"], &["drafts"], false),
        "a.md build/f.md guides/c.md guides/deep/d.md"
    );
    assert_eq!(
        with(&["**/*.md"], &[], true),
        "a.md drafts/b.md guides/c.md guides/deep/d.md"
    );
    assert_eq!(with(&["guides/*.md"], &[], true), "guides/c.md");
    assert_eq!(
        with(&["guides/"], &[], true),
        "guides/c.md guides/deep/d.md guides/e.txt"
    );
}

#[test]
fn a_single_file_is_a_source() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "notes.rst", "Notes\n=====\n\nText.");
    write(home.path(), "other.md", "text");
    let listing = listed(&home.path().join("notes.rst"));
    assert_eq!(outcomes(&listing), "\"notes.rst\": read: Notes");
}

#[test]
fn a_source_that_cannot_be_listed_says_why() {
    let home = tempfile::tempdir().unwrap();
    let missing = list(&folder(&home.path().join("nowhere")), MAX_BYTES)
        .unwrap_err()
        .to_string();
    let shown = missing.replace(&home.path().display().to_string(), "HOME");
    assert_snapshot!(shown, @r#"source "docs": there is no file or folder HOME/nowhere; check source.path, or the path on the command line"#);
    let mut source = folder(home.path());
    source.exclude = vec!["a/{b".to_owned()];
    assert_snapshot!(list(&source, MAX_BYTES).unwrap_err(), @r#"source "docs": exclude = "a/{b" is no glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)"#);
}

#[test]
fn ten_thousand_files_are_read_in_a_moment() {
    let home = tempfile::tempdir().unwrap();
    for number in 0..10_000 {
        write(
            home.path(),
            &format!("{}/{number}.md", number % 50),
            format!("# Page {number}\n\nText."),
        );
    }
    let begun = std::time::Instant::now();
    let listing = listed(home.path());
    let read = listing
        .found
        .iter()
        .filter(|found| source::read(found, &listing.root, MAX_BYTES).is_ok());
    assert_eq!(read.count(), 10_000);
    // Far above what it takes (about 0.2 s), for slow machines.
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
