//! Sessions: what docent signs itself, so that nothing has to be kept of them. All processes over one
//! ledger sign with the same key.

use axum::http::StatusCode;
use docent_core::app::App;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::server::problem::Problem;

/// The signing key, from the configuration or the ledger.
#[derive(Default)]
pub(super) struct Signing(OnceCell<String>);

impl Signing {
    async fn key<'a>(&'a self, app: &'a App) -> Result<&'a str, Problem> {
        let configured = &app.config.access.signing_key;
        if !configured.is_empty() {
            return Ok(configured.expose());
        }
        let read = self.0.get_or_try_init(|| async {
            let proposed = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
            app.ledger.signing_key(&proposed).await
        });
        match read.await {
            Ok(key) => Ok(key),
            Err(error) => Err(Problem::ledger_unavailable(format!(
                "sessions cannot be checked now: {error}"
            ))),
        }
    }

    pub(super) async fn sign(&self, app: &App, claims: &impl Serialize) -> Result<String, Problem> {
        let key = EncodingKey::from_secret(self.key(app).await?.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).map_err(|error| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(
                status,
                "internal",
                format!("a session cannot be signed: {error}"),
            )
        })
    }

    /// The claims of a session of some kind (`iss`), where docent has signed it and it has not
    /// expired.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        app: &App,
        kind: &str,
        session: &str,
    ) -> Result<Result<T, jsonwebtoken::errors::Error>, Problem> {
        let key = DecodingKey::from_secret(self.key(app).await?.as_bytes());
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_aud = false;
        validation.set_issuer(&[kind]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        let read = jsonwebtoken::decode::<T>(session, &key, &validation);
        Ok(read.map(|read| read.claims))
    }
}
