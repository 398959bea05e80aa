//! The details of an answer's citations, in a dialog: quote, place, age and owner of each.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::blocks::{SECTION, contexts, divider, plain, quoted, section};
use super::footer::link;
use super::split::parts;
use super::{safe, words};
use crate::chat::language::Language;
use crate::chat::turn::Citation;

/// `callback_id` of the dialog.
pub const DETAILS_VIEW: &str = "docent_details";
/// Slack takes 100 blocks in a dialog.
const BLOCKS: usize = 97;

/// The dialog (`views.open`) with the citations of an answer.
pub fn details(citations: &[Citation], language: Language) -> Value {
    details_at(citations, language, Utc::now())
}

pub(super) fn details_at(citations: &[Citation], language: Language, now: DateTime<Utc>) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    for (shown, citation) in citations.iter().enumerate() {
        let more = of_citation(citation, language, now);
        if blocks.len() + more.len() + 1 > BLOCKS {
            let left = citations.len() - shown;
            blocks.extend(contexts(&[format!("+ {left}")]));
            break;
        }
        if shown > 0 {
            blocks.push(divider());
        }
        blocks.extend(more);
    }
    if blocks.is_empty() {
        blocks.push(divider());
    }
    json!({
        "type": "modal",
        "callback_id": DETAILS_VIEW,
        "title": plain(words::DETAILS.in_language(language)),
        "close": plain(words::CLOSE.in_language(language)),
        "blocks": blocks,
    })
}

fn of_citation(citation: &Citation, language: Language, now: DateTime<Utc>) -> Vec<Value> {
    let heading = safe::escaped(&safe::line(&citation.heading, 400));
    let title = format!("*[{}] {}*\n{heading}", citation.number, link(citation, 150));
    let mut blocks = vec![section(title.trim_end())];
    // Word for word: nothing in it is markup.
    let quotes = parts(&safe::guarded(&citation.quote), SECTION);
    let quotes = quotes.iter().map(|part| part.body.trim());
    blocks.extend(quotes.filter(|quote| !quote.is_empty()).map(quoted));
    let say = |words: words::Words| words.in_language(language);
    let mut facts = Vec::new();
    if !citation.path.is_empty() {
        facts.push(safe::escaped(&safe::line(&citation.path, 300)));
    }
    if let Some(at) = citation.updated_at {
        facts.push(format!(
            "{} {}",
            say(words::UPDATED),
            words::day(at, now, language)
        ));
    }
    if let Some(at) = citation.fresh_at {
        facts.push(format!(
            "{} {}",
            say(words::DATA_OF),
            words::day(at, now, language)
        ));
    }
    if let Some(owner) = &citation.owner {
        facts.push(format!(
            "{}: {}",
            say(words::OWNER),
            safe::escaped(&safe::line(owner, 200))
        ));
    }
    if let Some(status) = &citation.status {
        facts.push(safe::escaped(&words::status(
            &safe::line(status, 20),
            language,
        )));
    }
    blocks.extend(contexts(&facts));
    blocks
}
