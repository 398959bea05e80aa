//! The chat page, embedded in the program.

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::AppState;

const INDEX: &str = include_str!("../../web/page/index.html");
const CSS: &str = include_str!("../../web/page/page.css");
const JS: &str = include_str!("../../web/page/page.js");

/// The page. Its addresses are relative, so the path must end in `/`.
pub(super) async fn index(State(service): State<AppState>, uri: OriginalUri) -> Response {
    let base = service.app.config.server.base_path();
    if !base.is_empty() && uri.path() == base {
        return Redirect::permanent(&format!("{base}/")).into_response();
    }
    file("text/html; charset=utf-8", INDEX)
}

pub(super) async fn css() -> Response {
    file("text/css; charset=utf-8", CSS)
}

pub(super) async fn js() -> Response {
    file("text/javascript; charset=utf-8", JS)
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        // The files change with the program, and their names do not.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}
