//! Parts of a page that say nothing about its subject.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Parser, Tag, TagEnd};

use super::edits::{Edits, OPTIONS};

/// Whole paragraphs that only move a reader about.
const NAVIGATION: [&str; 14] = [
    "edit this page",
    "edit on github",
    "edit this page on github",
    "edit on gitlab",
    "improve this page",
    "improve this doc",
    "suggest edits",
    "view page source",
    "view source",
    "back to top",
    "was this page helpful?",
    "skip to content",
    "skip to main content",
    "on this page",
];
/// Marks that a generator replaces by a table of contents.
const CONTENTS_MARKS: [&str; 4] = ["[toc]", "[[toc]]", "[[_toc_]]", "{:toc}"];
/// Headings of a table of contents.
const CONTENTS_HEADINGS: [&str; 4] = ["contents", "table of contents", "on this page", "toc"];

/// What a text holds for cleaning.
pub(super) struct Found {
    /// What to take out, or to write another way.
    pub(super) edits: Edits,
    /// Code blocks and tables.
    pub(super) kept: Vec<Range<usize>>,
}

/// Looks through a text once.
pub(super) fn find(text: &str) -> Found {
    let mut finder = Finder {
        text,
        found: Found {
            edits: Edits::default(),
            kept: Vec::new(),
        },
        depth: 0,
        links: Vec::new(),
        block: Block::default(),
        heading: None,
    };
    let mut events = Parser::new_ext(text, OPTIONS).into_offset_iter();
    for (event, range) in events.by_ref() {
        finder.take(&event, range);
    }
    let mut found = finder.found;
    for (_, definition) in events.reference_definitions().iter() {
        let span = definition.span.clone();
        found.edits.remove(whole_lines(text, span));
    }
    found
}

/// A definition and the line break behind it, where nothing else stands on its lines.
fn whole_lines(text: &str, span: Range<usize>) -> Range<usize> {
    match text[span.end..].find('\n') {
        Some(end) if text[span.end..span.end + end].trim().is_empty() => {
            span.start..span.end + end + 1
        }
        _ => span,
    }
}

struct Finder<'a> {
    text: &'a str,
    found: Found,
    depth: usize,
    links: Vec<Link>,
    /// The paragraph or list at the top level that is being read.
    block: Block,
    /// The heading just read, while nothing but blank space has followed.
    heading: Option<(Range<usize>, String)>,
}

struct Link {
    range: Range<usize>,
    kind: LinkType,
    address: String,
    /// Where the text of the link ends.
    text_end: usize,
}

/// What a top-level block holds.
#[derive(Default)]
struct Block {
    words: String,
    /// Links into the page itself.
    own_links: usize,
    items: usize,
    /// Text outside of such links.
    has_text: bool,
}

impl Finder<'_> {
    fn take(&mut self, event: &Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => {
                if self.depth == 0 {
                    self.block = Block::default();
                    if !matches!(tag, Tag::Heading { .. } | Tag::List(_)) {
                        self.heading = None;
                    }
                }
                self.depth += 1;
                match tag {
                    Tag::Item => self.block.items += 1,
                    Tag::Link {
                        link_type,
                        dest_url,
                        ..
                    } => self.links.push(Link {
                        text_end: range.start + 1,
                        range,
                        kind: *link_type,
                        address: dest_url.to_string(),
                    }),
                    Tag::CodeBlock(_) | Tag::Table(_) => {
                        self.block.has_text = true;
                        self.found.kept.push(range);
                    }
                    Tag::HtmlBlock => self.block.has_text = true,
                    _ => {}
                }
                return;
            }
            Event::End(end) => {
                self.depth -= 1;
                if let TagEnd::Link = end {
                    self.end_link();
                }
                if self.depth == 0 {
                    self.end_block(*end, range.clone());
                }
            }
            Event::Text(words) | Event::Code(words) => {
                let in_own_link = self
                    .links
                    .last()
                    .is_some_and(|link| link.address.starts_with('#'));
                self.block.has_text |= !in_own_link && !words.trim().is_empty();
                self.block.words.push_str(words);
            }
            Event::SoftBreak | Event::HardBreak => self.block.words.push(' '),
            Event::Rule => self.heading = None,
            _ => self.block.has_text = true,
        }
        if let Some(link) = self.links.last_mut() {
            link.text_end = link.text_end.max(range.end);
        }
    }

    /// A link by reference becomes an inline one: its definition goes.
    fn end_link(&mut self) {
        let Some(link) = self.links.pop() else {
            return;
        };
        if link.address.starts_with('#') {
            self.block.own_links += 1;
        }
        if matches!(
            link.kind,
            LinkType::Reference | LinkType::Collapsed | LinkType::Shortcut
        ) {
            let address = if link.address.contains([' ', '(', ')']) {
                format!("<{}>", link.address)
            } else {
                link.address
            };
            let text_end = link.text_end.min(link.range.end);
            let mut end = link.range.end;
            // The parser leaves the brackets of `[text][]` out of the link.
            if link.kind == LinkType::Collapsed && self.text[end..].starts_with("[]") {
                end += 2;
            }
            self.found
                .edits
                .replace(text_end..end, format!("]({address})"));
        }
    }

    fn end_block(&mut self, end: TagEnd, range: Range<usize>) {
        let block = std::mem::take(&mut self.block);
        let words = block.words.trim().to_lowercase();
        match end {
            TagEnd::Heading(_) => {
                self.heading = Some((range, words));
            }
            TagEnd::List(_) => {
                let is_contents = block.items > 1 && block.own_links >= block.items;
                if is_contents && !block.has_text {
                    self.found.edits.remove(range);
                    if let Some((heading, words)) = self.heading.take()
                        && CONTENTS_HEADINGS.contains(&words.as_str())
                    {
                        self.found.edits.remove(heading);
                    }
                }
                self.heading = None;
            }
            TagEnd::Paragraph => {
                let plain =
                    words.trim_matches(|c: char| !(c.is_alphanumeric() || "[]{}?".contains(c)));
                let whole = self.text[range.clone()].trim().to_lowercase();
                if NAVIGATION.contains(&plain) || CONTENTS_MARKS.contains(&whole.as_str()) {
                    self.found.edits.remove(range);
                }
            }
            _ => {}
        }
    }
}
