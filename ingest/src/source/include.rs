//! mdBook includes: `{{#include file.md}}`, with lines (`file.md:2:10`) or an anchor
//! (`file.md:name`), `{{#rustdoc_include …}}` and `{{#playground …}}`.
//! Source: <https://rust-lang.github.io/mdBook/format/mdbook.html#including-files>.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::read::read_file;
use crate::extract::front_matter;

/// How deep includes may include; mdBook's own limit is 10.
const MAX_DEPTH: usize = 10;
/// How many files one document may include.
const MAX_INCLUDES: usize = 1_000;
const OPEN: &str = "{{#";

/// Whether there is anything to resolve.
pub(super) fn has_directive(bytes: &[u8]) -> bool {
    bytes
        .windows(OPEN.len())
        .any(|window| window == OPEN.as_bytes())
}

/// A document with its includes put in.
pub(super) struct Resolved {
    pub(super) bytes: Vec<u8>,
    pub(super) included: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Replaces every include of the file `path` by what it names. A directive that cannot be resolved
/// (its target is missing, lies outside of the root, includes itself) is taken out and noted.
pub(super) fn resolve(bytes: &[u8], path: &Path, root: &Path, max_bytes: u64) -> Resolved {
    let Ok(text) = std::str::from_utf8(bytes) else {
        // Extraction says what is wrong with it.
        return Resolved {
            bytes: bytes.to_vec(),
            included: Vec::new(),
            notes: Vec::new(),
        };
    };
    let mut includes = Includes {
        root,
        open: vec![path.to_path_buf()],
        included: Vec::new(),
        notes: Vec::new(),
        budget: max_bytes,
        count: 0,
    };
    let mut resolved = String::with_capacity(text.len() * 2);
    includes.expand(text, &mut resolved);
    Resolved {
        bytes: resolved.into_bytes(),
        included: includes.included,
        notes: includes.notes,
    }
}

struct Includes<'a> {
    root: &'a Path,
    /// The files being expanded, outermost first.
    open: Vec<PathBuf>,
    included: Vec<String>,
    notes: Vec<String>,
    /// Bytes that may still be included.
    budget: u64,
    count: usize,
}

impl Includes<'_> {
    fn expand(&mut self, text: &str, into: &mut String) {
        let mut rest = text;
        while let Some(start) = rest.find(OPEN) {
            let after = &rest[start + OPEN.len()..];
            let line = after.split('\n').next().unwrap_or(after);
            let directive = line.find("}}").map(|end| &line[..end]);
            let parsed = directive.and_then(parse);
            let (Some(directive), Some((kind, target))) = (directive, parsed) else {
                into.push_str(&rest[..start + OPEN.len()]);
                rest = after;
                continue;
            };
            let end = start + OPEN.len() + directive.len() + "}}".len();
            if rest[..start].ends_with('\\') {
                // An escaped directive is shown as it stands, without the backslash.
                into.push_str(&rest[..start - 1]);
                into.push_str(&rest[start..end]);
            } else {
                into.push_str(&rest[..start]);
                match self.include(kind, target, into) {
                    Ok(()) => {}
                    Err(reason) => self
                        .notes
                        .push(format!("{{{{#{directive}}}}} was left out: {reason}")),
                }
            }
            rest = &rest[end..];
        }
        into.push_str(rest);
    }

    fn include(&mut self, kind: Kind, target: &str, into: &mut String) -> Result<(), String> {
        if matches!(kind, Kind::Title) {
            return Ok(());
        }
        let (name, part) = split_target(target);
        let folder = self.open.last().and_then(|path| path.parent());
        let file = folder
            .unwrap_or(self.root)
            .join(name)
            .canonicalize()
            .map_err(|error| format!("{name}: {error}"))?;
        let relative = file
            .strip_prefix(self.root)
            .map_err(|_| format!("{name} lies outside of the source"))?
            .to_string_lossy()
            .into_owned();
        if self.open.contains(&file) {
            return Err(format!("{name} includes itself"));
        }
        if self.open.len() > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} includes inside each other"));
        }
        self.count += 1;
        if self.count > MAX_INCLUDES {
            return Err(format!("more than {MAX_INCLUDES} includes"));
        }
        let (bytes, _) = read_file(&file, self.budget).map_err(|outcome| match outcome {
            docent_core::document::Outcome::Failed(reason)
            | docent_core::document::Outcome::Skipped(reason) => format!("{name}: {reason}"),
            _ => name.to_owned(),
        })?;
        self.budget -= bytes.len() as u64;
        let text = String::from_utf8(bytes).map_err(|_| format!("{name} is not valid UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let text = select(readable_by_all(text, name, &part)?, &part)
            .ok_or_else(|| format!("{name} has no such part"))?;
        if !self.included.contains(&relative) {
            self.included.push(relative);
        }
        if matches!(kind, Kind::Playground) {
            into.push_str("```rust\n");
        }
        self.open.push(file);
        self.expand(text.trim_end_matches('\n'), into);
        self.open.pop();
        if matches!(kind, Kind::Playground) {
            into.push_str("\n```");
        }
        Ok(())
    }
}

/// The text to take from: without its front matter, unless lines are counted. A file with groups of
/// its own must not be read through another one.
fn readable_by_all<'a>(text: &'a str, name: &str, part: &Part<'_>) -> Result<&'a str, String> {
    match front_matter::split(text) {
        Ok((front, body)) if front.groups.is_none() => match part {
            Part::Lines(..) => Ok(text),
            Part::Whole | Part::Anchor(_) => Ok(body),
        },
        _ => Err(format!("{name} has groups of its own")),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Include,
    Playground,
    /// Sets the title of the page in mdBook; it is no text.
    Title,
}

fn parse(directive: &str) -> Option<(Kind, &str)> {
    let (name, rest) = directive.split_once(char::is_whitespace)?;
    let kind = match name {
        "include" | "rustdoc_include" => Kind::Include,
        "playground" | "playpen" => Kind::Playground,
        "title" => return Some((Kind::Title, "")),
        _ => return None,
    };
    // Words after the path are attributes of a playground (`editable`, `ignore`).
    rest.split_whitespace().next().map(|target| (kind, target))
}

enum Part<'a> {
    Whole,
    /// From and to, counted from 1, both included.
    Lines(usize, usize),
    Anchor(&'a str),
}

fn split_target(target: &str) -> (&str, Part<'_>) {
    let mut pieces = target.splitn(3, ':');
    let name = pieces.next().unwrap_or(target);
    let from = pieces.next();
    let to = pieces.next();
    let part = match (from, to) {
        (None, _) => Part::Whole,
        (Some(from), to) => match (from.parse::<usize>(), to.map(str::parse::<usize>)) {
            (Ok(line), None) => Part::Lines(line, line),
            (Ok(from), Some(to)) => Part::Lines(from, to.unwrap_or(usize::MAX)),
            (Err(_), Some(Ok(to))) if from.is_empty() => Part::Lines(1, to),
            (Err(_), _) if from.is_empty() => Part::Whole,
            (Err(_), _) => Part::Anchor(from),
        },
    };
    (name, part)
}

fn select<'a>(text: &'a str, part: &Part<'_>) -> Option<Cow<'a, str>> {
    let is_anchor = |line: &str| line.contains("ANCHOR:") || line.contains("ANCHOR_END:");
    match *part {
        Part::Whole if !text.contains("ANCHOR") => Some(Cow::Borrowed(text)),
        Part::Whole => Some(Cow::Owned(joined(
            text.lines().filter(|line| !is_anchor(line)),
        ))),
        Part::Lines(from, to) => {
            let from = from.max(1);
            let lines = text.lines().skip(from - 1);
            let taken = lines.take(to.saturating_sub(from).saturating_add(1));
            Some(Cow::Owned(joined(taken.filter(|line| !is_anchor(line)))))
        }
        Part::Anchor(name) => {
            let marks = |line: &str, mark: &str| {
                line.split_once(mark)
                    .is_some_and(|(_, rest)| rest.split_whitespace().next() == Some(name))
            };
            let mut lines = text.lines().skip_while(|line| !marks(line, "ANCHOR:"));
            lines.next()?;
            let inside = lines.take_while(|line| !marks(line, "ANCHOR_END:"));
            Some(Cow::Owned(joined(inside.filter(|line| !is_anchor(line)))))
        }
    }
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}
