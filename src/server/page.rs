//! The chat page, embedded in the program: the widget (see [`super::widget`]) as a whole page.

use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::AppState;

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
pub(super) async fn index(State(service): State<AppState>, uri: OriginalUri) -> Response {
    let server = &service.app.config.server;
    let base = server.base_path();
    if !base.is_empty() && uri.path() == base {
        return Redirect::permanent(&format!("{base}/")).into_response();
    }
    let suggestions = serde_json::to_string(&server.suggestions).unwrap_or_default();
    let filled = format!(r#"suggestions="{}""#, attribute(&suggestions));
    file("text/html", INDEX.replace(NO_SUGGESTIONS, &filled))
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
