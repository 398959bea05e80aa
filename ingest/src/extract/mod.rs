//! From the bytes of a file to Markdown and metadata, by what the bytes are rather than by what the
//! name says.

mod decode;
pub(crate) mod front_matter;
mod html;
mod language;
mod markdown;
mod title;

use std::panic::{AssertUnwindSafe, catch_unwind};

use docent_core::document::Outcome;

pub use front_matter::FrontMatter;
pub(crate) use front_matter::date;
pub(crate) use html::{PageLinks, links, parse as parse_html, whole as html_to_markdown};

use crate::source::{Form, Raw};

/// The text of a document before it is cleaned.
#[derive(Debug, Clone, PartialEq)]
pub struct Extracted {
    /// From the front matter, the first heading, the HTML `<title>` or the file name; never empty.
    pub title: String,
    /// Markdown without front matter, comments, images and page furniture. Blank where the document
    /// has a title and nothing else.
    pub markdown: String,
    pub front: FrontMatter,
    /// ISO 639-1 code, where it is given or can be told.
    pub language: Option<String>,
}

/// Extracts one document. A document that gives no text is `Skipped`, one that cannot be read is
/// `Failed`; both say why. A parser that panics fails this document only.
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

/// What an extractor makes of a text.
struct Page {
    /// A title that the text itself gives.
    title: Option<String>,
    markdown: String,
    language: Option<String>,
}

fn extract_any(raw: &Raw) -> Result<Extracted, Outcome> {
    let text = decode::text(&raw.bytes)?;
    if text.trim().is_empty() {
        return Err(Outcome::Skipped("empty".to_owned()));
    }
    let (front, body) = match raw.form {
        Form::Named => front_matter::split(&text)?,
        Form::Html | Form::Made => (FrontMatter::default(), text.as_str()),
    };
    let front = front.over(raw.given.clone())?;
    let kind = match raw.form {
        Form::Named => kind(&raw.path, body),
        Form::Html => Kind::Html,
        Form::Made => Kind::Markdown,
    };
    let page = match kind {
        Kind::Html => html::page(body)?,
        Kind::Markdown => markdown::page(body, false),
        Kind::Mdx => markdown::page(body, true),
        Kind::Text => Page {
            title: None,
            markdown: body.to_owned(),
            language: None,
        },
    };
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
        front,
        language,
    })
}

#[derive(Clone, Copy)]
enum Kind {
    Markdown,
    Mdx,
    Html,
    Text,
}

fn kind(path: &str, text: &str) -> Kind {
    let start = text.trim_start();
    let starts_with = |tag: &str| {
        start
            .get(..tag.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(tag))
    };
    if starts_with("<!doctype html") || starts_with("<html") {
        return Kind::Html;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" | "xhtml" => Kind::Html,
        "mdx" => Kind::Mdx,
        "md" | "markdown" | "" => Kind::Markdown,
        _ => Kind::Text,
    }
}
