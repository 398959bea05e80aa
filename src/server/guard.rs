//! What keeps other web pages away from a server on this machine: the `Host` must be docent's own
//! (against DNS rebinding), and a request that a browser makes for another origin is refused, unless that
//! is one that the widget may stand on, and the route one that it needs.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use docent_core::config::Server;

use super::AppState;
use super::problem::Problem;

/// The page loads nothing from elsewhere and runs no inline code.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// What pages of an allowed origin may send and see.
const CORS: [(HeaderName, &str); 3] = [
    (
        header::ACCESS_CONTROL_ALLOW_METHODS,
        "GET, POST, PATCH, DELETE",
    ),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type, last-event-id",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
];

/// The page of another origin that a request comes from; it is one of `widget.allowed_origins`.
#[derive(Debug, Clone)]
pub(super) struct ForeignOrigin(pub(super) String);

/// For routes of docent's own pages and of programs.
pub(super) async fn own(State(service): State<AppState>, request: Request, next: Next) -> Response {
    let allowed = Hosts::of(&service.app.config.server);
    match allowed.check(request.headers()) {
        Ok(Sender::Own) => with_headers(next.run(request).await),
        Ok(Sender::Foreign(_)) => origin_not_allowed().into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// For routes that the widget needs: pages of `widget.allowed_origins` may ask as well, by exact name
/// and without cookies.
pub(super) async fn widget(
    State(service): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let config = &service.app.config;
    let origin = match Hosts::of(&config.server).check(request.headers()) {
        Ok(Sender::Own) => return with_headers(next.run(request).await),
        Ok(Sender::Foreign(origin)) => origin.to_owned(),
        Err(problem) => return problem.into_response(),
    };
    let value = HeaderValue::from_str(&origin);
    let Some(value) = value
        .ok()
        .filter(|_| config.widget.allowed_origins.contains(&origin))
    else {
        return origin_not_allowed().into_response();
    };
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = if is_preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        request.extensions_mut().insert(ForeignOrigin(origin));
        with_headers(next.run(request).await)
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if is_preflight {
        for (name, value) in CORS {
            headers.insert(name, HeaderValue::from_static(value));
        }
    } else {
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after"),
        );
    }
    response
}

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    // A page may have a policy of its own.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

fn origin_not_allowed() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "origin_not_allowed",
        "pages of another origin may not ask docent; where this is its own page, set \
         server.public_url to the address that people use, and where it is one with the widget, \
         name it in widget.allowed_origins",
    )
}

/// Where a request comes from.
enum Sender<'a> {
    /// A program, or docent's own page.
    Own,
    /// A page of this origin.
    Foreign(&'a str),
}

struct Hosts<'a> {
    /// The server listens on a loopback address only.
    loopback: bool,
    /// Host (and port) of `server.public_url`.
    public: Option<&'a str>,
}

impl<'a> Hosts<'a> {
    fn of(server: &'a Server) -> Self {
        Self {
            loopback: server.is_loopback(),
            public: host_of(&server.public_url),
        }
    }

    fn check<'h>(&self, headers: &'h HeaderMap) -> Result<Sender<'h>, Problem> {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let host = text(header::HOST).unwrap_or_default();
        if self.loopback && !is_loopback_name(host) && Some(host) != self.public {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "host_not_allowed",
                "docent is not served under this host name; set server.public_url to the address \
                 that people use",
            ));
        }
        // Browsers send Origin with every POST and with every request to another origin.
        let Some(origin) = text(header::ORIGIN) else {
            return Ok(Sender::Own);
        };
        // A name that is not known may have been rebound to this address; an address cannot be.
        let trusted = is_loopback_name(host)
            || Some(host) == self.public
            || (!self.loopback && address_of(host).is_some());
        let from = host_of(origin);
        if from.is_some() && (from == self.public || (trusted && from == Some(host))) {
            return Ok(Sender::Own);
        }
        Ok(Sender::Foreign(origin))
    }
}

fn is_loopback_name(host: &str) -> bool {
    without_port(host) == "localhost"
        || address_of(host).is_some_and(|address| address.is_loopback())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The address that a host is, where it is one and no name.
fn address_of(host: &str) -> Option<std::net::IpAddr> {
    without_port(host)
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Host and port of an address: what stands between `://` and the next `/`.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(loopback: bool, public: &str, host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let public = host_of(public);
        matches!(Hosts { loopback, public }.check(&headers), Ok(Sender::Own))
    }

    #[test]
    fn a_rebound_name_is_refused_on_loopback() {
        assert!(check(true, "", "127.0.0.1:8080", None));
        assert!(check(true, "", "localhost:8080", None));
        assert!(check(true, "", "[::1]:8080", None));
        assert!(!check(true, "", "evil.example:8080", None));
        assert!(!check(true, "", "127.0.0.1.evil.example", None));
    }

    #[test]
    fn another_origin_is_refused_and_the_public_one_is_not() {
        assert!(check(
            true,
            "",
            "localhost:8080",
            Some("http://localhost:8080")
        ));
        assert!(!check(
            true,
            "",
            "localhost:8080",
            Some("http://evil.example")
        ));
        assert!(!check(true, "", "localhost:8080", Some("null")));
        let public = "https://data.example.com/docent";
        assert!(check(
            false,
            public,
            "127.0.0.1:8080",
            Some("https://data.example.com")
        ));
    }

    #[test]
    fn a_rebound_name_is_not_its_own_origin_beyond_loopback() {
        let rebound = Some("http://evil.example:8080");
        assert!(!check(false, "", "evil.example:8080", rebound));
        let address = Some("http://10.0.0.5:8080");
        assert!(check(false, "", "10.0.0.5:8080", address));
    }
}
