//! Blocks, as Block Kit describes them (<https://docs.slack.dev/reference/block-kit>).

use serde_json::{Value, json};

use super::safe;
use super::split::length;

/// Most characters that Slack takes in the text of a section or of a context's element.
pub const SECTION: usize = 3000;
/// Most characters of all markdown blocks of a message.
pub const MARKDOWN: usize = 12_000;
/// Most blocks of a message.
pub const BLOCKS: usize = 50;
/// Most characters of a whole message. Slack's documents do not say; beyond about 13,200 it refuses.
pub const MESSAGE: usize = 13_000;
/// Elements of one context block.
const CONTEXT_ELEMENTS: usize = 10;
/// What a block may count for besides its texts: a divider was seen to count for 125.
const FRAME: usize = 130;

pub fn markdown(text: &str) -> Value {
    json!({"type": "markdown", "text": text})
}

pub fn section(mrkdwn: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn, "verbatim": true}})
}

/// Text as it is, set off as a quote.
pub fn quoted(text: &str) -> Value {
    json!({"type": "rich_text", "elements": [
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": text}]},
    ]})
}

pub fn divider() -> Value {
    json!({"type": "divider"})
}

/// Small lines, as many context blocks as they need.
pub fn contexts(lines: &[String]) -> Vec<Value> {
    lines
        .chunks(CONTEXT_ELEMENTS)
        .map(|lines| {
            let elements: Vec<Value> = lines
                .iter()
                .map(|line| json!({"type": "mrkdwn", "text": line, "verbatim": true}))
                .collect();
            json!({"type": "context", "elements": elements})
        })
        .collect()
}

pub fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": safe::guarded(text), "emoji": false})
}

pub fn button(action: &str, text: &str, value: &str) -> Value {
    json!({"type": "button", "action_id": action, "text": plain(text), "value": value})
}

/// What blocks count for in a message.
pub fn size(blocks: &[Value]) -> usize {
    fn texts(value: &Value) -> usize {
        match value {
            Value::String(text) => length(text),
            Value::Array(values) => values.iter().map(texts).sum(),
            Value::Object(fields) => fields.values().map(texts).sum(),
            _ => 0,
        }
    }
    blocks.iter().map(|block| texts(block) + FRAME).sum()
}
