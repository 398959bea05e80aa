//! Turns words into terms: stop words, stems, the parts of identifiers. What a word became is
//! remembered, because documents repeat their words.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use parking_lot::Mutex;
use rust_stemmers::{Algorithm, Stemmer};

use super::scan::{Piece, scan};
use super::stop_words::STOP_WORDS;

/// Words remembered by an analyser, and the longest that is: about 4 MB.
const REMEMBERED: usize = 32_768;
const LONGEST_REMEMBERED: usize = 48;

/// The analysers that are free, the last used on top: there are as many as were ever at work at once. One for
/// each thread would learn the words of a run again on every thread that a part of it happens to be on.
static FREE: Mutex<Vec<Analyser>> = Mutex::new(Vec::new());

/// Calls `visit` with each term of the text, its id, and whether it counts for the length.
pub(super) fn analyse(text: &str, mut visit: impl FnMut(&str, u32, bool)) {
    let free = FREE.lock().pop();
    let mut analyser = free.unwrap_or_else(Analyser::new);
    scan(text, &mut |piece| match piece {
        Piece::Word(word) => {
            for term in analyser.word(word) {
                visit(&term.text, term.id, term.counted);
            }
        }
        Piece::Foreign(term) | Piece::Gram(term) => {
            visit(term, fold(fnv1a(term.as_bytes())), true);
        }
    });
    FREE.lock().push(analyser);
}

/// 64-bit FNV-1a.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Folds a hash to 32 bits, as its authors recommend (xor of the halves).
pub(super) fn fold(hash: u64) -> u32 {
    (hash >> 32) as u32 ^ hash as u32
}

struct Term {
    text: Box<str>,
    id: u32,
    counted: bool,
}

impl Term {
    fn new(text: String, counted: bool) -> Self {
        let id = fold(fnv1a(text.as_bytes()));
        Self {
            text: text.into_boxed_str(),
            id,
            counted,
        }
    }
}

struct Analyser {
    stemmer: Stemmer,
    /// Where the terms of a word stand, by the word as it was written.
    places: HashMap<Box<str>, usize, BuildHasherDefault<Chunks>>,
    terms: Vec<Box<[Term]>>,
    /// The last word that was too long to be remembered.
    long: Box<[Term]>,
}

impl Analyser {
    fn new() -> Self {
        Self {
            stemmer: Stemmer::create(Algorithm::English),
            places: HashMap::default(),
            terms: Vec::new(),
            long: Box::default(),
        }
    }

    fn word(&mut self, word: &str) -> &[Term] {
        if word.len() > LONGEST_REMEMBERED {
            self.long = analyse_word(&self.stemmer, word);
            return &self.long;
        }
        if let Some(&place) = self.places.get(word) {
            return &self.terms[place];
        }
        if self.terms.len() >= REMEMBERED {
            self.places.clear();
            self.terms.clear();
        }
        let place = self.terms.len();
        self.places.insert(word.into(), place);
        self.terms.push(analyse_word(&self.stemmer, word));
        &self.terms[place]
    }
}

/// The terms of an ASCII word: nothing for a stop word, one for a plain word, the whole and its
/// parts for an identifier. A part is dropped where it is a stop word or a single letter.
fn analyse_word(stemmer: &Stemmer, word: &str) -> Box<[Term]> {
    let parts = parts(word);
    let whole = term(stemmer, word);
    if parts.len() < 2 {
        return whole
            .into_iter()
            .map(|text| Term::new(text, true))
            .collect();
    }
    let kept: Vec<Term> = parts
        .into_iter()
        .filter(|part| part.len() > 1 || part.as_bytes()[0].is_ascii_digit())
        .filter_map(|part| term(stemmer, part))
        .map(|text| Term::new(text, true))
        .collect();
    let counted = kept.is_empty();
    whole
        .map(|text| Term::new(text, counted))
        .into_iter()
        .chain(kept)
        .collect()
}

/// The term of a word or part: lowercased, stemmed if it has only letters; `None` for a stop word.
fn term(stemmer: &Stemmer, word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    if !lower.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Some(lower);
    }
    if STOP_WORDS.binary_search(&lower.as_str()).is_ok() {
        return None;
    }
    Some(stemmer.stem(&lower).into_owned())
}

/// The parts of an identifier: cut at `_`, `.` and `-`, where a small letter meets a capital
/// (`net|Amount`), before the last of several capitals (`HTTP|Server`, but not in `URLs`), and
/// between letters and digits (`crc|32`).
fn parts(word: &str) -> Vec<&str> {
    word.split(['_', '.', '-'])
        .flat_map(|piece| {
            let bytes = piece.as_bytes();
            let mut found = Vec::new();
            let mut start = 0;
            for at in 1..bytes.len() {
                if is_boundary(bytes, at) {
                    found.push(&piece[start..at]);
                    start = at;
                }
            }
            found.push(&piece[start..]);
            found
        })
        .filter(|part| !part.is_empty())
        .collect()
}

fn is_boundary(bytes: &[u8], at: usize) -> bool {
    let (before, here) = (bytes[at - 1], bytes[at]);
    if before.is_ascii_digit() != here.is_ascii_digit() {
        return true;
    }
    if !here.is_ascii_uppercase() {
        return false;
    }
    let rest = &bytes[at + 1..];
    before.is_ascii_lowercase()
        || (rest.first().is_some_and(u8::is_ascii_lowercase) && rest != b"s")
}

/// Hashes the words of the table, eight bytes at a time. It need not withstand an attack: a table
/// of colliding words is thrown away when it is full.
#[derive(Default)]
struct Chunks(u64);

impl Hasher for Chunks {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let mixed = self.0 ^ u64::from_le_bytes(word) ^ chunk.len() as u64;
            self.0 = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
    }

    fn write_u8(&mut self, _: u8) {
        // The end mark of a text: there is nothing after it.
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}
