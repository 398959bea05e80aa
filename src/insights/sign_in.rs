//! Signing in to the pages with a key: a browser cannot send one by itself. The key is kept in a cookie that
//! goes to these pages alone and ends with the browser; what it may see is looked up with each request, so
//! that a revoked key ends at once.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::context;
use serde::Deserialize;

use super::language::Language;
use super::visit::{as_page, environment};
use crate::server::AppState;
use crate::server::access::insights_cookie;
use crate::server::problem::Problem;

pub(super) const PAGE: &str = include_str!("../../web/insights/sign_in.html");

#[derive(Deserialize)]
pub(super) struct Given {
    key: String,
}

/// `POST /insights/sign-in`: keeps the key and shows the page of use, which says whether it is a good one.
pub(super) async fn sign_in(State(service): State<AppState>, Form(given): Form<Given>) -> Response {
    set(&service, given.key.trim())
}

/// `POST /insights/sign-out`: forgets the key.
pub(super) async fn sign_out(State(service): State<AppState>) -> Response {
    set(&service, "")
}

fn set(service: &AppState, key: &str) -> Response {
    let cookie = insights_cookie(&service.app.config, key);
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "use")]).into_response();
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// What somebody sees who may not see a page: a browser a form (and the way to the identity provider, where
/// there is one), a program a problem.
pub(super) fn refused(
    problem: Problem,
    headers: &HeaderMap,
    language: Language,
    up: &str,
    login: Option<String>,
) -> Response {
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !accepts.contains("text/html") {
        return problem.into_response();
    }
    let html = environment(language).and_then(|environment| {
        environment.get_template("sign_in.html")?.render(context! {
            language => language.code(),
            up,
            reason => problem.detail(),
            login,
        })
    });
    match html {
        Ok(html) => as_page(problem.status(), html),
        Err(_) => problem.into_response(),
    }
}
