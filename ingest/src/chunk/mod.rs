//! Cutting a document into pieces that are embedded and quoted.
//!
//! A chunk is a section: what stands under one heading. A section too large for a chunk is cut
//! where Markdown allows it ([`split`]); one of a few words is joined to a neighbour, because a
//! chunk that holds little besides its heading is found for every question that shares a word with
//! it and answers none.

mod outline;
pub(crate) mod pages;
mod split;
mod tokens;

use std::cell::RefCell;
use std::collections::HashMap;

use docent_core::config;
use docent_core::document::Chunk;
use docent_core::models::TokenCounter;

use outline::{Outline, Section};
use pages::Pages;
use tokens::Tokens;

/// Part of the layout of a collection: raise it when the same document is cut into other chunks.
pub const CHUNKER_VERSION: u32 = 1;

/// A section of fewer tokens is joined to a neighbour under the same heading.
const TINY: usize = 48;

/// What a document is called, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub title: &'a str,
    /// Names of the pages above it in a wiki, outermost first: outer headings of every chunk.
    pub above: &'a [String],
}

impl<'a> Place<'a> {
    /// A document that stands alone.
    pub fn titled(title: &'a str) -> Self {
        Self { title, above: &[] }
    }
}

/// The chunks of a cleaned document, in reading order. What is embedded of each
/// ([`Chunk::embedded_text`]: title, headings, text) has at most `settings.max_tokens` tokens (seldom 2% more: a tokenizer can join pieces badly); where
/// title and headings alone take more than half of that, outer headings are left out.
///
/// Every visible character of the text is in a chunk, and a chunk's text stands in the document as
/// it is, except for later parts of a table that is too large for one chunk: they begin with a copy
/// of its header row. Overlap is only between parts of one section. A document of nothing but a
/// title has one chunk: its title.
pub fn chunks(
    place: Place<'_>,
    markdown: &str,
    counter: &TokenCounter,
    settings: &config::Chunk,
) -> Vec<Chunk> {
    let title = place.title;
    if markdown.trim().is_empty() {
        return title_only(place);
    }
    let mut outline = Outline::of(markdown);
    outline.put_below(place);
    let cutter = Cutter {
        title,
        title_tokens: counter.count(title) + counter.count("\n"),
        headings: RefCell::default(),
        tokens: Tokens::of(markdown, counter),
        outline: &outline,
        max_tokens: settings.max_tokens,
        overlap: settings.overlap_tokens,
    };
    let mut pages = Pages::of(markdown);
    let mut chunks = Vec::new();
    for group in cutter.groups() {
        let (heading, budget) = cutter.budget(&group.path);
        for text in cutter.cut(&group, budget) {
            let (text, pages) = pages.take(text);
            if text.is_empty() {
                continue;
            }
            chunks.push(Chunk {
                ordinal: chunks.len() as u32,
                heading: heading.to_vec(),
                text,
                pages,
            });
        }
    }
    chunks
}

fn title_only(place: Place<'_>) -> Vec<Chunk> {
    let text = place.title.trim();
    if text.is_empty() {
        return Vec::new();
    }
    vec![Chunk {
        ordinal: 0,
        heading: place.above.to_vec(),
        text: text.to_owned(),
        pages: Vec::new(),
    }]
}

struct Cutter<'a> {
    title: &'a str,
    title_tokens: usize,
    /// What each heading takes in the text that is embedded.
    headings: RefCell<HashMap<String, usize>>,
    tokens: Tokens<'a>,
    outline: &'a Outline,
    max_tokens: usize,
    overlap: usize,
}

/// Neighbouring sections that make one chunk, or a single one that may make several.
#[derive(Clone)]
struct Group {
    start: usize,
    end: usize,
    /// Where the text begins, after the headings that the group starts with.
    body: usize,
    /// The headings that all of its text stands under.
    path: Vec<String>,
    /// The path of its first section: what comes next is compared with it.
    first: Vec<String>,
    has_body: bool,
}

impl Group {
    fn of(section: &Section) -> Self {
        Self {
            start: section.start,
            end: section.end,
            body: section.body,
            path: section.path.clone(),
            first: section.path.clone(),
            has_body: section.has_body,
        }
    }

    /// Whether `next` stands under the same heading, or directly under this one.
    fn is_related(&self, next: &Group) -> bool {
        let Some((_, parent)) = next.first.split_last() else {
            return false;
        };
        let own_parent = self.first.split_last().map(|(_, parent)| parent);
        own_parent == Some(parent) || self.first == parent
    }

    fn joined(&self, next: &Group) -> Self {
        // An empty section says nothing that would need its heading.
        let path = match (self.has_body, next.has_body) {
            (true, false) => self.path.clone(),
            (false, true) => next.path.clone(),
            _ => {
                let same = self.path.iter().zip(&next.path).take_while(|(a, b)| a == b);
                same.map(|(heading, _)| heading.clone()).collect()
            }
        };
        Self {
            end: next.end,
            path,
            has_body: self.has_body || next.has_body,
            ..self.clone()
        }
    }
}

impl Cutter<'_> {
    /// Sections, with bare headings put before what follows them and tiny ones joined.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for unit in self.units() {
            if let Some(last) = groups.last_mut()
                && self.is_tiny(last)
                && let Some(joined) = self.join(last, &unit)
            {
                *last = joined;
            } else {
                // The one before is done: if it stayed tiny, it goes to the one before it.
                self.settle(&mut groups);
                groups.push(unit);
            }
        }
        self.settle(&mut groups);
        groups
    }

    fn settle(&self, groups: &mut Vec<Group>) {
        if let [.., before, last] = groups.as_slice()
            && self.is_tiny(last)
            && let Some(joined) = self.join(before, last)
        {
            groups.truncate(groups.len() - 2);
            groups.push(joined);
        }
    }

    fn join(&self, group: &Group, next: &Group) -> Option<Group> {
        let joined = group.is_related(next).then(|| group.joined(next))?;
        let (_, budget) = self.budget(&joined.path);
        (self.tokens.count(joined.start, joined.end) <= budget).then_some(joined)
    }

    fn is_tiny(&self, group: &Group) -> bool {
        let tiny = TINY.min(self.max_tokens / 4);
        // Counting is what takes time here: no token is shorter than a byte.
        group.end - group.start < tiny || self.tokens.count(group.start, group.end) < tiny
    }

    /// A heading with nothing under it but lower headings belongs to the first of those.
    fn units(&self) -> Vec<Group> {
        let mut units = Vec::with_capacity(self.outline.sections.len());
        let mut bare: Option<usize> = None;
        let mut sections = self.outline.sections.iter().peekable();
        while let Some(section) = sections.next() {
            let leads = sections
                .peek()
                .is_some_and(|next| next.path.starts_with(&section.path));
            if !section.has_body && leads {
                bare.get_or_insert(section.start);
                continue;
            }
            let mut unit = Group::of(section);
            unit.start = bare.take().unwrap_or(unit.start);
            units.push(unit);
        }
        units
    }

    /// The headings that are embedded with a chunk, without the title, and the tokens that they
    /// leave for its text.
    fn budget<'p>(&self, path: &'p [String]) -> (&'p [String], usize) {
        let mut heading = match path.split_first() {
            Some((first, rest)) if first == self.title => rest,
            _ => path,
        };
        loop {
            let parts = heading.iter().map(|part| self.heading_tokens(part));
            let taken = self.title_tokens + parts.sum::<usize>();
            match heading.split_first() {
                Some((_, inner)) if taken * 2 > self.max_tokens => heading = inner,
                _ => {
                    let left = self.max_tokens.saturating_sub(taken);
                    return (heading, left.max(self.max_tokens / 4).max(1));
                }
            }
        }
    }

    fn heading_tokens(&self, heading: &str) -> usize {
        if let Some(tokens) = self.headings.borrow().get(heading) {
            return *tokens;
        }
        let tokens = self.tokens.count_other(&format!(" > {heading}"));
        self.headings
            .borrow_mut()
            .insert(heading.to_owned(), tokens);
        tokens
    }

    fn cut(&self, group: &Group, budget: usize) -> Vec<String> {
        let text = self.tokens.text();
        if self.tokens.count(group.start, group.end) <= budget {
            let whole = split::trimmed(&text[group.start..group.end]);
            return if whole.is_empty() {
                Vec::new()
            } else {
                vec![whole.to_owned()]
            };
        }
        split::parts(
            &self.tokens,
            &self.outline.blocks,
            &split::Piece {
                start: group.start,
                body: group.body,
                end: group.end,
            },
            budget,
            self.overlap,
        )
    }
}
