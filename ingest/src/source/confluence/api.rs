//! Confluence's REST API: v2, and v1 for what v2 has no way to ask (restrictions, a label's id).
//! Source: <https://developer.atlassian.com/cloud/confluence/rest/v2/intro/>.

use std::time::Duration;

use docent_core::config;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::super::net::{FetchError, USER_AGENT, bounded, retry_after, unreachable};

/// Longest answer: 250 pages with their bodies.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Longest time for one answer.
const REQUEST: Duration = Duration::from_secs(60);
/// Entries that one answer may have, by Atlassian's limit.
pub(super) const PAGE: usize = 250;
/// How often a request that was refused for being one too many is sent again.
const RETRIES: usize = 5;

/// Why a request gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// 401: no token, a wrong one, or one that has expired.
    #[error(
        "{0} refuses the token (401); make a new one, and give the account's mail address as `user` \
         where it is an API token of Confluence Cloud"
    )]
    Token(Url),
    /// 403: the account may not.
    #[error("{0}: the account of the token may not read it (403)")]
    Forbidden(Url),
    #[error("{0}: not found (404)")]
    NotFound(Url),
    #[error("{0}: {1}")]
    Failed(Url, String),
}

impl ApiError {
    /// Whether the answer is about the one thing that was asked for, and is the same the next time.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::NotFound(_))
    }
}

/// A site, with a token.
pub(super) struct Api {
    client: Client,
    /// With a closing slash: `https://NAME.atlassian.net/wiki/`.
    pub(super) base: Url,
    user: String,
    token: config::Secret,
    at_once: Semaphore,
}

/// A part of a list, and where the rest is.
#[derive(Debug, Deserialize)]
pub(super) struct Part<T> {
    pub(super) results: Vec<T>,
    #[serde(default, rename = "_links")]
    links: Links,
}

#[derive(Debug, Default, Deserialize)]
struct Links {
    next: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Space {
    pub(super) id: String,
    pub(super) key: String,
}

/// A page, as lists give it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub(super) id: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) space_id: String,
    pub(super) parent_id: Option<String>,
    pub(super) parent_type: Option<String>,
    pub(super) version: Option<Version>,
    #[serde(default)]
    pub(super) body: Body,
    #[serde(default, rename = "_links")]
    pub(super) links: PageLinks,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) created_at: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Body {
    pub(super) storage: Option<Storage>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Storage {
    pub(super) value: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct PageLinks {
    #[serde(default)]
    pub(super) webui: String,
}

/// Who may read a page besides those who may read all of its space: nobody named means everyone.
#[derive(Debug, Deserialize)]
pub(super) struct Restriction {
    pub(super) restrictions: Subjects,
}

#[derive(Debug, Deserialize)]
pub(super) struct Subjects {
    pub(super) user: Named,
    pub(super) group: Named,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) results: Vec<Subject>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Subject {
    /// Of a group.
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct LabelInformation {
    label: Label,
}

#[derive(Debug, Deserialize)]
struct Label {
    id: serde_json::Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    pub(super) account_id: String,
    #[serde(default)]
    pub(super) display_name: String,
}

impl Api {
    pub(super) fn new(wiki: &config::Confluence) -> Result<Self, String> {
        let base = format!("{}/", wiki.url.trim_end_matches('/'));
        let base = Url::parse(&base)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                format!(
                    "url = \"{}\" is no web address; write https://NAME.atlassian.net/wiki",
                    wiki.url
                )
            })?;
        let client = Client::builder()
            .user_agent(USER_AGENT)
            // A redirect would take the token along, or lose it.
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(REQUEST)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            base,
            user: wiki.user.clone(),
            token: wiki.token.clone(),
            at_once: Semaphore::new(wiki.concurrency.max(1)),
        })
    }

    /// An address below the base; queries are part of `path`.
    fn at(&self, path: &str) -> Result<Url, ApiError> {
        self.base
            .join(path)
            .map_err(|error| ApiError::Failed(self.base.clone(), error.to_string()))
    }

    async fn send(&self, url: &Url, body: Option<&serde_json::Value>) -> Result<Vec<u8>, ApiError> {
        let _turn = self.at_once.acquire().await;
        let mut tries = 0;
        loop {
            let mut request = match body {
                Some(body) => self
                    .client
                    .post(url.clone())
                    .header("content-type", "application/json")
                    .body(body.to_string()),
                None => self.client.get(url.clone()),
            };
            request = request.header("accept", "application/json");
            if !self.token.is_empty() {
                request = if self.user.is_empty() {
                    request.bearer_auth(self.token.expose())
                } else {
                    request.basic_auth(&self.user, Some(self.token.expose()))
                };
            }
            let failed = |reason: String| ApiError::Failed(url.clone(), reason);
            let response = request
                .send()
                .await
                .map_err(|error| failed(unreachable(&error).to_string()))?;
            let status = response.status();
            let busy = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            if busy && tries < RETRIES {
                tries += 1;
                tokio::time::sleep(retry_after(response.headers(), tries)).await;
                continue;
            }
            return match status {
                StatusCode::UNAUTHORIZED => Err(ApiError::Token(self.base.clone())),
                StatusCode::FORBIDDEN => Err(ApiError::Forbidden(url.clone())),
                StatusCode::NOT_FOUND => Err(ApiError::NotFound(url.clone())),
                status if status.is_redirection() => Err(failed(format!(
                    "redirects ({status}); write the address that it leads to as the source's url"
                ))),
                status if status.is_success() => bounded(response, MAX_BYTES)
                    .await
                    .map_err(|error: FetchError| failed(error.to_string())),
                status => Err(failed(format!("the server answered {status}"))),
            };
        }
    }

    async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, ApiError> {
        read(url, &self.send(url, None).await?)
    }

    /// The first part of a list: enough to see whether it can be read.
    pub(super) async fn first<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ApiError> {
        Ok(self.get::<Part<T>>(&self.at(path)?).await?.results)
    }

    /// All of a list, part by part, or as many as `max` and one more.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        path: &str,
        max: usize,
    ) -> Result<Vec<T>, ApiError> {
        let mut url = self.at(path)?;
        let mut all = Vec::new();
        loop {
            let part: Part<T> = self.get(&url).await?;
            let is_empty = part.results.is_empty();
            all.extend(part.results);
            let Some(next) = part.links.next.filter(|_| !is_empty && all.len() <= max) else {
                return Ok(all);
            };
            let next = self.at(&next)?;
            if next.origin() != self.base.origin() {
                let reason = format!("its list goes on at another host, {next}");
                return Err(ApiError::Failed(url, reason));
            }
            url = next;
        }
    }

    /// The id of a label, by its name. `None`: no page has it.
    pub(super) async fn label(&self, name: &str) -> Result<Option<String>, ApiError> {
        let mut url = self.at("rest/api/label")?;
        url.query_pairs_mut().append_pair("name", name);
        match self.get::<LabelInformation>(&url).await {
            Ok(found) => Ok(Some(match found.label.id {
                serde_json::Value::String(id) => id,
                id => id.to_string(),
            })),
            Err(ApiError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Something that a page stands below: a page, or a folder and the like.
    pub(super) async fn parent(&self, kind: &str, id: &str) -> Result<Page, ApiError> {
        let kind = match kind {
            "folder" => "folders",
            "whiteboard" => "whiteboards",
            "database" => "databases",
            "embed" => "embeds",
            _ => "pages",
        };
        self.get(&self.at(&format!("api/v2/{kind}/{id}"))?).await
    }

    /// Who may read one page, without what it takes from those above it.
    pub(super) async fn restriction(&self, id: &str) -> Result<Restriction, ApiError> {
        let path = format!("rest/api/content/{id}/restriction/byOperation/read?limit=200");
        self.get(&self.at(&path)?).await
    }

    /// Names of accounts, at most [`PAGE`] at a time.
    pub(super) async fn users(&self, ids: &[String]) -> Result<Vec<User>, ApiError> {
        let url = self.at("api/v2/users-bulk")?;
        let body = serde_json::json!({ "accountIds": ids });
        let part: Part<User> = read(&url, &self.send(&url, Some(&body)).await?)?;
        Ok(part.results)
    }
}

fn read<T: DeserializeOwned>(url: &Url, bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        ApiError::Failed(
            url.clone(),
            format!("is no answer of Confluence's API: {error}"),
        )
    })
}
