//! Signing in with a browser: the authorization code flow with PKCE (RFC 7636). What is under way is in
//! a signed cookie; who signed in is a row of the ledger, which the cookie's hash finds.

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::{OriginalUri, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Duration, Utc};
use docent_core::config::Config;
use docent_core::document::text_hash;
use docent_core::ledger::Login;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::claims::TokenError;
use super::cookie::{cookie_of, no_store, set_cookie};
use super::exchange::{exchange, form};
use super::page::{Failed, failed};
use crate::chat::Caller;
use crate::server::access::{Arriving, unauthorized};
use crate::server::problem::Problem;
use crate::server::{AppState, public_url};

/// The cookie of somebody who signed in.
const COOKIE: &str = "docent_login";
/// The cookie of a sign-in that is under way.
const UNDER_WAY: &str = "docent_sign_in";
/// What its `iss` says.
const ISSUER: &str = "docent/sign-in";
/// How long a sign-in may take, in seconds.
const SECONDS: i64 = 15 * 60;

/// A sign-in that is under way.
#[derive(Debug, Serialize, Deserialize)]
struct SignIn {
    iss: String,
    exp: i64,
    state: String,
    nonce: String,
    verifier: String,
    /// The path to go on at.
    to: String,
}

#[derive(Debug, Deserialize)]
struct Begin {
    to: Option<String>,
}

/// What the provider sends somebody back with.
#[derive(Debug, Deserialize)]
struct Callback {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// Where people sign in and out.
pub(in crate::server) fn routes() -> Router<AppState> {
    Router::new()
        .route("/login", get(begin))
        .route("/login/callback", get(end))
        .route("/logout", get(sign_out))
}

/// Where a page sends somebody who has to sign in first, to come back to it; `None`: they may see it, or
/// there is nowhere to sign in.
pub(in crate::server) fn before_page(
    config: &Config,
    caller: &Result<Caller, Problem>,
    uri: &OriginalUri,
) -> Option<Redirect> {
    let is_unknown = caller.as_ref().is_err_and(Problem::is_unauthorized);
    let page = uri.path_and_query().map_or("/", |path| path.as_str());
    let to = in_public(&config.server.base_path(), page);
    let address = address(config, &to).filter(|_| is_unknown);
    address.map(|address| Redirect::to(&address))
}

/// A path as the browser knows it: a proxy may have taken the base away from it.
fn in_public(base: &str, path: &str) -> String {
    let below = path.strip_prefix(base);
    if below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?'])) {
        path.to_owned()
    } else {
        format!("{base}{path}")
    }
}

/// Where somebody signs in who wants to go on at a path of docent's; `None`: there is nowhere to.
pub(crate) fn address(config: &Config, to: &str) -> Option<String> {
    let is_there = config.oidc.is_configured();
    is_there.then(|| again(config, to))
}

/// What is said to a request of a page whose reader has to sign in.
pub(in crate::server::access) fn wants_login(config: &Config) -> Option<Problem> {
    config.oidc.is_configured().then(|| {
        unauthorized(
            "login_required",
            "docent wants to know who asks: sign in at /login, or send a key or a token of the \
             identity provider as `Authorization: Bearer`",
        )
    })
}

/// Who has signed in with the browser that a request comes from; `None`: nobody, or not any more.
pub(in crate::server::access) async fn caller(
    service: &AppState,
    arriving: &Arriving<'_>,
) -> Result<Option<Caller>, Problem> {
    let oidc = &service.app.config.oidc;
    let Some(cookie) = arriving.cookie(COOKIE).filter(|_| oidc.is_configured()) else {
        return Ok(None);
    };
    let hash = text_hash(cookie);
    let looking = service.app.ledger.login(&hash);
    let login = service.access.oidc.logins.find(&hash, looking).await;
    let login = login.map_err(|error| {
        Problem::ledger_unavailable(format!("your sign-in cannot be looked up now: {error}"))
    })?;
    Ok(login
        .filter(|login| login.issuer == oidc.issuer && Utc::now() < login.expires_at)
        .map(|login| super::claims::caller(oidc, login.name, login.groups)))
}

/// `GET /login`
async fn begin(
    State(service): State<AppState>,
    Query(begin): Query<Begin>,
    headers: HeaderMap,
) -> Response {
    let config = &service.app.config;
    if !config.oidc.is_configured() {
        return not_configured().into_response();
    }
    let to = begin.to.filter(|to| is_own_path(to));
    let to = to.unwrap_or_else(|| format!("{}/", config.server.base_path()));
    let again = again(config, &to);
    let known = match service.access.oidc.provider.known(&config.oidc).await {
        Ok(known) => known,
        Err(error) => return failed(&headers, &again, unavailable(&error.to_string())),
    };
    let sign_in = SignIn {
        iss: ISSUER.to_owned(),
        exp: Utc::now().timestamp() + SECONDS,
        state: random(),
        nonce: random(),
        verifier: format!("{}{}", random(), random()),
        to,
    };
    let cookie = match service.access.signing.sign(&service.app, &sign_in).await {
        Ok(cookie) => cookie,
        Err(problem) => return problem.into_response(),
    };
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, sign_in.verifier.as_bytes()));
    let mut scopes = vec!["openid"];
    scopes.extend(config.oidc.scopes.iter().map(String::as_str));
    let query = form(&[
        ("response_type", "code"),
        ("client_id", &config.oidc.client_id),
        ("redirect_uri", &callback_url(config, &headers)),
        ("scope", &scopes.join(" ")),
        ("state", &sign_in.state),
        ("nonce", &sign_in.nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let address = &known.metadata.authorization_endpoint;
    let joint = if address.contains('?') { '&' } else { '?' };
    let cookie = set_cookie(config, UNDER_WAY, &cookie, SECONDS);
    let to = Redirect::to(&format!("{address}{joint}{query}"));
    ([(header::SET_COOKIE, cookie), no_store()], to).into_response()
}

/// `GET /login/callback`
async fn end(
    State(service): State<AppState>,
    Query(callback): Query<Callback>,
    headers: HeaderMap,
) -> Response {
    let config = &service.app.config;
    if !config.oidc.is_configured() {
        return not_configured().into_response();
    }
    let sign_in = match under_way(&service, &headers, &callback).await {
        Ok(sign_in) => sign_in,
        Err(why) => return failed(&headers, &again(config, ""), why),
    };
    let again = again(config, &sign_in.to);
    if callback.error.is_some() {
        let why = Failed::Refused("The identity provider did not let you in.".to_owned());
        return failed(&headers, &again, why);
    }
    let code = callback.code.unwrap_or_default();
    let redirect = callback_url(config, &headers);
    let caller = match exchange(
        &service,
        &sign_in.nonce,
        &sign_in.verifier,
        &code,
        &redirect,
    )
    .await
    {
        Ok(caller) => caller,
        Err(TokenError::Refused(why)) => {
            tracing::warn!(error = %why, "a sign-in was refused");
            let why = Failed::Refused(format!(
                "What the identity provider says is not taken: {why}."
            ));
            return failed(&headers, &again, why);
        }
        Err(TokenError::Provider(error)) => {
            return failed(&headers, &again, unavailable(&error.to_string()));
        }
    };
    let cookie = format!("{}{}", random(), random());
    let lasts = Duration::hours(config.oidc.session_hours.into());
    let login = Login {
        name: caller.name,
        issuer: config.oidc.issuer.clone(),
        groups: caller.groups,
        expires_at: Utc::now() + lasts,
    };
    if let Err(error) = service
        .app
        .ledger
        .sign_in(&text_hash(&cookie), &login)
        .await
    {
        return failed(&headers, &again, Failed::Unavailable(error.to_string()));
    }
    let mut response = Redirect::to(&sign_in.to).into_response();
    for cookie in [
        set_cookie(config, COOKIE, &cookie, lasts.num_seconds()),
        set_cookie(config, UNDER_WAY, "", 0),
    ] {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
        .headers_mut()
        .append(header::CACHE_CONTROL, no_store().1);
    response
}

/// `GET /logout`
async fn sign_out(State(service): State<AppState>, headers: HeaderMap) -> Response {
    let config = &service.app.config;
    if !config.oidc.is_configured() {
        return not_configured().into_response();
    }
    if let Some(cookie) = cookie_of(&headers, COOKIE) {
        let hash = text_hash(cookie);
        service.access.oidc.logins.forget(&hash);
        if let Err(error) = service.app.ledger.sign_out(&hash).await {
            return Problem::from(error).into_response();
        }
    }
    let known = service.access.oidc.provider.known(&config.oidc).await;
    let elsewhere = known
        .ok()
        .and_then(|known| known.metadata.end_session_endpoint.clone())
        .filter(|address| address.starts_with("https://") || address.starts_with("http://"));
    let to = elsewhere.unwrap_or_else(|| format!("{}/", config.server.base_path()));
    let cookie = set_cookie(config, COOKIE, "", 0);
    let headers = [(header::SET_COOKIE, cookie), no_store()];
    (headers, Redirect::to(&to)).into_response()
}

/// The sign-in that a callback belongs to.
async fn under_way(
    service: &AppState,
    headers: &HeaderMap,
    callback: &Callback,
) -> Result<SignIn, Failed> {
    let cookie = cookie_of(headers, UNDER_WAY).ok_or(Failed::Forgotten)?;
    let signing = &service.access.signing;
    match signing.read::<SignIn>(&service.app, ISSUER, cookie).await {
        Ok(Ok(sign_in)) if Some(&sign_in.state) == callback.state.as_ref() => Ok(sign_in),
        Ok(_) => Err(Failed::Forgotten),
        Err(_) => Err(Failed::Unavailable("The ledger is away.".to_owned())),
    }
}

fn unavailable(why: &str) -> Failed {
    tracing::warn!(error = %why, "the identity provider cannot be asked");
    Failed::Unavailable("The identity provider does not answer.".to_owned())
}

fn not_configured() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nowhere to sign in: oidc.issuer is not set",
    )
}

/// Whether a path stays at this server.
fn is_own_path(path: &str) -> bool {
    path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.len() <= 1000
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

fn again(config: &Config, to: &str) -> String {
    let base = config.server.base_path();
    if to.is_empty() {
        format!("{base}/login")
    } else {
        format!("{base}/login?{}", form(&[("to", to)]))
    }
}

/// Where the provider sends people back to. Without a public address docent listens on loopback, and the
/// guard has looked at the host.
fn callback_url(config: &Config, headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    match host.filter(|_| config.server.public_url.is_empty()) {
        Some(host) => format!("http://{host}/login/callback"),
        None => format!("{}/login/callback", public_url(config, config.server.port)),
    }
}

/// 122 random bits, as 32 characters.
fn random() -> String {
    Uuid::new_v4().simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_come_back_to_at_the_address_that_the_browser_knows() {
        for (base, path, expected) in [
            ("", "/sources/a%2Fb?limit=2", "/sources/a%2Fb?limit=2"),
            ("/docent", "/sources", "/docent/sources"),
            ("/docent", "/docent/sources", "/docent/sources"),
            ("/docent", "/docents", "/docent/docents"),
        ] {
            assert_eq!(in_public(base, path), expected);
        }
    }

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        assert!(is_own_path("/"));
        assert!(is_own_path("/insights?from=2026-11-01"));
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
        ] {
            assert!(!is_own_path(path), "{path}");
        }
    }
}
