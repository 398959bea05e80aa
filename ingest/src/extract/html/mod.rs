//! HTML: the main content of a page, as Markdown.

mod bounds;
mod links;
mod tag;

use docent_core::document::Outcome;
use dom_query::Document;
use dom_smoothie::{Config, Readability};
use htmd::HtmlToMarkdown;
use htmd::options::{BrStyle, BulletListMarker, HrStyle, Options};
use pulldown_cmark::{Event, Parser};

pub(crate) use links::{PageLinks, links};
pub(super) use tag::Tag;

use super::{Page, language, title};
use crate::clean::edits::{Edits, OPTIONS};

/// Page furniture, and what a reader does not see.
const FURNITURE: &str = "script, style, noscript, template, iframe, object, embed, svg, canvas, \
    form, button, input, select, textarea, dialog, nav, header nav, footer, aside, [hidden], \
    [aria-hidden=true], [role=navigation], [role=banner], [role=contentinfo], \
    [role=complementary], [role=search], a.headerlink, a.header-anchor, a.anchor, a.anchorjs-link";
/// The article must hold this share of the text of `<main>`, in percent.
const MAIN_SHARE: usize = 70;
/// The same, of a whole `<body>` without `<main>` or `<article>`.
const BODY_SHARE: usize = 30;

/// Reads a page. Fails on one that is nested too deep to be a document.
pub(super) fn page(text: &str) -> Result<Page, Outcome> {
    bounds::check_text(text)?;
    let document = Document::from(text);
    bounds::check_depth(&document)?;
    let page_title = Some(title::tidy(&document.select("head title").text()));
    let language = document
        .select("html")
        .attr("lang")
        .and_then(|tag| language::code(&tag));
    remove_unseen(&document);
    let main_heading = document
        .select("h1")
        .iter()
        .map(|heading| title::tidy(&heading.text()))
        .find(|heading| !heading.is_empty());
    // A page's banner, but not the header of its article, which holds its first heading.
    for header in &document.select("header") {
        if !header.ancestors(None).is("main, article") && !header.select("h1").exists() {
            header.remove();
        }
    }
    let markdown = to_markdown(&main_content(&document))?;
    Ok(Page {
        title: main_heading.or(page_title.filter(|title| !title.is_empty())),
        markdown,
        language,
        note: None,
    })
}

/// The part of a page that is its text: what readability finds, or `<main>`, `<article>`, `<body>`
/// where it finds much less.
fn main_content(document: &Document) -> String {
    let marked = ["main, [role=main]", "article"]
        .iter()
        .map(|selector| document.select(selector))
        .find(|found| found.length() == 1 && !found.text().trim().is_empty());
    let (part, share) = match &marked {
        Some(main) => (main.clone(), MAIN_SHARE),
        None => (document.select("body"), BODY_SHARE),
    };
    let whole = visible_length(&part.text());
    let config = Config {
        keep_classes: true, // They name the language of code blocks.
        disable_json_ld: true,
        char_threshold: 200,
        ..Config::default()
    };
    let article = Readability::with_document(document.clone(), None, Some(config))
        .and_then(|mut readability| readability.parse())
        .ok()
        .filter(|article| visible_length(&article.text_content) * 100 >= whole * share);
    match article {
        // Readability takes a heading that repeats the page's title for furniture.
        Some(article) => {
            let heading = document.select("h1").first();
            let text = title::tidy(&heading.text());
            let kept = text.is_empty() || article.text_content.contains(text.as_str());
            let heading = if kept {
                String::new()
            } else {
                heading.html().to_string()
            };
            format!("{heading}{}", article.content)
        }
        None => part.html().to_string(),
    }
}

fn visible_length(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// A page, or a part of one, as a tree. Fails on one that is nested too deep to be a document.
pub(crate) fn parse(text: &str) -> Result<Document, Outcome> {
    bounds::check_text(text)?;
    let document = Document::from(text);
    bounds::check_depth(&document)?;
    Ok(document)
}

/// All of a page, or of a part of one, as Markdown.
pub(crate) fn whole(html: &str) -> Result<String, Outcome> {
    let document = parse(html)?;
    remove_unseen(&document);
    to_markdown(&document.select("body").html())
}

/// Markdown of raw HTML that stands in Markdown, or nothing where it holds no HTML that is known:
/// `<table_name>` on a line of its own is text.
pub(super) fn fragment(raw: &str, is_mdx: bool) -> Option<String> {
    let text = without_comments(raw);
    if !text.contains('<') {
        return Some(text);
    }
    let mut is_known = text.len() != raw.len();
    let mut rest = text.as_str();
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        is_known |= Tag::of(&text[text.len() - rest.len() - 1..], is_mdx).is_some();
    }
    if !is_known {
        return None;
    }
    if bounds::check_text(&text).is_err() {
        return Some(String::new());
    }
    let document = Document::fragment(text.as_str());
    if bounds::check_depth(&document).is_err() {
        return Some(String::new());
    }
    remove_unseen(&document);
    to_markdown(&document.html()).ok()
}

fn remove_unseen(document: &Document) {
    document.select(FURNITURE).remove();
    for element in &document.select("[style]") {
        let style: String = element
            .attr_or("style", "")
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_lowercase();
        let is_unseen = [
            "display:none",
            "visibility:hidden",
            "opacity:0;",
            "font-size:0",
        ]
        .iter()
        .any(|sign| style.contains(sign))
            || style.ends_with("opacity:0");
        if is_unseen {
            element.remove();
        }
    }
    for table in &document.select("table") {
        // A Markdown table needs a header row: without one, the first row is it.
        if !table.select("th").exists() {
            table.select("tr").first().select("td").rename("th");
        }
    }
}

fn to_markdown(html: &str) -> Result<String, Outcome> {
    let converter = HtmlToMarkdown::builder()
        .options(Options {
            hr_style: HrStyle::Dashes,
            br_style: BrStyle::Backslash,
            bullet_list_marker: BulletListMarker::Dash,
            ul_bullet_spacing: 1,
            ol_number_spacing: 1,
            ..Options::default()
        })
        .add_handler(
            vec!["img"],
            |_: &dyn htmd::element_handler::Handlers, image: htmd::Element<'_>| {
                let alt = image
                    .attrs
                    .iter()
                    .find(|attribute| &*attribute.name.local == "alt");
                alt.map(|alt| title::tidy(&alt.value).into())
            },
        )
        .build();
    converter
        .convert(html)
        .map(|markdown| with_plain_identifiers(&markdown))
        .map_err(|error| Outcome::Failed(format!("not readable as HTML: {error}")))
}

/// The converter writes `fct\_trips`, so that no Markdown reader takes `_` for emphasis. None would
/// inside a word, and a name must be found as it is written.
fn with_plain_identifiers(markdown: &str) -> String {
    let mut edits = Edits::default();
    for (event, range) in Parser::new_ext(markdown, OPTIONS).into_offset_iter() {
        let before = markdown[..range.start].strip_suffix('\\');
        if let (Event::Text(text), Some(before)) = (event, before)
            && text.starts_with('_')
            && before.ends_with(char::is_alphanumeric)
            && text[1..].starts_with(char::is_alphanumeric)
        {
            edits.remove(before.len()..range.start);
        }
    }
    edits.apply(markdown)
}

fn without_comments(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(start) = rest.find("<!--") {
        text.push_str(&rest[..start]);
        // A comment without an end hides everything that follows, as in a browser.
        rest = rest[start..]
            .find("-->")
            .map_or("", |end| &rest[start + end + 3..]);
    }
    text.push_str(rest);
    text
}
