//! What a token of the identity provider says, once it has been found to be its own.

use docent_core::config;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::provider::{Provider, ProviderError};
use crate::chat::{Caller, CallerKind};
use crate::server::access::{groups_of, is_name};

/// How far clocks may be apart, in seconds.
const LEEWAY: u64 = 30;

/// Why a token is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    /// The provider cannot be asked for its keys.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error("{0}")]
    Refused(String),
}

fn refused<T>(why: impl Into<String>) -> Result<T, TokenError> {
    Err(TokenError::Refused(why.into()))
}

/// The claims of a token that the provider has signed for an audience and that has not expired.
pub(super) async fn verified(
    provider: &Provider,
    oidc: &config::Oidc,
    token: &str,
    audience: &str,
) -> Result<Value, TokenError> {
    let Ok(header) = jsonwebtoken::decode_header(token) else {
        return refused("it is no JWT");
    };
    // What is checked with a public key must not be checked as a shared secret.
    if matches!(
        header.alg,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    ) {
        return refused("it is signed with a shared secret");
    }
    let known = provider.with_key(oidc, header.kid.as_deref()).await?;
    let Some(key) = known.key(header.kid.as_deref()) else {
        return refused("it is signed with a key that the identity provider does not have");
    };
    let algorithm = key.common.key_algorithm;
    if algorithm.is_some_and(|named| Algorithm::try_from(named).ok() != Some(header.alg)) {
        return refused("it is signed in another way than its key is for");
    }
    let Ok(key) = DecodingKey::from_jwk(key) else {
        return refused("it is signed with a key of a kind that docent does not know");
    };
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_issuer(&[&oidc.issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    match jsonwebtoken::decode::<Value>(token, &key, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) => refused(match error.kind() {
            ErrorKind::ExpiredSignature => "it has expired".to_owned(),
            ErrorKind::ImmatureSignature => "it is not valid yet".to_owned(),
            ErrorKind::InvalidIssuer => "it is of another issuer than oidc.issuer says".to_owned(),
            ErrorKind::InvalidAudience => format!("it is not for \"{audience}\""),
            ErrorKind::MissingRequiredClaim(claim) => format!("it has no `{claim}`"),
            _ => "its signature is not the identity provider's".to_owned(),
        }),
    }
}

/// A claim by its name, or by its way through objects (`realm_access.roles`).
pub(super) fn claim<'a>(claims: &'a Value, name: &str) -> &'a Value {
    // Names with dots are common: they are addresses.
    if let Some(value) = claims.get(name) {
        return value;
    }
    name.split('.')
        .try_fold(claims, |value, part| value.get(part))
        .unwrap_or(&Value::Null)
}

/// Who the claims speak of.
pub(super) fn person(oidc: &config::Oidc, claims: &Value) -> Result<Caller, TokenError> {
    let named = &oidc.name_claim;
    let Some(name) = claim(claims, named).as_str().filter(|name| is_name(name)) else {
        return refused(format!(
            "it has no `{named}` of 1 to 200 characters, which oidc.name_claim takes names from"
        ));
    };
    if named == "email" && claims["email_verified"] == Value::Bool(false) {
        return refused("the identity provider has not verified its `email`");
    }
    let Some(groups) = groups_of(claim(claims, &oidc.groups_claim)) else {
        return refused(format!(
            "its `{}` is no list of at most 500 groups",
            oidc.groups_claim
        ));
    };
    Ok(caller(oidc, format!("user:{name}"), groups))
}

/// The caller of a name and groups.
pub(super) fn caller(oidc: &config::Oidc, name: String, groups: Vec<String>) -> Caller {
    let is_admin = groups.iter().any(|group| oidc.admin_groups.contains(group));
    let mut caller = Caller::named(name, CallerKind::User, groups);
    caller.is_admin = is_admin;
    caller
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_found_by_its_name_and_by_its_way() {
        let claims = json!({
            "https://example.com/groups": ["a"],
            "realm_access": { "roles": ["b"] },
        });
        assert_eq!(claim(&claims, "https://example.com/groups"), &json!(["a"]));
        assert_eq!(claim(&claims, "realm_access.roles"), &json!(["b"]));
        assert_eq!(claim(&claims, "realm_access.none.at.all"), &Value::Null);
    }
}
