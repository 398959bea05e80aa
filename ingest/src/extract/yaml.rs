//! YAML: read like JSON, with the comment at its head. A template that is no YAML before it is
//! rendered stays as it is written.

use docent_core::document::Outcome;
use serde_json::Value;
use serde_saphyr::Error;

use super::write::Markdown;
use super::{Page, json};

/// Deepest nesting, and the most that aliases may repeat: enough for any configuration, far too
/// little for a bomb.
const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 200_000;

/// Reads one or several YAML documents.
pub(super) fn page(text: &str) -> Result<Page, Outcome> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4 * MAX_NODES,
            max_nodes: MAX_NODES,
            max_depth: MAX_DEPTH,
            max_aliases: 10_000,
            max_anchors: 10_000,
            max_total_scalar_bytes: 40_000_000,
        },
        with_snippet: false,
    };
    let mut markdown = Markdown::default();
    markdown.paragraph(&head_comment(text));
    let documents: Vec<Value> = match serde_saphyr::from_multiple_with_options(text, options) {
        Ok(documents) => documents,
        Err(error) if is_bomb(&error) => {
            return Err(Outcome::Failed(format!(
                "its YAML is nested too deep or repeats too much; refused: {}",
                one_line(&error)
            )));
        }
        Err(error) => {
            markdown.code("yaml", text);
            return Ok(Page {
                note: Some(format!(
                    "kept as text, not readable as YAML: {}",
                    one_line(&error)
                )),
                ..Page::of(markdown.finish())
            });
        }
    };
    let pages: Vec<Page> = documents.iter().map(json::value_page).collect();
    let title = match pages.as_slice() {
        [page] => page.title.clone(),
        _ => None,
    };
    for (number, page) in pages.iter().enumerate() {
        if pages.len() > 1 {
            let name = page
                .title
                .clone()
                .unwrap_or_else(|| format!("Document {}", number + 1));
            markdown.heading(1, &name);
        }
        markdown.raw(&page.markdown);
    }
    Ok(Page {
        title,
        ..Page::of(markdown.finish())
    })
}

fn is_bomb(error: &Error) -> bool {
    // An error inside of an alias is wrapped as text, and the scanner's own limit is a text.
    let is_wrapped = || {
        let text = error.to_string();
        text.starts_with("budget breached") || text.starts_with("recursion limit")
    };
    matches!(
        error.without_snippet(),
        Error::Budget { .. }
            | Error::AliasReplayCounterOverflow { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
    ) || is_wrapped()
}

fn one_line(error: &Error) -> String {
    super::write::one_line(&error.to_string())
}

/// What somebody wrote above the first key.
fn head_comment(text: &str) -> String {
    let lines = text
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty() || *line == "---");
    let comment = lines.take_while(|line| line.starts_with('#'));
    comment
        .map(|line| line.trim_start_matches('#').trim())
        .collect::<Vec<_>>()
        .join(" ")
}
