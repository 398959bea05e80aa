//! Alerts in Slack: the block below each, and what a press on it comes to.

use docent_core::ledger::{Alert, AlertState, ClaimedSlackEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::OutMessage;
use super::ask::{failed, language};
use super::bridge::Bridge;
use super::pressed::Pressed;
use super::render::blocks::{button, contexts, section};
use super::render::{TEXT, actions, safe};
use super::who::Speaker;
use super::words;
use super::work::Ended;
use crate::alerts::act::{Acting, act, may};
use crate::alerts::moment;
use crate::server::AppState;

/// What the id of an alert's block begins with; the alert's own follows.
const BLOCK: &str = "docent_alert:";

/// A press on a button of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OnAlert {
    pub(crate) alert: Uuid,
    pub(crate) acting: Acting,
    /// The message that it stands in, as Slack tells it: docent keeps no messages that were sent.
    pub(crate) text: String,
    pub(crate) blocks: Vec<Value>,
}

/// The block below an alert that nobody has acted on.
pub(crate) fn open(alert: Uuid, mute_days: u32) -> Value {
    json!({
        "type": "actions",
        "block_id": format!("{BLOCK}{alert}"),
        "elements": [
            button(actions::ACKNOWLEDGE, "Acknowledge", &alert.to_string()),
            mute(alert, mute_days),
        ],
    })
}

fn mute(alert: Uuid, days: u32) -> Value {
    let label = format!("Mute for {days} days");
    button(actions::MUTE, &label, &alert.to_string())
}

/// The block below an alert as it is now.
fn state(service: &AppState, alert: &Alert) -> Value {
    let config = &service.app.config;
    let days = config.alerts.mute_days;
    let by = by(alert.acted_by.as_deref());
    let at = alert
        .acted_at
        .map_or_else(String::new, |at| format!(", {}", moment(config, at)));
    let said = match alert.state {
        AlertState::Open => return open(alert.id, days),
        AlertState::Acknowledged => format!("Acknowledged by {by}{at}"),
        AlertState::Muted => format!("Muted for {days} days by {by}{at}"),
        AlertState::Resolved => {
            let at = alert.resolved_at.unwrap_or(alert.last_seen);
            format!("Over since {}", moment(config, at))
        }
    };
    let mut block = if alert.state == AlertState::Acknowledged {
        let mut said = section(&said);
        said["accessory"] = mute(alert.id, days);
        said
    } else {
        contexts(&[said]).remove(0)
    };
    block["block_id"] = format!("{BLOCK}{}", alert.id).into();
    block
}

/// Who acted, for people.
fn by(name: Option<&str>) -> String {
    match name {
        None => "somebody".to_owned(),
        Some("link") => "somebody with its link".to_owned(),
        Some(name) => {
            let own = name.strip_prefix("user:").unwrap_or(name);
            // Only Slack's own members have such a name.
            match own.strip_prefix("slack:").and_then(|of| of.split_once('/')) {
                Some((_, user)) => format!("<@{}>", safe::escaped(user)),
                None => safe::escaped(own),
            }
        }
    }
}

/// Does what was pressed, where whoever pressed may, and has the message say who did it and when.
pub(crate) async fn press(
    service: &AppState,
    bridge: &Bridge,
    event: &ClaimedSlackEvent,
    pressed: &Pressed,
    wanted: &OnAlert,
) -> Ended {
    let ledger = &service.app.ledger;
    let config = &service.app.config;
    let alert = match ledger.alert(wanted.alert).await {
        Ok(Some(alert)) => alert,
        // A purge took it away.
        Ok(None) => return Ended::Done { interaction: None },
        Err(_) => return Ended::Again(None),
    };
    let (Some(channel), Some(ts)) = (&pressed.by.channel, &pressed.message_ts) else {
        return Ended::Done { interaction: None };
    };
    // Their own groups, wherever the message stands.
    let speaker = Speaker {
        team: &pressed.by.team,
        user: &pressed.by.user,
        user_team: pressed.by.user_team.as_deref(),
        channel: None,
    };
    let people = &bridge.people;
    let caller = people.caller(&bridge.slack, &config.slack, speaker).await;
    if !may(config, &alert, &caller, &pressed.by.user) {
        let language = language(config.slack.channel(channel).language, "");
        let message = OutMessage {
            channel: channel.clone(),
            text: words::not_yours(language, &alert.addressed_to),
            ..OutMessage::default()
        };
        return match bridge
            .slack
            .post_ephemeral(&pressed.by.user, &message)
            .await
        {
            Ok(()) => Ended::Done { interaction: None },
            Err(error) => failed(&error),
        };
    }
    let done = match wanted.acting {
        Acting::Acknowledge => AlertState::Acknowledged,
        Acting::Mute => AlertState::Muted,
    };
    let by_an_earlier_try = event.attempts > 1
        && alert.state == done
        && alert.acted_by.as_deref() == Some(&caller.name);
    if !by_an_earlier_try
        && act(service, wanted.alert, &caller.name, wanted.acting)
            .await
            .is_err()
    {
        return Ended::Again(None);
    }
    let mut blocks = wanted.blocks.clone();
    if brought_up_to_date(service, &mut blocks).await.is_err() {
        return Ended::Again(None);
    }
    let message = OutMessage {
        channel: channel.clone(),
        text: wanted.text.chars().take(TEXT).collect(),
        blocks,
        ..OutMessage::default()
    };
    match bridge.slack.update(ts, &message).await {
        Ok(()) => Ended::Done { interaction: None },
        Err(error) => failed(&error),
    }
}

/// Puts the state of every alert of a message in it as the ledger has it: several may be pressed at a time,
/// and each press knows the message as it was then.
async fn brought_up_to_date(
    service: &AppState,
    blocks: &mut [Value],
) -> Result<(), docent_core::ledger::LedgerError> {
    for block in blocks {
        let id = block["block_id"]
            .as_str()
            .and_then(|id| id.strip_prefix(BLOCK));
        let Some(id) = id.and_then(|id| id.parse().ok()) else {
            continue;
        };
        if let Some(alert) = service.app.ledger.alert(id).await? {
            *block = state(service, &alert);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_acted_is_named_as_people_know_them_and_calls_nobody() {
        assert_eq!(by(Some("user:ana@example.com")), "ana@example.com");
        assert_eq!(by(Some("slack:T1/U7")), "<@U7>");
        assert_eq!(by(Some("link")), "somebody with its link");
        assert_eq!(by(None), "somebody");
        assert!(!by(Some("<!channel>")).contains("<!"));
    }
}
