//! What Slack takes as blocks (<https://docs.slack.dev/reference/block-kit/blocks>).

use serde_json::Value;

use super::Refusal;

/// A message's blocks: `invalid_blocks` and `msg_blocks_too_long` as Slack says them.
pub(super) fn check(blocks: &[Value]) -> Result<(), Refusal> {
    let invalid = Err(Refusal::Code("invalid_blocks"));
    if blocks.len() > 50 || !blocks.iter().all(is_block) {
        return invalid;
    }
    let markdown: usize = blocks
        .iter()
        .filter(|block| block["type"] == "markdown")
        .map(|block| length(&block["text"]))
        .sum();
    // The whole was measured, not documented: 13,297 without and 13,172 with a divider.
    let whole: usize = blocks
        .iter()
        .flat_map(texts_of)
        .map(|text| text.chars().count())
        .sum();
    let frames = 125 * blocks.len().saturating_sub(1);
    if markdown > 12_000 || whole + frames > 13_200 {
        return Err(Refusal::Code("msg_blocks_too_long"));
    }
    Ok(())
}

/// The blocks of a dialog.
pub(super) fn check_view(view: &Value) -> Result<(), Refusal> {
    let blocks = view["blocks"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let title = &view["title"];
    let good = view["type"] == "modal"
        && is_text(title, 24, true)
        && blocks.len() <= 100
        && blocks
            .iter()
            .all(|block| is_block(block) && block["type"] != "markdown");
    if good {
        Ok(())
    } else {
        Err(Refusal::Code("invalid_arguments"))
    }
}

fn is_block(block: &Value) -> bool {
    let elements = block["elements"].as_array();
    match block["type"].as_str() {
        Some("section") => is_text(&block["text"], 3000, false),
        Some("markdown") => (1..=12_000).contains(&length(&block["text"])),
        Some("divider") => true,
        Some("header") => is_text(&block["text"], 150, true),
        Some("context") => elements.is_some_and(|elements| {
            (1..=10).contains(&elements.len()) && elements.iter().all(|of| is_text(of, 3000, false))
        }),
        Some("actions") => elements.is_some_and(|elements| {
            (1..=25).contains(&elements.len()) && elements.iter().all(is_button)
        }),
        Some("context_actions") => elements.is_some_and(|elements| {
            (1..=5).contains(&elements.len()) && elements.iter().all(is_context_action)
        }),
        Some("rich_text") => elements.is_some_and(|elements| elements.iter().all(is_rich)),
        Some("input") => is_text(&block["label"], 2000, true),
        _ => false,
    }
}

fn is_rich(element: &Value) -> bool {
    let kind = element["type"].as_str();
    let texts = element["elements"].as_array();
    matches!(
        kind,
        Some("rich_text_quote" | "rich_text_section" | "rich_text_preformatted")
    ) && texts.is_some_and(|texts| {
        texts
            .iter()
            .all(|of| of["type"] == "text" && length(&of["text"]) > 0)
    })
}

fn is_button(element: &Value) -> bool {
    element["type"] == "button"
        && is_text(&element["text"], 75, true)
        && (1..=255).contains(&length(&element["action_id"]))
        && length(&element["value"]) <= 2000
}

fn is_context_action(element: &Value) -> bool {
    let is_thumb =
        |thumb: &Value| is_text(&thumb["text"], 75, true) && length(&thumb["value"]) <= 2000;
    match element["type"].as_str() {
        Some("feedback_buttons") => {
            is_thumb(&element["positive_button"]) && is_thumb(&element["negative_button"])
        }
        Some("icon_button") => element["icon"] == "trash" && is_thumb(element),
        _ => false,
    }
}

fn is_text(text: &Value, longest: usize, only_plain: bool) -> bool {
    let kind = text["type"].as_str();
    let right = kind == Some("plain_text") || (!only_plain && kind == Some("mrkdwn"));
    right && (1..=longest).contains(&length(&text["text"]))
}

fn length(text: &Value) -> usize {
    text.as_str().map_or(0, |text| text.chars().count())
}

/// Every text of blocks that people read.
pub(super) fn texts(blocks: &[Value]) -> Vec<String> {
    blocks.iter().flat_map(texts_of).collect()
}

fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts_of).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == "text" => vec![text.clone()],
                Value::String(_) => Vec::new(),
                value => texts_of(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}
