//! Buttons, forms and shortcuts: bodies of `/slack/interactions`, read.

use docent_core::config::SlackApp;
use docent_core::ledger::{Rating, SlackEvent, SlackKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::alert::OnAlert;
use super::incoming::{Asked, Task, Told, Why, is_id, payload, spoken_words, text};
use super::render::actions::{self, Under, Vote};
use crate::alerts::act::Acting;

/// The shortcut on a message.
pub(crate) const SHORTCUT: &str = "docent_ask";
/// The form for a comment on an answer.
pub(crate) const COMMENT: &str = "docent_comment";
/// The button below an owner's reply.
pub(crate) const CONFIRM: &str = "docent_confirm";

/// A button that was pressed, or a form that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pressed {
    pub(crate) by: Presser,
    pub(crate) message_ts: Option<String>,
    pub(crate) thread: Option<String>,
    pub(crate) what: What,
}

/// Who pressed, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Presser {
    pub(crate) team: String,
    pub(crate) user: String,
    pub(crate) user_team: Option<String>,
    /// Of the message that the button stands in.
    pub(crate) channel: Option<String>,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Rate {
        interaction: Uuid,
        rating: Rating,
        comment: Option<String>,
    },
    /// By its asker.
    Delete {
        interaction: Uuid,
    },
    /// A private answer, to everyone in the thread.
    Share {
        interaction: Uuid,
        asker: String,
    },
    AskOwner {
        interaction: Uuid,
    },
    /// The owner stands by their reply.
    Confirm {
        handoff: Uuid,
    },
    /// Whoever pressed wants to hear when the question has an answer, or no longer.
    TellMe {
        interaction: Uuid,
    },
    Alert(OnAlert),
}

/// A dialog that has to be opened within 3 s of the click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dialog {
    Comment { interaction: Uuid },
    Details { interaction: Uuid, by: Presser },
}

/// What an interaction comes to: something to do, once, and a dialog to open at once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interaction {
    pub(crate) told: Told,
    /// With its trigger.
    pub(crate) dialog: Option<(Dialog, String)>,
}

impl From<Told> for Interaction {
    fn from(told: Told) -> Self {
        Self { told, dialog: None }
    }
}

/// Reads a body of `/slack/interactions`, or an `interactive` envelope of Socket Mode.
pub(crate) fn read(body: &Value, settings: &SlackApp) -> Interaction {
    let (Some(kind), Some(user)) = (text(body, "type"), text(&body["user"], "id")) else {
        return Told::Malformed("an interaction without type or user").into();
    };
    let team = text(&body["team"], "id").or_else(|| text(&body["user"], "team_id"));
    let Some(team) = team.filter(|team| is_id(team) && is_id(user)) else {
        return Told::Malformed("an interaction without team").into();
    };
    match kind {
        "block_actions" => button(body, team, user),
        "message_action" => shortcut(body, team, user, settings).into(),
        "view_submission" => form(body, team, user).into(),
        "view_closed" => Told::Passed.into(),
        other => Told::Unknown(other.to_owned()).into(),
    }
}

fn button(body: &Value, team: &str, user: &str) -> Interaction {
    let action = &body["actions"][0];
    let (Some(id), Some(value)) = (text(action, "action_id"), text(action, "value")) else {
        return Told::Passed.into();
    };
    let trigger = text(body, "trigger_id");
    let mut dialog = None;
    let under = Under::parse(value);
    let what = match (id, under) {
        (actions::FEEDBACK, _) => Vote::parse(value).map(|(interaction, vote)| {
            if vote == Vote::Down {
                dialog = Some(Dialog::Comment { interaction });
            }
            What::Rate {
                interaction,
                rating: rating(vote),
                comment: None,
            }
        }),
        (actions::DETAILS, Some(under)) => {
            dialog = Some(Dialog::Details {
                interaction: under.interaction,
                by: presser(body, team, user),
            });
            None
        }
        // Whoever else presses it is passed over: the button is everyone's to see.
        (actions::DELETE, Some(under)) => (under.asker == user).then_some(What::Delete {
            interaction: under.interaction,
        }),
        (actions::SHARE, Some(under)) => (under.asker == user).then_some(What::Share {
            interaction: under.interaction,
            asker: under.asker,
        }),
        (actions::ASK_OWNER, Some(under)) => Some(What::AskOwner {
            interaction: under.interaction,
        }),
        (actions::TELL_ME, Some(under)) => Some(What::TellMe {
            interaction: under.interaction,
        }),
        (CONFIRM, _) => value.parse().ok().map(|handoff| What::Confirm { handoff }),
        (actions::ACKNOWLEDGE, _) => on_alert(body, value, Acting::Acknowledge),
        (actions::MUTE, _) => on_alert(body, value, Acting::Mute),
        _ => None,
    };
    // The same click, delivered twice, is one.
    let event_id = match text(action, "action_ts").or(trigger) {
        Some(at) => format!("click:{user}:{id}:{at}"),
        None => format!("click:{}", Uuid::now_v7()),
    };
    Interaction {
        told: what.map_or(Told::Passed, |what| {
            Told::Do(event(body, &event_id, team, user, what))
        }),
        dialog: dialog.zip(trigger.map(str::to_owned)),
    }
}

fn on_alert(body: &Value, alert: &str, acting: Acting) -> Option<What> {
    let message = &body["message"];
    Some(What::Alert(OnAlert {
        alert: alert.parse().ok()?,
        acting,
        text: text(message, "text").unwrap_or_default().to_owned(),
        blocks: message["blocks"].as_array().cloned().unwrap_or_default(),
    }))
}

fn rating(vote: Vote) -> Rating {
    match vote {
        Vote::Up => Rating::Up,
        Vote::Down => Rating::Down,
    }
}

/// "Ask docent about this": the message's own words are the question.
fn shortcut(body: &Value, team: &str, user: &str, settings: &SlackApp) -> Told {
    let message = &body["message"];
    let (Some(SHORTCUT), Some(channel), Some(ts), Some(at)) = (
        text(body, "callback_id"),
        text(&body["channel"], "id"),
        text(message, "ts"),
        text(body, "action_ts").or_else(|| text(body, "trigger_id")),
    ) else {
        return Told::Passed;
    };
    if ![channel, ts, at].into_iter().all(is_id) {
        return Told::Malformed("a shortcut whose ids are none");
    }
    let asked = Asked {
        team: team.to_owned(),
        channel: channel.to_owned(),
        // The message may be a question that was answered already: this one is asked anew.
        ts: format!("{ts}/{at}"),
        thread: text(message, "thread_ts").unwrap_or(ts).to_owned(),
        user: user.to_owned(),
        user_team: text(&body["user"], "team_id").map(str::to_owned),
        text: spoken_words(text(message, "text").unwrap_or_default(), None),
        is_direct: channel.starts_with('D'),
        why: Why::Addressed,
    };
    if asked.text.is_empty() || settings.bot_token.is_empty() {
        return Told::Passed;
    }
    Told::Do(asked.event(&format!("shortcut:{user}:{at}")))
}

fn form(body: &Value, team: &str, user: &str) -> Told {
    let view = &body["view"];
    if text(view, "callback_id") != Some(COMMENT) {
        return Told::Passed;
    }
    let interaction = text(view, "private_metadata").and_then(|id| id.parse().ok());
    let comment = text(&view["state"]["values"][COMMENT][COMMENT], "value").map(str::trim);
    let (Some(interaction), Some(comment)) = (interaction, comment.filter(|text| !text.is_empty()))
    else {
        return Told::Passed;
    };
    let what = What::Rate {
        interaction,
        rating: Rating::Down,
        comment: Some(comment.chars().take(COMMENT_MAX).collect()),
    };
    let id = text(view, "id").map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    Told::Do(event(body, &format!("form:{user}:{id}"), team, user, what))
}

/// Longest comment, in characters, as over HTTP.
pub(crate) const COMMENT_MAX: usize = 2000;

fn event(body: &Value, event_id: &str, team: &str, user: &str, what: What) -> SlackEvent {
    let container = &body["container"];
    let message = text(container, "message_ts").or_else(|| text(&body["message"], "ts"));
    let thread = text(&body["message"], "thread_ts").or_else(|| text(container, "thread_ts"));
    let pressed = Pressed {
        by: presser(body, team, user),
        message_ts: message.map(str::to_owned),
        thread: thread.map(str::to_owned),
        what,
    };
    SlackEvent {
        event_id: event_id.to_owned(),
        kind: SlackKind::Action,
        team: team.to_owned(),
        channel: pressed.by.channel.clone(),
        ts: None,
        thread: None,
        asker: Some(user.to_owned()),
        conversation_id: None,
        payload: payload(&Task::Press(pressed)),
    }
}

fn presser(body: &Value, team: &str, user: &str) -> Presser {
    let channel = text(&body["container"], "channel_id").or_else(|| text(&body["channel"], "id"));
    Presser {
        team: team.to_owned(),
        user: user.to_owned(),
        user_team: text(&body["user"], "team_id").map(str::to_owned),
        channel: channel.map(str::to_owned),
    }
}
