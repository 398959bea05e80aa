//! Changing a Markdown text in places found by its parser, without writing the rest anew.

use std::ops::Range;

use pulldown_cmark::Options;

/// How docent reads Markdown: GitHub's tables, footnotes and task lists, and mdBook's heading ids.
pub(crate) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES);

/// Replacements of byte ranges. Of two that overlap, the one that begins earlier wins, and of two
/// that begin together the longer.
#[derive(Default)]
pub(crate) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    pub(crate) fn replace(&mut self, range: Range<usize>, with: impl Into<String>) {
        self.0.push((range, with.into()));
    }

    pub(crate) fn remove(&mut self, range: Range<usize>) {
        self.replace(range, String::new());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn apply(mut self, text: &str) -> String {
        self.0
            .sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut result = String::with_capacity(text.len());
        let mut done = 0;
        for (range, with) in self.0 {
            if range.start < done {
                continue;
            }
            result.push_str(&text[done..range.start]);
            result.push_str(&with);
            done = range.end;
        }
        result.push_str(&text[done..]);
        result
    }
}
