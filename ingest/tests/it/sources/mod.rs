//! Every kind of source: real servers, real files, real programs.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground is missing may panic"
)]

mod confluence;
mod git;
mod slack;
mod website;

use std::fmt::Write as _;
use std::path::Path;

use docent_core::config::{Overrides, Source, load};
use docent_core::document::Outcome;
use docent_ingest::ProgressSender;
use docent_ingest::clean::clean;
use docent_ingest::extract::{FrontMatter, extract};
use docent_ingest::source::{self, Context, Listing, SourceError};

const MAX_BYTES: u64 = 5_000_000;

/// A source as the configuration would give it, with an environment that has `SOURCE_TOKEN`.
fn source(folder: &Path, settings: &str) -> Source {
    let file = folder.join("docent.toml");
    std::fs::write(&file, format!("[[source]]\nname = \"source\"\n{settings}")).unwrap();
    let environment = [("SOURCE_TOKEN".to_owned(), "s3cret".to_owned())].into();
    let overrides = Overrides {
        config: Some(file),
        environment,
        ..Overrides::default()
    };
    load(&overrides).unwrap().sources.remove(0)
}

fn context<'a>(folder: &Path, source: &'a Source) -> Context<'a> {
    Context {
        source,
        cache: folder.join("cache"),
        max_file_bytes: MAX_BYTES,
        progress: ProgressSender::default(),
    }
}

async fn list(folder: &Path, source: &Source) -> Result<Listing, SourceError> {
    source::list(&context(folder, source)).await
}

async fn check(folder: &Path, source: &Source) -> Result<String, SourceError> {
    source::check(&context(folder, source)).await
}

fn paths(listing: &Listing) -> Vec<&str> {
    listing
        .found
        .iter()
        .map(|found| found.path.as_str())
        .collect()
}

/// What the source knows about a document, which here is something.
fn given(listing: &Listing, at: usize) -> &FrontMatter {
    listing.found[at].given.as_deref().unwrap()
}

fn problems(listing: &Listing) -> String {
    let mut text = String::new();
    for problem in &listing.problems {
        let (kind, reason) = match &problem.outcome {
            Outcome::Skipped(reason) => ("skipped", reason),
            Outcome::Failed(reason) => ("failed", reason),
            other => panic!("{other:?} is no problem"),
        };
        let _ = writeln!(text, "{kind} {}: {reason}", problem.path);
    }
    text
}

/// What becomes of every document: what is known of it, and its cleaned Markdown. `hidden` is put in
/// place of what differs from run to run.
fn documents(listing: &Listing, hidden: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for found in &listing.found {
        let raw = source::read(found, &listing.root, MAX_BYTES).unwrap();
        let page = match extract(&raw) {
            Ok(page) => page,
            Err(outcome) => {
                let _ = writeln!(text, "=== {}\n{outcome:?}\n", found.path);
                continue;
            }
        };
        let front = &page.front;
        let _ = writeln!(text, "=== {}", found.path);
        let _ = writeln!(text, "title: {}", page.title);
        if !front.above.is_empty() {
            let _ = writeln!(text, "above: {}", front.above.join(" > "));
        }
        if let Some(uri) = &front.uri {
            let _ = writeln!(text, "uri: {uri}");
        }
        if let Some(groups) = &front.groups {
            let _ = writeln!(text, "groups: {}", groups.join(", "));
        }
        if let Some(at) = front.updated_at {
            let _ = writeln!(text, "updated_at: {at}");
        }
        let _ = writeln!(text, "\n{}\n", clean(&page.markdown).trim_end());
    }
    for (from, to) in hidden {
        text = text.replace(from, to);
    }
    text
}
