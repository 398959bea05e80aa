//! What `docent doctor` finds of Slack: the token, what it may do, the socket, and whether anything arrives.

use docent_core::app::App;
use docent_core::config::{SlackApp, SlackMode};
use serde_json::Value;

use super::manifest::SCOPES;
use super::socket;

/// One of the parts: its name, and what is good or wrong about it.
pub(crate) type Found = (&'static str, Result<String, String>);

/// Tries each part; nothing where Slack is not configured.
pub(crate) async fn check(app: &App) -> Vec<Found> {
    let settings = &app.config.slack;
    if !settings.is_configured() {
        return Vec::new();
    }
    let mut found = Vec::new();
    match identity(settings).await {
        Ok((identity, scopes)) => {
            let team = identity["team"].as_str().unwrap_or_default();
            let id = identity["team_id"].as_str().unwrap_or_default();
            let user = identity["user"].as_str().unwrap_or_default();
            let text = format!("the token is that of @{user} in {team} ({id})");
            found.push(("slack", Ok(text)));
            found.push(("slack scopes", missing(&scopes)));
        }
        Err(error) => found.push(("slack", Err(error))),
    }
    if settings.mode == SlackMode::Socket {
        let opened = socket::open_address(&settings.api_url, settings.app_token.expose()).await;
        let text = |_| "Slack gives a socket to the app-level token".to_owned();
        found.push(("slack socket", opened.map(text)));
    }
    // No call tells a bot what its app is subscribed to; what arrives does.
    found.push((
        "slack events",
        match app.ledger.last_slack_event().await {
            Ok(Some(at)) => Ok(format!("the last one arrived at {}", at.format("%Y-%m-%d %H:%M UTC"))),
            Ok(None) => Ok(format!(
                "none has arrived yet: write to the bot; if it stays silent, compare the app with `docent slack manifest`{}",
                if settings.mode == SlackMode::Http { ", and see whether Slack reaches /slack/events" } else { "" }
            )),
            Err(error) => Err(error.to_string()),
        },
    ));
    found
}

/// Whose the token is, and its scopes.
async fn identity(settings: &SlackApp) -> Result<(Value, String), String> {
    let unreachable = |error: reqwest::Error| {
        format!(
            "Slack cannot be reached at {}: {}",
            settings.api_url,
            error.without_url()
        )
    };
    let method = format!("{}/auth.test", settings.api_url.trim_end_matches('/'));
    let response = reqwest::Client::new()
        .post(method)
        .bearer_auth(settings.bot_token.expose())
        .send()
        .await
        .map_err(unreachable)?;
    let scopes = response.headers().get("x-oauth-scopes");
    let scopes = scopes
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = response.bytes().await.map_err(unreachable)?;
    let answer: Value = serde_json::from_slice(&body).map_err(|_| {
        format!(
            "{} answers no JSON; is slack.api_url right?",
            settings.api_url
        )
    })?;
    if answer["ok"] == true {
        return Ok((answer, scopes));
    }
    Err(format!(
        "Slack does not take the token: {}; slack.bot_token (SLACK_BOT_TOKEN) is the \"Bot User OAuth Token\" \
         (xoxb-...) of the app, once it is installed",
        answer["error"].as_str().unwrap_or("without a reason")
    ))
}

fn missing(scopes: &str) -> Result<String, String> {
    // A server that does not say is no reason to worry.
    if scopes.trim().is_empty() {
        return Ok("Slack does not say which the token has".to_owned());
    }
    let has: Vec<&str> = scopes.split(',').map(str::trim).collect();
    let lacks: Vec<&str> = SCOPES
        .into_iter()
        .filter(|scope| !has.contains(scope))
        .collect();
    if lacks.is_empty() {
        return Ok(format!("all {} that docent uses", SCOPES.len()));
    }
    Err(format!(
        "the token lacks {}; update the app with `docent slack manifest` and install it again",
        lacks.join(", ")
    ))
}
