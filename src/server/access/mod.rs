//! Who asks, and what they may. A handler that takes a [`Caller`] is closed to everyone who is none;
//! one that takes an [`Admin`] is open to those alone who may start runs.

mod admin;
mod anonymous;
mod editor;
mod insights;
mod keys;
pub(crate) mod limits;
pub(crate) mod oidc;
mod recent;
mod session;
mod token;
pub(super) mod widget;

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

pub(crate) use admin::Admin;
use docent_core::app::App;
use docent_core::config::Config;
pub(crate) use editor::Editor;
pub(crate) use insights::{InsightsReader, insights_cookie, key_of_cookie};
pub(crate) use keys::NewKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::AppState;
use super::guard::ForeignOrigin;
use super::problem::Problem;
use crate::chat::Caller;

/// The group that everyone with a name is in besides their own.
const EVERYONE: &str = "everyone";
/// Groups of one caller that are looked at; the filter of a search holds each.
const GROUPS: usize = 500;
/// Longest name of a caller, in characters.
const NAME: usize = 200;

/// What is kept to tell callers: all of it can be lost.
#[derive(Default)]
pub struct Access {
    pub(crate) keys: keys::Keys,
    pub(crate) limits: limits::Counters,
    signing: session::Signing,
    oidc: oidc::Oidc,
}

impl Access {
    /// Signs what is no session, such as a link: its claims have an `iss` of their own, and `exp`.
    pub(crate) async fn sign(&self, app: &App, claims: &impl Serialize) -> Result<String, Problem> {
        self.signing.sign(app, claims).await
    }

    /// What [`Access::sign`] signed for `kind` (its `iss`) and is not over.
    pub(crate) async fn read_signed<T: DeserializeOwned>(
        &self,
        app: &App,
        kind: &str,
        token: &str,
    ) -> Result<Result<T, jsonwebtoken::errors::Error>, Problem> {
        self.signing.read(app, kind, token).await
    }
}

/// What of a request tells who sent it.
pub(super) struct Arriving<'a> {
    peer: SocketAddr,
    headers: &'a HeaderMap,
    /// Whether it only reads.
    is_safe: bool,
    /// The page of another origin that it comes from.
    foreign: Option<&'a str>,
}

impl<'a> Arriving<'a> {
    pub(super) fn of(parts: &'a Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let foreign = parts.extensions.get::<ForeignOrigin>();
        Self {
            // Without an address nobody is on this machine.
            peer: peer.map_or(SocketAddr::from(([0, 0, 0, 0], 0)), |peer| peer.0),
            headers: &parts.headers,
            is_safe: parts.method.is_safe(),
            foreign: foreign.map(|origin| origin.0.as_str()),
        }
    }

    fn header(&self, name: header::HeaderName) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What was sent as `Authorization: Bearer`.
    fn bearer(&self) -> Option<&'a str> {
        let (scheme, given) = self.header(header::AUTHORIZATION)?.split_once(' ')?;
        let given = given.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !given.is_empty()).then_some(given)
    }

    /// A cookie, which a browser may also send for another site's page: where the request does more than
    /// read, it must be known to come from docent's own.
    fn cookie(&self, name: &str) -> Option<&'a str> {
        let own_origin = self.foreign.is_none() && self.headers.contains_key(header::ORIGIN);
        let own_page =
            self.header(header::HeaderName::from_static("sec-fetch-site")) == Some("same-origin");
        let may = self.foreign.is_none() && (self.is_safe || own_origin || own_page);
        oidc::cookie_of(self.headers, name).filter(|_| may)
    }

    /// The address that the request came from, as far as it can be told behind a proxy: what the
    /// proxy itself has seen is the last entry.
    fn address(&self, config: &Config) -> String {
        let peer = self.peer.ip().to_canonical();
        let forwarded = self
            .header(header::HeaderName::from_static("x-forwarded-for"))
            .and_then(|all| all.rsplit(',').next())
            .and_then(|last| last.trim().parse().ok())
            .filter(|_| !config.server.public_url.is_empty());
        anonymous::network(forwarded.unwrap_or(peer))
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &AppState) -> Result<Self, Problem> {
        caller(service, &Arriving::of(parts)).await
    }
}

async fn caller(service: &AppState, arriving: &Arriving<'_>) -> Result<Caller, Problem> {
    if let Some(given) = arriving.bearer() {
        return token::caller(service, arriving, given).await;
    }
    if arriving.foreign.is_some() {
        return Err(unauthorized(
            "session_required",
            "a page of another origin asks with a session: POST /v1/widget/sessions gives one",
        ));
    }
    if let Some(person) = oidc::signed_in(service, arriving).await? {
        return Ok(person);
    }
    let config = &service.app.config;
    anonymous::caller(config, arriving)
        .map_err(|problem| oidc::wants_login(config).unwrap_or(problem))
}

/// A caller's groups as the search takes them; `None`: what was said is no list of groups.
fn groups_of(named: &serde_json::Value) -> Option<Vec<String>> {
    let mut groups: Vec<String> = match named {
        serde_json::Value::Null => Vec::new(),
        serde_json::Value::String(group) => vec![group.clone()],
        serde_json::Value::Array(groups) => groups
            .iter()
            .map(|group| group.as_str().map(str::to_owned))
            .collect::<Option<_>>()?,
        _ => return None,
    };
    groups.retain(|group| !group.is_empty());
    groups.push(EVERYONE.to_owned());
    groups.sort_unstable();
    groups.dedup();
    (groups.len() <= GROUPS).then_some(groups)
}

/// Whether a name from elsewhere can be a caller's.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= NAME && !name.chars().any(char::is_control)
}

fn unauthorized(code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
}
