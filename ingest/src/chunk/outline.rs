//! Headings, sections and blocks of a Markdown text.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::Place;
use crate::clean::edits::OPTIONS;

/// A text by its headings. Headings inside code, lists and quotations are none.
pub(super) struct Outline {
    /// In reading order, without gaps; text above the first heading is a section of its own.
    pub(super) sections: Vec<Section>,
    /// Blocks at the top level, in reading order.
    pub(super) blocks: Vec<Block>,
}

/// A heading and what stands below it, up to the next heading.
pub(super) struct Section {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where its heading ends.
    pub(super) body: usize,
    /// Headings above it and its own, outermost first.
    pub(super) path: Vec<String>,
    /// Whether anything stands below the heading.
    pub(super) has_body: bool,
}

/// A paragraph, list, code block, table …
pub(super) struct Block {
    pub(super) range: Range<usize>,
    pub(super) is_table: bool,
}

impl Outline {
    pub(super) fn of(text: &str) -> Self {
        let mut blocks = Vec::new();
        let mut sections = vec![Section {
            start: 0,
            end: 0,
            body: 0,
            path: Vec::new(),
            has_body: false,
        }];
        let mut above: Vec<(usize, String)> = Vec::new();
        let mut heading: Option<String> = None;
        let mut depth = 0_usize;
        for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
            match event {
                Event::Start(tag) => {
                    if depth == 0 {
                        if let Tag::Heading { .. } = tag {
                            heading = Some(String::new());
                        }
                        blocks.push(Block {
                            range,
                            is_table: matches!(tag, Tag::Table(_)),
                        });
                    }
                    depth += 1;
                }
                Event::End(TagEnd::Heading(level)) if depth == 1 => {
                    depth = 0;
                    let level = level as usize;
                    let words = heading.take().unwrap_or_default();
                    above.retain(|(upper, _)| *upper < level);
                    above.push((
                        level,
                        words.split_whitespace().collect::<Vec<_>>().join(" "),
                    ));
                    let start = line_start(text, range.start);
                    close(&mut sections, text, start);
                    sections.push(Section {
                        start,
                        end: start,
                        body: range.end,
                        path: above.iter().map(|(_, words)| words.clone()).collect(),
                        has_body: false,
                    });
                }
                Event::End(_) => depth -= 1,
                Event::Rule if depth == 0 => blocks.push(Block {
                    range,
                    is_table: false,
                }),
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                }
                Event::SoftBreak | Event::HardBreak => {
                    if let Some(heading) = &mut heading {
                        heading.push(' ');
                    }
                }
                _ => {}
            }
        }
        close(&mut sections, text, text.len());
        sections.retain(|section| section.has_body || !section.path.is_empty());
        Self { sections, blocks }
    }

    /// Puts the pages above the document before its own headings.
    pub(super) fn put_below(&mut self, place: Place<'_>) {
        if place.above.is_empty() {
            return;
        }
        for section in &mut self.sections {
            // The title stands before all headings already.
            let repeats = section
                .path
                .first()
                .is_some_and(|first| first == place.title);
            let own = section.path.split_off(usize::from(repeats));
            section.path = [place.above, &own].concat();
        }
    }
}

fn close(sections: &mut [Section], text: &str, end: usize) {
    if let Some(last) = sections.last_mut() {
        last.end = end;
        last.has_body = !text[last.body..end].trim().is_empty();
    }
}

/// The parser leaves the indentation of a heading out of its range.
fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}
