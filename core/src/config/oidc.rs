//! The identity provider that people and programs come from.

use std::path::PathBuf;

use serde::Deserialize;

use super::Secret;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Its address, as its tokens say it in `iss`. Empty: there is none.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub client_secret_file: PathBuf,
    pub scopes: Vec<String>,
    /// What `aud` of a program's token must say. Empty: `client_id`.
    pub audience: String,
    pub name_claim: String,
    pub groups_claim: String,
    pub admin_groups: Vec<String>,
    pub session_hours: u32,
}

impl Oidc {
    pub fn is_configured(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// Whom the tokens of programs are for.
    pub fn audience(&self) -> &str {
        if self.audience.is_empty() {
            &self.client_id
        } else {
            &self.audience
        }
    }
}
