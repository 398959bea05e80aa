//! Where traces go.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigError, Secret};

/// `[traces]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// Empty: nowhere.
    pub endpoint: String,
    /// `name=value`, with commas in between.
    pub headers: Secret,
    pub headers_file: PathBuf,
    /// The share of the traces that docent begins.
    pub sample: f64,
}

impl Traces {
    /// What is sent with each request.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.headers.expose().split(',');
        pairs
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
    }
}

pub(super) fn check(traces: &Traces) -> Result<(), ConfigError> {
    let endpoint = &traces.endpoint;
    if !(endpoint.is_empty() || endpoint.starts_with("http://") || endpoint.starts_with("https://"))
    {
        return Err(ConfigError(format!(
            "traces.endpoint = \"{endpoint}\" must start with http:// or https://"
        )));
    }
    if !(0.0..=1.0).contains(&traces.sample) {
        return Err(ConfigError(format!(
            "traces.sample = {} must be a share, from 0 to 1",
            traces.sample
        )));
    }
    let is_token = |name: &str| {
        let name = name.trim();
        let joins = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !name.is_empty() && name.chars().all(joins)
    };
    let mut pairs = traces.headers.expose().split(',');
    let is_header = |pair: &str| {
        let value = |value: &str| value.chars().all(|c| !c.is_control());
        pair.split_once('=')
            .is_some_and(|(name, text)| is_token(name) && value(text))
    };
    if !traces.headers.is_empty() && !pairs.all(is_header) {
        return Err(ConfigError(
            "traces.headers must be name=value pairs with commas in between, for example \
             \"authorization=Bearer KEY\""
                .to_owned(),
        ));
    }
    Ok(())
}
