//! Whether a passage holds the words that answer a question. Cleaning and chunking move blank space
//! and rewrite links, so that words are compared and not bytes.

use docent_core::index::Payload;

/// Whether two paths are the same file: a set may name it from a folder further up or down.
pub(super) fn is_path(path: &str, gold: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    ends(path, gold) || ends(gold, path)
}

/// Whether the passage holds the evidence, with its title, headings and what else is shown of it.
pub(super) fn holds(payload: &Payload, evidence: &str) -> bool {
    let mut passage = format!(
        "{}\n{}\n{}",
        payload.title,
        payload.heading.join("\n"),
        payload.text
    );
    // Front matter is not part of the text, but shown with it.
    for (key, value) in [("asset", &payload.asset), ("owner", &payload.owner)] {
        if let Some(value) = value {
            passage.push_str(&format!("\n{key}: {value}"));
        }
    }
    contains(&passage, evidence)
}

/// Whether the words of `part` stand in `text` in this order, with nothing between them but
/// punctuation and the targets of links.
pub(super) fn contains(text: &str, part: &str) -> bool {
    let part = words(part);
    !part.trim().is_empty() && words(text).contains(&part)
}

/// The words of a Markdown text, lowercased, with one space before and after each. The targets of
/// links are not words of it.
fn words(markdown: &str) -> String {
    let mut plain = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(open) = rest.find("](") {
        plain.push_str(&rest[..=open]);
        let target = &rest[open + 2..];
        let Some(close) = target.find([')', '\n']) else {
            rest = target;
            continue;
        };
        rest = &target[close + 1..];
        plain.push(' ');
    }
    plain.push_str(rest);
    let mut words = String::with_capacity(plain.len() + 2);
    words.push(' ');
    for word in plain.split(|c: char| !c.is_alphanumeric()) {
        if !word.is_empty() {
            words.push_str(&word.to_lowercase());
            words.push(' ');
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_found_whatever_became_of_its_links_and_line_ends() {
        let text =
            "need to be filed\nin the [Data SRE Jira Project](https://jira.example/x(1)) by you.";
        assert!(contains(
            text,
            "need to be filed in the [Data SRE Jira Project]"
        ));
        assert!(contains(
            "`sample_id = crc32(client_id) % 100`",
            "TL;DR `sample_id = crc32(client_id) % 100`".trim_start_matches("TL;DR ")
        ));
        assert!(!contains("deleted after 17 days", "after 7 days"));
        assert!(!contains("anything", " ... "));
    }

    #[test]
    fn a_path_may_start_further_up() {
        assert!(is_path("src/a/b.md", "a/b.md") && is_path("b.md", "a/b.md"));
        assert!(!is_path("src/ab.md", "b.md") && !is_path("a/c.md", "a/b.md"));
    }
}
