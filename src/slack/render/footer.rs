//! What stands below an answer: its sources in short, and buttons.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::actions::{self, Under, Vote};
use super::blocks::{button, contexts, plain};
use super::words;
use super::{Look, safe};
use crate::chat::turn::{Citation, Contact};
use crate::chat::{Answer, AnswerOutcome};

/// Most sources named below an answer, and most characters of their lines together. The rest is under
/// the button.
const SOURCES: usize = 8;
const SOURCE_CHARS: usize = 1600;
/// Longest title and longest heading path of a line.
const TITLE: usize = 80;
const HEADING: usize = 100;

/// The blocks below an answer.
pub fn footer(answer: &Answer, look: &Look, now: DateTime<Utc>) -> Vec<Value> {
    let mut blocks = contexts(&lines(answer, look, now));
    let under = Under {
        interaction: answer.interaction_id,
        asker: look.asker.clone(),
    }
    .value();
    let say = |words: words::Words| words.in_language(look.language);
    let mut buttons = Vec::new();
    if !answer.citations.is_empty() {
        buttons.push(button(actions::DETAILS, say(words::DETAILS), &under));
    }
    if answer.outcome == AnswerOutcome::Abstained && answer.contact.is_some() {
        buttons.push(button(actions::ASK_OWNER, say(words::ASK_OWNER), &under));
    }
    if answer.outcome == AnswerOutcome::Abstained && look.tells {
        buttons.push(button(actions::TELL_ME, say(words::TELL_ME), &under));
    }
    if look.is_private {
        buttons.push(button(actions::SHARE, say(words::SHARE), &under));
    }
    if !buttons.is_empty() {
        blocks.push(json!({"type": "actions", "elements": buttons}));
    }
    let thumb = |vote: Vote, text: &str, label: words::Words| {
        json!({
            "text": plain(text),
            "accessibility_label": say(label),
            "value": vote.value(answer.interaction_id),
        })
    };
    let mut delete = json!({
        "type": "icon_button",
        "icon": "trash",
        "action_id": actions::DELETE,
        "text": plain(say(words::DELETE)),
        "value": under,
    });
    if !look.asker.is_empty() {
        delete["visible_to_user_ids"] = json!([look.asker]);
    }
    blocks.push(json!({
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": actions::FEEDBACK,
                "positive_button": thumb(Vote::Up, "👍", words::HELPFUL),
                "negative_button": thumb(Vote::Down, "👎", words::NOT_HELPFUL),
            },
            delete,
        ],
    }));
    blocks
}

/// The lines of the footer: what is not verified, the sources, whom to ask.
pub(super) fn lines(answer: &Answer, look: &Look, now: DateTime<Utc>) -> Vec<String> {
    let mut lines = Vec::new();
    let unverified = answer.marks.iter().filter(|mark| !mark.verified).count();
    if unverified > 0 {
        lines.push(words::unverified(unverified, look.language));
    }
    let mut chars = 0;
    for (shown, citation) in answer.citations.iter().enumerate() {
        let line = source(citation, look, now);
        chars += line.chars().count();
        if shown == SOURCES || chars > SOURCE_CHARS {
            let more = words::MORE.in_language(look.language);
            lines.push(format!("+ {} {more}", answer.citations.len() - shown));
            break;
        }
        lines.push(line);
    }
    lines.extend(answer.contact.as_ref().and_then(|of| contact(of, look)));
    lines
}

/// A source in one line: number, title, heading, age.
fn source(citation: &Citation, look: &Look, now: DateTime<Utc>) -> String {
    let mut line = format!("[{}] {}", citation.number, link(citation, TITLE));
    if !citation.heading.is_empty() {
        line.push_str(&format!(
            " › {}",
            safe::escaped(&safe::line(&citation.heading, HEADING))
        ));
    }
    if let Some(at) = citation.updated_at {
        let updated = words::UPDATED.in_language(look.language);
        let day = words::day(at, now, look.language);
        line.push_str(&format!(" · {updated} {day}"));
    }
    if let Some(status) = citation.status.as_deref() {
        let status = words::status(&safe::line(status, 20), look.language);
        line.push_str(&format!(" · *{}*", safe::escaped(&status)));
    }
    line
}

/// A document's title, as a link where it is on the web.
pub(super) fn link(citation: &Citation, longest: usize) -> String {
    let title = if citation.title.trim().is_empty() {
        &citation.path
    } else {
        &citation.title
    };
    // A bar would end the address, a mark of formatting its line.
    let title = safe::line(title, longest).replace(['|', '*', '~', '`'], " ");
    let title = safe::escaped(title.trim());
    match safe::address(&citation.uri).filter(|address| address.len() <= SOURCE_CHARS / 4) {
        Some(address) => format!("<{}|{title}>", address.replace('&', "&amp;")),
        None => title,
    }
}

fn contact(contact: &Contact, look: &Look) -> Option<String> {
    let known: Vec<String> = [&contact.owner, &contact.slack, &contact.email]
        .into_iter()
        .flatten()
        .map(|text| safe::escaped(&safe::line(text, TITLE)))
        .collect();
    if known.is_empty() {
        return None;
    }
    let of = contact.asset.as_ref().map_or_else(String::new, |asset| {
        format!(" ({})", safe::escaped(&safe::line(asset, TITLE)))
    });
    let owner = words::OWNER.in_language(look.language);
    Some(format!("{owner}{of}: {}", known.join(" · ")))
}
