//! Speaking to an OpenAI-compatible server: its address and headers, one attempt without any retry
//! of the library's own, and what a failed attempt means.

use std::task::{Context, Poll};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_service::Service;

use super::ModelError;
use super::failure::Failed;
use crate::config::Secret;

/// Where OpenAI itself is.
const OPENAI: &str = "https://api.openai.com/v1";

/// Longest wait for a connection; a server that is down is known before the request's own timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server and the section of the configuration that names it.
#[derive(Clone)]
pub(super) struct Endpoint {
    client: Client<Address>,
    http: reqwest::Client,
    /// `embedding`, `chat` or `rerank`: named in messages as the place to look.
    section: &'static str,
    key: Secret,
}

impl Endpoint {
    /// The error says which setting is wrong.
    pub(super) fn new(section: &'static str, base_url: &str, key: &Secret) -> Result<Self, String> {
        let address = Address::new(section, base_url, key)?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| format!("cannot set up HTTP for {section}.base_url: {error}"))?;
        Ok(Self {
            client: Client::build(http.clone(), address)
                .with_http_service(SingleAttempt(http.clone())),
            http,
            section,
            key: key.clone(),
        })
    }

    /// Only to take it out of texts that are shown.
    pub(super) fn key(&self) -> &str {
        self.key.expose()
    }

    pub(super) fn client(&self) -> &Client<Address> {
        &self.client
    }

    /// Sends `body` once to a route that async-openai does not know, and reads the answer.
    pub(super) async fn post<B: Serialize, A: DeserializeOwned>(
        &self,
        route: &str,
        body: &B,
    ) -> Result<A, OpenAIError> {
        let address = self.client.config();
        let body = serde_json::to_vec(body)
            .map_err(|error| OpenAIError::JSONDeserialize(error, String::new()))?;
        let mut request = self
            .http
            .post(address.url(route))
            .headers(address.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .build()?;
        if !address.query.is_empty() {
            request
                .url_mut()
                .query_pairs_mut()
                .extend_pairs(&address.query);
        }
        let response = sent_once(&self.http, request).await?;
        let answer = response.bytes().await?;
        serde_json::from_slice(&answer)
            .map_err(|error| OpenAIError::JSONDeserialize(error, String::new()))
    }

    /// The server's address as people wrote it, without what comes after `?`.
    pub(super) fn place(&self) -> &str {
        self.client.config().api_base()
    }

    /// Whether this is OpenAI's own service.
    pub(super) fn is_openai(&self) -> bool {
        self.place() == OPENAI
    }

    /// What a failed attempt means.
    pub(super) fn failed(&self, model: &str, error: OpenAIError) -> Failed {
        Failed::of(model, self.place(), self.section, self.key.expose(), error)
    }

    /// No answer within `limit`.
    pub(super) fn too_slow(&self, model: &str, what: &str, limit: Duration) -> ModelError {
        ModelError::Unavailable {
            model: model.to_owned(),
            place: self.place().to_owned(),
            reason: format!("{what} within {} ms", limit.as_millis()),
        }
    }

    /// An answer that is not what the protocol promises.
    pub(super) fn bad_response(&self, model: &str, reason: impl Into<String>) -> ModelError {
        ModelError::BadResponse {
            model: model.to_owned(),
            place: self.place().to_owned(),
            reason: reason.into(),
        }
    }
}

/// The configuration that async-openai asks for, built from ours alone: its own default reads the
/// environment.
#[derive(Clone)]
pub(super) struct Address {
    base_url: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    key: SecretString,
}

impl Address {
    fn new(section: &str, base_url: &str, key: &Secret) -> Result<Self, String> {
        let base_url = if base_url.is_empty() {
            OPENAI
        } else {
            base_url
        };
        let url = reqwest::Url::parse(base_url).map_err(|error| {
            format!("{section}.base_url = \"{base_url}\" is not a web address: {error}")
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!(
                "{section}.base_url = \"{base_url}\" must begin with http:// or https://"
            ));
        }
        let (address, _) = base_url.split_once('?').unwrap_or((base_url, ""));
        let mut headers = HeaderMap::new();
        if !key.is_empty() {
            let value = |text: &str| {
                let mut value = HeaderValue::from_str(text).map_err(|_| {
                    format!("{section}.api_key holds characters that a header cannot carry")
                })?;
                value.set_sensitive(true);
                Ok::<_, String>(value)
            };
            headers.insert(AUTHORIZATION, value(&format!("Bearer {}", key.expose()))?);
            if url
                .host_str()
                .is_some_and(|host| host.ends_with(".azure.com"))
            {
                headers.insert("api-key", value(key.expose())?);
            }
        }
        Ok(Self {
            base_url: address.trim_end_matches('/').to_owned(),
            query: url.query_pairs().into_owned().collect(),
            headers,
            key: SecretString::from(String::new()),
        })
    }
}

impl Config for Address {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        let pairs = self.query.iter();
        pairs
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
    }

    fn api_base(&self) -> &str {
        &self.base_url
    }

    // Only async-openai's own parts that docent does not use would ask for it.
    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

/// An HTTP error status, with what async-openai would have dropped: `Retry-After`.
#[derive(Debug, thiserror::Error)]
#[error("status {status}")]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: String,
}

/// Sends a request once. It stands in the place of async-openai's own retries, so that ours are the
/// only ones.
#[derive(Clone)]
struct SingleAttempt(reqwest::Client);

impl Service<HttpRequestFactory> for SingleAttempt {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = BoxFuture<'static, Result<reqwest::Response, OpenAIError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let client = self.0.clone();
        Box::pin(async move { sent_once(&client, request.build().await?).await })
    }
}

async fn sent_once(
    client: &reqwest::Client,
    request: reqwest::Request,
) -> Result<reqwest::Response, OpenAIError> {
    let response = client.execute(request).await?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(OpenAIError::Boxed(Box::new(Refused {
        status: response.status().as_u16(),
        retry_after: retry_after(response.headers()),
        body: response.text().await.unwrap_or_default(),
    })))
}

/// `Retry-After` as seconds or as an HTTP date (RFC 9110, 10.2.3), and the `retry-after-ms` that
/// OpenAI and Azure send beside it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    let value = text(RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = DateTime::parse_from_rfc2822(value).ok()?;
    Some(
        (until.with_timezone(&Utc) - Utc::now())
            .to_std()
            .unwrap_or_default(),
    )
}
