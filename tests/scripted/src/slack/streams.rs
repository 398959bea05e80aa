//! Streams: `chat.startStream`, `chat.appendStream`, `chat.stopStream`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::world::{SlackMessage, World};
use super::{Answer, BOT, Refusal, chat, seconds};

pub(super) fn start(world: &mut World, body: &Value) -> Answer {
    let channel = chat::text(body, "channel")?;
    let thread_ts =
        chat::text(body, "thread_ts").map_err(|_| Refusal::Code("invalid_thread_ts"))?;
    if !channel.starts_with('D') {
        if !world.rules.streams_in_channels {
            return Err(Refusal::Code("channel_type_not_supported"));
        }
        chat::text(body, "recipient_team_id")
            .map_err(|_| Refusal::Code("missing_recipient_team_id"))?;
        chat::text(body, "recipient_user_id")
            .map_err(|_| Refusal::Code("missing_recipient_user_id"))?;
    }
    let streamed = markdown(body)?;
    let minute = Duration::from_mins(1);
    let begun = &mut world.streams_begun;
    begun.retain(|at| at.elapsed() < minute);
    if begun.len() >= world.rules.streams_per_minute {
        let wait = begun
            .front()
            .map_or(minute, |first| minute.saturating_sub(first.elapsed()));
        return Err(Refusal::Limited(seconds(wait)));
    }
    begun.push_back(Instant::now());
    world.count_post(&channel)?;
    let ts = world.post(SlackMessage {
        channel: channel.clone(),
        thread_ts: Some(thread_ts),
        user: BOT.to_owned(),
        streamed,
        streaming: Some(Instant::now()),
        ..SlackMessage::default()
    });
    Ok(json!({"channel": channel, "ts": ts}))
}

pub(super) fn append(world: &mut World, body: &Value) -> Answer {
    let more = markdown(body)?;
    if more.is_empty() {
        return Err(Refusal::Code("no_text"));
    }
    let message = stream(world, body)?;
    message.streamed.push_str(&more);
    let message = message.clone();
    world.look_for_pings(&message);
    Ok(json!({"channel": message.channel, "ts": message.ts}))
}

pub(super) fn stop(world: &mut World, body: &Value) -> Answer {
    let more = markdown(body)?;
    let blocks = chat::blocks(world, body)?;
    let message = stream(world, body)?;
    message.streamed.push_str(&more);
    message.blocks = blocks;
    message.streaming = None;
    if let Some(metadata) = body.get("metadata") {
        message.metadata = Some(metadata.clone());
    }
    let message = message.clone();
    world.look_for_pings(&message);
    Ok(json!({"channel": message.channel, "ts": message.ts}))
}

fn markdown(body: &Value) -> Result<String, Refusal> {
    let text = body["markdown_text"].as_str().unwrap_or_default();
    if text.chars().count() > 12_000 {
        return Err(Refusal::Code("msg_too_long"));
    }
    Ok(text.to_owned())
}

/// The stream that a call means, where it is one still.
fn stream<'a>(world: &'a mut World, body: &Value) -> Result<&'a mut SlackMessage, Refusal> {
    let (channel, ts) = (chat::text(body, "channel")?, chat::text(body, "ts")?);
    let life = world.rules.stream_life;
    let message = world.own(&channel, &ts)?;
    match message.streaming {
        Some(since) if since.elapsed() < life => Ok(message),
        _ => Err(Refusal::Code("message_not_in_streaming_state")),
    }
}
