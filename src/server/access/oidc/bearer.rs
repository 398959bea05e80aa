//! A program that sends a token of the identity provider with each request.

use axum::http::StatusCode;
use serde_json::Value;

use super::claims::{TokenError, person, verified};
use crate::chat::Caller;
use crate::server::AppState;
use crate::server::access::unauthorized;
use crate::server::problem::Problem;

/// Whether a token says that it is of the identity provider. Nothing of it is believed yet.
pub(in crate::server::access) fn is_token(service: &AppState, token: &str) -> bool {
    let oidc = &service.app.config.oidc;
    oidc.is_configured()
        && jsonwebtoken::dangerous::insecure_decode_claims::<Value>(token)
            .is_ok_and(|claims| claims["iss"] == oidc.issuer.as_str())
}

/// Whose token it is.
pub(in crate::server::access) async fn caller(
    service: &AppState,
    token: &str,
) -> Result<Caller, Problem> {
    let oidc = &service.app.config.oidc;
    let provider = &service.access.oidc.provider;
    let person = match verified(provider, oidc, token, oidc.audience()).await {
        Ok(claims) => person(oidc, &claims),
        Err(error) => Err(error),
    };
    person.map_err(|error| match error {
        TokenError::Refused(why) => {
            unauthorized("token_invalid", format!("the token is not taken: {why}"))
        }
        TokenError::Provider(error) => unavailable(&error.to_string()),
    })
}

/// The identity provider is away.
pub(super) fn unavailable(why: &str) -> Problem {
    tracing::warn!(error = %why, "the identity provider cannot be asked");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "identity_provider_unavailable",
        "who you are cannot be checked now: the identity provider does not answer",
    )
    .retry_after(5)
}
