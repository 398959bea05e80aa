//! Who may see `/insights`: administrators, members of `insights.groups`, and, while there is no admin key,
//! whoever is alone with docent on this machine.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use docent_core::config::Config;

use super::anonymous::is_alone;
use super::{Arriving, oidc, token, unauthorized};
use crate::chat::{Caller, CallerKind};
use crate::server::AppState;
use crate::server::problem::Problem;

const COOKIE: &str = "docent_insights";

/// Who looks at a page, or why they may not. The page says it: a browser shows a form then.
#[derive(Debug)]
pub(crate) struct InsightsReader(pub(crate) Result<Caller, Problem>);

impl FromRequestParts<AppState> for InsightsReader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, service: &AppState) -> Result<Self, Infallible> {
        Ok(Self(reader(service, &Arriving::of(parts)).await))
    }
}

async fn reader(service: &AppState, arriving: &Arriving<'_>) -> Result<Caller, Problem> {
    let config = &service.app.config;
    let Some(given) = arriving.bearer() else {
        if config.access.admin_key.is_empty() && is_alone(config, arriving) {
            let groups = config.access.anonymous_groups.clone();
            return Ok(Caller::named("operator", CallerKind::Operator, groups));
        }
        if let Some(person) = oidc::signed_in(service, arriving).await? {
            return allowed(config, person);
        }
        return Err(unauthorized(
            "insights_key_required",
            "these pages want a key: access.admin_key, one of `docent key create NAME --role admin`, or one \
             with a group of insights.groups",
        ));
    };
    let caller = token::caller(service, arriving, given).await?;
    allowed(config, caller)
}

fn allowed(config: &Config, caller: Caller) -> Result<Caller, Problem> {
    let groups = &config.insights.groups;
    if caller.is_admin || caller.groups.iter().any(|group| groups.contains(group)) {
        return Ok(caller);
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "insights_not_allowed",
        "you may not see these pages: this is no administrator's key or account, and insights.groups names none of its groups",
    ))
}

/// Sends the key of the cookie as a program would send it, where the request brings none.
pub(crate) async fn key_of_cookie(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    let cookie = headers
        .get(header::COOKIE)
        .and_then(|value| value.to_str().ok());
    let key = cookie.and_then(key_in);
    if let Some(key) = key
        && !headers.contains_key(header::AUTHORIZATION)
        && let Ok(value) = HeaderValue::try_from(format!("Bearer {key}"))
    {
        headers.insert(header::AUTHORIZATION, value);
    }
    next.run(request).await
}

/// The cookie that keeps a key for these pages; an empty key takes it away.
pub(crate) fn insights_cookie(config: &Config, key: &str) -> String {
    let value: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("{}/insights", config.server.base_path());
    let secure = if config.server.public_url.starts_with("https://") {
        "; Secure"
    } else {
        ""
    };
    let ends = if key.is_empty() { "; Max-Age=0" } else { "" };
    format!("{COOKIE}={value}; Path={path}; HttpOnly; SameSite=Strict{secure}{ends}")
}

fn key_in(cookies: &str) -> Option<String> {
    let value = cookies
        .split(';')
        .find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    if value.is_empty() || value.len() % 2 != 0 || !value.is_ascii() {
        return None;
    }
    let bytes = (0..value.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&value[at..at + 2], 16).ok());
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_cookie() {
        let cookie = "a=b; docent_insights=6b65793d3b; c=d";
        assert_eq!(key_in(cookie).as_deref(), Some("key=;"));
        for none in [
            "",
            "docent_insights=",
            "docent_insights=6",
            "docent_insights=zz",
            "docent_insights=é1",
        ] {
            assert_eq!(key_in(none), None, "{none}");
        }
    }
}
