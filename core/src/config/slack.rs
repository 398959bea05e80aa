//! The Slack bridge. `docent.default.toml` describes the keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::{Limit, Secret};
use crate::document::EVERYONE;

/// docent's app in a Slack workspace.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackApp {
    pub bot_token: Secret,
    pub bot_token_file: PathBuf,
    pub api_url: String,
    pub streaming: Streaming,
    pub post_interval_ms: u64,
    pub signing_secret: Secret,
    pub signing_secret_file: PathBuf,
    pub app_token: Secret,
    pub app_token_file: PathBuf,
    pub mode: SlackMode,
    pub max_answers: usize,
    pub inbox_max_bytes: u64,
    pub mail_domains: Vec<String>,
    /// Who may have an owner asked from the chat in the browser.
    pub hand_off: HandOffs,
    /// By one caller in 24 hours; 0: any number.
    pub hand_offs_per_day: u32,
    /// Groups by mail address.
    pub people: BTreeMap<String, Vec<String>>,
    /// Of all askers of one channel of Slack together.
    pub channel_limit: Limit,
    /// What holds in channels that say nothing else.
    pub every_channel: SlackChannel,
    /// By Slack's id.
    pub channels: BTreeMap<String, SlackChannel>,
}

impl SlackApp {
    /// Whether there is a bridge at all.
    pub fn is_configured(&self) -> bool {
        !self.bot_token.is_empty()
    }

    /// What holds in a channel.
    pub fn channel(&self, id: &str) -> SlackPlace {
        let own = self.channels.get(id).cloned().unwrap_or_default();
        let every = self.every_channel.clone();
        SlackPlace {
            groups: own
                .groups
                .or(every.groups)
                .unwrap_or_else(|| vec![EVERYONE.to_owned()]),
            sources: own.sources.or(every.sources).unwrap_or_default(),
            answer: own.answer.or(every.answer).unwrap_or_default(),
            follow_ups: own.follow_ups.or(every.follow_ups).unwrap_or(true),
            quiet_when_unknown: own
                .quiet_when_unknown
                .or(every.quiet_when_unknown)
                .unwrap_or(false),
            private: own.private.or(every.private).unwrap_or(false),
            language: own.language.or(every.language).unwrap_or_default(),
        }
    }
}

/// Who may have the owner of an unanswered question asked in Slack from the chat in the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandOffs {
    /// Whoever has a name of their own.
    Named,
    /// Anonymous callers and visitors of the widget as well.
    Everyone,
    Nobody,
}

/// How events arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlackMode {
    /// Slack sends them to `/slack/events`.
    Http,
    /// docent fetches them over a WebSocket that it opens.
    Socket,
}

/// Which messages of a channel are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswersWhat {
    /// Those that mention docent.
    #[default]
    Mention,
    Every,
}

/// The language of what docent itself says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlackLanguage {
    /// That of the question.
    #[default]
    Question,
    English,
    Korean,
}

/// What a configuration says of a channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlackChannel {
    pub groups: Option<Vec<String>>,
    pub sources: Option<Vec<String>>,
    pub answer: Option<AnswersWhat>,
    pub follow_ups: Option<bool>,
    pub quiet_when_unknown: Option<bool>,
    pub private: Option<bool>,
    pub language: Option<SlackLanguage>,
}

/// What holds in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackPlace {
    /// What may be read there, whoever asks.
    pub groups: Vec<String>,
    /// What is searched there. Empty: every source.
    pub sources: Vec<String>,
    pub answer: AnswersWhat,
    /// Whether messages in a thread that docent has answered in are answered without a mention.
    pub follow_ups: bool,
    pub quiet_when_unknown: bool,
    pub private: bool,
    pub language: SlackLanguage,
}

/// Where answers are shown word by word while they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Streaming {
    Everywhere,
    /// In direct messages.
    Direct,
    Never,
}

impl Streaming {
    /// Whether it is allowed in a place.
    pub fn allows(self, is_direct: bool) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Direct => is_direct,
            Self::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_says_what_differs_from_the_others() {
        let table = |text: &str| toml::from_str::<SlackChannel>(text).unwrap();
        let mut app = crate::config::load(&crate::config::Overrides::default())
            .unwrap()
            .slack;
        assert_eq!(app.channel("C1").groups, ["everyone"]);
        assert_eq!(app.channel("C1").answer, AnswersWhat::Mention);
        app.every_channel = table("quiet_when_unknown = true");
        app.channels.insert(
            "C1".to_owned(),
            table("groups = [\"finance\"]\nanswer = \"every\""),
        );
        let (one, other) = (app.channel("C1"), app.channel("C2"));
        assert_eq!(one.groups, ["finance"]);
        assert_eq!(one.answer, AnswersWhat::Every);
        assert!(one.quiet_when_unknown && other.quiet_when_unknown);
        assert_eq!(other.groups, ["everyone"]);
        assert!(toml::from_str::<SlackChannel>("answers = \"every\"").is_err());
    }
}
