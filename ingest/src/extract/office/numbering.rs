//! Paragraph styles and list definitions of a DOCX: which paragraphs are headings, which are items.

use std::collections::HashMap;

use docent_core::document::Outcome;

use super::Package;
use super::xml::{Node, Xml};

/// How far styles are followed to those they are based on.
const MAX_BASES: usize = 16;

/// What a paragraph is by its style.
#[derive(Debug, Clone, Default)]
pub(super) struct Style {
    name: String,
    based_on: Option<String>,
    /// 0 for the highest heading.
    outline: Option<usize>,
    list: Option<String>,
    list_level: Option<usize>,
}

#[derive(Default)]
pub(super) struct Styles {
    styles: HashMap<String, Style>,
    /// List id and level to whether its items are numbered.
    numbered: HashMap<(String, usize), bool>,
}

impl Styles {
    pub(super) fn of(package: &mut Package<'_>, folder: &str) -> Result<Self, Outcome> {
        let mut styles = Self::default();
        if let Some(bytes) = package.read(&format!("{folder}styles.xml"))? {
            styles.read_styles(&bytes)?;
        }
        if let Some(bytes) = package.read(&format!("{folder}numbering.xml"))? {
            styles.read_lists(&bytes)?;
        }
        Ok(styles)
    }

    fn read_styles(&mut self, bytes: &[u8]) -> Result<(), Outcome> {
        let mut xml = Xml::of(bytes);
        let mut current: Option<(String, Style)> = None;
        while let Some(node) = xml.next()? {
            match node {
                Node::Start(tag) if tag.name == "style" => {
                    let id = tag.get("styleId").unwrap_or_default().to_owned();
                    current = Some((id, Style::default()));
                }
                Node::Start(tag) => {
                    let Some((_, style)) = &mut current else {
                        continue;
                    };
                    let value = tag.get("val");
                    match tag.name.as_str() {
                        "name" => style.name = value.unwrap_or_default().to_lowercase(),
                        "basedOn" => style.based_on = value.map(str::to_owned),
                        "outlineLvl" => style.outline = value.and_then(|level| level.parse().ok()),
                        "numId" => style.list = value.map(str::to_owned),
                        "ilvl" => style.list_level = value.and_then(|level| level.parse().ok()),
                        _ => {}
                    }
                }
                Node::End(name) if name == "style" => self.styles.extend(current.take()),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_lists(&mut self, bytes: &[u8]) -> Result<(), Outcome> {
        let mut xml = Xml::of(bytes);
        let mut formats: HashMap<(String, usize), bool> = HashMap::new();
        let (mut definition, mut level, mut list) = (String::new(), 0, String::new());
        while let Some(node) = xml.next()? {
            let Node::Start(tag) = node else { continue };
            let value = || tag.get("val").unwrap_or_default();
            match tag.name.as_str() {
                "abstractNum" => {
                    definition = tag.get("abstractNumId").unwrap_or_default().to_owned();
                }
                "lvl" => {
                    level = tag
                        .get("ilvl")
                        .and_then(|level| level.parse().ok())
                        .unwrap_or(0)
                }
                "numFmt" => {
                    let is_numbered = !["bullet", "none"].contains(&value());
                    formats.insert((definition.clone(), level), is_numbered);
                }
                "num" => list = tag.get("numId").unwrap_or_default().to_owned(),
                // Definitions stand before the lists that use them.
                "abstractNumId" => {
                    let of_this = formats.iter().filter(|((id, _), _)| id == value());
                    let of_this = of_this.map(|((_, level), on)| ((list.clone(), *level), *on));
                    self.numbered.extend(of_this.collect::<Vec<_>>());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The style and those it is based on, nearest first.
    fn chain<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a Style> {
        let first = self.styles.get(id);
        std::iter::successors(first, |style| self.styles.get(style.based_on.as_deref()?))
            .take(MAX_BASES)
    }

    /// The level of a heading from 1; the document's own title is 1 as well.
    pub(super) fn heading(&self, style: &str) -> Option<usize> {
        if self.name(style) == "title" {
            return Some(1);
        }
        self.chain(style).find_map(|style| {
            let named = style
                .name
                .strip_prefix("heading ")
                .and_then(|level| level.parse().ok());
            let outline = style
                .outline
                .filter(|level| *level < 9)
                .map(|level| level + 1);
            named.or(outline)
        })
    }

    /// The list and level that a style gives its paragraphs. A style made for a deeper level ("List
    /// Bullet 2") often names a list of its own, whose level is 0.
    pub(super) fn list(&self, style: &str) -> Option<(String, usize)> {
        let list = self.chain(style).find_map(|style| style.list.clone())?;
        let level = self.chain(style).find_map(|style| style.list_level);
        let named = self
            .name(style)
            .rsplit(' ')
            .next()
            .and_then(|number| number.parse().ok());
        let level = level.or(named.map(|number: usize| number.saturating_sub(1)));
        Some((list, level.unwrap_or(0)))
    }

    /// Whether a style is that of a table of contents.
    pub(super) fn is_contents(&self, style: &str) -> bool {
        let name = self.name(style);
        name.starts_with("toc ") || name == "table of figures"
    }

    pub(super) fn is_numbered(&self, list: &str, level: usize) -> bool {
        let of = |level| self.numbered.get(&(list.to_owned(), level)).copied();
        of(level).or_else(|| of(0)).unwrap_or(false)
    }

    fn name(&self, style: &str) -> &str {
        self.styles
            .get(style)
            .map_or("", |style| style.name.as_str())
    }
}
