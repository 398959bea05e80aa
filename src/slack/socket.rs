//! Socket Mode: docent fetches events over a WebSocket that it opens, so Slack needs no way to reach it
//! (<https://docs.slack.dev/apis/events-api/using-socket-mode>).
//!
//! Of several processes one does it, under a lease. While Postgres is away nobody can tell who, so each
//! opens a connection: Slack sends an envelope over one of them, and keeps count.

use std::sync::Arc;
use std::time::Duration;

use docent_core::ledger::{Claimant, Claimed, LedgerError};
use docent_core::process;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use super::bridge::Bridge;
use super::incoming::{self, Told};
use super::{events, pressed};
use crate::server::AppState;

/// How often the lease is moved on, or asked for.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Slack pings every few seconds. A connection that is silent for longer is dead.
const SILENCE: Duration = Duration::from_mins(1);
/// How long a connection that Slack will close is still read, while the next one is open.
const FAREWELL: Duration = Duration::from_secs(30);
/// Longest wait for a connection.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pauses between two attempts.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Fetches events until the service stops.
pub(crate) async fn keep(service: AppState, bridge: Arc<Bridge>) {
    let run_id = Uuid::now_v7();
    let ledger = &service.app.ledger;
    let fetching = async {
        loop {
            if may_connect(&service, run_id).await {
                tokio::select! {
                    () = connections(&service, &bridge) => {}
                    () = until_lost(&service, run_id) => {}
                }
            }
            bridge.state.lock().socket = None;
            tokio::time::sleep(HEARTBEAT).await;
        }
    };
    tokio::select! {
        () = fetching => {}
        () = service.stopping.cancelled() => {}
    }
    if let Err(error) = ledger.release_leases(run_id).await {
        tracing::debug!(%error, "the lease of Slack's socket expires by itself");
    }
}

/// Whether this process is the one, or nobody can tell.
async fn may_connect(service: &AppState, run_id: Uuid) -> bool {
    let claimant = Claimant {
        run_id,
        holder: "Slack's socket".to_owned(),
        process: process::identity(),
    };
    // No source is called that.
    let lease = format!("{}:slack-socket", service.app.config.index.collection);
    match service.app.ledger.claim(&[lease], &claimant, None).await {
        Ok(claimed) => claimed == Claimed::Taken,
        Err(LedgerError::Unavailable { .. }) => true,
        Err(error) => {
            tracing::error!(%error, "the lease of Slack's socket cannot be taken");
            false
        }
    }
}

/// Keeps the lease; ends when somebody else has it.
async fn until_lost(service: &AppState, run_id: Uuid) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        match service.app.ledger.keep_leases(run_id).await {
            Ok(0) if !may_connect(service, run_id).await => return,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the lease of Slack's socket is not moved on"),
        }
    }
}

/// One connection after another; each is opened before the one before it is gone.
async fn connections(service: &AppState, bridge: &Arc<Bridge>) {
    let mut open = JoinSet::new();
    let mut pause = SHORTEST_PAUSE;
    loop {
        while open.try_join_next().is_some() {}
        let since = Instant::now();
        let connected = tokio::time::timeout(PATIENCE, connect(service)).await;
        match connected.unwrap_or_else(|_| Err("Slack does not open a socket in time".to_owned())) {
            Ok(socket) => {
                let (renew, renewal) = oneshot::channel();
                let (service, bridge) = (Arc::clone(service), Arc::clone(bridge));
                open.spawn(async move { read(&service, &bridge, socket, renew).await });
                // Told to, or because the connection is gone.
                let _ = renewal.await;
            }
            Err(error) => {
                let before = bridge.state.lock().socket.replace(Err(error.clone()));
                if !matches!(before, Some(Err(_))) {
                    tracing::warn!(error, "Slack's socket cannot be opened");
                }
            }
        }
        // A connection that held for a while was a good one.
        pause = if since.elapsed() > FAREWELL {
            SHORTEST_PAUSE
        } else {
            (pause * 2).min(LONGEST_PAUSE)
        };
        tokio::time::sleep(pause / 2).await;
    }
}

/// Asks Slack for an address, and connects to it.
async fn connect(service: &AppState) -> Result<Socket, String> {
    let settings = &service.app.config.slack;
    let url = open_address(&settings.api_url, settings.app_token.expose()).await?;
    let (socket, _) = connect_async(url)
        .await
        .map_err(|error| format!("Slack's socket does not open: {error}"))?;
    Ok(socket)
}

/// What `apps.connections.open` answers, or why it does not.
pub(crate) async fn open_address(api_url: &str, app_token: &str) -> Result<String, String> {
    let method = format!("{}/apps.connections.open", api_url.trim_end_matches('/'));
    let unreachable =
        |error: reqwest::Error| format!("Slack cannot be reached: {}", error.without_url());
    let response = reqwest::Client::new()
        .post(method)
        .bearer_auth(app_token)
        .header("content-type", "application/x-www-form-urlencoded")
        .send()
        .await
        .map_err(unreachable)?;
    let body = response.bytes().await.map_err(unreachable)?;
    let answer: Value = serde_json::from_slice(&body)
        .map_err(|_| "Slack's answer to apps.connections.open is no JSON".to_owned())?;
    match (answer["ok"].as_bool(), answer["url"].as_str()) {
        (Some(true), Some(url)) => Ok(url.to_owned()),
        _ => Err(format!(
            "Slack refuses apps.connections.open: {}; slack.app_token (SLACK_APP_TOKEN) must be an \
             app-level token with connections:write, and Socket Mode on",
            answer["error"].as_str().unwrap_or("without a reason")
        )),
    }
}

/// Reads a connection to its end. `renew` is told when it is time for the next one, or dropped with this
/// one.
async fn read(
    service: &AppState,
    bridge: &Arc<Bridge>,
    mut socket: Socket,
    renew: oneshot::Sender<()>,
) {
    let (acknowledge, mut acknowledged) = mpsc::unbounded_channel::<String>();
    let mut renew = Some(renew);
    let mut end = Instant::now() + Duration::from_hours(24);
    loop {
        let message = tokio::select! {
            message = tokio::time::timeout(SILENCE, socket.next()) => message,
            Some(envelope) = acknowledged.recv() => {
                let answer = json!({ "envelope_id": envelope }).to_string();
                if socket.send(Message::text(answer)).await.is_err() {
                    return;
                }
                continue;
            }
            () = tokio::time::sleep_until(end) => break,
        };
        let text = match message {
            Ok(Some(Ok(Message::Text(text)))) => text,
            // Pings are answered by the library.
            Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => break,
            Ok(Some(Ok(_))) => continue,
        };
        let Ok(body) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        match body["type"].as_str() {
            Some("hello") => {
                tracing::info!("docent listens to Slack over a socket");
                bridge.state.lock().socket = Some(Ok(()));
            }
            Some("disconnect") => {
                let reason = body["reason"].as_str().unwrap_or_default();
                tracing::debug!(reason, "Slack closes a socket");
                if reason == "link_disabled" {
                    let error = "Socket Mode is switched off in the app's settings".to_owned();
                    bridge.state.lock().socket = Some(Err(error));
                    break;
                }
                if let Some(renew) = renew.take() {
                    let _ = renew.send(());
                }
                end = Instant::now() + FAREWELL;
            }
            _ => envelope(service, bridge, body, &acknowledge),
        }
    }
    let _ = tokio::time::timeout(Duration::from_secs(1), socket.close(None)).await;
}

/// Takes an envelope; it is acknowledged once it is kept. One that is not is sent again.
fn envelope(
    service: &AppState,
    bridge: &Arc<Bridge>,
    mut body: Value,
    acknowledge: &mpsc::UnboundedSender<String>,
) {
    let Some(id) = body["envelope_id"].as_str().map(str::to_owned) else {
        return;
    };
    let payload = body["payload"].take();
    let settings = &service.app.config.slack;
    let told = match body["type"].as_str() {
        Some("events_api") => incoming::read(&payload, settings),
        Some("interactive") => {
            let interaction = pressed::read(&payload, settings);
            events::open_dialog(service, bridge, interaction)
        }
        other => Told::Unknown(other.unwrap_or_default().to_owned()),
    };
    let is_wrong = matches!(told, Told::Unknown(_) | Told::Malformed(_));
    let (service, bridge) = (Arc::clone(service), Arc::clone(bridge));
    let acknowledge = acknowledge.clone();
    tokio::spawn(async move {
        let taken = events::take(&service, &bridge, told).await;
        if let (Err(problem), true) = (&taken, is_wrong) {
            tracing::warn!(
                reason = problem.detail(),
                "an envelope of Slack is passed over"
            );
        }
        // What docent does nothing with would come again for ever.
        if taken.is_ok() || is_wrong {
            let _ = acknowledge.send(id);
        }
    });
}
