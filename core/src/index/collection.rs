//! How collections are made and named.

use crate::document::text_hash;

/// Name of the embedding in a point.
pub(super) const DENSE: &str = "dense";
/// Name of the BM25 weights in a point.
pub(super) const SPARSE: &str = "sparse";

/// Share of the values of dense vectors that one byte tells apart; the rest, the farthest out, are cut to
/// the ends of its range (Qdrant's documentation names 0.99).
pub(super) const QUANTILE: f32 = 0.99;

/// Hex digits of each fingerprint in a name.
const DIGITS: usize = 12;

/// A collection to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionSpec {
    /// From [`collection_name`], or any name of letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Length of the dense vectors.
    pub dimensions: usize,
}

/// A payload field that points are filtered by.
pub(super) struct Indexed {
    pub(super) field: &'static str,
    pub(super) kind: FieldKind,
    /// Whether searches filter by it, so that the graph of the dense vectors needs links among the
    /// points of each value.
    pub(super) searched: bool,
}

/// What an indexed field holds.
#[derive(Clone, Copy)]
pub(super) enum FieldKind {
    Keyword,
    Uuid,
    /// Looked up, never compared.
    Integer,
    /// In order, for the earliest and the latest.
    Datetime,
}

/// The payload fields with an index.
pub(super) const INDEXED: [Indexed; 10] = [
    indexed("source", FieldKind::Keyword, true),
    indexed("groups", FieldKind::Keyword, true),
    indexed("asset", FieldKind::Keyword, true),
    indexed("owner", FieldKind::Keyword, true),
    indexed("status", FieldKind::Keyword, false),
    indexed("document_id", FieldKind::Uuid, false),
    indexed("text_hash", FieldKind::Keyword, false),
    indexed("ordinal", FieldKind::Integer, false),
    indexed("updated_at", FieldKind::Datetime, false),
    indexed("fresh_at", FieldKind::Datetime, false),
];

const fn indexed(field: &'static str, kind: FieldKind, searched: bool) -> Indexed {
    Indexed {
        field,
        kind,
        searched,
    }
}

/// The name of the collection of an embedding space and a layout: a new model or a new layout is a
/// new collection.
pub fn collection_name(
    prefix: &str,
    embedding_fingerprint: &str,
    layout_fingerprint: &str,
) -> String {
    let mut embedding = text_hash(embedding_fingerprint);
    let mut layout = text_hash(layout_fingerprint);
    embedding.truncate(DIGITS);
    layout.truncate(DIGITS);
    format!("{prefix}-{embedding}-{layout}")
}

/// Whether two names of [`collection_name`] stand for the same embedding space, so that the
/// vectors of the one are good in the other.
pub fn shares_embedding(left: &str, right: &str) -> bool {
    match (left.rsplit_once('-'), right.rsplit_once('-')) {
        (Some((left, _)), Some((right, _))) => left == right,
        _ => false,
    }
}

/// Whether [`collection_name`] gave this name for the prefix. The collections of `docent-b` do not
/// belong to `docent`.
pub(super) fn belongs_to(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(embedding, layout)| is_fingerprint(embedding) && is_fingerprint(layout))
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
