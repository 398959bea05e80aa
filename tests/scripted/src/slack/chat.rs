//! Messages: `chat.postMessage`, `chat.update`, `chat.delete`, `conversations.replies` and `.history`.

use serde_json::{Value, json};

use super::world::{SlackMessage, World, conversation};
use super::{Answer, BOT, Refusal, blocks};

pub(super) fn post(world: &mut World, body: &Value) -> Answer {
    let message = message(world, body, 40_000)?;
    world.count_post(&message.channel)?;
    let channel = message.channel.clone();
    let ts = world.post(message);
    Ok(json!({"channel": channel, "ts": ts}))
}

pub(super) fn post_ephemeral(world: &mut World, body: &Value) -> Answer {
    let mut message = message(world, body, 40_000)?;
    let user = body["user"]
        .as_str()
        .ok_or(Refusal::Code("user_not_in_channel"))?;
    message.only_for = Some(user.to_owned());
    message.metadata = None;
    world.count_post(&message.channel)?;
    let ts = world.post(message);
    Ok(json!({"message_ts": ts}))
}

pub(super) fn update(world: &mut World, body: &Value) -> Answer {
    let new = message(world, body, 4000)?;
    let ts = text(body, "ts")?;
    let life = world.rules.stream_life;
    let message = world.own(&new.channel, &ts)?;
    if message
        .streaming
        .is_some_and(|since| since.elapsed() < life)
    {
        return Err(Refusal::Code("streaming_state_conflict"));
    }
    message.streaming = None;
    message.streamed.clear();
    message.text = new.text;
    message.blocks = new.blocks;
    // Metadata that is not named stays.
    if new.metadata.is_some() {
        message.metadata = new.metadata;
    }
    let message = message.clone();
    world.look_for_pings(&message);
    Ok(json!({"channel": message.channel, "ts": ts}))
}

pub(super) fn delete(world: &mut World, body: &Value) -> Answer {
    let (channel, ts) = (text(body, "channel")?, text(body, "ts")?);
    world.own(&channel, &ts)?;
    world
        .messages
        .retain(|message| message.channel != channel || message.ts != ts);
    Ok(json!({"channel": channel, "ts": ts}))
}

pub(super) fn replies(world: &mut World, body: &Value) -> Answer {
    let (channel, ts) = (text(body, "channel")?, text(body, "ts")?);
    let with_metadata = body["include_all_metadata"] == "true";
    let number = |name: &str| body[name].as_str().and_then(|text| text.parse().ok());
    let limit = number("limit").unwrap_or(100_usize);
    let after = number("cursor").unwrap_or(0_usize);
    let of_thread = |message: &&SlackMessage| {
        message.channel == channel
            && message.only_for.is_none()
            && (message.ts == ts || message.thread_ts.as_deref() == Some(ts.as_str()))
    };
    let all: Vec<Value> = world
        .messages
        .iter()
        .filter(of_thread)
        .map(|message| {
            let mut shown = told(message, with_metadata);
            shown["thread_ts"] = ts.as_str().into();
            shown
        })
        .collect();
    if all.is_empty() {
        return Err(Refusal::Code("thread_not_found"));
    }
    let next = after + limit;
    let cursor = if next < all.len() {
        next.to_string()
    } else {
        String::new()
    };
    let page: Vec<Value> = all.into_iter().skip(after).take(limit).collect();
    Ok(json!({"messages": page, "response_metadata": {"next_cursor": cursor}}))
}

/// The newest messages outside of threads; a person's id is no conversation here.
pub(super) fn history(world: &mut World, body: &Value) -> Answer {
    let channel = text(body, "channel")?;
    if conversation(&channel) != channel {
        return Err(Refusal::Code("channel_not_found"));
    }
    let with_metadata = body["include_all_metadata"] == "true";
    let limit = body["limit"].as_str().and_then(|text| text.parse().ok());
    let of_channel = |message: &&SlackMessage| {
        message.channel == channel && message.only_for.is_none() && message.thread_ts.is_none()
    };
    let messages: Vec<Value> = world
        .messages
        .iter()
        .rev()
        .filter(of_channel)
        .take(limit.unwrap_or(100))
        .map(|message| told(message, with_metadata))
        .collect();
    Ok(json!({"messages": messages}))
}

/// A message as a program reads it.
fn told(message: &SlackMessage, with_metadata: bool) -> Value {
    let mut told = json!({
        "type": "message", "ts": message.ts, "user": message.user, "text": message.text,
        "blocks": message.blocks,
    });
    if message.user == BOT {
        told["bot_id"] = "B0BOT".into();
    }
    if let Some(metadata) = message.metadata.as_ref().filter(|_| with_metadata) {
        told["metadata"] = metadata.clone();
    }
    told
}

/// The message that a call brings, where Slack takes it.
pub(super) fn message(
    world: &World,
    body: &Value,
    longest: usize,
) -> Result<SlackMessage, Refusal> {
    let channel = text(body, "channel").map_err(|_| Refusal::Code("channel_not_found"))?;
    let blocks = blocks(world, body)?;
    let text = body["text"].as_str().unwrap_or_default().to_owned();
    if text.is_empty() && blocks.is_empty() {
        return Err(Refusal::Code("no_text"));
    }
    if text.chars().count() > longest {
        return Err(Refusal::Code("msg_too_long"));
    }
    Ok(SlackMessage {
        channel: conversation(&channel),
        thread_ts: body["thread_ts"].as_str().map(str::to_owned),
        user: BOT.to_owned(),
        text,
        blocks,
        metadata: body.get("metadata").cloned(),
        ..SlackMessage::default()
    })
}

pub(super) fn blocks(world: &World, body: &Value) -> Result<Vec<Value>, Refusal> {
    let blocks = body["blocks"].as_array().cloned().unwrap_or_default();
    if !blocks.is_empty() && !world.rules.takes_blocks {
        return Err(Refusal::Code("invalid_blocks"));
    }
    blocks::check(&blocks)?;
    Ok(blocks)
}

pub(super) fn text(body: &Value, name: &str) -> Result<String, Refusal> {
    let text = body[name].as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
        .ok_or(Refusal::Code("invalid_arguments"))
}

pub(super) fn permalink(body: &Value) -> Answer {
    let (channel, ts) = (text(body, "channel")?, text(body, "message_ts")?);
    let place = ts.replace('.', "");
    Ok(json!({"permalink": format!("https://scripted.slack.com/archives/{channel}/p{place}")}))
}
