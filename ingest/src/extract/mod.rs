//! From the bytes of a file to Markdown and metadata, by what the bytes are rather than by what the
//! name says ([`sniff`]). One file for each format; [`isolated`] reads those whose parsers can be
//! made to misbehave in a process of its own.

mod csv;
mod decode;
pub(crate) mod front_matter;
mod html;
pub mod isolated;
mod json;
mod language;
mod markdown;
mod notebook;
mod office;
mod pdf;
mod rst;
mod sniff;
mod sql;
mod table;
mod title;
pub mod worker;
mod write;
mod yaml;

use std::panic::{AssertUnwindSafe, catch_unwind};

use docent_core::document::Outcome;
use serde::{Deserialize, Serialize};

pub use front_matter::FrontMatter;
pub(crate) use front_matter::date;
pub(crate) use html::{PageLinks, links, parse as parse_html, whole as html_to_markdown};
pub use isolated::Extractor;
pub(crate) use language::guess as guess_language;

use crate::source::{Form, Raw};
use sniff::Kind;

/// Most text that one document may give, in bytes of Markdown. A file of the largest size that is
/// read could hold hundreds of megabytes of it, packed.
const MAX_MARKDOWN: usize = 20_000_000;

/// The text of a document before it is cleaned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extracted {
    /// From the front matter, the first heading, the format's own title or the file name; never
    /// empty.
    pub title: String,
    /// Markdown without front matter, comments, images and page furniture. Blank where the document
    /// has a title and nothing else.
    pub markdown: String,
    pub front: FrontMatter,
    /// ISO 639-1 code, where it is given or can be told.
    pub language: Option<String>,
}

/// Extracts one document in this process. A document that gives no text is `Skipped`, one that
/// cannot be read is `Failed`; both say why. A parser that panics fails this document only; one that
/// loops, overflows the stack or fills the memory takes the process with it: see [`Extractor`].
pub fn extract(raw: &Raw) -> Result<Extracted, Outcome> {
    guarded(|| extract_any(raw))
}

/// Runs a parser. One that panics fails its document only.
pub(crate) fn guarded<T>(parse: impl FnOnce() -> Result<T, Outcome>) -> Result<T, Outcome> {
    catch_unwind(AssertUnwindSafe(parse)).unwrap_or_else(|_| {
        Err(Outcome::Failed(
            "its parser panicked; please report the file".to_owned(),
        ))
    })
}

/// What an extractor makes of a file.
struct Page {
    /// A title that the file itself gives.
    title: Option<String>,
    markdown: String,
    language: Option<String>,
    /// What a person should know of what was left out.
    note: Option<String>,
}

impl Page {
    fn of(markdown: String) -> Self {
        Self {
            title: None,
            markdown,
            language: None,
            note: None,
        }
    }
}

fn extract_any(raw: &Raw) -> Result<Extracted, Outcome> {
    let (own, page) = match raw.form {
        Form::Named => match sniff::binary(&raw.path, &raw.bytes)? {
            Some(kind) => (FrontMatter::default(), read_binary(kind, &raw.bytes)?),
            None => read_text(raw)?,
        },
        Form::Html => (FrontMatter::default(), html::page(&text_of(raw)?)?),
        Form::Made => (
            FrontMatter::default(),
            markdown::page(&text_of(raw)?, false),
        ),
    };
    let front = own.over(raw.given.clone())?;
    if page.markdown.len() > MAX_MARKDOWN {
        return Err(Outcome::Failed(format!(
            "gives more than {MAX_MARKDOWN} bytes of text; split it"
        )));
    }
    let given = front.title.clone().or(page.title);
    if given.is_none() && page.markdown.trim().is_empty() {
        return Err(Outcome::Skipped(
            "empty: it holds no text besides markup and comments".to_owned(),
        ));
    }
    let title = given.unwrap_or_else(|| title::from_path(&raw.path));
    let language = front
        .language
        .clone()
        .or(page.language)
        .or_else(|| language::guess(&page.markdown).map(str::to_owned));
    Ok(Extracted {
        title,
        markdown: page.markdown,
        front: FrontMatter {
            problem: front.problem.clone().or(page.note),
            ..front
        },
        language,
    })
}

fn read_binary(kind: Kind, bytes: &[u8]) -> Result<Page, Outcome> {
    match kind {
        Kind::Pdf => pdf::page(bytes),
        _ => office::page(bytes),
    }
}

fn text_of(raw: &Raw) -> Result<String, Outcome> {
    let text = decode::text(&raw.bytes)?;
    if text.trim().is_empty() {
        return Err(Outcome::Skipped("empty".to_owned()));
    }
    Ok(text)
}

fn read_text(raw: &Raw) -> Result<(FrontMatter, Page), Outcome> {
    let text = text_of(raw)?;
    let mut kind = sniff::text(&raw.path, &text);
    let (front, body) = if kind.has_front_matter() {
        front_matter::split(&text)?
    } else {
        (FrontMatter::default(), text.as_str())
    };
    if kind.has_front_matter() {
        kind = sniff::text(&raw.path, body);
    }
    let page = match kind {
        Kind::Html => html::page(body)?,
        Kind::Markdown => markdown::page(body, false),
        Kind::Mdx => markdown::page(body, true),
        Kind::ReStructuredText => rst::page(body),
        Kind::Csv => csv::page(body)?,
        Kind::Sql => sql::page(body),
        Kind::Json => json::page(body)?,
        Kind::JsonLines => json::lines(body)?,
        Kind::Yaml => yaml::page(body)?,
        Kind::Notebook => notebook::page(body)?,
        Kind::Text | Kind::Pdf | Kind::Office => Page::of(body.to_owned()),
    };
    Ok((front, page))
}
