//! The sparse side of the index: from a text to weighted terms, the same for both engines.
//!
//! Text is cut into words ([`scan`]), words are turned into terms ([`word`]): lowercased, English
//! stop words dropped, English words stemmed, identifiers whole and in parts; scripts that are not
//! written word by word become overlapping pairs of characters.

mod question;
mod scan;
mod stop_words;
mod word;

use std::collections::HashSet;

use foldhash::fast::RandomState;

pub use question::subject;

/// Goes up with every change that gives a text other terms or other weights: it is part of a
/// collection's layout, and a new layout is a new collection.
pub const LEXICAL_VERSION: u32 = 2;

/// How soon repetitions of a term stop adding weight. Robertson and Zaragoza 2009 (*The Probabilistic
/// Relevance Framework*, section 3.3.2) name 1.2 to 2; Anserini's 0.9 and 0.4 were measured here too,
/// and lose on every set (ARCHITECTURE.md).
pub const K1: f32 = 1.2;

/// How much a long text is discounted, from 0 to 1.
pub const B: f32 = 0.75;

/// Term ids (hashes, ascending, no doubles) and their weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

impl SparseVector {
    /// The weight of a term; 0 where it does not stand.
    pub fn weight(&self, term_id: u32) -> f32 {
        let place = self.indices.binary_search(&term_id);
        place.map_or(0.0, |place| self.values[place])
    }

    /// Whether it has no term at all: nothing can be found by it.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

/// The analysed terms of a text in reading order, with repetitions. An identifier gives its whole
/// form first and then its parts.
pub fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    word::analyse(text, |term, _, _| found.push(term.to_owned()));
    found
}

/// The id of a term: 64-bit FNV-1a of its bytes, folded to 32 bits (<http://isthe.com/chongo/tech/comp/fnv/>).
///
/// It depends on nothing but the term, so that ids are the same in every process and release. Two
/// terms of a vocabulary of 100,000 share an id in about one of two collections; they then count
/// as one term.
pub fn term_id(term: &str) -> u32 {
    word::fold(word::fnv1a(term.as_bytes()))
}

/// The distinct term ids of a text, ascending: what counts once in a document frequency.
pub fn term_ids(text: &str) -> Vec<u32> {
    let (mut ids, _) = ids_and_length(text);
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The length of a text as BM25 counts it: its words without stop words. An identifier counts as
/// its parts, as if it had been written with spaces; its whole form adds nothing, so that a text
/// full of column names is not taken for a longer one. Scripts without spaces count a pair of
/// characters as one.
pub fn length(text: &str) -> usize {
    ids_and_length(text).1
}

/// What one walk over a passage tells: for its weights, its length and its term counts.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// With repetitions.
    ids: Vec<u32>,
    /// [`length`].
    pub length: usize,
}

impl Analysis {
    /// Walks over a text. `first` gets each distinct term where it first occurs.
    pub fn of(text: &str, mut first: impl FnMut(&str)) -> Self {
        let words = expected_words(text);
        let mut seen = HashSet::with_capacity_and_hasher(words, RandomState::default());
        let mut analysis = Self {
            ids: Vec::with_capacity(words),
            length: 0,
        };
        word::analyse(text, |term, id, counted| {
            analysis.ids.push(id);
            analysis.length += usize::from(counted);
            if seen.insert(id) {
                first(term);
            }
        });
        analysis
    }

    /// [`passage_vector`].
    pub fn vector(self, average_length: f32) -> SparseVector {
        let relative = if average_length > 0.0 {
            self.length as f32 / average_length
        } else {
            1.0
        };
        let norm = K1 * (1.0 - B + B * relative);
        weighted(self.ids, |frequency| {
            frequency * (K1 + 1.0) / (frequency + norm)
        })
    }
}

/// The BM25 weights of a passage: `tf (k1 + 1) / (tf + k1 (1 - b + b length / average_length))`.
///
/// The rarity of the terms is not in it: the index multiplies it in at search time. An
/// `average_length` that is not positive stands for "as long as this passage".
pub fn passage_vector(text: &str, average_length: f32) -> SparseVector {
    let (ids, length) = ids_and_length(text);
    Analysis { ids, length }.vector(average_length)
}

/// A question's terms, each with the number of times it is asked for.
pub fn question_vector(text: &str) -> SparseVector {
    weighted(ids_and_length(text).0, |frequency| frequency)
}

/// The distinct terms of a text, in order of their first occurrence.
pub fn distinct_terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    Analysis::of(text, |term| found.push(term.to_owned()));
    found
}

fn ids_and_length(text: &str) -> (Vec<u32>, usize) {
    let mut ids = Vec::with_capacity(expected_words(text));
    let mut length = 0;
    word::analyse(text, |_, id, counted| {
        ids.push(id);
        length += usize::from(counted);
    });
    (ids, length)
}

/// About as many terms as a text of this length has.
fn expected_words(text: &str) -> usize {
    text.len() / 5
}

/// Sorts the ids and weighs each by how often it occurs.
fn weighted(mut ids: Vec<u32>, weight: impl Fn(f32) -> f32) -> SparseVector {
    ids.sort_unstable();
    let mut vector = SparseVector {
        indices: Vec::with_capacity(ids.len()),
        values: Vec::with_capacity(ids.len()),
    };
    for run in ids.chunk_by(|left, right| left == right) {
        vector.indices.push(run[0]);
        vector.values.push(weight(run.len() as f32));
    }
    vector
}
