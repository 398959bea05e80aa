//! Korean words in a question: they carry particles and endings, are written together or apart, and
//! become pairs of syllables in the analysis.

use super::super::lexical;

/// Syllables that endings, particles and suffixes begin with; what follows a known word with one of
/// them belongs to it (`업데이트되는`, `테이블별`), anything else is a word of its own.
const ENDINGS: &str =
    "하한할함합해했되된될됨됩돼됐시은는이가을를의에로와과도만들별용중인적화당부까마며고면던라";

/// A known word as it stands in the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its syllables, as they are looked up.
    pub(super) word: String,
    /// The terms that the analysis made of it and of its ending.
    pub(super) terms: Vec<String>,
}

/// Whether a word has only Hangul syllables and spaces.
pub(super) fn is_korean(word: &str) -> bool {
    word.chars().any(is_hangul) && word.chars().all(|c| is_hangul(c) || c == ' ')
}

fn is_hangul(character: char) -> bool {
    matches!(character, '가'..='힣')
}

/// The words of the question that `known` knows. They are looked for from the beginning of each written
/// word, longest first and across spaces, and one after another where they are written together; a
/// word that begins with something unknown may end with a known one.
pub(super) fn units(question: &str, known: impl Fn(&str) -> bool) -> Vec<Unit> {
    stretches(question)
        .iter()
        .flat_map(|stretch| units_of(stretch, &known))
        .collect()
}

/// Syllables of neighbouring Korean words, and where each word ends.
struct Stretch {
    syllables: Vec<char>,
    ends: Vec<usize>,
}

impl Stretch {
    /// The end of the written word that holds the syllable at `at`.
    fn word_end(&self, at: usize) -> usize {
        let end = self.ends.iter().copied().find(|&end| end > at);
        end.unwrap_or(self.syllables.len())
    }

    fn is_start(&self, at: usize) -> bool {
        at == 0 || self.ends.contains(&at)
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.syllables[from..to].iter().collect()
    }

    /// What the analysis makes of the syllables from `from` to `to`, with the pair that joins them to
    /// the next syllable of the same written word.
    fn terms(&self, from: usize, to: usize) -> Vec<String> {
        let mut terms = Vec::new();
        let mut at = from;
        while at < to {
            let end = self.word_end(at);
            let reach = (to + 1).min(end);
            terms.extend(lexical::terms(&self.text(at, reach)));
            at = end;
        }
        terms
    }
}

fn stretches(question: &str) -> Vec<Stretch> {
    let mut found = Vec::new();
    for piece in question.split(|c: char| !is_hangul(c) && c != ' ') {
        let mut stretch = Stretch {
            syllables: Vec::new(),
            ends: Vec::new(),
        };
        for word in piece.split_whitespace() {
            stretch.syllables.extend(word.chars());
            stretch.ends.push(stretch.syllables.len());
        }
        if !stretch.syllables.is_empty() {
            found.push(stretch);
        }
    }
    found
}

fn units_of(stretch: &Stretch, known: &impl Fn(&str) -> bool) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut at = 0;
    while at < stretch.syllables.len() {
        let end = stretch.word_end(at);
        if let Some(to) = known_from(stretch, at, known) {
            let next = after_ending(stretch, to, known);
            units.push(Unit {
                word: stretch.text(at, to),
                terms: stretch.terms(at, next),
            });
            at = next;
            continue;
        }
        // The last two syllables or more, where the word begins with something unknown.
        let from = (at + 1..end.saturating_sub(1)).find(|&from| known(&stretch.text(from, end)));
        units.extend(from.map(|from| Unit {
            word: stretch.text(from, end),
            terms: stretch.terms(from, end),
        }));
        at = end;
    }
    units
}

/// The end of the longest known word that begins at `at`. One syllable is a word only where it is
/// written alone or with a particle: as a beginning it says nothing.
fn known_from(stretch: &Stretch, at: usize, known: &impl Fn(&str) -> bool) -> Option<usize> {
    const LONGEST: usize = 10;
    let last = (at + LONGEST).min(stretch.syllables.len());
    (at + 1..=last).rev().find(|&to| {
        let alone = to > at + 1
            || (stretch.is_start(at)
                && (stretch.is_start(to)
                    || to == stretch.syllables.len()
                    || (stretch.word_end(at) == to + 1 && is_ending(stretch.syllables[to]))));
        alone && known(&stretch.text(at, to))
    })
}

/// Where the word goes on after its ending.
fn after_ending(stretch: &Stretch, to: usize, known: &impl Fn(&str) -> bool) -> usize {
    let ends = stretch.is_start(to) || to >= stretch.syllables.len();
    if !ends && is_ending(stretch.syllables[to]) && known_from(stretch, to, known).is_none() {
        stretch.word_end(to)
    } else {
        to
    }
}

fn is_ending(syllable: char) -> bool {
    ENDINGS.contains(syllable)
}
