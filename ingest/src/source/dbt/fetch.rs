//! Artefacts from a server: `{url}/manifest.json` and its neighbours.

use std::time::Duration;

use docent_core::config;
use reqwest::Url;

use super::Artifacts;
use super::load::refused;
use crate::source::net::{AllowedHosts, FetchError, Fetched, Fetcher, Limits};
use crate::source::{SourceError, missing_token};

/// Fetches the manifest, and of the other files those that are there.
pub(super) async fn artifacts(
    source: &config::Source,
    settings: &config::Dbt,
) -> Result<Artifacts, SourceError> {
    let server = Server::new(source, settings)?;
    let Some(manifest) = server.get("manifest.json").await? else {
        return Err(refused(
            source,
            format!(
                "there is no {}/manifest.json; check source.url",
                settings.url.trim_end_matches('/')
            ),
        ));
    };
    Ok(Artifacts {
        manifest,
        catalog: server.get("catalog.json").await?,
        sources: server.get("sources.json").await?,
        freshness: server.get("freshness.json").await?,
        run_results: server.get("run_results.json").await?,
    })
}

/// Whether the server gives a manifest.
pub(super) async fn check(
    source: &config::Source,
    settings: &config::Dbt,
) -> Result<String, SourceError> {
    artifacts(source, settings).await?;
    Ok(format!("{} gives a manifest", settings.url))
}

struct Server<'a> {
    source: &'a config::Source,
    base: Url,
    fetcher: Fetcher,
}

impl<'a> Server<'a> {
    fn new(source: &'a config::Source, settings: &config::Dbt) -> Result<Self, SourceError> {
        let base = format!("{}/", settings.url.trim_end_matches('/'));
        let base = Url::parse(&base)
            .map_err(|error| refused(source, format!("source.url = \"{base}\": {error}")))?;
        let wants_token =
            !(settings.token_env.is_empty() && settings.token_file.as_os_str().is_empty());
        if wants_token && settings.token.is_empty() {
            let reason = missing_token(&settings.token_env, &settings.token_file);
            return Err(refused(source, reason));
        }
        let fetcher = Fetcher::new(
            &base,
            AllowedHosts::of(&settings.allow_hosts),
            Limits {
                body_bytes: settings.max_bytes,
                request: Duration::from_secs(settings.timeout_seconds),
            },
            settings.token.expose(),
        )
        .map_err(|error| refused(source, format!("cannot make a client: {error}")))?;
        Ok(Self {
            source,
            base,
            fetcher,
        })
    }

    /// `None`: the server has no such file.
    async fn get(&self, file: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let url = self
            .base
            .join(file)
            .map_err(|error| refused(self.source, format!("{}: {error}", self.base)))?;
        // Object stores answer with a redirect to a signed address elsewhere: it is checked like
        // the first one, and gets no token.
        match self.fetcher.get(&url, None, |_| true).await {
            Ok(Fetched::Body(body)) => Ok(Some(body.bytes)),
            Ok(Fetched::NotModified) | Err(FetchError::Gone(_)) => Ok(None),
            Err(FetchError::TooLarge(bytes)) => Err(refused(
                self.source,
                format!("{url} is larger than {bytes} bytes; see source.max_bytes"),
            )),
            Err(error @ FetchError::Refused(_)) => Err(refused(
                self.source,
                format!("{url}: {error}; set source.token_env or source.token_file"),
            )),
            Err(error) => Err(refused(self.source, format!("{url}: {error}"))),
        }
    }
}
