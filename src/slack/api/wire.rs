//! What calls send and bring back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    pub team: String,
    pub team_id: String,
    /// The bot's user, whom people mention.
    pub user_id: String,
    pub bot_id: Option<String>,
    /// `https://NAME.slack.com/`.
    pub url: String,
}

/// What programs, not people, read of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    pub event_type: String,
    pub event_payload: Value,
}

/// A message on its way out.
#[derive(Debug, Clone, Default)]
pub struct OutMessage {
    pub channel: String,
    /// The thread that it belongs to.
    pub thread_ts: Option<String>,
    /// What notifications show, and what stands there where there are no blocks.
    pub text: String,
    /// Empty: the text alone.
    pub blocks: Vec<Value>,
    pub metadata: Option<Metadata>,
}

/// Where a stream begins.
#[derive(Debug, Clone, Serialize)]
pub struct StreamStart {
    pub channel: String,
    pub thread_ts: String,
    /// Both of the asker: a stream in a channel has to name them.
    pub recipient_team_id: String,
    pub recipient_user_id: String,
    /// Markdown.
    pub markdown_text: String,
}

/// A message of a thread.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ThreadMessage {
    pub ts: String,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub bot_id: Option<String>,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

/// A person or a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    pub id: String,
    pub team_id: String,
    pub name: String,
    /// Only with the scope `users:read.email`.
    pub mail: Option<String>,
    /// Whether Slack says that the mail was confirmed.
    pub mail_confirmed: bool,
    pub is_bot: bool,
    /// Guests, people of other companies, and accounts that were closed.
    pub is_guest: bool,
    pub is_stranger: bool,
    pub is_deleted: bool,
    /// Such as `ko-KR`.
    pub locale: Option<String>,
}
