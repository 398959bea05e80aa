//! A page of a space's HTML export.

use chrono::{DateTime, NaiveDate, Utc};
use docent_core::document::Outcome;
use dom_query::Document;

use crate::extract;

/// What a file of the export shows.
#[derive(Debug, PartialEq)]
pub(super) struct HtmlPage {
    pub(super) title: String,
    /// Titles of the pages above it, outermost first.
    pub(super) above: Vec<String>,
    pub(super) changed: Option<DateTime<Utc>>,
    pub(super) markdown: String,
}

/// Reads a file. `uri` gives the address of another file of the export, by its name.
pub(super) fn read(text: &str, uri: &dyn Fn(&str) -> Option<String>) -> Result<HtmlPage, Outcome> {
    let document = extract::parse_html(text)?;
    let breadcrumbs: Vec<String> = document
        .select("#breadcrumbs li")
        .iter()
        .map(|link| tidy(&link.text()))
        .filter(|title| !title.is_empty())
        .collect();
    let shown = tidy(&document.select("#title-text").text());
    let shown = if shown.is_empty() {
        tidy(&document.select("title").text())
    } else {
        shown
    };
    // "Space : Title"; the first breadcrumb is the space.
    let title = breadcrumbs
        .first()
        .and_then(|space| shown.strip_prefix(space.as_str()))
        .and_then(|rest| rest.trim_start().strip_prefix(':'))
        .map_or(shown.as_str(), str::trim)
        .to_owned();
    for link in &document.select("#main-content a[href]") {
        let href = link.attr_or("href", "").to_string();
        let name = href.split('#').next().unwrap_or_default();
        if !name.contains("://") && has_ending(name, "html") {
            match uri(name) {
                Some(uri) => link.set_attr("href", &uri),
                None => link.remove_attr("href"),
            }
        }
    }
    mark_code(&document);
    let main = document.select("#main-content");
    if !main.exists() {
        return Err(Outcome::Skipped(
            "is no page of a Confluence export: it has no #main-content".to_owned(),
        ));
    }
    Ok(HtmlPage {
        title,
        above: breadcrumbs.into_iter().skip(1).collect(),
        changed: changed(&document.select(".page-metadata").text()),
        markdown: extract::html_to_markdown(&main.html())?,
    })
}

/// The export's code macros are `<pre>` with the language in an attribute.
fn mark_code(document: &Document) {
    for block in &document.select("pre[data-syntaxhighlighter-params]") {
        let parameters = block
            .attr_or("data-syntaxhighlighter-params", "")
            .to_string();
        let language: String = parameters
            .split("brush:")
            .nth(1)
            .unwrap_or_default()
            .trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric())
            .collect();
        let code = block.inner_html();
        block.set_html(format!("<code class=\"language-{language}\">{code}</code>"));
    }
}

/// "… last modified on Mar 14, 2026", or "on 14 Mar 2026".
fn changed(metadata: &str) -> Option<DateTime<Utc>> {
    let metadata = tidy(metadata);
    let (_, date) = metadata.rsplit_once(" on ")?;
    ["%b %d, %Y", "%d %b %Y", "%Y-%m-%d"]
        .iter()
        .find_map(|format| NaiveDate::parse_and_remainder(date, format).ok())
        .and_then(|(day, _)| day.and_hms_opt(0, 0, 0))
        .map(|at| at.and_utc())
}

pub(super) fn has_ending(name: &str, ending: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, end)| end.eq_ignore_ascii_case(ending))
}

/// The page's number: `Weekly-active-riders_98311.html` and `98311.html` are 98311.
pub(super) fn page_id(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    match stem.rsplit_once('_') {
        Some((_, id)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => id,
        _ => stem,
    }
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
