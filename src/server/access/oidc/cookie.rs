//! Cookies: those that come, and those that are set.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use docent_core::config::Config;

/// A cookie that scripts cannot read and that other sites' forms are sent without.
pub(super) fn set_cookie(config: &Config, name: &str, value: &str, seconds: i64) -> HeaderValue {
    let base = config.server.base_path();
    let path = if base.is_empty() { "/" } else { &base };
    let secure = if config.server.public_url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    let text =
        format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// What is about one person is kept by nobody on the way.
pub(super) fn no_store() -> (HeaderName, HeaderValue) {
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// A cookie of a request by its name.
pub(in crate::server::access) fn cookie_of<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, value)| *known == name && !value.is_empty())
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; docent_login=x".parse().unwrap());
        headers.append(header::COOKIE, "docent_login2=y".parse().unwrap());
        assert_eq!(cookie_of(&headers, "docent_login"), Some("x"));
        assert_eq!(cookie_of(&headers, "login"), None);
    }
}
