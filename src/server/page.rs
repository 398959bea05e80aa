//! The chat page, embedded in the program: the widget (see [`super::widget`]) as a whole page.

use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::AppState;
use super::access::oidc;
use super::problem::Problem;
use crate::chat::Caller;

const INDEX: &str = include_str!("../../web/page/index.html");
/// Where the page looks for the questions that it offers.
const NO_SUGGESTIONS: &str = r#"suggestions="[]""#;

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
    caller: Result<Caller, Problem>,
) -> Response {
    let config = &service.app.config;
    let server = &config.server;
    let base = server.base_path();
    if !base.is_empty() && uri.path() == base {
        return Redirect::permanent(&format!("{base}/")).into_response();
    }
    if let Some(login) = oidc::login::before_page(config, &caller, &uri) {
        return login.into_response();
    }
    let suggestions = serde_json::to_string(&server.suggestions).unwrap_or_default();
    let filled = format!(r#"suggestions="{}""#, attribute(&suggestions));
    file("text/html", INDEX.replace(NO_SUGGESTIONS, &filled))
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
    fn the_page_has_the_place_that_the_suggestions_go_to() {
        assert!(INDEX.contains(NO_SUGGESTIONS));
    }

    #[test]
    fn a_suggestion_cannot_leave_its_attribute() {
        assert_eq!(attribute(r#"["<b>"]"#), "[&quot;&lt;b&gt;&quot;]");
    }
}
