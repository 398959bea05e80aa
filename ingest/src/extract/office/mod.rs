//! DOCX, PPTX and XLSX: zip archives of XML. Which one it is, its parts tell.

mod docx;
mod numbering;
mod pptx;
mod sheet;
mod workbook;
mod xml;

use std::collections::HashMap;
use std::io::Cursor;

use docent_core::document::Outcome;

use super::{Page, title};
use crate::archive::{Archive, Limits};
use xml::{Node, Xml};

/// Most links between parts that are followed of one part.
const MAX_RELATIONS: usize = 100_000;

type Package<'a> = Archive<Cursor<&'a [u8]>>;

/// Reads an Office document by its main part.
pub(super) fn page(bytes: &[u8]) -> Result<Page, Outcome> {
    let mut package = Archive::open(Cursor::new(bytes), Limits::OFFICE)?;
    if package.has("EncryptedPackage") {
        return Err(Outcome::Skipped(
            "encrypted; save it without a password".to_owned(),
        ));
    }
    let main = relations(&mut package, "")?
        .into_values()
        .find(|relation| relation.kind == "officeDocument")
        .map(|relation| relation.target);
    let part = |folder: &str| {
        main.as_deref()
            .filter(|name| name.starts_with(folder) && package.has(name))
            .map(str::to_owned)
    };
    let (word, slides, sheets) = (part("word/"), part("ppt/"), part("xl/"));
    let mut page = if let Some(main) = word {
        docx::page(&mut package, &main)?
    } else if let Some(main) = slides {
        pptx::page(&mut package, &main)?
    } else if let Some(main) = sheets {
        workbook::page(&mut package, &main)?
    } else {
        return Err(Outcome::Skipped(
            "a zip archive that is no Office document; unpack it into the source's folder"
                .to_owned(),
        ));
    };
    page.title = page.title.or(own_title(&mut package)?);
    Ok(page)
}

/// A link from one part to another, or out of the document.
struct Relation {
    /// The last word of its type: `officeDocument`, `hyperlink`, `notesSlide` …
    kind: String,
    /// A part's name, or an address outside.
    target: String,
    is_external: bool,
}

/// The relations of a part (of the whole package: of ``), by id.
fn relations(package: &mut Package<'_>, part: &str) -> Result<HashMap<String, Relation>, Outcome> {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    let path = format!("{folder}/_rels/{name}.rels");
    let mut found = HashMap::new();
    let Some(bytes) = package.read(path.trim_start_matches('/'))? else {
        return Ok(found);
    };
    let mut xml = Xml::of(&bytes[..]);
    while let Some(node) = xml.next()? {
        if let Node::Start(tag) = node
            && tag.name == "Relationship"
            && found.len() < MAX_RELATIONS
        {
            let target = tag.get("Target").unwrap_or_default();
            let is_external = tag.get("TargetMode") == Some("External");
            let kind = tag.get("Type").and_then(|kind| kind.rsplit('/').next());
            let relation = Relation {
                kind: kind.unwrap_or_default().to_owned(),
                target: if is_external {
                    target.to_owned()
                } else {
                    resolved(folder, target)
                },
                is_external,
            };
            found.insert(tag.get("Id").unwrap_or_default().to_owned(), relation);
        }
    }
    Ok(found)
}

/// A target relative to the folder of the part that names it.
fn resolved(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => folder.split('/').filter(|part| !part.is_empty()).collect(),
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The title in the document's properties, where somebody has written one.
fn own_title(package: &mut Package<'_>) -> Result<Option<String>, Outcome> {
    let Some(bytes) = package.read("docProps/core.xml")? else {
        return Ok(None);
    };
    let mut xml = Xml::of(&bytes[..]);
    let mut words: Option<String> = None;
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(tag) if tag.name == "title" => words = Some(String::new()),
            Node::Text(text) => {
                if let Some(words) = &mut words {
                    words.push_str(&text);
                }
            }
            Node::End(name) if name == "title" => break,
            _ => {}
        }
    }
    Ok(words.map(|words| title::tidy(&words)).filter(|words| {
        !["", "PowerPoint Presentation", "Word Document"].contains(&words.as_str())
    }))
}
