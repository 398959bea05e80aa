//! What docent itself says below an answer about what it rests on: that a document is deprecated, or
//! older than it may be.

use chrono::{DateTime, Utc};
use docent_core::config::Config;
use docent_core::document::Status;
use docent_core::index::Payload;

use super::Evidence;
use crate::chat::language::Language;
use crate::chat::retrieve::Retrieval;
use crate::chat::safe::{Allowed, Sanitiser};

/// The lines for what an answer cites, in the language of its question; one a document.
pub(in crate::chat) fn notes(
    config: &Config,
    evidence: &Evidence,
    retrieval: &Retrieval,
    language: Language,
    now: DateTime<Utc>,
) -> Vec<String> {
    let mut told = Vec::new();
    let mut notes = Vec::new();
    for number in evidence.keys() {
        let Some(passage) = retrieval.passages.get(number - 1) else {
            continue;
        };
        let payload = &passage.hit.payload;
        if told.contains(&payload.document_id) {
            continue;
        }
        told.push(payload.document_id);
        notes.extend(note(config, payload, language, now).map(|note| format!("*{note}*")));
    }
    notes
}

fn note(
    config: &Config,
    payload: &Payload,
    language: Language,
    now: DateTime<Utc>,
) -> Option<String> {
    let title = plain(&payload.title);
    if payload.status == Some(Status::Deprecated) {
        return Some(match language {
            Language::English => format!("Note: “{title}” is deprecated."),
            Language::Korean => {
                format!("참고: “{title}”은(는) 더 이상 쓰지 않도록 지정되었습니다(deprecated).")
            }
        });
    }
    if let (Some(at), Some(stale)) = (payload.fresh_at, payload.stale_at)
        && stale < now
    {
        let (at, stale) = (at.format("%Y-%m-%d %H:%M"), stale.format("%Y-%m-%d %H:%M"));
        return Some(match language {
            Language::English => format!(
                "Note: the data of “{title}” are as of {at} UTC; by their own freshness criterion they \
                 are stale since {stale} UTC."
            ),
            Language::Korean => format!(
                "참고: “{title}”의 데이터는 {at} UTC 기준이며, 자체 신선도 기준에 따르면 {stale} UTC부터 \
                 오래된 데이터입니다."
            ),
        });
    }
    let days = config.stale_after(&payload.source)?;
    let age = |at: DateTime<Utc>| (now - at).num_days();
    // The age of the data says more than that of the page about them.
    let (at, is_data) = match (payload.fresh_at, payload.updated_at) {
        (Some(fresh), _) => (fresh, true),
        (None, Some(updated)) => (updated, false),
        (None, None) => return None,
    };
    if age(at) <= i64::from(days) {
        return None;
    }
    let (day, age) = (at.format("%Y-%m-%d"), age(at));
    Some(match (language, is_data) {
        (Language::English, true) => {
            format!(
                "Note: the data of “{title}” are as of {day}, {age} days ago; they should be no older than {days} days."
            )
        }
        (Language::English, false) => {
            format!(
                "Note: “{title}” was last updated on {day}, {age} days ago, and may be out of date."
            )
        }
        (Language::Korean, true) => {
            format!(
                "참고: “{title}”의 데이터는 {day} 기준으로 {age}일 전 것이며, {days}일보다 오래되지 않아야 합니다."
            )
        }
        (Language::Korean, false) => {
            format!(
                "참고: “{title}” 문서는 {day}({age}일 전)에 마지막으로 수정되어 최신이 아닐 수 있습니다."
            )
        }
    })
}

/// A title as words within a sentence: nothing in it is Markdown.
pub(crate) fn plain(title: &str) -> String {
    let mut sanitiser = Sanitiser::new(Allowed::default());
    let mut safe = sanitiser.push(&title.replace(['*', '`', '\n', '[', ']'], " "));
    safe.push_str(&sanitiser.finish());
    safe.trim().to_owned()
}
