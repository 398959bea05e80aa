//! What Slack tells, read: bodies of the Events API and of Socket Mode to what there is to do.
//!
//! Nothing is decided here that needs the ledger: it may be away, and Slack waits.

use docent_core::config::{AnswersWhat, SlackApp};
use docent_core::ledger::{GapAsker, SlackEvent, SlackKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::pressed::Pressed;

/// What an event is about, as the ledger keeps it until it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Task {
    Answer(Asked),
    /// Somebody has opened the conversation with docent.
    Greet {
        channel: String,
    },
    Press(Pressed),
    /// Tell somebody that their question has an answer.
    Tell(GapAsker),
}

/// A message that may be a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) team: String,
    pub(crate) channel: String,
    pub(crate) ts: String,
    /// The first message of its thread, or itself.
    pub(crate) thread: String,
    pub(crate) user: String,
    /// The workspace of the person, where Slack names it.
    pub(crate) user_team: Option<String>,
    /// As it was typed, without docent's own mention.
    pub(crate) text: String,
    pub(crate) is_direct: bool,
    pub(crate) why: Why,
}

/// Why a message may be meant for docent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// A mention, a direct message, or the shortcut.
    Addressed,
    /// The channel wants every question answered.
    Every,
    /// It follows in a thread; whether docent has answered there is looked up.
    FollowUp,
    /// It stands in a thread, and may be an owner's reply to docent.
    Reply,
}

/// What a body of Slack's comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// Slack asks whether this address is docent's.
    Challenge(String),
    /// There is something to do, once.
    Do(SlackEvent),
    /// The answers of a thread are to stop, at once.
    Stop {
        team: String,
        channel: String,
        thread: String,
    },
    /// It is meant for others, or docent's own.
    Passed,
    /// docent never asked for this.
    Unknown(String),
    /// It is not what Slack sends.
    Malformed(&'static str),
}

/// Reads a body of the Events API.
pub(crate) fn read(body: &Value, settings: &SlackApp) -> Told {
    match text(body, "type") {
        Some("url_verification") => match text(body, "challenge") {
            Some(challenge) => Told::Challenge(challenge.to_owned()),
            None => Told::Malformed("a challenge without challenge"),
        },
        Some("event_callback") => event(body, settings),
        // Slack drops events of a workspace that sends too many; it says so here.
        Some("app_rate_limited") => {
            tracing::warn!("Slack drops events: the workspace sends too many of them");
            Told::Passed
        }
        Some(other) => Told::Unknown(other.to_owned()),
        None => Told::Malformed("a body without type"),
    }
}

fn event(body: &Value, settings: &SlackApp) -> Told {
    let event = &body["event"];
    let (Some(id), Some(team), Some(kind)) = (
        text(body, "event_id"),
        text(body, "team_id"),
        text(event, "type"),
    ) else {
        return Told::Malformed("an event without event_id, team_id or type");
    };
    if !is_id(id) || !is_id(team) {
        return Told::Malformed("an event_id or team_id that is none");
    }
    match kind {
        "app_mention" | "message" => message(body, event, id, team, settings),
        "app_home_opened" => greeting(event, id, team),
        "agent_session_stopped" => stop(event, team),
        other => Told::Unknown(other.to_owned()),
    }
}

fn message(body: &Value, event: &Value, id: &str, team: &str, settings: &SlackApp) -> Told {
    let subtype = text(event, "subtype");
    let is_plain = matches!(subtype, None | Some("file_share" | "thread_broadcast"));
    let (Some(channel), Some(ts), Some(user)) = (
        text(event, "channel"),
        text(event, "ts"),
        text(event, "user"),
    ) else {
        // Edits, deletions and messages of the system look like this.
        return Told::Passed;
    };
    let own = own_user(body);
    if !is_plain || !text(event, "bot_id").unwrap_or_default().is_empty() || own == Some(user) {
        return Told::Passed;
    }
    if ![channel, ts, user].into_iter().all(is_id) {
        return Told::Malformed("a message whose ids are none");
    }
    let written = text(event, "text").unwrap_or_default();
    let is_mention =
        text(event, "type") == Some("app_mention") || own.is_some_and(|own| mentions(written, own));
    let kind = text(event, "channel_type");
    let is_direct = kind == Some("im") || channel.starts_with('D');
    let thread = text(event, "thread_ts").filter(|thread| is_id(thread));
    let place = settings.channel(channel);
    let why = if is_mention || is_direct {
        Why::Addressed
    } else if place.answer == AnswersWhat::Every && thread.is_none() {
        Why::Every
    } else if thread.is_some() {
        if place.follow_ups && !begins_with_a_mention(written) {
            Why::FollowUp
        } else {
            Why::Reply
        }
    } else {
        return Told::Passed;
    };
    let asked = Asked {
        team: team.to_owned(),
        channel: channel.to_owned(),
        ts: ts.to_owned(),
        thread: thread.unwrap_or(ts).to_owned(),
        user: user.to_owned(),
        user_team: text(event, "user_team")
            .or(text(event, "team"))
            .map(str::to_owned),
        text: spoken_words(written, own),
        is_direct,
        why,
    };
    Told::Do(asked.event(id))
}

impl Asked {
    /// As the ledger keeps it.
    pub(crate) fn event(self, id: &str) -> SlackEvent {
        SlackEvent {
            event_id: id.to_owned(),
            kind: SlackKind::Question,
            team: self.team.clone(),
            channel: Some(self.channel.clone()),
            ts: Some(self.ts.clone()),
            thread: Some(self.thread.clone()),
            asker: Some(self.user.clone()),
            conversation_id: Some(conversation_id(&self.team, &self.channel, &self.thread)),
            payload: payload(&Task::Answer(self)),
        }
    }
}

/// The conversation that a thread is.
pub(crate) fn conversation_id(team: &str, channel: &str, thread: &str) -> Uuid {
    let place = format!("docent:slack:{team}:{channel}:{thread}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, place.as_bytes())
}

fn greeting(event: &Value, id: &str, team: &str) -> Told {
    let (Some("messages"), Some(channel)) = (text(event, "tab"), text(event, "channel")) else {
        return Told::Passed;
    };
    Told::Do(SlackEvent {
        event_id: id.to_owned(),
        kind: SlackKind::Home,
        team: team.to_owned(),
        channel: Some(channel.to_owned()),
        ts: None,
        thread: None,
        asker: text(event, "user").map(str::to_owned),
        conversation_id: None,
        payload: payload(&Task::Greet {
            channel: channel.to_owned(),
        }),
    })
}

fn stop(event: &Value, team: &str) -> Told {
    match (text(event, "channel"), text(event, "thread_ts")) {
        (Some(channel), Some(thread)) => Told::Stop {
            team: team.to_owned(),
            channel: channel.to_owned(),
            thread: thread.to_owned(),
        },
        _ => Told::Malformed("agent_session_stopped without channel or thread_ts"),
    }
}

pub(super) fn payload(task: &Task) -> Value {
    // Strings and flags: nothing that could fail.
    serde_json::to_value(task).unwrap_or_default()
}

/// docent's own user in the workspace.
fn own_user(body: &Value) -> Option<&str> {
    let authorizations = body["authorizations"].as_array()?;
    authorizations
        .iter()
        .find(|one| one["is_bot"] == true)
        .and_then(|one| text(one, "user_id"))
}

fn mentions(written: &str, user: &str) -> bool {
    written.contains(&format!("<@{user}>")) || written.contains(&format!("<@{user}|"))
}

/// Whether somebody else is spoken to.
fn begins_with_a_mention(written: &str) -> bool {
    let written = written.trim_start();
    written.starts_with("<@") || written.starts_with("<!")
}

/// The words without docent's mention, with Slack's escapes undone.
pub(super) fn spoken_words(written: &str, own: Option<&str>) -> String {
    let mut words = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(start) = rest.find('<') {
        let (before, from) = rest.split_at(start);
        words.push_str(before);
        let Some(end) = from.find('>') else {
            rest = from;
            break;
        };
        words.push_str(&spoken(&from[1..end], own));
        rest = &from[end + 1..];
    }
    words.push_str(rest);
    let words = words
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    words.trim().to_owned()
}

/// What stands between `<` and `>`, as it is read: `#C1|general`, `https://a.b|text`, `@U1`.
fn spoken(marked: &str, own: Option<&str>) -> String {
    let (target, label) = match marked.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (marked, None),
    };
    match target.split_at_checked(1) {
        Some(("@", user)) if own == Some(user) => String::new(),
        Some((sign @ ("@" | "#"), id)) => format!("{sign}{}", label.unwrap_or(id)),
        Some(("!", name)) => label.unwrap_or(name).to_owned(),
        _ => match label {
            Some(label) if label != target => format!("{label} ({target})"),
            _ => target.to_owned(),
        },
    }
}

/// An id of Slack's, or a moment: no more than that goes into a key.
pub(super) fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_read_as_words() {
        let read = |written: &str| spoken_words(written, Some("UBOT"));
        assert_eq!(read("<@UBOT> how fresh is orders?"), "how fresh is orders?");
        assert_eq!(read("<@UBOT|docent>  why?"), "why?");
        assert_eq!(read("ask <@U2|bo> in <#C1|data>"), "ask @bo in #data");
        assert_eq!(read("a &lt; b &amp;&amp; c &gt; d"), "a < b && c > d");
        assert_eq!(
            read("see <https://a.example/x|the page> and <https://a.example>"),
            "see the page (https://a.example/x) and https://a.example"
        );
        assert_eq!(read("<!here> <!date^1|today>"), "here today");
        assert_eq!(read("1 < 2"), "1 < 2");
        assert_eq!(
            read("\u{b9e4}\u{cd9c}\u{c740} <@UBOT>?"),
            "\u{b9e4}\u{cd9c}\u{c740} ?"
        );
        assert_eq!(read("<é"), "<é");
        assert_eq!(read("<>"), "");
    }

    #[test]
    fn a_thread_is_one_conversation_of_its_channel() {
        let one = conversation_id("T1", "C1", "1.1");
        assert_eq!(one, conversation_id("T1", "C1", "1.1"));
        assert_ne!(one, conversation_id("T1", "C1", "1.2"));
        assert_ne!(one, conversation_id("T1", "C2", "1.1"));
        assert_ne!(one, conversation_id("T2", "C1", "1.1"));
    }
}
