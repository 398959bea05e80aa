//! What stands behind `Authorization: Bearer`.

use docent_core::document::text_hash;

use super::keys::KEY_PREFIX;
use super::{Arriving, oidc, unauthorized, widget};
use crate::chat::{Caller, CallerKind};
use crate::server::AppState;
use crate::server::problem::Problem;

pub(super) async fn caller(
    service: &AppState,
    arriving: &Arriving<'_>,
    given: &str,
) -> Result<Caller, Problem> {
    let access = &service.app.config.access;
    let is_jwt = given.bytes().filter(|byte| *byte == b'.').count() == 2;
    if is_jwt && widget::is_session(given) {
        return widget::caller(service, arriving, given).await;
    }
    if arriving.foreign.is_some() {
        // A key in a page is everyone's who sees the page.
        return Err(unauthorized(
            "session_required",
            "a page of another origin asks with a session, not with a key: POST \
             /v1/widget/sessions gives one",
        ));
    }
    if is_jwt && oidc::is_token(service, given) {
        return oidc::caller(service, given).await;
    }
    // Hashes, so that the time taken says nothing about the key.
    if !access.admin_key.is_empty() && text_hash(given) == text_hash(access.admin_key.expose()) {
        let groups = access.anonymous_groups.clone();
        let mut operator = Caller::named("operator", CallerKind::Operator, groups);
        operator.is_admin = true;
        return Ok(operator);
    }
    if given.starts_with(KEY_PREFIX) {
        return service.access.keys.caller(&service.app.ledger, given).await;
    }
    Err(unauthorized(
        "key_unknown",
        "this is no key of docent; `docent key list` shows those that there are",
    ))
}
