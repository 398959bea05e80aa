//! Text with the statistics of language: a few words everywhere, most words seldom (Zipf's law). In a
//! text of 48 words every question would match every chunk, and no index could help.

/// Different words. A product's documentation of 100,000 chunks has about as many.
const VOCABULARY: f64 = 20_000.0;
const SYLLABLES: [&str; 20] = [
    "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va",
    "we", "xi", "yo", "zu",
];

/// A small generator of numbers, the same in every run (Knuth's MMIX constants).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// From 0 to below 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

/// The word of a rank, from 1.
pub(crate) fn word(mut rank: usize) -> String {
    let mut word = String::new();
    while rank > 0 {
        word.push_str(SYLLABLES[rank % SYLLABLES.len()]);
        rank /= SYLLABLES.len();
    }
    word
}

/// A word as often as Zipf's law has it: the chance of rank r is proportional to 1/r.
pub(crate) fn any_word(random: &mut Random) -> String {
    word(VOCABULARY.powf(random.share()) as usize)
}

/// So many words.
pub(crate) fn text(random: &mut Random, words: usize) -> String {
    let mut text = String::with_capacity(words * 6);
    for _ in 0..words {
        text.push_str(&any_word(random));
        text.push(' ');
    }
    text
}
