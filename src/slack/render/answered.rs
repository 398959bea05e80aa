//! What somebody is told whose question has an answer by now: the question, the beginning of the answer, its
//! sources, and where it was asked.

use chrono::{DateTime, Utc};

use super::blocks::{contexts, markdown as block, quoted, section};
use super::footer::lines;
use super::{Links, Look, Message, markdown, mrkdwn, safe, split, words};
use crate::chat::Answer;

/// Longest question, in characters, and longest beginning of an answer, in UTF-16 units.
const QUESTION: usize = 300;
const BEGINNING: usize = 700;

/// The message. `link` is the address of where it was asked; empty: it is not known.
pub fn answered(answer: &Answer, link: &str, look: &Look) -> Message {
    answered_at(answer, link, look, Utc::now())
}

pub(super) fn answered_at(answer: &Answer, link: &str, look: &Look, now: DateTime<Utc>) -> Message {
    let say = |words: words::Words| words.in_language(look.language);
    let question = safe::line(&answer.question, QUESTION);
    let whole = markdown(
        &answer.answer,
        &Links::of_citations(&answer.citations),
        true,
    );
    let parts = split::parts(&whole, BEGINNING);
    let mut beginning = parts.first().map(split::Part::text).unwrap_or_default();
    if parts.len() > 1 {
        beginning.truncate(beginning.trim_end().len());
        beginning.push_str("\n\n…");
    }
    let mut below = lines(answer, look, now);
    let link = link.replace(['<', '>', '|'], "").replace('&', "&amp;");
    if !link.is_empty() {
        below.push(format!("<{link}|{}>", say(words::WHERE_ASKED)));
    }
    let mut blocks = vec![section(say(words::ANSWERED))];
    // Slack refuses a block without text.
    let quote = safe::guarded(&question);
    if !quote.trim().is_empty() {
        blocks.push(quoted(&quote));
    }
    if !beginning.trim().is_empty() {
        blocks.push(block(&beginning));
    }
    blocks.extend(contexts(&below));
    Message {
        text: format!(
            "{}\n> {}\n\n{}\n\n{}",
            say(words::ANSWERED),
            safe::escaped(&question),
            mrkdwn(&beginning),
            below.join("\n")
        ),
        blocks,
    }
}
