//! The identity provider: its addresses and keys (`OpenID` Connect Discovery 1.0, RFC 7517). Both are asked
//! for once an hour, and when a token names a key that is not known: keys are rotated.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use docent_core::config::{self, Config};
use futures::StreamExt;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long addresses and keys are believed.
const FRESH: Duration = Duration::from_hours(1);
/// How long they are used while the provider is away.
const KEPT: Duration = Duration::from_hours(24);
/// How often it is asked again at the most: a token may name any key.
const PAUSE: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer, in bytes.
const ANSWER_BYTES: usize = 1 << 20;

/// What is wrong with the provider, in words for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ProviderError(pub(super) String);

/// What the provider says of itself.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) end_session_endpoint: Option<String>,
    pub(super) token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// The provider as it last said.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) metadata: Metadata,
    keys: JwkSet,
    at: Instant,
}

impl Known {
    /// The key that a token names; where it names none, the only one.
    pub(super) fn key(&self, named: Option<&str>) -> Option<&Jwk> {
        match named {
            Some(named) => self.keys.find(named),
            None => self.keys.keys.first().filter(|_| self.keys.keys.len() == 1),
        }
    }
}

/// How the provider is reached.
#[derive(Default)]
pub(super) struct Provider {
    known: Mutex<Option<Arc<Known>>>,
    asking: tokio::sync::Mutex<()>,
    http: OnceLock<reqwest::Client>,
}

impl Provider {
    /// The provider with the key that a token names, asked anew where that is not known.
    pub(super) async fn with_key(
        &self,
        oidc: &config::Oidc,
        named: Option<&str>,
    ) -> Result<Arc<Known>, ProviderError> {
        let known = self.known(oidc).await?;
        if known.key(named).is_some() || known.at.elapsed() < PAUSE {
            return Ok(known);
        }
        self.ask(oidc, PAUSE).await
    }

    /// The provider as it said within the hour.
    pub(super) async fn known(&self, oidc: &config::Oidc) -> Result<Arc<Known>, ProviderError> {
        self.ask(oidc, FRESH).await
    }

    /// Asks where what is known is older than a time; of many who wait one asks.
    async fn ask(
        &self,
        oidc: &config::Oidc,
        no_older: Duration,
    ) -> Result<Arc<Known>, ProviderError> {
        if let Some(known) = self.younger(no_older) {
            return Ok(known);
        }
        let _asking = self.asking.lock().await;
        if let Some(known) = self.younger(no_older) {
            return Ok(known);
        }
        match self.fetch(oidc).await {
            Ok(known) => {
                let known = Arc::new(known);
                *self.known.lock() = Some(Arc::clone(&known));
                Ok(known)
            }
            Err(error) => self.younger(KEPT).ok_or(error),
        }
    }

    fn younger(&self, than: Duration) -> Option<Arc<Known>> {
        let known = self.known.lock().clone();
        known.filter(|known| known.at.elapsed() < than)
    }

    async fn fetch(&self, oidc: &config::Oidc) -> Result<Known, ProviderError> {
        let issuer = &oidc.issuer;
        let url = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let metadata: Metadata = self.get(&url, None).await?;
        if metadata.issuer != *issuer {
            return Err(ProviderError(format!(
                "{url} says that its issuer is \"{}\", oidc.issuer says \"{issuer}\": they must be \
                 the same, letter by letter",
                metadata.issuer
            )));
        }
        let is_secret = issuer.starts_with("https://");
        for address in [
            &metadata.authorization_endpoint,
            &metadata.token_endpoint,
            &metadata.jwks_uri,
        ] {
            if is_secret && !address.starts_with("https://") {
                return Err(ProviderError(format!(
                    "{url} names {address}, which is not https"
                )));
            }
        }
        let keys: KeySet = self.get(&metadata.jwks_uri, None).await?;
        Ok(Known {
            metadata,
            keys: keys.usable(),
            at: Instant::now(),
        })
    }

    /// Reads JSON from an address of the provider.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<T, ProviderError> {
        let mut request = self.http()?.get(url);
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        read(url, request).await
    }

    /// Sends a form to an address of the provider and reads its JSON.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        url: &str,
        form: String,
        basic: Option<(&str, &str)>,
    ) -> Result<T, ProviderError> {
        let mut request = self
            .http()?
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form);
        if let Some((name, password)) = basic {
            request = request.basic_auth(name, Some(password));
        }
        read(url, request).await
    }

    fn http(&self) -> Result<&reqwest::Client, ProviderError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ProviderError(format!("no HTTP client: {error}")))?;
        Ok(self.http.get_or_init(|| http))
    }
}

/// Keys as they come: one that docent cannot read must not hide the others.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl KeySet {
    fn usable(self) -> JwkSet {
        let keys = self.keys.into_iter();
        let mut keys: Vec<Jwk> = keys
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect();
        keys.retain(|key| key.common.public_key_use != Some(PublicKeyUse::Encryption));
        JwkSet { keys }
    }
}

async fn read<T: DeserializeOwned>(
    url: &str,
    request: reqwest::RequestBuilder,
) -> Result<T, ProviderError> {
    let failed = |why: String| ProviderError(format!("{url}: {why}"));
    let response = request.send().await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let mut why = error.without_url().to_string();
        if let Some(cause) = cause {
            why = format!("{why}: {cause}");
        }
        failed(why)
    })?;
    let status = response.status();
    let mut body = Vec::new();
    let mut parts = response.bytes_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| failed(error.without_url().to_string()))?;
        body.extend_from_slice(&part);
        if body.len() > ANSWER_BYTES {
            return Err(failed(format!("answered more than {ANSWER_BYTES} bytes")));
        }
    }
    if !status.is_success() {
        // RFC 6749, 5.2: what is wrong, in a code. Nothing else of the answer is shown.
        let code = serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|said| said["error"].as_str().map(str::to_owned))
            .filter(|code| code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_graphic()));
        let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
        return Err(failed(format!("answered {status}{code}")));
    }
    serde_json::from_slice(&body).map_err(|error| failed(format!("answered other JSON: {error}")))
}

/// Asks the provider, for `docent doctor`; answers how many keys it signs with.
pub(crate) async fn check(config: &Config) -> Result<usize, ProviderError> {
    let known = Provider::default().fetch(&config.oidc).await?;
    Ok(known.keys.keys.len())
}
