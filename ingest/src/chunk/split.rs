//! Cutting a section that is too large for one chunk.

use std::ops::Range;

use text_splitter::{ChunkConfig, MarkdownSplitter};

use super::outline::Block;
use super::tokens::Tokens;

/// text-splitter's time grows with the square of a text's length, so it is given no more than about
/// this many bytes at once, cut between blocks.
const WINDOW: usize = 16_384;

/// The section to cut, by offsets.
pub(super) struct Piece {
    pub(super) start: usize,
    /// Where its headings end.
    pub(super) body: usize,
    pub(super) end: usize,
}

/// Parts of at most `budget` tokens. Code blocks and tables stay whole where they fit; a larger
/// table is cut between rows, each part with the header row. The headings stay with the first part.
pub(super) fn parts(
    tokens: &Tokens<'_>,
    blocks: &[Block],
    piece: &Piece,
    budget: usize,
    overlap: usize,
) -> Vec<String> {
    let text = tokens.text();
    let lead = tokens.count(piece.start, piece.body);
    // Headings that would take most of the first part are cut like any other text.
    let body = if lead * 4 > budget {
        piece.start
    } else {
        piece.body
    };
    let budget = if body == piece.body {
        budget - lead
    } else {
        budget
    };
    let mut cut = Cut {
        tokens,
        budget,
        overlap: overlap.min(budget / 2),
        start: piece.start,
        parts: Vec::new(),
    };

    let first = blocks.partition_point(|block| block.range.start < body);
    let mut start = body;
    for block in &blocks[first..] {
        if block.range.start >= piece.end {
            break;
        }
        let range = &block.range;
        if block.is_table && tokens.count(range.start, range.end) > budget {
            cut.run(start..range.start);
            cut.table(range.clone());
            start = range.end;
        } else if range.end - start > WINDOW {
            // Only whole blocks go together, unless one alone is far too large.
            if range.start > start && range.end - range.start <= WINDOW {
                cut.run(start..range.start);
                start = range.start;
            } else {
                start = cut.large(start..range.end);
            }
        }
    }
    cut.run(start..piece.end);
    debug_assert!(!cut.parts.is_empty() || text[piece.start..piece.end].trim().is_empty());
    cut.parts
}

/// Without blank lines around it; the indentation of its first line is kept.
pub(super) fn trimmed(text: &str) -> &str {
    let text = text.trim_end();
    let blank = text.len() - text.trim_start().len();
    match text[..blank].rfind('\n') {
        Some(newline) => &text[newline + 1..],
        None => text,
    }
}

struct Cut<'a> {
    tokens: &'a Tokens<'a>,
    budget: usize,
    overlap: usize,
    /// Where the first part begins: its headings are not part of what is cut.
    start: usize,
    parts: Vec<String>,
}

impl Cut<'_> {
    fn push(&mut self, range: Range<usize>) {
        let start = if self.parts.is_empty() {
            self.start
        } else {
            range.start
        };
        let part = trimmed(&self.tokens.text()[start..range.end]);
        if !part.is_empty() {
            self.parts.push(part.to_owned());
        }
    }

    fn run(&mut self, range: Range<usize>) {
        let run = &self.tokens.text()[range.clone()];
        if run.trim().is_empty() {
            return;
        }
        if self.tokens.count(range.start, range.end) <= self.budget {
            return self.push(range);
        }
        let config = ChunkConfig::new(self.budget).with_sizer(self.tokens);
        // Half of the budget at the most: smaller than the capacity, which is all that it refuses.
        let Ok(config) = config.with_overlap(self.overlap) else {
            return self.push(range);
        };
        for (at, part) in MarkdownSplitter::new(config).chunk_indices(run) {
            let start = range.start + at;
            self.push(start..start + part.len());
        }
    }

    /// A run too large for text-splitter, cut at line ends (or anywhere, where there are none).
    /// Gives where it ends.
    fn large(&mut self, range: Range<usize>) -> usize {
        let text = self.tokens.text();
        let mut start = range.start;
        while range.end - start > WINDOW {
            let limit = text.floor_char_boundary(start + WINDOW);
            let end = text[start..limit]
                .rfind('\n')
                .map_or(limit, |newline| start + newline + 1);
            self.run(start..end);
            start = end;
        }
        start
    }

    fn table(&mut self, range: Range<usize>) {
        let text = self.tokens.text();
        let mut lines = Vec::new();
        let mut at = range.start;
        for line in text[range.clone()].split_inclusive('\n') {
            lines.push(at..at + line.len());
            at += line.len();
        }
        // The header row and the line of dashes under it.
        let (Some(header), true) = (
            lines.get(1).map(|line| range.start..line.end),
            lines.len() > 2,
        ) else {
            return self.run(range);
        };
        let taken = self.tokens.count(header.start, header.end);
        if taken * 3 > self.budget {
            return self.run(range);
        }
        let room = self.budget - taken;
        let mut rows: Option<Range<usize>> = None;
        for line in lines.drain(2..) {
            let begun = rows.as_ref().map_or(line.start, |rows| rows.start);
            if self.tokens.count(begun, line.end) <= room {
                rows = Some(begun..line.end);
                continue;
            }
            if let Some(rows) = rows.take() {
                self.push_rows(&header, rows);
            }
            if self.tokens.count(line.start, line.end) <= room {
                rows = Some(line);
            } else if line.start == header.end {
                self.run(header.start..line.end); // The header must stand somewhere.
            } else {
                self.run(line);
            }
        }
        if let Some(rows) = rows {
            self.push_rows(&header, rows);
        }
    }

    fn push_rows(&mut self, header: &Range<usize>, rows: Range<usize>) {
        if rows.start == header.end {
            return self.push(header.start..rows.end);
        }
        let text = self.tokens.text();
        let mut part = text[header.clone()].to_owned();
        part.push_str(text[rows].trim_end());
        self.parts.push(part);
    }
}
