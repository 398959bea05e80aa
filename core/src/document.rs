//! What both walks call a document: its identity, its metadata and the chunks cut from it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The group every caller belongs to. It is written out in `groups`, never implied by an empty list.
pub const EVERYONE: &str = "everyone";

/// Namespace of every `UUIDv5` that docent derives: document ids and point ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f5a_97e2_2d84_4d0b_9d53_64f0_d0ce_0001);

/// The lasting id of a document: the same source name and path give the same id in every run.
pub fn document_id(source: &str, path: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{source}\n{path}").as_bytes())
}

/// The id of a chunk's point. `occurrence` counts earlier chunks of the document with the same
/// text, so that a chunk keeps its id (and its embedding) when its neighbours change.
pub fn point_id(document_id: Uuid, text_hash: &str, occurrence: usize) -> Uuid {
    Uuid::new_v5(
        &document_id,
        format!("{text_hash}\n{occurrence}").as_bytes(),
    )
}

/// Hex BLAKE3 of a text; the first 32 digits (128 bits) are enough to tell texts apart.
pub fn text_hash(text: &str) -> String {
    bytes_hash(text.as_bytes())
}

/// [`text_hash`] for bytes.
pub fn bytes_hash(bytes: &[u8]) -> String {
    let mut hex = blake3::hash(bytes).to_hex().to_string();
    hex.truncate(32);
    hex
}

/// How far a data product may be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its owner stands for it.
    Certified,
    /// It is on its way out; answers say so.
    Deprecated,
}

impl Status {
    /// As front matter writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Certified => "certified",
            Self::Deprecated => "deprecated",
        }
    }
}

/// What is known of a document besides its text. A change here is written to the payload and the
/// sparse vector without a model call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Where a person opens it: a web address, or a `file://` one.
    pub uri: String,
    /// The data product it is about, e.g. `fct_trips`.
    pub asset: Option<String>,
    /// Who answers for it: a team or a person.
    pub owner: Option<String>,
    /// How to reach the owner on Slack: `#channel` or `@person`.
    pub owner_slack: Option<String>,
    /// How to reach the owner by mail.
    pub owner_email: Option<String>,
    /// Who may read it; never empty.
    pub groups: Vec<String>,
    /// Certified, deprecated, or nothing said.
    pub status: Option<Status>,
    /// When the text last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When the data that it describes was last loaded.
    pub fresh_at: Option<DateTime<Utc>>,
    /// When they count as too old by the criterion that their own project holds them to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_at: Option<DateTime<Utc>>,
    /// Of a curated answer: who gave it, and until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curated: Option<Curated>,
}

/// That a document is an answer which somebody gave to the question that is its title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curated {
    /// Who wrote it, as people call them.
    pub author: String,
    /// When it was written, or last edited.
    pub at: DateTime<Utc>,
    /// From then on it answers nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Curated {
    /// Whether it still holds.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Groups that may read two things, where each list says who may read one of them: `everyone` restricts
/// nothing, two other lists leave what they have in common, which may be nobody.
pub fn groups_of_both(left: &[String], right: &[String]) -> Vec<String> {
    let open = |groups: &[String]| groups.iter().any(|group| group == EVERYONE);
    if open(left) {
        return right.to_vec();
    }
    if open(right) {
        return left.to_vec();
    }
    let both = left.iter().filter(|group| right.contains(group));
    both.cloned().collect()
}

/// A document after extraction and cleaning: Markdown text and its metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub id: Uuid,
    /// Name of the source it came from.
    pub source: String,
    /// Relative to the source's root, `/` between parts.
    pub path: String,
    pub title: String,
    /// Cleaned Markdown.
    pub text: String,
    /// ISO 639-1, where it could be told (`en`, `ko`).
    pub language: Option<String>,
    pub metadata: Metadata,
}

/// A piece of a document, small enough to be embedded and quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Position in the document, from 0.
    pub ordinal: u32,
    /// Headings above it, outermost first, without the document's title.
    pub heading: Vec<String>,
    /// The Markdown as it stands in the document.
    pub text: String,
    /// Where pages of the original begin in `text`, in order, the first at 0; empty where the
    /// original has no pages. No part of what is embedded: a page inserted before costs nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageMark>,
}

/// A page of the original (a PDF) begins here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageMark {
    /// Byte offset in the chunk's text.
    pub at: u32,
    /// Its number, from 1, as a viewer counts.
    pub page: u32,
}

impl Chunk {
    /// What is embedded and searched: title and headings give the text its subject.
    pub fn embedded_text(&self, title: &str) -> String {
        let mut text = String::with_capacity(self.text.len() + title.len() + 64);
        text.push_str(title);
        for heading in &self.heading {
            text.push_str(" > ");
            text.push_str(heading);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.text);
        text
    }
}

/// What a run did with one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// New or changed; now in the index.
    Indexed,
    /// As in the run before.
    Unchanged,
    /// Gone from the source; its points are gone too.
    Removed,
    /// Left out on purpose (binary, empty, too large …).
    Skipped(String),
    /// Could not be read or indexed; tried again in the next run.
    Failed(String),
}
