//! The chat page, embedded in the program: the widget (see [`super::widget`]) as a whole page.

use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use docent_core::document::text_hash;

use super::AppState;
use super::access::oidc;
use super::problem::Problem;
use crate::chat::{Caller, CallerKind};

const INDEX: &str = include_str!("../../web/page/index.html");
/// Where the page looks for the questions that it offers, and where its links go.
const NO_SUGGESTIONS: &str = r#"suggestions="[]""#;
const LINKS: &str = "<!-- links -->";

/// Name, type and text of what the page loads, besides the widget's script.
const FILES: [(&str, &str, &str); 2] = [
    (
        "/page.css",
        "text/css",
        include_str!("../../web/page/page.css"),
    ),
    (
        "/icon.svg",
        "image/svg+xml",
        include_str!("../../web/page/icon.svg"),
    ),
];

/// The page and its files.
pub(super) fn routes() -> Router<AppState> {
    let mut routes = Router::new().route("/", get(index));
    for (name, kind, text) in FILES {
        routes = routes.route(
            name,
            get(move || async move { file(kind, text.to_owned()) }),
        );
    }
    routes
}

/// The page. Its addresses are relative, so the path must end in `/`.
pub(super) async fn index(
    State(service): State<AppState>,
    uri: OriginalUri,
    request: HeaderMap,
    caller: Result<Caller, Problem>,
) -> Response {
    let config = &service.app.config;
    let server = &config.server;
    let base = server.base_path();
    if !base.is_empty() && uri.path() == base {
        return Redirect::permanent(&format!("{base}/")).into_response();
    }
    let signed_in = caller.as_ref().ok();
    let signed_in = signed_in
        .filter(|caller| caller.kind == CallerKind::User)
        .map(|caller| text_hash(&caller.name));
    if let Some(login) = oidc::login::before_page(config, &caller, &uri) {
        return login.into_response();
    }
    let suggestions = serde_json::to_string(&server.suggestions).unwrap_or_default();
    let mut filled = format!(r#"suggestions="{}""#, attribute(&suggestions));
    if let Some(hash) = &signed_in {
        // The tab keeps a conversation; whoever signs in next must not see it.
        filled.push_str(&format!(r#" user="{hash}""#));
    }
    let links = links(wants_korean(&request), signed_in.is_some());
    let text = INDEX.replace(NO_SUGGESTIONS, &filled);
    let mut response = file("text/html", text.replace(LINKS, &links));
    let vary = HeaderValue::from_static("accept-language, cookie");
    response.headers_mut().insert(header::VARY, vary);
    response
}

/// What else there is for a reader.
fn links(korean: bool, signed_in: bool) -> String {
    let link = |to, english, korean_text| {
        let text = if korean { korean_text } else { english };
        format!("<a href=\"{to}\">{text}</a>")
    };
    let mut links = link("sources", "Sources", "문서 목록");
    if signed_in {
        links.push_str(&link("logout", "Sign out", "로그아웃"));
    }
    links
}

/// Whether the first language that the reader wants is Korean.
pub(super) fn wants_korean(headers: &HeaderMap) -> bool {
    let wanted = headers.get(header::ACCEPT_LANGUAGE);
    wanted
        .and_then(|wanted| wanted.to_str().ok())
        .is_some_and(|wanted| wanted.trim_start().to_ascii_lowercase().starts_with("ko"))
}

/// Text made fit for an HTML attribute.
pub(super) fn attribute(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn file(kind: &'static str, text: String) -> Response {
    let content_type = HeaderValue::try_from(format!("{kind}; charset=utf-8"))
        .unwrap_or(HeaderValue::from_static("text/plain"));
    let headers = [
        (header::CONTENT_TYPE, content_type),
        // The files change with the program, and their names do not.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_places_that_are_filled_in() {
        assert!(INDEX.contains(NO_SUGGESTIONS) && INDEX.contains(LINKS));
    }

    #[test]
    fn a_suggestion_cannot_leave_its_attribute() {
        assert_eq!(attribute(r#"["<b>"]"#), "[&quot;&lt;b&gt;&quot;]");
    }
}
