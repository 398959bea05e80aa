//! Who may do what costs money: whoever has a key for it, or anyone on this machine where nobody else
//! can reach docent.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::anonymous::is_alone;
use super::{Arriving, caller, oidc, unauthorized};
use crate::chat::Caller;
use crate::server::AppState;
use crate::server::problem::Problem;

/// A caller who may start runs.
#[derive(Debug)]
pub(crate) struct Admin(pub(crate) Caller);

impl FromRequestParts<AppState> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &AppState) -> Result<Self, Problem> {
        let arriving = Arriving::of(parts);
        let config = &service.app.config;
        let has_key = !config.access.admin_key.is_empty();
        let anonymous = arriving.bearer().is_none() && arriving.foreign.is_none();
        if anonymous && oidc::signed_in(service, &arriving).await?.is_none() {
            // Whoever set a key wants it, also on this machine.
            if !has_key && is_alone(config, &arriving) {
                let groups = config.access.anonymous_groups.clone();
                let kind = crate::chat::CallerKind::Operator;
                return Ok(Self(Caller::named("operator", kind, groups)));
            }
            if has_key {
                return Err(unauthorized(
                    "admin_key_required",
                    "send the key of access.admin_key, or one of `docent key create NAME --role \
                     admin`, as `Authorization: Bearer KEY`",
                ));
            }
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "admin_key_not_set",
                "docent can be reached from elsewhere, so this wants a key: make one with `docent \
                 key create NAME --role admin`, or set access.admin_key (DOCENT_ACCESS__ADMIN_KEY), \
                 and send it as `Authorization: Bearer KEY`",
            ));
        }
        let caller = caller(service, &arriving).await?;
        if !caller.is_admin {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "admin_required",
                "this wants a key of the role admin (`docent key create NAME --role admin`), or a member \
                 of oidc.admin_groups",
            ));
        }
        Ok(Self(caller))
    }
}
