//! Sessions of the widget: a page of an allowed origin gets one for a quarter of an hour, for its
//! visitors in general or for the user that it has signed.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use docent_core::config::Widget;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Arriving, groups_of, is_name, unauthorized};
use crate::chat::{Caller, CallerKind};
use crate::server::AppState;
use crate::server::openapi::{Guarded, WithBody};
use crate::server::problem::Problem;

/// How long a session lasts, in seconds.
const SECONDS: i64 = 15 * 60;
/// What the sessions' `iss` says.
const ISSUER: &str = "docent/widget";

/// What a session says.
#[derive(Debug, Serialize, Deserialize)]
struct Session {
    iss: String,
    iat: i64,
    exp: i64,
    /// The page's; the session is good for no other.
    origin: String,
    name: String,
    /// Whether the page has signed who it is.
    guest: bool,
    groups: Vec<String>,
}

/// What a page says of its user.
#[derive(Debug, Deserialize)]
struct User {
    sub: String,
    exp: i64,
    #[serde(default)]
    groups: Value,
}

/// The request's body; an empty one is as good.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BeginSession)]
pub(crate) struct Begin {
    /// What the page's server has signed of its user (JWT, HS256): `sub`, `groups`, `exp`, `iss`, `aud`.
    user_token: Option<String>,
}

/// A session that was begun.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct Begun {
    /// To be sent as `Authorization: Bearer`, from the same page.
    token: String,
    expires_at: DateTime<Utc>,
}

/// Begin a session of the widget
///
/// For a page of `widget.allowed_origins`, as its `Origin` says. Good for 15 minutes, from that page.
#[utoipa::path(
    post, path = "/v1/widget/sessions", tag = "widget", operation_id = "begin_session",
    request_body(content = Option<Begin>, description = "May be left out"),
    responses(
        (status = 201, description = "The session", body = Begun),
        Guarded, WithBody,
    ),
)]
pub(crate) async fn begin(
    State(service): State<AppState>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match session(&service, &headers, &body).await {
        Ok((token, expires_at)) => {
            let body = Json(Begun { token, expires_at });
            let headers = [(header::CACHE_CONTROL, "no-store")];
            (StatusCode::CREATED, headers, body).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

async fn session(
    service: &AppState,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(String, DateTime<Utc>), Problem> {
    let widget = &service.app.config.widget;
    let origin = headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok())
        .filter(|origin| {
            widget
                .allowed_origins
                .iter()
                .any(|allowed| allowed == origin)
        })
        .ok_or_else(|| {
            Problem::new(
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                "the widget may stand on pages of widget.allowed_origins only, and this is none",
            )
        })?;
    let begin: Option<Begin> = if body.is_empty() {
        None
    } else {
        serde_json::from_slice(body).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "bad_request", error.to_string())
        })?
    };
    let now = Utc::now();
    let mut session = Session {
        iss: ISSUER.to_owned(),
        iat: now.timestamp(),
        exp: now.timestamp() + SECONDS,
        origin: origin.to_owned(),
        name: format!("widget:{origin}"),
        guest: false,
        groups: service.app.config.access.anonymous_groups.clone(),
    };
    if let Some(token) = begin.and_then(|begin| begin.user_token) {
        let (issuer, user) = user(widget, origin, &token)?;
        session.name = format!("guest:{issuer}:{}", user.sub);
        session.guest = true;
        session.exp = session.exp.min(user.exp);
        session.groups = groups_of(&user.groups).ok_or_else(|| {
            unauthorized(
                "user_token_invalid",
                "`groups` of the user's token is no list of groups",
            )
        })?;
    }
    let expires_at = DateTime::from_timestamp(session.exp, 0).unwrap_or(now);
    let token = service.access.signing.sign(&service.app, &session).await?;
    Ok((token, expires_at))
}

/// Who the page says that its user is.
fn user(widget: &Widget, origin: &str, token: &str) -> Result<(String, User), Problem> {
    let invalid = |why: &str| unauthorized("user_token_invalid", why);
    if widget.user_secret.is_empty() {
        return Err(invalid(
            "docent has no secret that it could check the user's token with; set widget.user_secret",
        ));
    }
    let issuer = if widget.user_issuer.is_empty() {
        origin
    } else {
        &widget.user_issuer
    };
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 30;
    validation.validate_nbf = true;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[&widget.user_audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let key = DecodingKey::from_secret(widget.user_secret.expose().as_bytes());
    let user = jsonwebtoken::decode::<User>(token, &key, &validation).map_err(|error| {
        invalid(match error.kind() {
            ErrorKind::ExpiredSignature => "the user's token has expired",
            ErrorKind::InvalidIssuer => {
                "`iss` of the user's token is not what widget.user_issuer says"
            }
            ErrorKind::InvalidAudience => {
                "`aud` of the user's token is not what widget.user_audience says"
            }
            ErrorKind::InvalidSignature => "the user's token is not signed with widget.user_secret",
            _ => "the user's token must be a JWT (HS256) with `sub`, `exp`, `iss` and `aud`",
        })
    })?;
    if !is_name(&user.claims.sub) {
        return Err(invalid("`sub` of the user's token has 1 to 200 characters"));
    }
    Ok((issuer.to_owned(), user.claims))
}

/// Whether a token says that it is a session of the widget. Nothing of it is believed yet.
pub(super) fn is_session(token: &str) -> bool {
    jsonwebtoken::dangerous::insecure_decode_claims::<Value>(token)
        .is_ok_and(|claims| claims["iss"] == ISSUER)
}

/// Whose session it is, where the request comes from its page.
pub(super) async fn caller(
    service: &AppState,
    arriving: &Arriving<'_>,
    token: &str,
) -> Result<Caller, Problem> {
    let read = service
        .access
        .signing
        .read::<Session>(&service.app, ISSUER, token);
    let session = read.await?.map_err(|error| match error.kind() {
        ErrorKind::ExpiredSignature => unauthorized("token_expired", "the session has expired"),
        _ => unauthorized("token_invalid", "this is no session of this docent"),
    })?;
    // A browser leaves Origin out of what a page reads from its own origin.
    let from = arriving.foreign.or(arriving.header(header::ORIGIN));
    let is_own_page = from.is_none()
        && arriving.header(header::HeaderName::from_static("sec-fetch-site"))
            == Some("same-origin");
    let still_allowed = service
        .app
        .config
        .widget
        .allowed_origins
        .contains(&session.origin);
    if !still_allowed || !(is_own_page || from == Some(session.origin.as_str())) {
        return Err(unauthorized(
            "token_of_other_origin",
            "this session belongs to a page of another origin",
        ));
    }
    let kind = if session.guest {
        CallerKind::Guest
    } else {
        CallerKind::Visitor
    };
    let mut caller = Caller::named(session.name, kind, session.groups);
    if caller.is_shared() {
        let address = arriving.address(&service.app.config);
        caller.counted_as = format!("{} {address}", caller.name);
    }
    Ok(caller)
}
