//! A long text in parts that a model can tidy at once: whole blocks of Markdown, in order.

use docent_core::models::TokenCounter;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Prose(String),
    /// A block that is too long to be tidied: a large table, code. It stays as it is.
    Whole(String),
}

impl Part {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Prose(text) | Self::Whole(text) => text,
        }
    }
}

/// Parts of at most `limit` tokens, cut between blocks.
pub(super) fn parts(text: &str, counter: &TokenCounter, limit: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut prose = String::new();
    let mut tokens = 0;
    for block in blocks(text) {
        let count = counter.count(&block);
        if tokens + count > limit && !prose.is_empty() {
            parts.push(Part::Prose(std::mem::take(&mut prose)));
            tokens = 0;
        }
        if count > limit {
            parts.push(Part::Whole(block));
            continue;
        }
        if !prose.is_empty() {
            prose.push_str("\n\n");
        }
        prose.push_str(&block);
        tokens += count;
    }
    if !prose.is_empty() {
        parts.push(Part::Prose(prose));
    }
    parts
}

/// Paragraphs, lists, tables; a code block is one, whatever blank lines it holds.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block = String::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        if line.trim().is_empty() && fence.is_none() {
            if !block.is_empty() {
                blocks.push(std::mem::take(&mut block));
            }
            continue;
        }
        if !block.is_empty() {
            block.push('\n');
        }
        block.push_str(line);
    }
    if !block.is_empty() {
        blocks.push(block);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_blocks_and_nothing_is_lost() {
        let counter = TokenCounter::bytes();
        let paragraph = "A sentence of some words. ".repeat(8);
        let code = "```sql\nselect 1\n\nselect 2\n```";
        let table = format!("| a |\n|---|\n{}", "| cell |\n".repeat(200));
        let text = format!("{paragraph}\n\n{code}\n\n{paragraph}\n\n{table}\n\nThe end.");
        let parts = parts(&text, &counter, 80);
        assert!(parts.len() >= 3, "{parts:?}");
        assert!(parts.iter().any(|part| part.text().contains(code)));
        assert!(
            matches!(&parts[parts.len() - 2], Part::Whole(whole) if whole.starts_with("| a |"))
        );
        let together: Vec<&str> = parts.iter().map(Part::text).collect();
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&together.join("\n\n")), words(&text));
        for part in &parts {
            if let Part::Prose(prose) = part {
                assert!(counter.count(prose) <= 90, "{prose}");
            }
        }
    }
}
