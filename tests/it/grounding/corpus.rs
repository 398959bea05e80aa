//! Documents cut into passages, and the sentences that they are made of.

use std::path::{Path, PathBuf};

use docent::chat::ground::Passage;
use docent_core::models::quotable;

/// A section of a document.
pub(crate) struct Section {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) passage: Passage,
    pub(crate) is_korean: bool,
}

/// A sentence of a section.
#[derive(Clone)]
pub(crate) struct Sentence {
    pub(crate) section: usize,
    pub(crate) text: String,
    pub(crate) is_korean: bool,
}

/// Longest section, in bytes: about as long as a chunk.
const LONGEST: usize = 1600;

/// The sections of all Markdown and text files of a folder, in the order of their paths.
pub(crate) fn sections(folder: &Path) -> Vec<Section> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    let mut sections = Vec::new();
    for file in files {
        let path = file.strip_prefix(folder).unwrap().display().to_string();
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        cut(&path, &text, &mut sections);
    }
    sections
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path
            .extension()
            .is_some_and(|ext| ext == "md" || ext == "txt")
        {
            files.push(path);
        }
    }
}

fn cut(path: &str, text: &str, sections: &mut Vec<Section>) {
    let (front, body) = match text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
    {
        Some((front, body)) => (front, body),
        None => ("", text),
    };
    let field = |name: &str| {
        let line = front.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_matches('"').to_owned())
    };
    let first_heading = body.lines().find_map(|line| line.strip_prefix("# "));
    let title = field("title:")
        .or(first_heading.map(str::to_owned))
        .unwrap_or_default();
    let mut metadata = Vec::new();
    if let Some(updated) = field("updated:") {
        metadata.push(format!("page updated: {updated}"));
    }
    if let Some(owner) = field("owner:") {
        let slack = field("owner_slack:").unwrap_or_default();
        metadata.push(format!("owner: {owner} ({slack})"));
    }
    let metadata: Vec<&str> = metadata.iter().map(String::as_str).collect();
    let mut heading = String::new();
    let mut part = String::new();
    let mut flush = |part: &mut String, heading: &str| {
        let text = std::mem::take(part).trim().to_owned();
        if text.len() < 40 {
            return;
        }
        let hangul = text.chars().filter(|c| matches!(c, '가'..='힣')).count();
        let about = format!("{title}\n{heading}");
        sections.push(Section {
            path: path.to_owned(),
            passage: Passage::new(&about, &text, &metadata),
            is_korean: hangul * 4 > text.chars().count(),
            text,
        });
    };
    for line in body.lines() {
        if let Some(next) = line.strip_prefix("## ") {
            flush(&mut part, &heading);
            next.clone_into(&mut heading);
        } else if line.is_empty() && part.len() > LONGEST {
            flush(&mut part, &heading);
        }
        part.push_str(line);
        part.push('\n');
    }
    flush(&mut part, &heading);
}

/// The sentences of sections that say something of their own; no tables and no code.
pub(crate) fn sentences(sections: &[Section]) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for (number, section) in sections.iter().enumerate() {
        let prose = without_code(&section.text);
        for piece in quotable(&prose) {
            let text = without_links(piece.text)
                .trim_start_matches(['-', '*', '+', '>', ' '])
                .replace('\n', " ");
            let numbered = text.trim_start_matches(|c: char| c.is_ascii_digit());
            let text = numbered.strip_prefix(". ").unwrap_or(&text).to_owned();
            let words = text.split_whitespace().count();
            let ends = text.ends_with(['.', '!', '다', ')']);
            if piece.text.starts_with('|')
                || !(5..=45).contains(&words)
                || !ends
                || text.contains("::")
            {
                continue;
            }
            let hangul = text.chars().filter(|c| matches!(c, '가'..='힣')).count();
            sentences.push(Sentence {
                section: number,
                is_korean: hangul * 3 > text.chars().count(),
                text,
            });
        }
    }
    sentences
}

fn without_code(text: &str) -> String {
    let mut inside = false;
    let kept = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// `[text](target)` as `text`; no emphasis.
pub(crate) fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let target = rest[open..].find("](").and_then(|middle| {
            let middle = open + middle;
            let close = middle + rest[middle..].find(')')?;
            Some((middle, close))
        });
        let Some((middle, close)) = target else { break };
        plain.push_str(&rest[..open]);
        plain.push_str(&rest[open + 1..middle]);
        rest = &rest[close + 1..];
    }
    plain.push_str(rest);
    plain.replace("**", "")
}
