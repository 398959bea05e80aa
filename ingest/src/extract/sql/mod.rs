//! SQL: what a script says in comments, the names that it creates, writes and reads, and its text.
//!
//! It is scanned, not parsed: every warehouse has a dialect of its own, and templates (dbt's
//! `{{ ref('orders') }}`) are no SQL before they are rendered.

mod names;
mod scan;

use super::Page;
use super::write::Markdown;

/// Reads a script.
pub(super) fn page(text: &str) -> Page {
    let tokens = scan::tokens(text);
    let names = names::of(&tokens);
    let mut markdown = Markdown::default();
    for comment in scan::head_comments(&tokens) {
        markdown.paragraph(&comment);
    }
    let lists = [
        ("Creates", &names.created),
        ("Writes", &names.written),
        ("Reads", &names.read),
    ];
    for (what, names) in lists {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            markdown.paragraph(&format!("{what}: {}.", names.join(", ")));
        }
    }
    for (name, comment) in &names.comments {
        markdown.item(0, None, &format!("`{name}`: {comment}"));
    }
    markdown.code("sql", text);
    Page::of(markdown.finish())
}
