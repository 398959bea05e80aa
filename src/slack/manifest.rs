//! What docent is to Slack: the app's manifest (<https://docs.slack.dev/reference/app-manifest>).

use docent_core::config::{SlackApp, SlackMode};
use serde_json::{Value, json};

use super::pressed::SHORTCUT;

/// What docent may do in a workspace.
pub(crate) const SCOPES: [&str; 11] = [
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "chat:write",
    // Questions go to an owner's channel that docent is not in.
    "chat:write.public",
    "commands",
    "groups:history",
    "im:history",
    "mpim:history",
    "users:read",
    "users:read.email",
];

/// What docent wants to hear of.
pub(crate) const EVENTS: [&str; 7] = [
    "agent_session_stopped",
    "app_home_opened",
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
];

/// The manifest, for an app that is reached at `url` (without a slash at its end), or that fetches its
/// events.
pub(crate) fn manifest(
    settings: &SlackApp,
    name: &str,
    url: &str,
    suggestions: &[String],
) -> Value {
    let by_http = settings.mode == SlackMode::Http;
    let mut agent = json!({
        "agent_description": "Answers questions about our data products, and names its sources",
    });
    if !suggestions.is_empty() {
        let prompts = suggestions.iter().take(4);
        agent["suggested_prompts"] = prompts
            .map(|text| json!({ "title": text, "message": text }))
            .collect();
    }
    let mut events = json!({ "bot_events": EVENTS });
    let mut interactivity = json!({ "is_enabled": true });
    if by_http {
        events["request_url"] = format!("{url}/slack/events").into();
        interactivity["request_url"] = format!("{url}/slack/interactions").into();
    }
    json!({
        "display_information": {
            "name": name,
            "description": "Answers questions about our data products",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": false,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": false,
            },
            "bot_user": { "display_name": name, "always_online": true },
            "agent_view": agent,
            "shortcuts": [{
                "name": "Ask docent about this",
                "type": "message",
                "callback_id": SHORTCUT,
                "description": "Answers the message in its thread",
            }],
        },
        "oauth_config": { "scopes": { "bot": SCOPES } },
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": false,
            "socket_mode_enabled": !by_http,
            "token_rotation_enabled": false,
        },
    })
}
