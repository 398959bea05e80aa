//! What a Slack export holds. Source: "How to read Slack data exports" in Slack's help, and the
//! message events of its API documentation.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Of `users.json`.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) real_name: Option<String>,
    #[serde(default)]
    pub(super) profile: Profile,
    #[serde(default)]
    pub(super) is_bot: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Profile {
    #[serde(default)]
    pub(super) display_name: Option<String>,
    #[serde(default)]
    pub(super) real_name: Option<String>,
}

impl User {
    /// The full name, else the one that they are called by.
    pub(super) fn shown(&self) -> String {
        [
            self.real_name.as_deref(),
            self.profile.real_name.as_deref(),
            self.profile.display_name.as_deref(),
        ]
        .into_iter()
        .flatten()
        .map(str::trim)
        .find(|name| !name.is_empty())
        .unwrap_or(&self.name)
        .to_owned()
    }
}

/// Of `channels.json` and `groups.json`; the first lists public channels, the second private ones.
#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) name: String,
}

/// Of a channel's file for a day. Everything else in it is passed over.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Message {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    subtype: Option<String>,
    #[serde(default)]
    pub(super) user: Option<String>,
    #[serde(default)]
    bot_id: Option<String>,
    #[serde(default)]
    pub(super) text: String,
    pub(super) ts: String,
    #[serde(default)]
    pub(super) thread_ts: Option<String>,
    #[serde(default)]
    reply_count: u64,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    pub(super) files: Vec<Attached>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Attached {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) permalink: Option<String>,
}

/// Slack's own helper.
const SLACKBOT: &str = "USLACKBOT";

impl Message {
    /// Whether a person wrote it: no bot, nobody joining or leaving, no change of a topic.
    pub(super) fn is_said(&self, is_bot: impl Fn(&str) -> bool) -> bool {
        let subtype = self.subtype.as_deref();
        let by_person = self
            .user
            .as_deref()
            .is_some_and(|user| user != SLACKBOT && !is_bot(user));
        self.kind == "message"
            && matches!(
                subtype,
                None | Some("thread_broadcast" | "me_message" | "file_share")
            )
            && by_person
            && self.bot_id.is_none()
            && !self.hidden
            && !(self.text.trim().is_empty() && self.files.is_empty())
    }

    /// The thread that it belongs to.
    pub(super) fn thread(&self) -> Option<&str> {
        match &self.thread_ts {
            Some(thread) if *thread != self.ts || self.reply_count > 0 => Some(thread),
            _ => None,
        }
    }

    /// `1710412345.000100` is seconds and a number that makes it unique.
    pub(super) fn at(&self) -> Option<DateTime<Utc>> {
        let seconds = self.ts.split('.').next()?.parse().ok()?;
        DateTime::from_timestamp(seconds, 0)
    }
}
