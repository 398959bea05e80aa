//! Calls that find people and places.

use serde_json::{Value, json};

use super::wire::OutMessage;
use super::{Call, Slack, SlackError};

impl Slack {
    /// The person with a mail address; `None`: nobody has it.
    pub async fn user_by_mail(&self, mail: &str) -> Result<Option<String>, SlackError> {
        let call = quiet("users.lookupByEmail", "");
        match self.get(call, &[("email", mail)]).await {
            Ok(answer) => Ok(answer["user"]["id"].as_str().map(str::to_owned)),
            Err(error) if error.code() == Some("users_not_found") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The address of a message, for people.
    pub async fn permalink(&self, channel: &str, ts: &str) -> Result<String, SlackError> {
        let call = quiet("chat.getPermalink", channel);
        let query = [("channel", channel), ("message_ts", ts)];
        let answer = self.get(call, &query).await?;
        let link = answer["permalink"].as_str();
        Ok(link.unwrap_or_default().to_owned())
    }

    /// Posts to a channel by its name or id, or to a person: the channel that it became, and the `ts`.
    pub async fn post_anywhere(
        &self,
        message: &OutMessage,
    ) -> Result<(String, String), SlackError> {
        let call = Call {
            posts: true,
            ..quiet("chat.postMessage", &message.channel)
        };
        let mut body = json!({
            "channel": message.channel,
            "text": message.text,
            "parse": "none",
            "link_names": false,
            "unfurl_links": false,
            "unfurl_media": false,
        });
        if let Some(thread_ts) = &message.thread_ts {
            body["thread_ts"] = thread_ts.as_str().into();
        }
        if let Some(metadata) = &message.metadata {
            body["metadata"] = json!(metadata);
        }
        let answer = self.post(call, &body).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match (text(&answer["channel"]), text(&answer["ts"])) {
            (Some(channel), Some(ts)) => Ok((channel, ts)),
            _ => Err(SlackError::unavailable(
                call.method,
                "the answer names no message",
            )),
        }
    }
}

fn quiet<'a>(method: &'static str, channel: &'a str) -> Call<'a> {
    Call {
        method,
        channel,
        posts: false,
        waits: true,
    }
}
