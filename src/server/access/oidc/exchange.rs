//! A code that somebody came back with is exchanged for tokens (RFC 6749, 4.1.3), which tell who it is.

use serde::Deserialize;
use serde_json::Value;

use super::claims::{TokenError, claim, person, verified};
use crate::chat::Caller;
use crate::server::AppState;

/// What a code is exchanged for.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

/// Exchanges the code, and tells who it is.
pub(super) async fn exchange(
    service: &AppState,
    nonce: &str,
    verifier: &str,
    code: &str,
    redirect: &str,
) -> Result<Caller, TokenError> {
    let oidc = &service.app.config.oidc;
    let provider = &service.access.oidc.provider;
    let known = provider.known(oidc).await?;
    let secret = oidc.client_secret.expose();
    let methods = known
        .metadata
        .token_endpoint_auth_methods_supported
        .as_ref();
    // Discovery: where nothing is said, it is the header.
    let in_body = methods.is_some_and(|methods| {
        !methods.iter().any(|method| method == "client_secret_basic")
            && methods.iter().any(|method| method == "client_secret_post")
    });
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect),
        ("code_verifier", verifier),
    ];
    if secret.is_empty() || in_body {
        fields.push(("client_id", &oidc.client_id));
    }
    if !secret.is_empty() && in_body {
        fields.push(("client_secret", secret));
    }
    // RFC 6749, 2.3.1: both are form-encoded before they become the header.
    let (name, password) = (encoded(&oidc.client_id), encoded(secret));
    let basic = (!secret.is_empty() && !in_body).then_some((name.as_str(), password.as_str()));
    let address = &known.metadata.token_endpoint;
    let tokens: Tokens = provider.post(address, form(&fields), basic).await?;
    let mut claims = verified(provider, oidc, &tokens.id_token, &oidc.client_id).await?;
    if claims["nonce"] != nonce {
        return Err(TokenError::Refused(
            "it belongs to another sign-in".to_owned(),
        ));
    }
    if claim(&claims, &oidc.groups_claim).is_null()
        && let Some(address) = &known.metadata.userinfo_endpoint
        && let Some(token) = &tokens.access_token
    {
        let more: Value = provider.get(address, Some(token)).await?;
        // OpenID Connect Core, 5.3.2: it may be about somebody else.
        if more["sub"] == claims["sub"] {
            complete(&mut claims, more);
        }
    }
    person(oidc, &claims)
}

/// Adds what the token does not say.
fn complete(claims: &mut Value, more: Value) {
    if let (Value::Object(claims), Value::Object(more)) = (claims, more) {
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
    }
}

/// `application/x-www-form-urlencoded`.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    // Any address will do: its query is what is wanted.
    reqwest::Url::parse_with_params("form:/", fields)
        .ok()
        .and_then(|url| url.query().map(str::to_owned))
        .unwrap_or_default()
}

fn encoded(text: &str) -> String {
    form(&[("", text)]).trim_start_matches('=').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_was_meant() {
        assert_eq!(form(&[("a b", "c&d=é")]), "a+b=c%26d%3D%C3%A9");
        assert_eq!(encoded("a:b c"), "a%3Ab+c");
    }
}
