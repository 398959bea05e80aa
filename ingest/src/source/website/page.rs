//! From what a server answered to a page that can be kept.

use std::panic::{AssertUnwindSafe, catch_unwind};

use reqwest::Url;

use super::super::net::Body;
use super::cache::{Page, VERSION};
use super::scope::{Scope, document_path, tidy};
use crate::extract::{self, PageLinks};

/// Where a page of HTML names its encoding: within its first bytes.
const HEAD: usize = 1_024;

/// Reads a page on a thread of its own. Answers with the text to keep: HTML as UTF-8, other kinds as
/// they came.
pub(super) async fn read(scope: &Scope, body: Body) -> (Page, Vec<u8>) {
    let scope = scope.clone();
    // A page that the parser panics on is kept empty, so that it is not tried at every run.
    let unreadable = Page {
        path: document_path(&body.url),
        bytes: 0,
        ..Page::list(&body)
    };
    let read = tokio::task::spawn_blocking(move || {
        catch_unwind(AssertUnwindSafe(|| read_now(&scope, body))).ok()
    });
    read.await
        .ok()
        .flatten()
        .unwrap_or_else(|| (unreadable, Vec::new()))
}

fn read_now(scope: &Scope, body: Body) -> (Page, Vec<u8>) {
    let is_html = matches!(body.media.as_str(), "text/html" | "application/xhtml+xml")
        || (body.media.is_empty() && looks_like_html(&body.bytes));
    let is_read = is_html
        || body.media.starts_with("text/")
        || matches!(
            body.media.as_str(),
            "" | "application/pdf" | "application/octet-stream"
        );
    let (text, about) = if is_html {
        let text = decode(body.bytes, body.charset.as_deref());
        // One that is nested too deep has no links; its extraction says what is wrong with it.
        let about = extract::links(&text).unwrap_or_default();
        (text.into_bytes(), about)
    } else {
        (body.bytes, PageLinks::default())
    };
    let base = about
        .base
        .as_deref()
        .and_then(|base| body.url.join(base).ok())
        .unwrap_or_else(|| body.url.clone());
    let canonical = about
        .canonical
        .as_deref()
        .and_then(|address| base.join(address).ok())
        .map(tidy)
        // A page cannot speak for another part of the web.
        .filter(|address| scope.holds(address))
        .unwrap_or_else(|| tidy(body.url.clone()));
    let hidden = |rules: &str| rules.contains("noindex") || rules.contains("none");
    let modified = about.modified.as_deref().and_then(extract::date);
    let last_modified = body.validators.last_modified.as_deref();
    let page = Page {
        version: VERSION,
        path: document_path(&canonical),
        uri: canonical.to_string(),
        is_html,
        is_document: is_read && !hidden(&about.robots) && !hidden(&body.robots),
        bytes: text.len() as u64,
        links: links(scope, &base, &about),
        modified: modified.or_else(|| last_modified.and_then(http_date)),
        validators: body.validators,
    };
    (page, text)
}

fn links(scope: &Scope, base: &Url, about: &PageLinks) -> Vec<String> {
    if about.robots.contains("nofollow") || about.robots.contains("none") {
        return Vec::new();
    }
    let mut links: Vec<String> = about
        .links
        .iter()
        .filter_map(|address| base.join(address).ok())
        .map(tidy)
        .filter(|url| scope.holds(url))
        .map(String::from)
        .collect();
    links.sort();
    links.dedup();
    links
}

fn looks_like_html(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_lowercase();
    head.contains("<html") || head.contains("<!doctype html")
}

/// A page as text. Its encoding is what the server says, or the page itself, or UTF-8.
fn decode(bytes: Vec<u8>, charset: Option<&str>) -> String {
    let encoding = charset
        .and_then(|name| encoding_rs::Encoding::for_label(name.as_bytes()))
        .or_else(|| {
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_lowercase();
            let name = head.split("charset=").nth(1)?;
            let name = name.trim_start_matches(['"', '\'']);
            let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:".contains(c)))?;
            encoding_rs::Encoding::for_label(&name.as_bytes()[..end])
        })
        .unwrap_or(encoding_rs::UTF_8);
    encoding.decode(&bytes).0.into_owned()
}

/// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::parse_from_rfc2822(text)
        .ok()
        .map(|at| at.to_utc())
}
