//! Titles.

use unicode_normalization::UnicodeNormalization as _;

/// File names that say what kind of page it is, not what it is about: the folder's name does.
const NAMELESS: [&str; 2] = ["readme", "index"];
/// The same, but worth keeping behind the folder's name.
const GENERIC: [&str; 4] = ["intro", "introduction", "overview", "reference"];
/// Headings that name a part of a page, not the page.
const PARTS: [&str; 9] = [
    "content",
    "contents",
    "introduction",
    "intro",
    "overview",
    "table of contents",
    "rows and columns",
    "background",
    "work in progress",
];

/// A title from a path, made readable: `guides/getting-started.md` is "Getting started",
/// `tables/fct_trips/README.md` is "`fct_trips`" (names of tables keep their underscores).
pub(super) fn from_path(path: &str) -> String {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let lower = stem.to_lowercase();
    let title = match parts.next() {
        Some(folder) if NAMELESS.contains(&lower.as_str()) => readable(folder),
        Some(folder) if GENERIC.contains(&lower.as_str()) => {
            format!("{} {lower}", readable(folder))
        }
        _ => readable(stem),
    };
    if title.is_empty() {
        name.to_owned()
    } else {
        title
    }
}

fn readable(name: &str) -> String {
    let words = tidy(&name.replace(['-', '+'], " "));
    if words.contains('_') {
        return words;
    }
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// Whether a heading could stand for its whole document.
pub(super) fn is_telling(heading: &str) -> bool {
    !heading.is_empty() && !PARTS.contains(&heading.to_lowercase().as_str())
}

/// One line, NFC, single spaces, no invisible characters.
pub(super) fn tidy(title: &str) -> String {
    let visible: String = title
        .nfc()
        .filter(|c| !crate::clean::is_invisible(*c) || c.is_whitespace())
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}
