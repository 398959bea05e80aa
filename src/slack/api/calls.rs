//! The calls, one method each.

use serde_json::{Value, json};

use super::wire::{Identity, OutMessage, StreamStart, ThreadMessage, UserInfo};
use super::{Call, Slack, SlackError};

/// Messages of a thread that one call brings.
const PAGE: &str = "1000";
/// Messages of a conversation that are looked at.
const NEWEST: &str = "200";
/// Longest thread that is read, in calls: what is before that is not looked at.
const PAGES: usize = 10;

impl<'a> Call<'a> {
    fn of(method: &'static str, channel: &'a str) -> Self {
        Self {
            method,
            channel,
            posts: false,
            waits: true,
        }
    }

    fn posting(method: &'static str, channel: &'a str) -> Self {
        Self {
            posts: true,
            ..Self::of(method, channel)
        }
    }
}

impl Slack {
    /// Who the token belongs to.
    pub async fn auth_test(&self) -> Result<Identity, SlackError> {
        let answer = self.post(Call::of("auth.test", ""), &json!({})).await?;
        read("auth.test", answer)
    }

    /// Posts a message; its `ts`.
    pub async fn post_message(&self, message: &OutMessage) -> Result<String, SlackError> {
        let call = Call::posting("chat.postMessage", &message.channel);
        ts(call.method, &self.post(call, &body(message)).await?)
    }

    /// Posts a message that only one person sees, until they restart Slack.
    pub async fn post_ephemeral(&self, user: &str, message: &OutMessage) -> Result<(), SlackError> {
        let call = Call::posting("chat.postEphemeral", &message.channel);
        let mut body = body(message);
        body["user"] = user.into();
        self.post(call, &body).await.map(drop)
    }

    /// Puts another text in place of a message's.
    pub async fn update(&self, ts: &str, message: &OutMessage) -> Result<(), SlackError> {
        let call = Call::of("chat.update", &message.channel);
        let mut body = body(message);
        body["ts"] = ts.into();
        // Without them the blocks of before would stay.
        body["blocks"] = message.blocks.clone().into();
        self.post(call, &body).await.map(drop)
    }

    /// Takes a message away; one that is gone already is.
    pub async fn delete(&self, channel: &str, ts: &str) -> Result<(), SlackError> {
        let call = Call::of("chat.delete", channel);
        match self
            .post(call, &json!({"channel": channel, "ts": ts}))
            .await
        {
            Err(error) if error.code() == Some("message_not_found") => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Begins a message that grows; its `ts`. Slack allows few of them: a 429 is told, not waited for.
    pub async fn start_stream(&self, start: &StreamStart) -> Result<String, SlackError> {
        let call = Call {
            waits: false,
            ..Call::posting("chat.startStream", &start.channel)
        };
        ts(call.method, &self.post(call, start).await?)
    }

    /// Adds Markdown to a stream.
    pub async fn append_stream(
        &self,
        channel: &str,
        ts: &str,
        markdown: &str,
    ) -> Result<(), SlackError> {
        let body = json!({"channel": channel, "ts": ts, "markdown_text": markdown});
        let call = Call::of("chat.appendStream", channel);
        self.post(call, &body).await.map(drop)
    }

    /// Ends a stream, with the last of its Markdown and with blocks below it.
    pub async fn stop_stream(
        &self,
        ts: &str,
        markdown: &str,
        message: &OutMessage,
    ) -> Result<(), SlackError> {
        let mut body = json!({"channel": message.channel, "ts": ts});
        if !markdown.is_empty() {
            body["markdown_text"] = markdown.into();
        }
        if !message.blocks.is_empty() {
            body["blocks"] = message.blocks.clone().into();
        }
        if let Some(metadata) = &message.metadata {
            body["metadata"] = json!(metadata);
        }
        let call = Call::of("chat.stopStream", &message.channel);
        self.post(call, &body).await.map(drop)
    }

    /// Says in a thread what the bot is doing; an empty status takes it away. A message does, too.
    pub async fn set_status(
        &self,
        channel: &str,
        thread_ts: &str,
        status: &str,
    ) -> Result<(), SlackError> {
        let call = Call {
            waits: false,
            ..Call::of("assistant.threads.setStatus", channel)
        };
        let body = json!({"channel_id": channel, "thread_ts": thread_ts, "status": status});
        self.post(call, &body).await.map(drop)
    }

    /// Questions to choose from, at the top of a conversation with the agent: title and text of each.
    pub async fn set_suggested_prompts(
        &self,
        channel: &str,
        prompts: &[(String, String)],
    ) -> Result<(), SlackError> {
        let prompts: Vec<Value> = prompts
            .iter()
            .map(|(title, message)| json!({"title": title, "message": message}))
            .collect();
        let call = Call::of("assistant.threads.setSuggestedPrompts", channel);
        let body = json!({"channel_id": channel, "prompts": prompts});
        self.post(call, &body).await.map(drop)
    }

    /// A thread's messages, with their metadata, oldest first.
    pub async fn replies(
        &self,
        channel: &str,
        thread_ts: &str,
    ) -> Result<Vec<ThreadMessage>, SlackError> {
        let mut messages = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let call = Call::of("conversations.replies", channel);
            let query = [
                ("channel", channel),
                ("ts", thread_ts),
                ("include_all_metadata", "true"),
                ("limit", PAGE),
                ("cursor", &cursor),
            ];
            // An empty cursor is none.
            let query = &query[..query.len() - usize::from(cursor.is_empty())];
            let mut answer = self.get(call, query).await?;
            let page: Vec<ThreadMessage> = read(call.method, answer["messages"].take())?;
            messages.extend(page);
            cursor = match answer["response_metadata"]["next_cursor"].as_str() {
                Some(next) if !next.is_empty() => next.to_owned(),
                _ => break,
            };
        }
        Ok(messages)
    }

    /// The newest messages of a conversation that stand in no thread, with their metadata.
    pub async fn history(&self, channel: &str) -> Result<Vec<ThreadMessage>, SlackError> {
        let call = Call::of("conversations.history", channel);
        let query = [
            ("channel", channel),
            ("include_all_metadata", "true"),
            ("limit", NEWEST),
        ];
        let mut answer = self.get(call, &query).await?;
        read(call.method, answer["messages"].take())
    }

    /// What Slack knows of a person.
    pub async fn user_info(&self, user: &str) -> Result<UserInfo, SlackError> {
        let call = Call::of("users.info", "");
        let query = [("user", user), ("include_locale", "true")];
        let answer = self.get(call, &query).await?;
        let user = &answer["user"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let is = |name: &str| user[name] == true;
        Ok(UserInfo {
            id: text(&user["id"]).unwrap_or_default(),
            team_id: text(&user["team_id"]).unwrap_or_default(),
            name: text(&user["real_name"])
                .or_else(|| text(&user["name"]))
                .unwrap_or_default(),
            mail: text(&user["profile"]["email"]).filter(|mail| !mail.is_empty()),
            mail_confirmed: is("is_email_confirmed"),
            is_bot: is("is_bot"),
            is_guest: is("is_restricted") || is("is_ultra_restricted"),
            is_stranger: is("is_stranger"),
            is_deleted: is("deleted"),
            locale: text(&user["locale"]),
        })
    }

    /// Opens a dialog, within 3 s of the click that the trigger is of.
    pub async fn views_open(&self, trigger_id: &str, view: &Value) -> Result<(), SlackError> {
        let body = json!({"trigger_id": trigger_id, "view": view});
        self.post(Call::of("views.open", ""), &body).await.map(drop)
    }
}

fn body(message: &OutMessage) -> Value {
    let mut body = json!({
        "channel": message.channel,
        "text": message.text,
        // Nothing but what the text itself marks is a link, and no link becomes a preview.
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    });
    if let Some(thread_ts) = &message.thread_ts {
        body["thread_ts"] = thread_ts.as_str().into();
    }
    if !message.blocks.is_empty() {
        body["blocks"] = message.blocks.clone().into();
    }
    if let Some(metadata) = &message.metadata {
        body["metadata"] = json!(metadata);
    }
    body
}

fn ts(method: &'static str, answer: &Value) -> Result<String, SlackError> {
    let ts = answer["ts"].as_str().map(str::to_owned);
    ts.ok_or_else(|| SlackError::unavailable(method, "the answer names no message"))
}

fn read<A: serde::de::DeserializeOwned>(
    method: &'static str,
    answer: Value,
) -> Result<A, SlackError> {
    serde_json::from_value(answer).map_err(|error| SlackError::unavailable(method, error))
}
