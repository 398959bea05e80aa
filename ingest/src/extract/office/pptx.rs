//! PPTX: each slide is a section, in the order in which they are shown, with its speaker notes.
//! Hidden slides are left out.

use docent_core::document::Outcome;

use super::xml::{Node, Tag, Xml};
use super::{Package, relations};
use crate::extract::Page;
use crate::extract::write::{Markdown, one_line};

/// Most slides that are read.
const MAX_SLIDES: usize = 2_000;

pub(super) fn page(package: &mut Package<'_>, main: &str) -> Result<Page, Outcome> {
    let mut markdown = Markdown::default();
    let mut title = None;
    let (mut number, mut hidden) = (0, 0);
    for part in slides(package, main)? {
        number += 1;
        let Some(bytes) = package.read(&part)? else {
            continue;
        };
        let Some(slide) = Slide::of(&bytes)? else {
            hidden += 1;
            continue;
        };
        let notes = notes(package, &part)?;
        title = title.or_else(|| slide.title.clone());
        slide.write(number, &notes, &mut markdown);
    }
    if hidden > 0 {
        markdown.paragraph(&format!("Hidden slides left out: {hidden}."));
    }
    Ok(Page {
        title,
        ..Page::of(markdown.finish())
    })
}

/// The slides' parts, in their order.
fn slides(package: &mut Package<'_>, main: &str) -> Result<Vec<String>, Outcome> {
    let links = relations(package, main)?;
    let bytes = package.read(main)?.unwrap_or_default();
    let mut xml = Xml::of(&bytes[..]);
    let mut slides = Vec::new();
    while let Some(node) = xml.next()? {
        if let Node::Start(tag) = node
            && tag.name == "sldId"
            && let Some(link) = tag.relation().and_then(|id| links.get(id))
        {
            slides.push(link.target.clone());
        }
    }
    slides.truncate(MAX_SLIDES);
    Ok(slides)
}

/// What the speaker says.
fn notes(package: &mut Package<'_>, slide: &str) -> Result<Vec<String>, Outcome> {
    let part = relations(package, slide)?
        .into_values()
        .find(|link| link.kind == "notesSlide")
        .map(|link| link.target);
    let Some(bytes) = part.map(|part| package.read(&part)).transpose()?.flatten() else {
        return Ok(Vec::new());
    };
    let slide = Slide::of(&bytes)?;
    let blocks = slide.into_iter().flat_map(|slide| slide.blocks);
    Ok(blocks
        .filter_map(|block| match block {
            Block::Line { text, kind, .. } if kind == "body" => Some(text),
            _ => None,
        })
        .collect())
}

/// What a slide shows, in the order of its shapes.
#[derive(Default)]
struct Slide {
    title: Option<String>,
    blocks: Vec<Block>,
}

enum Block {
    Line {
        text: String,
        depth: usize,
        /// The placeholder that it stands in: `body`, `sldNum` … Blank: a free text box.
        kind: String,
    },
    Table(Vec<Vec<String>>),
}

/// Placeholders that say nothing about the slide's subject.
const FURNITURE: [&str; 4] = ["sldNum", "dt", "ftr", "hdr"];

impl Slide {
    /// Reads a slide; `None` where it is hidden.
    fn of(bytes: &[u8]) -> Result<Option<Self>, Outcome> {
        let mut xml = Xml::of(bytes);
        let mut slide = Self::default();
        let mut kind = String::new();
        let (mut words, mut depth, mut in_text) = (String::new(), 0, false);
        let mut table: Option<Vec<Vec<String>>> = None;
        while let Some(node) = xml.next()? {
            match node {
                Node::Start(tag) => match tag.name.as_str() {
                    "sld" if tag.get("show") == Some("0") => return Ok(None),
                    "sp" => kind.clear(),
                    "ph" => kind = tag.get("type").unwrap_or("body").to_owned(),
                    "p" => (words, depth) = (String::new(), 0),
                    "pPr" => {
                        depth = tag
                            .get("lvl")
                            .and_then(|level| level.parse().ok())
                            .unwrap_or(0)
                    }
                    "br" | "tab" => words.push(' '),
                    "t" => in_text = true,
                    "tbl" => table = Some(Vec::new()),
                    "tr" => {
                        if let Some(rows) = &mut table {
                            rows.push(Vec::new());
                        }
                    }
                    "tc" => {
                        if let Some(row) = table.as_mut().and_then(|rows| rows.last_mut()) {
                            row.push(String::new());
                        }
                    }
                    "cNvPr" => slide.picture(&tag),
                    _ => {}
                },
                Node::Text(text) if in_text => words.push_str(&text),
                Node::Text(_) => {}
                Node::End(name) => match name.as_str() {
                    "t" => in_text = false,
                    "p" => {
                        let text = one_line(&std::mem::take(&mut words));
                        match &mut table {
                            Some(rows) => {
                                if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                                    let gap = if cell.is_empty() || text.is_empty() {
                                        ""
                                    } else {
                                        "; "
                                    };
                                    cell.push_str(&format!("{gap}{text}"));
                                }
                            }
                            None => slide.line(text, depth, &kind),
                        }
                    }
                    "tbl" => slide.blocks.extend(table.take().map(Block::Table)),
                    "sp" => kind.clear(),
                    _ => {}
                },
            }
        }
        Ok(Some(slide))
    }

    fn line(&mut self, text: String, depth: usize, kind: &str) {
        if text.is_empty() || FURNITURE.contains(&kind) {
            return;
        }
        match kind {
            "title" | "ctrTitle" => match &mut self.title {
                Some(title) => title.push_str(&format!(" {text}")),
                None => self.title = Some(text),
            },
            kind => self.blocks.push(Block::Line {
                text,
                depth,
                kind: kind.to_owned(),
            }),
        }
    }

    /// A picture's description, but not the file name that a program puts there.
    fn picture(&mut self, tag: &Tag) {
        let words = one_line(tag.get("descr").unwrap_or_default());
        let is_name = !words.contains(' ') && words.contains('.');
        if !words.is_empty() && !is_name {
            self.line(words, 0, "");
        }
    }

    fn write(self, number: usize, notes: &[String], markdown: &mut Markdown) {
        // The number is the slide's place: a reader of a citation looks for it.
        let heading = match &self.title {
            Some(title) => format!("Slide {number}: {title}"),
            None => format!("Slide {number}"),
        };
        markdown.heading(2, &heading);
        for block in self.blocks {
            match block {
                Block::Line { text, depth, kind } if kind == "body" || depth > 0 => {
                    markdown.item(depth, None, &text);
                }
                Block::Line { text, .. } => markdown.paragraph(&text),
                Block::Table(rows) => markdown.table(&rows),
            }
        }
        if !notes.is_empty() {
            markdown.paragraph(&format!("Speaker notes: {}", notes.join(" ")));
        }
    }
}
