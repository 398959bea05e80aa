//! Fetching one address: checked, bounded, conditional.

use std::time::Duration;

use docent_core::net::{AllowedHosts, CheckedClient, Forbidden};
use reqwest::header::{self, HeaderMap};
use reqwest::{Response, StatusCode, Url};

/// Redirects that one fetch follows.
const MAX_REDIRECTS: usize = 5;
/// How often a server that is busy is asked again, and how long it may make us wait for it.
const RETRIES: usize = 2;
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What a source may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Longest body, in bytes.
    pub(crate) body_bytes: u64,
    /// Longest time for one request with its redirects.
    pub(crate) request: Duration,
}

/// Fetches within limits, and from where that is allowed.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    client: CheckedClient,
    limits: Limits,
    /// Sent to `url`'s own origin only.
    token: Option<(Url, String)>,
}

/// What a server said of a page when it was last fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Validators {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

/// What came of a fetch.
#[derive(Debug, Clone)]
pub(crate) enum Fetched {
    /// The page is as it was.
    NotModified,
    Body(Box<Body>),
}

/// A page as it came.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// Where it was found, after redirects.
    pub(crate) url: Url,
    pub(crate) bytes: Vec<u8>,
    pub(crate) validators: Validators,
    /// In lower case, without parameters; empty where the server does not say.
    pub(crate) media: String,
    pub(crate) charset: Option<String>,
    /// `X-Robots-Tag`, in lower case.
    pub(crate) robots: String,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The server has no such page: 404 or 410.
    #[error("not found ({0})")]
    Gone(StatusCode),
    /// The server wants other credentials: 401 or 403.
    #[error("refused ({0})")]
    Refused(StatusCode),
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// A redirect that leads elsewhere; `to` is for the caller to judge.
    #[error("redirects more than {MAX_REDIRECTS} times")]
    TooManyRedirects,
    #[error("redirects to {0}, which is outside of the source")]
    LeadsOut(Url),
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    #[error("cannot be reached: {0}")]
    Unreachable(String),
}

impl Fetcher {
    /// `token` is sent as `Authorization: Bearer` to the origin of `url` only.
    pub(crate) fn new(
        url: &Url,
        hosts: AllowedHosts,
        limits: Limits,
        token: &str,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: CheckedClient::new(hosts, limits.request)?,
            limits,
            token: Some((url.clone(), token.to_owned())).filter(|_| !token.is_empty()),
        })
    }

    /// The same with another limit for a body.
    pub(crate) fn with_body_bytes(&self, body_bytes: u64) -> Self {
        let limits = Limits {
            body_bytes,
            ..self.limits
        };
        Self {
            limits,
            ..self.clone()
        }
    }

    /// Fetches a page, following redirects to addresses that `within` accepts. With `validators` the
    /// request is conditional.
    pub(crate) async fn get(
        &self,
        url: &Url,
        validators: Option<&Validators>,
        within: impl Fn(&Url) -> bool,
    ) -> Result<Fetched, FetchError> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(&url, validators).await?;
            let status = response.status();
            if status == StatusCode::NOT_MODIFIED {
                return Ok(Fetched::NotModified);
            }
            if status.is_redirection() {
                let mut next = text(response.headers(), header::LOCATION)
                    .and_then(|to| url.join(&to).ok())
                    .ok_or(FetchError::Status(status))?;
                next.set_fragment(None);
                if !within(&next) {
                    return Err(FetchError::LeadsOut(next));
                }
                url = next;
                continue;
            }
            if status.is_success() {
                return self.body(url, response).await;
            }
            return Err(match status {
                StatusCode::NOT_FOUND | StatusCode::GONE => FetchError::Gone(status),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FetchError::Refused(status),
                _ => FetchError::Status(status),
            });
        }
        Err(FetchError::TooManyRedirects)
    }

    /// One request; a server that says when to come again is asked again then.
    async fn ask(
        &self,
        url: &Url,
        validators: Option<&Validators>,
    ) -> Result<Response, FetchError> {
        let client = self.client.of(url)?;
        let mut tries = 0;
        loop {
            let mut request = client.get(url.clone());
            if let Some(validators) = validators {
                if let Some(etag) = &validators.etag {
                    request = request.header(header::IF_NONE_MATCH, etag);
                }
                if let Some(date) = &validators.last_modified {
                    request = request.header(header::IF_MODIFIED_SINCE, date);
                }
            }
            if let Some((home, token)) = &self.token
                && home.origin() == url.origin()
            {
                request = request.bearer_auth(token);
            }
            let response = request.send().await.map_err(|error| unreachable(&error))?;
            let busy = matches!(
                response.status(),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            if !busy || tries == RETRIES {
                return Ok(response);
            }
            tries += 1;
            tokio::time::sleep(retry_after(response.headers(), tries)).await;
        }
    }

    async fn body(&self, url: Url, response: Response) -> Result<Fetched, FetchError> {
        let headers = response.headers();
        let validators = Validators {
            etag: text(headers, header::ETAG),
            last_modified: text(headers, header::LAST_MODIFIED),
        };
        let content_type = text(headers, header::CONTENT_TYPE)
            .unwrap_or_default()
            .to_lowercase();
        let mut parts = content_type.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_owned();
        let charset = parts
            .find_map(|part| part.strip_prefix("charset="))
            .map(|charset| charset.trim_matches('"').to_owned());
        let robots = headers
            .get_all("x-robots-tag")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect::<Vec<_>>()
            .join(",")
            .to_lowercase();
        Ok(Fetched::Body(Box::new(Body {
            bytes: bounded(response, self.limits.body_bytes).await?,
            url,
            validators,
            media,
            charset,
            robots,
        })))
    }
}

/// A body of at most `max` bytes; no more of it is read.
pub(crate) async fn bounded(mut response: Response, max: u64) -> Result<Vec<u8>, FetchError> {
    if response.content_length().is_some_and(|length| length > max) {
        return Err(FetchError::TooLarge(max));
    }
    let mut bytes = Vec::new();
    while let Some(part) = response
        .chunk()
        .await
        .map_err(|error| unreachable(&error))?
    {
        if (bytes.len() + part.len()) as u64 > max {
            return Err(FetchError::TooLarge(max));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// How long to wait before the next try: as the server says, else longer each time.
pub(crate) fn retry_after(headers: &HeaderMap, tries: usize) -> Duration {
    text(headers, header::RETRY_AFTER)
        .and_then(|seconds| seconds.trim().parse().ok())
        .map_or(Duration::from_secs(tries as u64), Duration::from_secs)
        .min(LONGEST_WAIT)
}

/// What is wrong, in words, without the address: it stands beside it.
pub(crate) fn unreachable(error: &reqwest::Error) -> FetchError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        if let Some(forbidden) = inner.downcast_ref::<Forbidden>() {
            return FetchError::Forbidden(forbidden.clone());
        }
        cause = inner;
    }
    FetchError::Unreachable(if error.is_timeout() {
        "it did not answer in time".to_owned()
    } else {
        cause.to_string()
    })
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
