//! `/sources` and `/sources/NAME`: what docent knows, for people. Rendered here; the pages have no
//! script, and what documents say of themselves is escaped by the template.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use docent_core::ledger::RunOutcome;
use minijinja::{Environment, Value, context};

use super::api::{self, Page};
use super::{KnownDocument, KnownSource, documents, source, sources};
use crate::chat::Caller;
use crate::server::AppState;
use crate::server::access::oidc::login;
use crate::server::page::wants_korean;
use crate::server::problem::Problem;

const SOURCES: &str = "sources.html";
const SOURCE: &str = "source.html";
/// Where in a template the facts of a source stand.
const FACTS_PLACE: &str = "<!-- facts.html -->";

/// The templates. Their names end in `.html`, so that every value is escaped.
static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    for (name, text) in [
        (SOURCES, include_str!("../../../web/page/sources.html")),
        (SOURCE, include_str!("../../../web/page/source.html")),
    ] {
        // Both describe a source in the same way.
        let text = text.replace(FACTS_PLACE, include_str!("../../../web/page/facts.html"));
        if let Err(error) = pages.add_template_owned(name, text) {
            tracing::error!(%error, name, "a page of docent's own is broken");
        }
    }
    pages
});

/// The pages and their style sheet.
pub(in crate::server) fn routes() -> Router<AppState> {
    Router::new()
        .route("/sources", get(overview))
        .route("/sources/{name}", get(one))
        .route("/sources.css", get(style))
}

async fn overview(
    State(service): State<AppState>,
    uri: OriginalUri,
    caller: Result<Caller, Problem>,
    headers: HeaderMap,
) -> Response {
    if let Some(login) = login::before_page(&service.app.config, &caller, &uri) {
        return login.into_response();
    }
    let shown = async {
        let sources = sources(&service.app, &caller?).await?;
        let sources: Vec<Value> = sources.iter().map(source_value).collect();
        render(SOURCES, wants_korean(&headers), &context! { sources })
    };
    shown.await.unwrap_or_else(IntoResponse::into_response)
}

async fn one(
    State(service): State<AppState>,
    uri: OriginalUri,
    caller: Result<Caller, Problem>,
    Path(name): Path<String>,
    headers: HeaderMap,
    page: Result<Query<Page>, QueryRejection>,
) -> Response {
    if let Some(login) = login::before_page(&service.app.config, &caller, &uri) {
        return login.into_response();
    }
    let shown = async {
        let caller = caller?;
        let Query(page) = page.map_err(|_| api::bad_page())?;
        let app = &service.app;
        let known = source(app, &caller, &name).await?;
        let known = known.ok_or_else(api::unknown)?;
        let found = documents(app, &caller, &name, page.cursor, page.limit).await?;
        let documents: Vec<Value> = found.documents.iter().map(document_value).collect();
        let values = context! {
            source => source_value(&known),
            documents,
            is_first => page.cursor.is_none(),
            next => found.next.map(|next| next.to_string()),
        };
        render(SOURCE, wants_korean(&headers), &values)
    };
    shown.await.unwrap_or_else(IntoResponse::into_response)
}

async fn style() -> Response {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    let text = include_str!("../../../web/page/sources.css");
    page(kind, text.to_owned())
}

fn render(name: &str, korean: bool, values: &Value) -> Result<Response, Problem> {
    let language = if korean { "ko" } else { "en" };
    let values = context! { language, korean, ..values.clone() };
    let rendered = PAGES.get_template(name).and_then(|it| it.render(values));
    let text = rendered.map_err(|error| {
        tracing::error!(%error, name, "a page could not be made");
        Problem::of_event("internal", "a defect in docent".to_owned())
    })?;
    let mut response = page(HeaderValue::from_static("text/html; charset=utf-8"), text);
    // It shows what this caller may read.
    let private = HeaderValue::from_static("private, no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, private);
    Ok(response)
}

fn page(kind: HeaderValue, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::VARY, HeaderValue::from_static("accept-language")),
    ];
    (headers, text).into_response()
}

fn source_value(source: &KnownSource) -> Value {
    let day = |at: Option<DateTime<Utc>>| at.map(|at| at.format("%Y-%m-%d").to_string());
    let owners: Vec<&str> = source.owners.iter().map(|it| it.name.as_str()).collect();
    context! {
        name => &source.name,
        link => segment(&source.name),
        kind => &source.kind,
        documents => source.documents,
        assets => source.assets,
        owners => owners.join(", "),
        oldest => day(source.oldest_change),
        newest => day(source.newest_change),
        fresh => source.fresh_at.map(minute),
        run_at => source.last_run.as_ref().map(|run| minute(run.finished_at.unwrap_or(run.started_at))),
        run_outcome => source.last_run.as_ref().map(|run| outcome(run.outcome)),
    }
}

/// As the template asks for it.
fn outcome(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Running => "running",
        RunOutcome::Done => "done",
        RunOutcome::DoneWithFailures => "done_with_failures",
        RunOutcome::Failed | RunOutcome::Interrupted => "failed",
    }
}

fn document_value(document: &KnownDocument) -> Value {
    context! {
        title => &document.title,
        path => &document.path,
        link => web_address(&document.uri),
        asset => &document.asset,
        owner => &document.owner,
        status => document.status,
        updated => document.updated_at.map(|at| at.format("%Y-%m-%d").to_string()),
        fresh => document.fresh_at.map(minute),
    }
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Only what is on the web becomes a link: a `javascript:` address would run, and a `file:` one opens
/// nothing.
fn web_address(uri: &str) -> Option<String> {
    let address = reqwest::Url::parse(uri).ok()?;
    matches!(address.scheme(), "http" | "https").then(|| address.to_string())
}

/// A name as one part of a path.
fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Dots as well: `..` would be a step up.
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_become_links() {
        let linked = |uri: &str| web_address(uri).is_some();
        assert!(linked("https://docs.example/trips#page=3"));
        for other in [
            "javascript:alert(1)",
            " JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "docent:answers/1",
            "//evil.example",
            "",
        ] {
            assert!(!linked(other), "{other}");
        }
    }

    #[test]
    fn a_name_stays_one_part_of_the_path() {
        assert_eq!(segment("docs-1_a"), "docs-1_a");
        assert_eq!(segment("../a b"), "%2E%2E%2Fa%20b");
        assert_eq!(segment("위키"), "%EC%9C%84%ED%82%A4");
    }
}
