//! The XML export of a space: `entities.xml`, a flat list of objects that refer to each other by id.
//! The format is Confluence's own database in words; it has no specification. What is read of it:
//! `Space`, `Page`, `BlogPost`, `BodyContent`, `ContentPermissionSet`, `ContentPermission` and
//! `ConfluenceUserImpl`.

use std::collections::{BTreeSet, HashMap};
use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::access::Access;

/// Largest value that is kept, in bytes; a page's text is one.
const MAX_VALUE: usize = 50_000_000;

/// One `<object>`: its values and references by name, and the ids in its collections.
#[derive(Debug, Default, PartialEq)]
struct Object {
    class: String,
    id: String,
    values: HashMap<String, String>,
}

impl Object {
    fn value(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }
}

/// A page of the export.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) title: String,
    /// The page above it; none of the topmost, and of posts.
    pub(super) parent: Option<String>,
    pub(super) space: String,
    /// `2026-03-14 09:12:00.000`, in the site's own time zone.
    pub(super) changed: String,
}

/// What the export holds.
#[derive(Debug, Default)]
pub(super) struct Entities {
    /// Present pages by id; drafts, deleted pages and old versions are left out.
    pub(super) pages: HashMap<String, Page>,
    /// Keys of spaces by id.
    pub(super) spaces: HashMap<String, String>,
    /// Names of people by key.
    pub(super) users: HashMap<String, String>,
    /// Of permission sets that say who may view: the page they are of.
    sets: HashMap<String, String>,
    /// Set, and the group that it names; `None` for a person.
    permissions: Vec<(String, Option<String>)>,
}

impl Entities {
    /// Who may read each page that is restricted.
    pub(super) fn access(&self) -> HashMap<String, Access> {
        let mut access: HashMap<String, (BTreeSet<String>, usize)> = HashMap::new();
        // A set without anybody in it still is a restriction.
        for page in self.sets.values() {
            access.entry(page.clone()).or_default();
        }
        for (set, group) in &self.permissions {
            if let Some(page) = self.sets.get(set) {
                let (groups, people) = access.entry(page.clone()).or_default();
                match group {
                    Some(group) => {
                        groups.insert(group.clone());
                    }
                    None => *people += 1,
                }
            }
        }
        access
            .into_iter()
            .map(|(page, (groups, people))| (page, Access::Only { groups, people }))
            .collect()
    }

    fn take(&mut self, object: Object, keep: &mut dyn FnMut(&str, String)) {
        match object.class.as_str() {
            "Space" => {
                self.spaces.insert(object.id.clone(), object.value("key"));
            }
            "Page" | "BlogPost" => {
                let status = object.value("contentStatus");
                let is_present = (status.is_empty() || status == "current")
                    && object.value("originalVersion").is_empty()
                    && object.value("originalVersionId").is_empty();
                if is_present {
                    let parent = Some(object.value("parent")).filter(|id| !id.is_empty());
                    self.pages.insert(
                        object.id.clone(),
                        Page {
                            title: object.value("title"),
                            parent,
                            space: object.value("space"),
                            changed: object.value("lastModificationDate"),
                        },
                    );
                }
            }
            "BodyContent" => keep(&object.value("content"), object.value("body")),
            "ConfluenceUserImpl" => {
                self.users.insert(object.id.clone(), object.value("name"));
            }
            "ContentPermissionSet" if is_view(&object) => {
                self.sets
                    .insert(object.id.clone(), object.value("owningContent"));
            }
            "ContentPermission" if is_view(&object) => {
                let group = Some(object.value("groupName")).filter(|group| !group.is_empty());
                self.permissions.push((object.value("owningSet"), group));
            }
            _ => {}
        }
    }
}

fn is_view(object: &Object) -> bool {
    object.value("type").eq_ignore_ascii_case("view")
}

/// Reads `entities.xml`; each body goes to `keep` with the id of its page (or comment), so that only
/// one is held at a time.
pub(super) fn read(
    xml: impl BufRead,
    keep: &mut dyn FnMut(&str, String),
) -> Result<Entities, String> {
    let mut reader = Reader::from_reader(xml);
    let mut buffer = Vec::new();
    let mut entities = Entities::default();
    let mut object: Option<Object> = None;
    let mut value: Option<(String, String)> = None;
    let mut is_id = false;
    let mut depth = 0_usize;
    let failed = |error: &dyn std::fmt::Display| format!("entities.xml cannot be read: {error}");
    loop {
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|error| failed(&error))?;
        match event {
            Event::Start(tag) => {
                depth += 1;
                match tag.name().as_ref() {
                    "object" => {
                        object = Some(Object {
                            class: attribute(&tag, "class"),
                            ..Object::default()
                        });
                        depth = 0;
                    }
                    "property" if depth == 1 => {
                        value = Some((attribute(&tag, "name"), String::new()))
                    }
                    // The object's own id; one inside of a property is what that refers to.
                    "id" if depth == 1 => {
                        is_id = true;
                        value = Some((String::new(), String::new()));
                    }
                    _ => {}
                }
            }
            Event::Text(text) => {
                push(&mut value, &text)?;
            }
            Event::CData(text) => {
                push(&mut value, &text)?;
            }
            Event::GeneralRef(name) => {
                // Only the five of XML itself: what a document defines could grow without end.
                let character = match &*name {
                    "lt" => "<",
                    "gt" => ">",
                    "amp" => "&",
                    "quot" => "\"",
                    "apos" => "'",
                    _ => "",
                };
                push(&mut value, character)?;
            }
            Event::End(tag) => {
                if tag.name().as_ref() == "object" {
                    if let Some(object) = object.take() {
                        entities.take(object, keep);
                    }
                    depth = 0;
                } else if depth == 1
                    && let Some(object) = &mut object
                    && let Some((name, text)) = value.take()
                {
                    if is_id {
                        object.id = text.trim().to_owned();
                        is_id = false;
                    } else {
                        object.values.insert(name, text.trim().to_owned());
                    }
                }
                depth = depth.saturating_sub(1);
            }
            Event::Eof => return Ok(entities),
            _ => {}
        }
        buffer.clear();
    }
}

fn push(value: &mut Option<(String, String)>, text: &str) -> Result<(), String> {
    if let Some((_, value)) = value {
        if value.len() + text.len() > MAX_VALUE {
            return Err(format!(
                "entities.xml has a value of more than {MAX_VALUE} bytes"
            ));
        }
        value.push_str(text);
    }
    Ok(())
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    tag.try_get_attribute(name)
        .ok()
        .flatten()
        .map(|attribute| attribute.value.into_owned())
        .unwrap_or_default()
}
