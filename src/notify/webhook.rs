//! A webhook of one's own: JSON, signed.

use anyhow::Context;
use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use docent_core::config;
use docent_core::ledger::Notice;
use docent_core::net::CheckedClient;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use serde_json::json;
use std::time::Duration;

use super::{Message, NotifyError};

pub(super) struct Webhook {
    url: Url,
    key: hmac::Key,
    http: CheckedClient,
}

impl Webhook {
    /// `None`: no webhook is configured.
    pub(super) fn new(
        settings: &config::Webhook,
        http: &CheckedClient,
    ) -> anyhow::Result<Option<Self>> {
        if settings.url.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            url: address("webhook.url", settings.url.expose(), http)?,
            key: hmac::Key::new(hmac::HMAC_SHA256, settings.secret.expose().as_bytes()),
            http: http.clone(),
        }))
    }

    pub(super) async fn send(
        &self,
        notice: &Notice,
        message: &Message,
        now: DateTime<Utc>,
    ) -> Result<(), NotifyError> {
        let mut body = json!({
            "id": notice.id, "kind": notice.kind, "made_at": notice.made_at,
            "subject": message.subject, "text": message.text,
        });
        if let (Some(body), Some(data)) = (body.as_object_mut(), message.data.as_object()) {
            body.extend(data.clone());
        }
        let body = body.to_string();
        let timestamp = now.timestamp().to_string();
        let signature = signature(&self.key, &timestamp, body.as_bytes());
        let request = self
            .http
            .of(&self.url)
            .map_err(|error| NotifyError::Refused(error.to_string()))?
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("docent-notice", notice.id.to_string())
            .header("docent-timestamp", timestamp)
            .header("docent-signature", format!("v1={signature}"))
            .body(body);
        taken(request.send().await).await
    }
}

/// HMAC-SHA256 of timestamp, a full stop and body, in hexadecimal.
fn signature(key: &hmac::Key, timestamp: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    let tag = context.sign();
    tag.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// An address that may be reached. It is a secret, and not repeated.
pub(super) fn address(key: &str, url: &str, http: &CheckedClient) -> anyhow::Result<Url> {
    let url: Url = url
        .parse()
        .map_err(|error| anyhow::anyhow!("{key} is not a web address: {error}"))?;
    http.of(&url)
        .with_context(|| format!("{key}: its host may be named in notify.allow_hosts"))?;
    Ok(url)
}

/// What an answer means for the message.
pub(super) async fn taken(answer: reqwest::Result<Response>) -> Result<(), NotifyError> {
    let response = answer.map_err(|error| {
        // Without the address, which is a secret.
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        NotifyError::later(format!("it cannot be reached: {cause}"))
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let after = retry_after(response.headers());
    let reason = format!("it answered {status}");
    let is_over = status.is_client_error()
        && !matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        );
    Err(if is_over {
        NotifyError::Refused(reason)
    } else {
        NotifyError::Later { reason, after }
    })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_openssl_says() {
        // printf '1764150000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"0123456789abcdef");
        let signed = signature(&key, "1764150000", br#"{"a":1}"#);
        assert_eq!(
            signed,
            "d6c69e5219352c0e9ef593864f1771ee6484b0a87b7b8109b745083551e09ac4"
        );
    }
}
