//! `/v1/alerts`: what needs a person, for programs with a key of the role admin; and what somebody who
//! was told of an alert may do with it by the signed link in the message: acknowledge or mute it.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Days, TimeDelta, Utc};
use docent_core::ledger::{Alert, AlertState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::Admin;
use super::openapi::{Guarded, OfAlert};
use super::page::attribute as escaped;
use super::problem::Problem;
use super::{AppState, public_url};
use crate::alerts::act::{Acting, act};
use crate::alerts::moment;

/// What a link's token is for (`iss`).
const KIND: &str = "docent-alert";
/// How long a link works.
const LINK_DAYS: i64 = 30;
/// In the audit, for whoever followed a link.
const BY_LINK: &str = "link";
/// Alerts that are listed although they are over, in days.
const LISTED_DAYS: u64 = 30;
/// The page has a form, and nothing else that could do anything.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    exp: i64,
    alert: Uuid,
}

#[derive(Debug, Deserialize)]
pub(super) struct Signed {
    token: String,
}

/// The address at which an alert can be acknowledged or muted without a login.
pub(crate) async fn link(service: &AppState, alert: Uuid, now: DateTime<Utc>) -> Option<String> {
    let claims = Claims {
        iss: KIND.to_owned(),
        exp: (now + TimeDelta::days(LINK_DAYS)).timestamp(),
        alert,
    };
    let token = service.access.sign(&service.app, &claims).await.ok()?;
    let base = public_url(&service.app.config, service.app.config.server.port);
    Some(format!("{base}/alerts/{alert}?token={token}"))
}

/// Who may act on alerts: an admin on all, the bearer of a link on one.
pub(super) struct Actor {
    name: String,
    only: Option<Uuid>,
}

impl FromRequestParts<AppState> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &AppState) -> Result<Self, Problem> {
        if let Ok(Query(signed)) = Query::<Signed>::try_from_uri(&parts.uri) {
            let read = service
                .access
                .read_signed::<Claims>(&service.app, KIND, &signed.token)
                .await?;
            let claims = read.map_err(|_| {
                let text = "this link is not docent's, or too old; an admin's key does the same";
                Problem::new(StatusCode::UNAUTHORIZED, "link_invalid", text)
            })?;
            return Ok(Self {
                name: BY_LINK.to_owned(),
                only: Some(claims.alert),
            });
        }
        let Admin(caller) = Admin::from_request_parts(parts, service).await?;
        Ok(Self {
            name: caller.name,
            only: None,
        })
    }
}

impl Actor {
    /// The alert of a path, where they may act on it.
    fn alert(&self, id: Id) -> Result<Uuid, Problem> {
        // What is no UUID is the id of no alert.
        let Path(id) = id.map_err(|_| unknown())?;
        if self.only.is_some_and(|only| only != id) {
            let text = "this link is another alert's";
            return Err(Problem::new(StatusCode::FORBIDDEN, "link_invalid", text));
        }
        Ok(id)
    }
}

/// What a path's id may turn out to be.
type Id = Result<Path<Uuid>, PathRejection>;

/// List the alerts
///
/// Those that are not over, and those of the last 30 days; the newest first.
#[utoipa::path(
    get, path = "/v1/alerts", tag = "alerts", operation_id = "list_alerts",
    security((), ("bearer" = [])),
    responses((status = 200, description = "At most 1,000", body = Vec<Alert>), Guarded),
)]
pub(super) async fn list(
    State(service): State<AppState>,
    Admin(_): Admin,
) -> Result<Json<Vec<Alert>>, Problem> {
    let since = Utc::now() - Days::new(LISTED_DAYS);
    Ok(Json(service.app.ledger.alerts_since(since).await?))
}

/// Say that you look after an alert
///
/// What is muted or over stays so.
#[utoipa::path(
    post, path = "/v1/alerts/{id}/acknowledge", tag = "alerts", operation_id = "acknowledge_alert",
    security((), ("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "Its id"),
        ("token" = Option<String>, Query, description = "Of the link in the message, in place of a key"),
    ),
    responses(
        (status = 200, description = "Its state now; a page, where `Accept` asks for one", content(
            (Acted = "application/json"), (String = "text/html"))),
        OfAlert, Guarded,
    ),
)]
pub(super) async fn acknowledge(
    State(service): State<AppState>,
    actor: Actor,
    id: Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    acted(&service, &actor, id, Acting::Acknowledge, &headers).await
}

/// Mute an alert
///
/// Nobody is told of it for `alerts.mute_days`, also when it fires anew.
#[utoipa::path(
    post, path = "/v1/alerts/{id}/mute", tag = "alerts", operation_id = "mute_alert",
    security((), ("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "Its id"),
        ("token" = Option<String>, Query, description = "Of the link in the message, in place of a key"),
    ),
    responses(
        (status = 200, description = "Its state now; a page, where `Accept` asks for one", content(
            (Acted = "application/json"), (String = "text/html"))),
        OfAlert, Guarded,
    ),
)]
pub(super) async fn mute(
    State(service): State<AppState>,
    actor: Actor,
    id: Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    acted(&service, &actor, id, Acting::Mute, &headers).await
}

/// What became of an alert.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActedAlert)]
pub(super) struct Acted {
    id: Uuid,
    state: AlertState,
}

async fn acted(
    service: &AppState,
    actor: &Actor,
    id: Id,
    acting: Acting,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let id = actor.alert(id)?;
    let state = act(service, id, &actor.name, acting).await?;
    let state = state.ok_or_else(unknown)?;
    let is_person = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if is_person {
        let said = match state {
            AlertState::Acknowledged => "It is noted that somebody looks after it.".to_owned(),
            AlertState::Muted => format!(
                "Nobody is told of it for {} days, also when it fires anew.",
                service.app.config.alerts.mute_days
            ),
            AlertState::Resolved => "It is over already.".to_owned(),
            AlertState::Open => "It is open.".to_owned(),
        };
        return Ok(page("Done", &format!("<p>{said}</p>")));
    }
    Ok(Json(Acted { id, state }).into_response())
}

/// `GET /alerts/{id}?token=…`: shows an alert and asks what to do. Opening it changes nothing: programs
/// that look into mails open links.
pub(super) async fn ask(
    State(service): State<AppState>,
    actor: Actor,
    id: Id,
    Query(signed): Query<Signed>,
) -> Result<Response, Problem> {
    let id = actor.alert(id)?;
    let alert = service.app.ledger.alert(id).await?.ok_or_else(unknown)?;
    let button = |act: &str, label: &str| {
        format!(
            "<form method=\"post\" action=\"../v1/alerts/{id}/{act}?token={}\"><button>{label}</button></form>",
            escaped(&signed.token)
        )
    };
    let state = match alert.state {
        AlertState::Open => "open",
        AlertState::Acknowledged => "acknowledged",
        AlertState::Muted => "muted",
        AlertState::Resolved => "over",
    };
    let mut body = format!(
        "<p>Since {}, {state}.</p><p>{}</p><p>To do: {}</p>",
        moment(&service.app.config, alert.since),
        escaped(&alert.what),
        escaped(&alert.todo)
    );
    if alert.state != AlertState::Resolved {
        body.push_str(&button("acknowledge", "I look after it"));
        let days = service.app.config.alerts.mute_days;
        body.push_str(&button("mute", &format!("Mute it for {days} days")));
    }
    Ok(page(&alert.title, &body))
}

fn page(title: &str, body: &str) -> Response {
    let title = escaped(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title><h1>{title}</h1>{body}</html>\n"
    );
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(CONTENT_SECURITY_POLICY),
        ),
        // The token is in the address.
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Html(html)).into_response()
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "alert_unknown",
        "there is no such alert",
    )
}
