//! People, statuses and dialogs.

use serde_json::{Value, json};

use super::world::World;
use super::{Answer, Refusal, TEAM, blocks, chat};

pub(super) fn info(world: &mut World, body: &Value) -> Answer {
    let id = chat::text(body, "user")?;
    let mut user = world
        .users
        .get(&id)
        .cloned()
        .ok_or(Refusal::Code("user_not_found"))?;
    user["id"] = id.into();
    if user["team_id"].is_null() {
        user["team_id"] = TEAM.into();
    }
    Ok(json!({"user": user}))
}

pub(super) fn set_status(world: &mut World, body: &Value) -> Answer {
    let channel = chat::text(body, "channel_id")?;
    let thread = chat::text(body, "thread_ts").map_err(|_| Refusal::Code("invalid_thread_ts"))?;
    let status = body["status"]
        .as_str()
        .ok_or(Refusal::Code("invalid_arguments"))?;
    if status.is_empty() {
        world.statuses.remove(&(channel, thread));
    } else {
        world.statuses.insert((channel, thread), status.to_owned());
    }
    Ok(json!({}))
}

pub(super) fn open_view(world: &mut World, body: &Value) -> Answer {
    chat::text(body, "trigger_id").map_err(|_| Refusal::Code("invalid_trigger_id"))?;
    blocks::check_view(&body["view"])?;
    world.views.push(body["view"].clone());
    Ok(json!({"view": body["view"]}))
}
