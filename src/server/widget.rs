//! The widget's script for pages of others, embedded in the program. Any page may load it, with
//! `crossorigin` and `integrity`; what it may ask is decided where it asks.

use std::io::Write;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use docent_core::document::text_hash;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::AppState;

static SCRIPT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../web/built/widget.js")));
static MODULE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../../web/built/widget.mjs")));

/// `/widget.js`, the classic script, and `/widget.mjs`, the ES module.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/widget.js", get(async |headers| SCRIPT.answer(&headers)))
        .route("/widget.mjs", get(async |headers| MODULE.answer(&headers)))
}

struct Script {
    text: Bytes,
    gzipped: Bytes,
    /// The content's hash, quoted.
    tag: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let _ = encoder.write_all(text.as_bytes());
        Self {
            text: Bytes::from_static(text.as_bytes()),
            gzipped: encoder.finish().unwrap_or_default().into(),
            tag: format!("\"{}\"", text_hash(text)),
        }
    }

    /// The script, or that the browser has it already: it asks on every page that has the widget.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let names = |name, wanted: &str| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
                .is_some_and(|value| value.contains(wanted))
        };
        let mut response = if names(header::IF_NONE_MATCH, &self.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else if names(header::ACCEPT_ENCODING, "gzip") {
            let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            ([encoding], self.gzipped.clone()).into_response()
        } else {
            self.text.clone().into_response()
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::VARY, "accept-encoding"),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            // Pages that isolate themselves (COEP) may load it as well.
            (
                header::HeaderName::from_static("cross-origin-resource-policy"),
                "cross-origin",
            ),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(tag) = HeaderValue::try_from(self.tag.as_str()) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}
