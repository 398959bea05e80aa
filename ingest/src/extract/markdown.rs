//! Markdown: comments, images, raw HTML and MDX are turned into text or taken out. Code is left
//! alone.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::{Page, html, title};
use crate::clean::edits::{Edits, OPTIONS};

/// Reads a Markdown text without its front matter.
pub(super) fn page(text: &str, is_mdx: bool) -> Page {
    let stripped;
    let text = if is_mdx {
        stripped = without_modules(text);
        &stripped
    } else {
        text
    };
    let mut reader = Reader {
        text,
        is_mdx,
        ..Reader::default()
    };
    for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
        reader.take(event, range);
    }
    let title = reader.title();
    let markdown = if reader.edits.is_empty() {
        text.to_owned()
    } else {
        reader.edits.apply(text)
    };
    Page {
        title,
        markdown,
        language: None,
        note: None,
    }
}

#[derive(Default)]
struct Reader<'a> {
    text: &'a str,
    is_mdx: bool,
    edits: Edits,
    image: Option<Image>,
    link: Option<Link>,
    /// The raw HTML of the block being read, and where it stands.
    block: Option<(Range<usize>, String)>,
    /// Addresses of the `<a href>` that are open, and the tags' places.
    anchors: Vec<Option<String>>,
    heading: Option<String>,
    main_heading: Option<String>,
    first_heading: Option<String>,
    /// Whether text came before the first heading.
    has_text: bool,
}

struct Image {
    range: Range<usize>,
    is_badge: bool,
    alt: String,
    depth: usize,
}

struct Link {
    range: Range<usize>,
    badges: usize,
    has_text: bool,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(Tag::Heading { .. }) => self.heading = Some(String::new()),
            Event::End(TagEnd::Heading(level)) => {
                let heading = title::tidy(&self.heading.take().unwrap_or_default());
                if level as usize == 1 && self.main_heading.is_none() && !heading.is_empty() {
                    self.main_heading = Some(heading.clone());
                }
                if self.first_heading.is_none() && !self.has_text {
                    self.first_heading = Some(heading);
                }
                self.has_text = true;
            }
            Event::Start(Tag::Image { dest_url, .. }) => match &mut self.image {
                Some(image) => image.depth += 1,
                None => {
                    self.image = Some(Image {
                        range,
                        is_badge: is_badge(&dest_url),
                        alt: String::new(),
                        depth: 0,
                    });
                }
            },
            Event::End(TagEnd::Image) => self.end_image(),
            Event::Start(Tag::Link { .. }) => {
                self.link = Some(Link {
                    range,
                    badges: 0,
                    has_text: false,
                });
            }
            Event::End(TagEnd::Link) => {
                // A badge is an image with a link around it: both go.
                if let Some(link) = self.link.take()
                    && link.badges > 0
                    && !link.has_text
                {
                    self.edits.remove(link.range);
                }
            }
            Event::Start(Tag::HtmlBlock) => self.block = Some((range, String::new())),
            Event::End(TagEnd::HtmlBlock) => self.end_block(),
            Event::Html(raw) | Event::InlineHtml(raw) => match &mut self.block {
                Some((_, block)) => block.push_str(&raw),
                None => self.inline(&raw, range),
            },
            Event::Text(text) | Event::Code(text) => self.words(&text),
            Event::SoftBreak | Event::HardBreak => self.words(" "),
            _ => {}
        }
    }

    fn words(&mut self, text: &str) {
        if let Some(image) = &mut self.image {
            image.alt.push_str(text);
        } else if let Some(link) = &mut self.link {
            link.has_text |= !text.trim().is_empty();
        }
        if let Some(heading) = &mut self.heading {
            heading.push_str(text);
        } else {
            self.has_text |= !text.trim().is_empty();
        }
    }

    fn end_image(&mut self) {
        let Some(image) = self.image.take_if(|image| image.depth == 0) else {
            if let Some(image) = &mut self.image {
                image.depth -= 1;
            }
            return;
        };
        if let Some(link) = &mut self.link {
            if image.is_badge {
                link.badges += 1;
            } else {
                link.has_text = true;
            }
        }
        let alt = if image.is_badge {
            String::new()
        } else {
            title::tidy(&image.alt)
        };
        self.edits.replace(image.range, alt);
    }

    fn end_block(&mut self) {
        let Some((range, raw)) = self.block.take() else {
            return;
        };
        let Some(markdown) = html::fragment(&raw, self.is_mdx) else {
            return;
        };
        let markdown = markdown.trim();
        self.has_text |= !markdown.is_empty();
        let replacement = if markdown.contains('\n') {
            format!("\n{markdown}\n\n")
        } else {
            format!("{markdown}\n")
        };
        self.edits.replace(range, replacement);
    }

    /// One tag or comment inside a paragraph.
    fn inline(&mut self, raw: &str, range: Range<usize>) {
        if raw.starts_with("<!") || raw.starts_with("<?") {
            let is_spaced =
                self.text[..range.start].ends_with(' ') && self.text[range.end..].starts_with(' ');
            self.edits
                .remove(range.start..range.end + usize::from(is_spaced));
            return;
        }
        let Some(tag) = html::Tag::of(raw, self.is_mdx) else {
            return; // A placeholder such as <table_name>.
        };
        let replacement = match (tag.name.as_str(), tag.closes) {
            ("a", false) => {
                let address = tag.attribute("href").filter(|_| !raw.ends_with("/>"));
                let shown = if address.is_some() { "[" } else { "" };
                self.anchors.push(address);
                shown.to_owned()
            }
            ("a", true) => match self.anchors.pop().flatten() {
                Some(address) => format!("]({address})"),
                None => String::new(),
            },
            ("code" | "kbd" | "samp" | "tt", _) => "`".to_owned(),
            ("br" | "hr", _) => " ".to_owned(),
            ("img", _) => match tag.attribute("src") {
                Some(source) if is_badge(&source) => String::new(),
                _ => tag.attribute("alt").unwrap_or_default(),
            },
            _ => String::new(),
        };
        self.edits.replace(range, replacement);
    }

    /// The first heading of level 1, or the first heading if nothing stands above it; not one that
    /// names a part of a page.
    fn title(&self) -> Option<String> {
        let heading = self.main_heading.as_ref().or(self.first_heading.as_ref());
        heading
            .filter(|heading| title::is_telling(heading))
            .cloned()
    }
}

fn is_badge(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    ["badge", "shields.io", "/workflows/"]
        .iter()
        .any(|sign| address.contains(sign))
}

/// MDX without its `import` and `export` lines and `{/* comments */}`, outside of code fences.
fn without_modules(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    let mut in_comment = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if let Some(open) = fence {
            if bare.starts_with(open) {
                fence = None;
            }
            result.push_str(line);
            continue;
        }
        if let Some(mark) = ["```", "~~~"]
            .into_iter()
            .find(|mark| bare.starts_with(mark))
        {
            fence = Some(mark);
            result.push_str(line);
            continue;
        }
        let is_module = (line.starts_with("import ") && bare.contains(['"', '\'']))
            || [
                "export const ",
                "export default ",
                "export function ",
                "export * ",
            ]
            .iter()
            .any(|start| line.starts_with(start));
        if in_comment || bare.starts_with("{/*") {
            in_comment = !bare.contains("*/}");
            result.push('\n');
        } else if is_module {
            result.push('\n');
        } else {
            result.push_str(line);
        }
    }
    result
}
