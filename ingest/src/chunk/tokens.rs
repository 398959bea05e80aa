//! How many tokens any part of a text has, without asking the tokenizer for each part anew.

use std::collections::HashMap;
use std::ops::Range;

use docent_core::models::TokenCounter;
use text_splitter::ChunkSizer;

/// Where the counter is fast, a piece is closed at the next word from this length on, in bytes;
/// else each word is a piece.
const PIECE: usize = 64;
/// Of a shorter piece, any part counts as the whole.
const SHORT: usize = 32;
/// A longer word is counted in parts of this many bytes.
const LONGEST: usize = 256;
/// Eight words for any tokenizer, but a quarter of 15 bytes for `bytes`: it needs no help to be
/// fast, and rounding up word by word would make its sums too large.
const PROBE: &str = "a b c d e f g h";

/// The tokens of a text, counted once in short pieces and added up from there. A tokenizer
/// gives a whole hardly ever more tokens than its pieces, so sums err to the safe side, by less
/// than 2%.
pub(super) struct Tokens<'a> {
    text: &'a str,
    counter: &'a TokenCounter,
    /// Where each piece starts, and at last the end of the text.
    starts: Vec<usize>,
    /// Tokens before each of `starts`.
    sums: Vec<usize>,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str, counter: &'a TokenCounter) -> Self {
        let by_words = counter.count(PROBE) > PROBE.len().div_ceil(4);
        let mut tokens = Self {
            text,
            counter,
            starts: vec![0],
            sums: vec![0],
        };
        // A document says the same words again and again, and asking a tokenizer is slow.
        let mut known: HashMap<&str, usize> = HashMap::new();
        let (mut start, mut total) = (0, 0);
        for word in words(text) {
            if word.start - start >= PIECE || (by_words && word.start > start) {
                if !by_words {
                    total += counter.count(&text[start..word.start]);
                }
                start = word.start;
                tokens.starts.push(start);
                tokens.sums.push(total);
            }
            if by_words {
                let word = &text[word];
                total += *known.entry(word).or_insert_with(|| counter.count(word));
            }
        }
        if !by_words {
            total += counter.count(&text[start..]);
        }
        tokens.starts.push(text.len());
        tokens.sums.push(total);
        tokens
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Tokens of a text that is no part of this one.
    pub(super) fn count_other(&self, text: &str) -> usize {
        self.counter.count(text)
    }

    /// Tokens between two offsets, which must be character boundaries.
    pub(super) fn count(&self, start: usize, end: usize) -> usize {
        // The first piece that starts at or after `start`, and the last that does before `end`.
        let first = self.starts.partition_point(|piece| *piece < start);
        let last = self.starts.partition_point(|piece| *piece <= end) - 1;
        if first > last {
            return self.count_part(last, start, end);
        }
        let mut tokens = self.sums[last] - self.sums[first];
        if start < self.starts[first] {
            tokens += self.count_part(first - 1, start, self.starts[first]);
        }
        if self.starts[last] < end {
            tokens += self.count_part(last, self.starts[last], end);
        }
        tokens
    }

    fn count_part(&self, piece: usize, start: usize, end: usize) -> usize {
        if self.starts[piece + 1] - self.starts[piece] < SHORT {
            return self.sums[piece + 1] - self.sums[piece];
        }
        self.counter.count(&self.text[start..end])
    }
}

impl ChunkSizer for Tokens<'_> {
    fn size(&self, chunk: &str) -> usize {
        // text-splitter asks for slices of the text that it was given.
        let start = chunk
            .as_ptr()
            .addr()
            .wrapping_sub(self.text.as_ptr().addr());
        let end = start.wrapping_add(chunk.len());
        if start <= end && end <= self.text.len() {
            self.count(start, end)
        } else {
            self.counter.count(chunk)
        }
    }
}

/// Words with the spaces before and the line breaks after them: where BPE and `WordPiece` tokenizers
/// begin anew as well.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        while at < bytes.len() && matches!(bytes[at], b' ' | b'\t') {
            at += 1;
        }
        while at < bytes.len() && !bytes[at].is_ascii_whitespace() && at - start < LONGEST {
            at += 1;
        }
        at = text.floor_char_boundary(at);
        while at < bytes.len() && matches!(bytes[at], b'\n' | b'\r' | b'\x0c') {
            at += 1;
        }
        (start < at).then_some(start..at)
    })
}
