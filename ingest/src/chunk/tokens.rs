//! How many tokens any part of a text has, without asking the tokenizer for each part anew.

use docent_core::models::TokenCounter;
use text_splitter::ChunkSizer;

/// A piece ends before a line break from this length on, in bytes,
const LINE: usize = 24;
/// before a space from this one on,
const WORD: usize = 96;
/// and anywhere at this one.
const LONGEST: usize = 400;

/// The tokens of a text, counted once in short pieces and added up from there. A tokenizer never
/// gives a whole more tokens than its pieces, so sums err to the safe side (by about 1%).
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
        let mut starts = vec![0];
        let mut sums = vec![0];
        let mut start = 0;
        let mut total = 0;
        for (at, c) in text.char_indices() {
            let length = at - start;
            let ends = match c {
                '\n' => length >= LINE,
                ' ' => length >= WORD,
                _ => length >= LONGEST,
            };
            if ends {
                total += counter.count(&text[start..at]);
                start = at;
                starts.push(start);
                sums.push(total);
            }
        }
        total += counter.count(&text[start..]);
        starts.push(text.len());
        sums.push(total);
        Self {
            text,
            counter,
            starts,
            sums,
        }
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
            return self.counter.count(&self.text[start..end]);
        }
        let mut tokens = self.sums[last] - self.sums[first];
        if start < self.starts[first] {
            tokens += self.counter.count(&self.text[start..self.starts[first]]);
        }
        if self.starts[last] < end {
            tokens += self.counter.count(&self.text[self.starts[last]..end]);
        }
        tokens
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
