//! `/slack/events` and `/slack/interactions`: what Slack sends, checked, kept and acknowledged. Nothing
//! is worked on before Slack has its answer.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use chrono::Utc;
use serde_json::{Value, json};

use super::bridge::Bridge;
use super::incoming::{self, Told};
use super::pressed::{self, Interaction};
use super::{dialog, signature};
use crate::server::AppState;
use crate::server::problem::Problem;

/// A long message comes twice, as text and as blocks.
const MAX_BODY: usize = 1 << 20;

/// The routes, where Slack is configured to use them.
pub(crate) fn routes(service: &AppState) -> Router<AppState> {
    let by_http = service.app.config.slack.mode == docent_core::config::SlackMode::Http;
    if service.slack.is_none() || !by_http {
        return Router::new();
    }
    Router::new()
        .route("/slack/events", post(events))
        .route("/slack/interactions", post(interactions))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn events(State(service): State<AppState>, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(bridge) = signed(&service, &headers, &body) else {
        return unsigned();
    };
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return malformed("the body is no JSON");
    };
    let told = incoming::read(&body, &service.app.config.slack);
    answer(&service, &bridge, told).await
}

async fn interactions(
    State(service): State<AppState>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(bridge) = signed(&service, &headers, &body) else {
        return unsigned();
    };
    let payload = form_payload(&body);
    let Some(payload) = payload.and_then(|text| serde_json::from_str::<Value>(&text).ok()) else {
        return malformed("the body has no payload, or one that is no JSON");
    };
    let interaction = pressed::read(&payload, &service.app.config.slack);
    let told = open_dialog(&service, &bridge, interaction);
    answer(&service, &bridge, told).await
}

/// Opens the dialog that a click asks for, beside everything else: Slack gives it 3 s.
pub(crate) fn open_dialog(
    service: &AppState,
    bridge: &Arc<Bridge>,
    interaction: Interaction,
) -> Told {
    if let Some((wanted, trigger)) = interaction.dialog {
        let (service, bridge) = (Arc::clone(service), Arc::clone(bridge));
        tokio::spawn(async move { dialog::open(&service, &bridge, &wanted, &trigger).await });
    }
    interaction.told
}

/// Does what has to be done before Slack is answered; whether it may be acknowledged.
pub(crate) async fn take(
    service: &AppState,
    bridge: &Arc<Bridge>,
    told: Told,
) -> Result<(), Problem> {
    match told {
        Told::Challenge(_) | Told::Passed => Ok(()),
        Told::Do(event) => bridge
            .keep(&service.app.ledger, event)
            .await
            .map_err(|error| {
                tracing::error!(%error, "an event of Slack cannot be kept; Slack sends it again");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Problem::new(status, "event_not_kept", error.to_string()).retry_after(60)
            }),
        Told::Stop {
            team,
            channel,
            thread,
        } => {
            for (caller, event_id) in bridge.running_in(&team, &channel, &thread) {
                service.live.stop(&caller, &event_id, super::work::FROM);
            }
            let service = Arc::clone(service);
            // Another process may be the one that answers.
            tokio::spawn(async move {
                let ledger = &service.app.ledger;
                if let Err(error) = ledger.stop_slack(&team, &channel, &thread).await {
                    tracing::warn!(%error, "an answer in Slack may go on elsewhere");
                }
            });
            Ok(())
        }
        Told::Unknown(kind) => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "event_unknown",
            format!(
                "docent does nothing with \"{kind}\"; the app's manifest asks for no such event"
            ),
        )),
        Told::Malformed(what) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            what.to_owned(),
        )),
    }
}

async fn answer(service: &AppState, bridge: &Arc<Bridge>, told: Told) -> Response {
    if let Told::Challenge(challenge) = &told {
        return Json(json!({ "challenge": challenge })).into_response();
    }
    match take(service, bridge, told).await {
        // An empty body: anything else would be taken for a message or a dialog.
        Ok(()) => StatusCode::OK.into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// The bridge, where Slack has signed the body.
fn signed(
    service: &AppState,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Arc<Bridge>, signature::Unsigned> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let secret = &service.app.config.slack.signing_secret;
    let checked = match (&service.slack, secret.is_empty()) {
        (Some(bridge), false) => signature::verify(
            secret.expose(),
            header("x-slack-request-timestamp"),
            header("x-slack-signature"),
            body,
            Utc::now().timestamp(),
        )
        .map(|()| Arc::clone(bridge)),
        // An empty secret would be everyone's.
        _ => Err(signature::Unsigned::OtherSecret),
    };
    checked.inspect_err(|error| tracing::warn!(%error, "a request that may not be Slack's"))
}

fn unsigned() -> Response {
    // Which of the checks failed is in the log; whoever tries keys need not know.
    let text = "the request is not signed by Slack, or not of this moment";
    Problem::new(StatusCode::UNAUTHORIZED, "signature_invalid", text).into_response()
}

fn malformed(what: &str) -> Response {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", what).into_response()
}

/// The field `payload` of a form.
fn form_payload(body: &[u8]) -> Option<String> {
    reqwest::Url::parse("http://form/")
        .ok()
        .map(|mut url| {
            url.set_query(std::str::from_utf8(body).ok());
            url
        })?
        .query_pairs()
        .find_map(|(name, value)| (name == "payload").then(|| value.into_owned()))
}
