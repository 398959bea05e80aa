//! How deep and how large an HTML page may be.

use docent_core::document::Outcome;
use dom_query::Document;

use super::tag::Tag;

/// Deepest nesting of a page; browsers stop at 512. Converters recurse, and a page nested deeper
/// would take the thread's stack.
const MAX_DEPTH: usize = 256;
/// Most tags that stand open by a rough count. Parsing takes time for tags times depth, so the
/// worst is refused before it.
const MAX_OPEN: usize = 1_000;
/// Most elements of a page.
const MAX_ELEMENTS: usize = 200_000;
/// How far back the start of an ending element is looked for.
const LOOK_BACK: usize = 64;

/// Elements that never have an end.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];
/// Elements whose end is often left out, because the next one of their kind ends them.
const CLOSED_BY_NEIGHBOUR: [&str; 12] = [
    "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "colgroup",
];

/// Counts open tags without parsing.
pub(super) fn check_text(text: &str) -> Result<(), Outcome> {
    let mut open: Vec<&str> = Vec::new();
    let mut elements = 0_usize;
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        if rest.starts_with("<!--") {
            rest = rest.find("-->").map_or("", |end| &rest[end + 3..]);
            continue;
        }
        let tag = Tag::name_of(rest);
        rest = &rest[1..];
        let Some((name, closes)) = tag else { continue };
        let is_one_of = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is_one_of(&VOID) || is_one_of(&CLOSED_BY_NEIGHBOUR) {
            continue;
        }
        if closes {
            // Only its own start is taken out: what lies between may well stay open in the parser.
            let near = open.len().saturating_sub(LOOK_BACK);
            let own = open[near..]
                .iter()
                .rposition(|start| start.eq_ignore_ascii_case(name));
            if let Some(own) = own {
                open.remove(near + own);
            }
            continue;
        }
        elements += 1;
        open.push(name);
        if open.len() > MAX_OPEN {
            return Err(too_deep());
        }
        if elements > MAX_ELEMENTS {
            return Err(Outcome::Failed(format!(
                "its HTML has more than {MAX_ELEMENTS} elements; split it"
            )));
        }
        if is_one_of(&["script", "style"]) {
            rest = rest.find("</").map_or("", |end| &rest[end..]);
        }
    }
    Ok(())
}

/// Counts how deep the parsed elements are nested.
pub(super) fn check_depth(document: &Document) -> Result<(), Outcome> {
    let mut waiting = vec![(document.root(), 0)];
    while let Some((node, depth)) = waiting.pop() {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        waiting.extend(node.children().into_iter().map(|child| (child, depth + 1)));
    }
    Ok(())
}

fn too_deep() -> Outcome {
    Outcome::Failed(format!(
        "its HTML has more than {MAX_DEPTH} elements inside each other, which no document has; \
         save it from the browser's reader view"
    ))
}
