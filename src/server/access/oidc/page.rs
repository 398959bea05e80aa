//! What somebody sees whose sign-in failed: a page with the reason and the way back.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::server::page::{attribute as escaped, wants_korean};

/// Why somebody is not signed in.
pub(super) enum Failed {
    /// The provider says no, or the person did.
    Refused(String),
    /// It took too long, or was begun in another browser.
    Forgotten,
    /// The provider, or the ledger, is away.
    Unavailable(String),
}

/// The page that says so.
pub(super) fn failed(headers: &HeaderMap, again: &str, why: Failed) -> Response {
    let korean = wants_korean(headers);
    let (status, text) = match why {
        Failed::Refused(why) => (StatusCode::FORBIDDEN, why),
        Failed::Forgotten if korean => (
            StatusCode::BAD_REQUEST,
            "로그인이 너무 오래 걸렸거나 다른 브라우저에서 시작되었습니다.".to_owned(),
        ),
        Failed::Forgotten => (
            StatusCode::BAD_REQUEST,
            "It took too long, or was begun in another browser.".to_owned(),
        ),
        Failed::Unavailable(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    };
    let (language, title, link) = if korean {
        ("ko", "로그인하지 못했습니다", "다시 로그인")
    } else {
        ("en", "You are not signed in", "Sign in again")
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>docent: {title}</title>\n\
         <h1>{title}</h1>\n<p role=\"alert\">{}</p>\n<p><a href=\"{}\">{link}</a></p>\n</html>\n",
        escaped(&text),
        escaped(again),
    );
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, page).into_response()
}
