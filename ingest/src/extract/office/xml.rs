//! XML as Office writes it: elements and text. Document types are refused, so no entity but the five
//! of XML itself and numbered characters is ever expanded.

use std::io::BufRead;

use docent_core::document::Outcome;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Deepest nesting. Word nests tables, text boxes and groups; forty levels are a lot.
const MAX_DEPTH: usize = 256;

/// A piece of XML; an empty element is a start and an end.
pub(super) enum Node {
    Start(Tag),
    /// The local name of the element that ends.
    End(String),
    Text(String),
}

/// The start of an element.
pub(super) struct Tag {
    /// Its name without a prefix.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    /// An attribute by its local name; of two with the same one, the one without a prefix.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let plain = self.attributes.iter().find(|(key, _)| key == name);
        let any = || {
            let mut all = self.attributes.iter();
            all.find(|(key, _)| key.rsplit_once(':').is_some_and(|(_, local)| local == name))
        };
        plain.or_else(any).map(|(_, value)| value.as_str())
    }

    /// The id of a relation: `r:id`, beside a plain `id` that means something else.
    pub(super) fn relation(&self) -> Option<&str> {
        let mut all = self.attributes.iter();
        let found = all.find(|(key, _)| key.ends_with(":id") || key.ends_with(":embed"));
        found.map(|(_, value)| value.as_str())
    }
}

/// A reader of nodes, bounded in depth.
pub(super) struct Xml<R: BufRead> {
    reader: Reader<R>,
    buffer: Vec<u8>,
    depth: usize,
}

impl<R: BufRead> Xml<R> {
    pub(super) fn of(source: R) -> Self {
        let mut reader = Reader::from_reader(source);
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            buffer: Vec::new(),
            depth: 0,
        }
    }

    /// What is left to be read, after some nodes.
    pub(super) fn into_source(self) -> R {
        self.reader.into_inner()
    }

    /// The next node; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Node>, Outcome> {
        loop {
            self.buffer.clear();
            let event = self.reader.read_event_into(&mut self.buffer);
            let node = match event.map_err(|error| unreadable(&error))? {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(Outcome::Failed(format!(
                            "its XML has more than {MAX_DEPTH} elements inside each other; refused"
                        )));
                    }
                    Node::Start(tag(&start)?)
                }
                Event::End(end) => {
                    self.depth = self.depth.saturating_sub(1);
                    Node::End(end.local_name().into_inner().to_owned())
                }
                Event::Text(text) => Node::Text(text.xml10_content().into_owned()),
                Event::CData(text) => Node::Text(text.xml10_content().into_owned()),
                Event::GeneralRef(reference) => Node::Text(
                    match reference
                        .resolve_char_ref()
                        .map_err(|error| unreadable(&error))?
                    {
                        Some(character) => character.to_string(),
                        None => entity(&reference.xml10_content())?.to_owned(),
                    },
                ),
                Event::DocType(_) => {
                    return Err(Outcome::Failed(
                        "its XML declares a document type, which no Office program writes; refused"
                            .to_owned(),
                    ));
                }
                Event::Eof => return Ok(None),
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
            };
            return Ok(Some(node));
        }
    }
}

fn tag(start: &BytesStart<'_>) -> Result<Tag, Outcome> {
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| unreadable(&error))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| unreadable(&error))?;
        attributes.push((attribute.key.into_inner().to_owned(), value.into_owned()));
    }
    Ok(Tag {
        name: start.local_name().into_inner().to_owned(),
        attributes,
    })
}

fn entity(name: &str) -> Result<&'static str, Outcome> {
    match name {
        "amp" => Ok("&"),
        "lt" => Ok("<"),
        "gt" => Ok(">"),
        "quot" => Ok("\""),
        "apos" => Ok("'"),
        _ => Err(Outcome::Failed(
            "its XML uses an entity that it would have to declare; refused".to_owned(),
        )),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Outcome {
    Outcome::Failed(format!("its XML is not readable: {error}"))
}
