//! Pages of the original. An extractor writes a mark before what stands first on a page; it goes
//! through cleaning and cutting as a block of its own, and is taken out of the chunks again, which
//! remember it as an offset. A heading "Page 3" would cut sections in two instead.

use docent_core::document::PageMark;

const OPEN: &str = "<!-- docent:page ";
const CLOSE: &str = " -->";

/// The mark of a page (from 1), to stand between blank lines.
pub(crate) fn mark(page: u32) -> String {
    format!("{OPEN}{page}{CLOSE}")
}

/// Whether a text has marks of pages.
pub(crate) fn are_marked(markdown: &str) -> bool {
    markdown.contains(OPEN)
}

fn page_of(line: &str) -> Option<u32> {
    let number = line.trim().strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
    number.parse().ok()
}

/// Follows the pages of a document through its chunks, in reading order.
pub(super) struct Pages {
    /// Every page that is marked, in order.
    marked: Vec<u32>,
    /// The page that the last chunk ended on.
    current: Option<u32>,
}

impl Pages {
    pub(super) fn of(markdown: &str) -> Self {
        let marked = if markdown.contains(OPEN) {
            markdown.lines().filter_map(page_of).collect()
        } else {
            Vec::new()
        };
        Self {
            marked,
            current: None,
        }
    }

    /// The text of the next chunk without its marks, and where pages begin in it.
    pub(super) fn take(&mut self, text: String) -> (String, Vec<PageMark>) {
        if self.marked.is_empty() {
            return (text, Vec::new());
        }
        // Chunks overlap: what stands before a mark is on the page before it, whatever the last
        // chunk ended on.
        let first = match text.lines().find_map(page_of) {
            Some(page) => self.before(page),
            None => self.current,
        };
        let mut marks: Vec<PageMark> = first
            .map(|page| PageMark { at: 0, page })
            .into_iter()
            .collect();
        let mut bare = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            if let Some(page) = page_of(line) {
                let at = bare.len() as u32;
                marks.retain(|mark| mark.at < at);
                marks.push(PageMark { at, page });
                self.current = Some(page);
            } else if !line.trim().is_empty() || !(bare.is_empty() || bare.ends_with("\n\n")) {
                bare.push_str(line);
            }
        }
        bare.truncate(bare.trim_end().len());
        marks.retain(|mark| (mark.at as usize) < bare.len());
        (bare, marks)
    }

    fn before(&self, page: u32) -> Option<u32> {
        let at = self.marked.iter().position(|marked| *marked == page)?;
        Some(self.marked[at.checked_sub(1)?])
    }
}
